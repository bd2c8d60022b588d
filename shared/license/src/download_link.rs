//! The signed part of a short-lived download link.

use std::fmt;

#[cfg(feature = "verify")]
use crate::VerifyKeys;

/// How long a link is good, in seconds.
pub const LINK_LIFETIME_SECONDS: i64 = 300;

/// How far the signer's clock may be ahead of the verifier's, in seconds. A link
/// that is good for longer than the two together is refused: it was not made by
/// a signer that keeps to [`LINK_LIFETIME_SECONDS`].
pub const LINK_CLOCK_SKEW_SECONDS: i64 = 30;

/// Longest product or version, in bytes.
const MAX_NAME_BYTES: usize = 64;

const DOWNLOAD_ID_LEN: usize = 32;

/// What a signed link opens: one version of one product, for the holder of one
/// download id, until a time.
///
/// The signature is Ed25519 over the ASCII text `product|version|dlid|expires`,
/// written as base64url without `=` (86 characters):
///
/// | field | |
/// |---|---|
/// | `product` | 1 to 64 of `a-z`, `0-9`, `-`, `_`; starts and ends with a letter or digit |
/// | `version` | 1 to 64 of `A-Z`, `a-z`, `0-9`, `.`, `_`, `+`, `-`; starts with a letter or digit, no two dots in a row, no dot at the end |
/// | `dlid` | 32 of `0-9`, `a-f` |
/// | `expires` | unix seconds, decimal; 0 or more |
///
/// No field can hold a `|`, so that no two links share a text. The text begins
/// with a letter or digit, the payload of a token with `{` or white space and
/// that of a license key with byte 1 or 2: a signature over one is never one
/// over another, though all are made with the same key.
#[derive(Clone, PartialEq, Eq)]
pub struct DownloadLink {
    product: String,
    version: String,
    download_id: String,
    expires: i64,
}

/// Why a link is not accepted. The order of the variants is the order of the
/// checks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// A field breaks its grammar.
    #[error("the link's `{field}` is not valid; fetch a new link")]
    BadField {
        /// `product`, `version`, `dlid`, `expires` or `token`.
        field: &'static str,
    },
    /// None of the trusted keys made the signature over these fields.
    #[error("the link was changed or was not made by this vendor; fetch a new link")]
    InvalidSignature,
    /// It is over.
    #[error("the link has expired; fetch a new link")]
    Expired,
    /// It claims to be good for longer than any link is.
    #[error("the link is good for too long a time; check the clocks of the vendor's servers")]
    TooLong,
}

impl LinkError {
    /// A stable word for programs; the message is for people.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadField { .. } => "malformed-link",
            Self::InvalidSignature => "invalid-signature",
            Self::Expired => "link-expired",
            Self::TooLong => "link-too-long",
        }
    }
}

impl DownloadLink {
    /// Puts a link together; `expires` is in unix seconds. Nothing is verified.
    ///
    /// # Errors
    /// [`LinkError::BadField`] for the first field that breaks the grammar of
    /// the type.
    pub fn new(
        product: &str,
        version: &str,
        download_id: &str,
        expires: i64,
    ) -> Result<Self, LinkError> {
        let bad = |field| Err(LinkError::BadField { field });
        if !is_product(product) {
            return bad("product");
        }
        if !is_version(version) {
            return bad("version");
        }
        if !is_download_id(download_id) {
            return bad("dlid");
        }
        if expires < 0 {
            return bad("expires");
        }
        Ok(Self {
            product: product.to_owned(),
            version: version.to_owned(),
            download_id: download_id.to_owned(),
            expires,
        })
    }

    /// The product.
    #[must_use]
    pub fn product(&self) -> &str {
        &self.product
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The download id of the license it was made for.
    #[must_use]
    pub fn download_id(&self) -> &str {
        &self.download_id
    }

    /// From when on it is expired, in unix seconds.
    #[must_use]
    pub fn expires(&self) -> i64 {
        self.expires
    }

    /// What the signature is over.
    #[must_use]
    pub fn message(&self) -> String {
        let Self {
            product,
            version,
            download_id,
            expires,
        } = self;
        format!("{product}|{version}|{download_id}|{expires}")
    }

    /// Verifies the signature `token` (base64url) over these fields against the
    /// trusted keys, newest first, then the time `now` (unix seconds). The
    /// second of expiry itself is expired.
    ///
    /// ```
    /// use keywright_license::{DownloadLink, VerifyKeys};
    ///
    /// # let vendor_key = "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c";
    /// # let token = "uIQ-7ZHpsLsCERKPOGiIlKQV2MzMZes3dLWYMgkpRHi3kX4iw_6VDn9CXlr2xA_DI5L6TsXGa-LDtED8kYvkDg";
    /// let keys = VerifyKeys::parse(vendor_key)?;
    /// let link = DownloadLink::new("demo", "1.2.0", "00000000000000000000000000004796", 1_800_000_300)?;
    /// link.verify(token, &keys, 1_800_000_000)?;
    ///
    /// let refused = link.verify(token, &keys, 1_800_000_300);
    /// assert_eq!(refused.unwrap_err().code(), "link-expired");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The first check that fails; [`LinkError`] lists them in order.
    #[cfg(feature = "verify")]
    pub fn verify(&self, token: &str, keys: &VerifyKeys, now: i64) -> Result<(), LinkError> {
        let signature = data_encoding::BASE64URL_NOPAD
            .decode(token.as_bytes())
            .ok()
            .and_then(|bytes| <[u8; 64]>::try_from(bytes).ok())
            .ok_or(LinkError::BadField { field: "token" })?;
        keys.signer_of(self.message().as_bytes(), &signature)
            .ok_or(LinkError::InvalidSignature)?;
        if self.expires <= now {
            return Err(LinkError::Expired);
        }
        // `expires` is above `now`, so nothing overflows unless the clock is
        // absurd.
        if self.expires.saturating_sub(now) > LINK_LIFETIME_SECONDS + LINK_CLOCK_SKEW_SECONDS {
            return Err(LinkError::TooLong);
        }
        Ok(())
    }
}

#[cfg(feature = "mint")]
impl crate::SigningKey {
    /// Signs a link: the `token` that [`DownloadLink::verify`] takes. The same
    /// link gives the same text every time.
    #[must_use]
    pub fn sign_link(&self, link: &DownloadLink) -> String {
        data_encoding::BASE64URL_NOPAD.encode(&self.sign(link.message().as_bytes()))
    }
}

fn is_product(text: &str) -> bool {
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let inside = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    let bytes = text.as_bytes();
    bytes.len() <= MAX_NAME_BYTES
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(inside)
}

fn is_version(text: &str) -> bool {
    let inside = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'+' | b'-');
    let bytes = text.as_bytes();
    bytes.len() <= MAX_NAME_BYTES
        && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(inside)
        && !text.contains("..")
        && !text.ends_with('.')
}

fn is_download_id(text: &str) -> bool {
    let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    text.len() == DOWNLOAD_ID_LEN && text.bytes().all(is_hex)
}

/// Leaves most of the download id out, so that a log line opens nothing.
impl fmt::Debug for DownloadLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DownloadLink")
            .field("product", &self.product)
            .field("version", &self.version)
            .field("download_id", &format_args!("{}…", &self.download_id[..4]))
            .field("expires", &self.expires)
            .finish()
    }
}
