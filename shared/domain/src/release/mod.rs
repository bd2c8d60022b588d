//! Releases: what they are called, what a vendor says and signs about them,
//! and which one is offered to whom.
//!
//! - [`Name`], [`ReleaseFile`]: names in the releases folder
//! - [`Version`], [`Channel`], [`Platform`]: what a release is published as
//! - [`manifest`]: what is stored about a version
//! - [`index`]: everything that a product offers, in one object
//! - [`statement`], [`signature`]: what the vendor signs
//! - [`agreement`]: whether that is what a file is published as
//! - [`release_key`]: which key of the vendor signed it
//! - [`advice`]: advice to the publisher of a version
//! - [`offer`]: the newest release for somebody
//! - [`gate`], [`resume`]: who may download it, and go on with it
//! - [`updaters`]: what each updater looks for in a release
//! - [`DownloadId`], [`site`]: what opens downloads in a Joomla site, and which

pub mod advice;
pub mod agreement;
mod channel;
mod file_name;
pub mod gate;
mod identifiers;
pub mod index;
pub mod manifest;
mod name;
pub mod offer;
mod platform;
pub mod release_key;
pub mod resume;
mod rights;
pub mod signature;
pub mod site;
pub mod statement;
pub mod updaters;
mod version;

pub use channel::{Channel, NotAChannel};
pub use index::ReleaseIndex;
pub use keywright_license::DownloadId;
pub use name::{MAX_NAME_BYTES, Name, NotAName, ReleaseFile, ReleaseFileError};
pub use platform::{NotAPlatform, Platform};
pub use release_key::ReleaseKey;
pub use site::SiteName;
pub use version::{LATEST, NotAVersion, Version, is_reserved};
