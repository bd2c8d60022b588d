//! Release keys, in minisign's file format.

mod public;
mod secret;

pub(crate) use public::ReleaseKey;
pub(crate) use secret::{ReleaseKeyArgs, ReleaseSecret};

/// The variable with the password of the secret key.
pub(crate) const PASSWORD: &str = "KEYWRIGHT_RELEASE_PASSWORD";
