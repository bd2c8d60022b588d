//! The key of a license that was bought before: shown again, replaced, or brought up to
//! date.

pub(crate) mod current;
pub(crate) mod proof;
pub(crate) mod recover;
pub(crate) mod replace;
