//! Who holds this: the license behind a license key, a token or a download id, for
//! every route that takes one.

use keywright_domain::release::DownloadId;
use keywright_domain::release::gate::DownloadRights;
use keywright_license::{
    Credential, CredentialError, LicenseError, TokenClaims, TokenError, VerifyKeys,
};
use keywright_ports::{DatabaseError, Reader};
use keywright_store::licenses::holders::{self, Holder};
use keywright_store::releases::release_feed::Asking;

/// What a caller holds, once its signature is found good. A download id has no
/// signature: only the database says whether it is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeldCredential {
    /// A license key.
    LicenseKey {
        /// The license that it names.
        license_id: String,
        /// When it was issued, in unix seconds.
        issued_at: i64,
    },
    /// A token, with what it says.
    Token(Box<TokenClaims>),
    /// A download id.
    DownloadId(DownloadId),
}

/// Why a text shows no license.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialRefusal {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] CredentialError),
    /// It is a license key that was not signed here.
    #[error(transparent)]
    LicenseKey(#[from] LicenseError),
    /// It is a token that was not signed here.
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl CredentialRefusal {
    /// The stable code: of the Keysat contract for a license key, of the release
    /// server's for a token, and `malformed-download-id`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(CredentialError::LicenseKey(_)) => "bad_format",
            Self::LicenseKey(error) => error.code(),
            Self::Unreadable(CredentialError::Token(error)) | Self::Token(error) => error.code(),
            Self::Unreadable(CredentialError::DownloadId(_)) => "malformed-download-id",
            // An empty token is shorter than its signature, by the contract.
            Self::Unreadable(_) => "token-too-short",
        }
    }

    /// Whether the text was meant to be a license key.
    #[must_use]
    pub fn is_of_license_key(&self) -> bool {
        matches!(
            self,
            Self::LicenseKey(_) | Self::Unreadable(CredentialError::LicenseKey(_))
        )
    }
}

/// Why a credential with a good signature opens nothing of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotHolder {
    /// The license or the token is for another product.
    #[error("the license is for another product")]
    WrongProduct,
    /// No such license is recorded, and only a token counts without its license.
    #[error("the license is not recorded here")]
    NotRecorded,
    /// No license has this download id.
    #[error("no license has this download id; it may have been replaced")]
    UnknownDownloadId,
}

impl NotHolder {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::WrongProduct => "wrong-product",
            Self::NotRecorded => "not-found",
            Self::UnknownDownloadId => "unknown-download-id",
        }
    }
}

impl HeldCredential {
    /// Reads a credential as people paste it and verifies its signature. Its dates and
    /// its product are not looked at.
    ///
    /// # Errors
    /// [`CredentialRefusal`]; its message names the likely cause.
    pub fn verify(text: &str, keys: &VerifyKeys) -> Result<Self, CredentialRefusal> {
        Ok(match Credential::parse(text)? {
            Credential::LicenseKey(key) => {
                let verified = key.verify(keys)?;
                Self::LicenseKey {
                    license_id: verified.payload().license_id().to_string(),
                    issued_at: verified.payload().issued_at(),
                }
            }
            Credential::Token(token) => Self::Token(Box::new(token.verify(keys)?.claims().clone())),
            Credential::DownloadId(id) => Self::DownloadId(id),
        })
    }

    /// The license that it names by itself: not a download id, and not an older token.
    #[must_use]
    pub fn license_id(&self) -> Option<&str> {
        match self {
            Self::LicenseKey { license_id, .. } => Some(license_id),
            Self::Token(claims) => claims.license.as_deref(),
            Self::DownloadId(_) => None,
        }
    }

    /// The issue time that tells it from the keys and tokens that replaced it.
    fn issued_at(&self) -> Option<i64> {
        match self {
            Self::LicenseKey { issued_at, .. } => Some(*issued_at),
            Self::Token(claims) => claims.issued_at,
            Self::DownloadId(_) => None,
        }
    }

    /// What a token says.
    #[must_use]
    pub fn claims(&self) -> Option<&TokenClaims> {
        match self {
            Self::Token(claims) => Some(claims),
            Self::LicenseKey { .. } | Self::DownloadId(_) => None,
        }
    }

    /// By what its holder is looked up together with a product's feed.
    #[must_use]
    pub fn asking(&self) -> Asking<'_> {
        match (self, self.license_id()) {
            (Self::DownloadId(id), _) => Asking::DownloadId(id),
            (_, Some(id)) => Asking::License {
                id,
                issued_at: self.issued_at(),
            },
            (_, None) => Asking::Anybody,
        }
    }

    /// The license as it is recorded: one round trip, and none for a token that names
    /// no license. A key or token that was replaced sees a revoked license; a replaced
    /// download id is no longer recorded.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn holder(&self, database: &Reader) -> Result<Option<Holder>, DatabaseError> {
        match (self, self.license_id()) {
            (Self::DownloadId(id), _) => holders::of_download_id(database, id.as_str()).await,
            (_, Some(id)) => holders::of_license(database, id, self.issued_at()).await,
            (_, None) => Ok(None),
        }
    }

    /// Checks that it is one of `product`, as far as it says so by itself.
    ///
    /// # Errors
    /// [`NotHolder::WrongProduct`].
    pub fn check_product(&self, product: &str) -> Result<(), NotHolder> {
        match self.claims() {
            Some(claims) if claims.product != product => Err(NotHolder::WrongProduct),
            _ => Ok(()),
        }
    }

    /// Checks that the recorded license, if there is one, is one of `product`.
    /// `recorded` is the slug of its product. A token counts without its license: the
    /// vendor signed it, perhaps with another database.
    ///
    /// # Errors
    /// [`NotHolder`].
    pub fn check_recorded(&self, product: &str, recorded: Option<&str>) -> Result<(), NotHolder> {
        self.check_product(product)?;
        match (recorded, self) {
            (Some(recorded), _) if recorded != product => Err(NotHolder::WrongProduct),
            (Some(_), _) | (None, Self::Token(_)) => Ok(()),
            (None, Self::LicenseKey { .. }) => Err(NotHolder::NotRecorded),
            (None, Self::DownloadId(_)) => Err(NotHolder::UnknownDownloadId),
        }
    }

    /// What its holder may download: the license as it now is and, where a token was
    /// sent, no more than that says. `None` where neither is known.
    #[must_use]
    pub fn rights(&self, recorded: Option<DownloadRights>) -> Option<DownloadRights> {
        match (self.claims().map(rights_of_token), recorded) {
            (Some(claimed), Some(recorded)) => Some(claimed.and(recorded)),
            (claimed, recorded) => claimed.or(recorded),
        }
    }
}

/// What a token claims that its holder may download.
#[must_use]
pub fn rights_of_token(claims: &TokenClaims) -> DownloadRights {
    let maintenance_until = claims.maintenance_until.map(|day| day.to_string());
    DownloadRights::of_token(
        &claims.channel_expiry.to_string(),
        claims.entitlements.clone(),
        claims.version_floor.clone(),
        maintenance_until.as_deref(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use keywright_license::{Date, SigningKey};

    fn claims(license: Option<&str>) -> TokenClaims {
        TokenClaims {
            product: "demo".to_owned(),
            channel_expiry: Date::MAX,
            entitlements: Vec::new(),
            version_floor: None,
            license: license.map(str::to_owned),
            maintenance_until: None,
            issued_at: None,
        }
    }

    #[test]
    fn a_token_counts_without_its_license_and_nothing_else_does() {
        let key = HeldCredential::LicenseKey {
            license_id: "l".to_owned(),
            issued_at: 1,
        };
        let id = HeldCredential::DownloadId(DownloadId::from_random([1; 14]));
        let token = HeldCredential::Token(Box::new(claims(Some("l"))));
        for (credential, recorded, outcome) in [
            (&key, Some("demo"), Ok(())),
            (&key, Some("other"), Err(NotHolder::WrongProduct)),
            (&key, None, Err(NotHolder::NotRecorded)),
            (&id, Some("demo"), Ok(())),
            (&id, Some("other"), Err(NotHolder::WrongProduct)),
            (&id, None, Err(NotHolder::UnknownDownloadId)),
            (&token, Some("demo"), Ok(())),
            (&token, Some("other"), Err(NotHolder::WrongProduct)),
            (&token, None, Ok(())),
        ] {
            let found = credential.check_recorded("demo", recorded);
            assert_eq!(found, outcome, "{credential:?} {recorded:?}");
        }
        assert_eq!(
            token.check_recorded("other", Some("other")),
            Err(NotHolder::WrongProduct)
        );
    }

    #[test]
    fn a_holder_is_looked_up_by_what_the_credential_names() {
        let license = Some("l");
        for (credential, license_id) in [
            (
                HeldCredential::LicenseKey {
                    license_id: "l".to_owned(),
                    issued_at: 1,
                },
                license,
            ),
            (HeldCredential::Token(Box::new(claims(license))), license),
            (HeldCredential::Token(Box::new(claims(None))), None),
            (
                HeldCredential::DownloadId(DownloadId::from_random([1; 14])),
                None,
            ),
        ] {
            assert_eq!(credential.license_id(), license_id, "{credential:?}");
        }
    }

    #[test]
    fn a_refusal_has_the_code_of_what_was_meant() {
        let signing_key = SigningKey::from_bytes(&[7; 32]).expect("a key");
        let keys = VerifyKeys::new([signing_key.public_key()]).expect("keys");
        for (text, code, is_key) in [
            ("", "token-too-short", false),
            ("AAAA", "token-too-short", false),
            ("nonsense!", "malformed-token", false),
            (&"A".repeat(100), "invalid-signature", false),
            ("LIC1-AAAA", "bad_format", true),
            ("lic1 AAAA-AAAA", "bad_format", true),
            (&"0".repeat(32), "malformed-download-id", false),
        ] {
            let refusal = HeldCredential::verify(text, &keys).expect_err("a refusal");
            assert_eq!(
                (refusal.code(), refusal.is_of_license_key()),
                (code, is_key),
                "{text}"
            );
        }
        let token = signing_key.sign_token(&claims(None)).expect("a token");
        let held = HeldCredential::verify(&format!("Token: {token}\n"), &keys);
        assert_eq!(held, Ok(HeldCredential::Token(Box::new(claims(None)))));
    }
}
