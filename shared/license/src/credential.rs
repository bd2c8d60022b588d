//! Whatever somebody sends to show which license they hold.

use crate::download_id::{self, DownloadId, DownloadIdError};
use crate::license_key::starts_as_key;
use crate::{FormatError, LicenseKey, Token, TokenError, clean_pasted};

/// The shortest text that is taken for a download id which lost some characters.
const SHORTEST_DOWNLOAD_ID: usize = download_id::DIGITS / 2;

/// A license key, a license token or a download id: read, and **not verified**.
///
/// ```
/// use keywright_license::Credential;
///
/// let pasted = "License key:\r\n LIC1-AIBW6RVE6YGS6SRIW2VD5D57N4UPBKVKVKVLXO6MZTO533XO53XO53QAAAA\
///     AAZKT6EAAAAAAABYT7MYA2NCGD73DC4G6MM5VVISRFTROCWWBECY4GJNM3LNGPQBOLFF2HM6QEA3QOJXQ Y3LVNR2GSLLEMV3GSY3F\
///     \u{2013}QPSJIDYL6Y5TFCKXQ2SN43EDJIZIRJZCEROM2I4MJHODT6KO4KDPW6AJ3HMYJERYPD34CF2Z46PXPYFKSRZS7BDZKVKWE57UBJSTEBI";
/// assert!(matches!(Credential::parse(pasted), Ok(Credential::LicenseKey(_))));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A license key, `LIC1-…-…`.
    LicenseKey(LicenseKey),
    /// A license token.
    Token(Token),
    /// A download id.
    DownloadId(DownloadId),
}

/// Why a text is no credential. The variant says what it was probably meant to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// There is no text.
    #[error("no license key, token or download id was entered")]
    Empty,
    /// It starts like a license key.
    #[error(transparent)]
    LicenseKey(#[from] FormatError),
    /// It looks like a token, or like nothing known.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// It looks like a download id.
    #[error(transparent)]
    DownloadId(#[from] DownloadIdError),
}

impl Credential {
    /// Reads a credential as people paste it; see [`clean_pasted`]. A text that starts
    /// with `LIC1` is a license key, one of 16 to 64 hex digits a download id, and
    /// every other text a token.
    ///
    /// # Errors
    /// [`CredentialError`]; its message names the likely cause.
    pub fn parse(text: &str) -> Result<Self, CredentialError> {
        let clean = clean_pasted(text);
        if clean.is_empty() {
            return Err(CredentialError::Empty);
        }
        if starts_as_key(&clean) {
            return Ok(Self::LicenseKey(LicenseKey::parse(&clean)?));
        }
        let could_be_id = (SHORTEST_DOWNLOAD_ID..=2 * download_id::DIGITS).contains(&clean.len());
        let is_hex = |c: char| download_id::digit(c).is_ascii_hexdigit();
        if could_be_id && clean.chars().all(is_hex) {
            return Ok(Self::DownloadId(DownloadId::parse(&clean)?));
        }
        Ok(Self::Token(Token::parse(&clean)?))
    }

    /// What it is called, for messages: `license key`, `token` or `download id`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::LicenseKey(_) => "license key",
            Self::Token(_) => "token",
            Self::DownloadId(_) => "download id",
        }
    }
}
