#![doc = include_str!("../README.md")]

mod checkpoint;
mod credential;
mod date;
mod download_id;
mod download_link;
mod entitlement;
mod fingerprint;
mod json;
mod jwk;
mod license_key;
mod pasted;
mod payload;
mod public_key;
mod token;
mod verify_keys;

#[cfg(feature = "mint")]
mod mint;
#[cfg(feature = "verify")]
mod signed_checkpoint;
#[cfg(feature = "mint")]
mod signing_key;
#[cfg(feature = "verify")]
mod verified_license;
#[cfg(feature = "verify")]
mod verified_token;

pub use checkpoint::{Checkpoint, is_note_name, note_key_id};
pub use credential::{Credential, CredentialError};
pub use date::{Date, DateError};
pub use download_id::{DownloadId, DownloadIdError};
pub use download_link::{DownloadLink, LINK_CLOCK_SKEW_SECONDS, LINK_LIFETIME_SECONDS, LinkError};
pub use entitlement::has_entitlement;
pub use fingerprint::hash_fingerprint;
pub use jwk::{Jwk, JwkSet};
pub use license_key::{FormatError, LicenseError, LicenseKey, MAX_KEY_LEN};
pub use pasted::{clean_pasted, is_format_character};
pub use payload::{LicensePayload, PayloadVersion};
pub use public_key::{KeyError, PublicKey};
pub use token::{MAX_TOKEN_LEN, Token, TokenClaims, TokenError};
pub use verify_keys::{MAX_VERIFY_KEYS, VerifyKeys};

#[cfg(feature = "mint")]
pub use mint::{MintError, NewLicense};
#[cfg(feature = "verify")]
pub use signed_checkpoint::{CheckpointError, CheckpointRefusal, NoteKey, SignedCheckpoint};
#[cfg(feature = "mint")]
pub use signing_key::{SeedError, SigningKey};
#[cfg(feature = "verify")]
pub use verified_license::{VerifiedLicense, verify_license};
#[cfg(feature = "verify")]
pub use verified_token::{VerifiedToken, verify_token};

/// The type of product and license ids.
pub use uuid::Uuid;
