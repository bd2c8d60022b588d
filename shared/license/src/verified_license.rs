//! A license key whose signature is good.

use crate::{LicenseError, LicenseKey, LicensePayload, PublicKey, VerifyKeys};

/// Proof that a license key was signed with one of the trusted keys.
///
/// It says nothing yet about the product, the time or the machine: compare
/// [`LicensePayload::product_id`], and call [`Self::check_expiry`] and
/// [`Self::check_fingerprint`] as far as they apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedLicense {
    payload: LicensePayload,
    signed_by: PublicKey,
}

impl LicenseKey {
    /// Verifies the signature against the trusted keys, newest first.
    ///
    /// # Errors
    /// [`LicenseError::BadSignature`] if none of them made it.
    pub fn verify(&self, keys: &VerifyKeys) -> Result<VerifiedLicense, LicenseError> {
        let signed_by = keys
            .signer_of(&self.signed_bytes, &self.signature)
            .ok_or(LicenseError::BadSignature)?;
        Ok(VerifiedLicense {
            payload: self.payload.clone(),
            signed_by: *signed_by,
        })
    }
}

/// Reads and verifies a license key.
///
/// ```
/// use keywright_license::{VerifyKeys, verify_license};
///
/// # let vendor_key = "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8";
/// # let text = "LIC1-AIBW6RVE6YGS6SRIW2VD5D57N4UPBKVKVKVLXO6MZTO533XO53XO53QAAAAAAZKT6EAAAAAAABYT7MYA2NCGD73DC4G6MM5VVISRFTROCWWBECY4GJNM3LNGPQBOLFF2HM6QEA3QOJXQY3LVNR2GSLLEMV3GSY3F-QPSJIDYL6Y5TFCKXQ2SN43EDJIZIRJZCEROM2I4MJHODT6KO4KDPW6AJ3HMYJERYPD34CF2Z46PXPYFKSRZS7BDZKVKWE57UBJSTEBI";
/// let keys = VerifyKeys::parse(vendor_key)?;
/// let license = verify_license(text, &keys)?;
/// license.check_expiry(1_800_000_000)?;
/// license.check_fingerprint("test-machine-fingerprint")?;
/// assert!(license.payload().is_trial());
/// assert!(license.payload().has_entitlement("multi-device"));
///
/// assert_eq!(verify_license("notakey", &keys).unwrap_err().code(), "bad_format");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`LicenseError::Format`] if the text cannot be read as
/// [`LicenseKey::parse`] says, [`LicenseError::BadSignature`] if none of the
/// keys made the signature.
pub fn verify_license(text: &str, keys: &VerifyKeys) -> Result<VerifiedLicense, LicenseError> {
    // As `LicenseKey::verify`, without a copy of the payload.
    let key = LicenseKey::parse(text)?;
    let signed_by = keys
        .signer_of(&key.signed_bytes, &key.signature)
        .ok_or(LicenseError::BadSignature)?;
    Ok(VerifiedLicense {
        payload: key.payload,
        signed_by: *signed_by,
    })
}

impl VerifiedLicense {
    /// What the license says.
    #[must_use]
    pub fn payload(&self) -> &LicensePayload {
        &self.payload
    }

    /// The key that made the signature.
    #[must_use]
    pub fn signed_by(&self) -> &PublicKey {
        &self.signed_by
    }

    /// Checks that the license is not expired at `now` (unix seconds); see
    /// [`LicensePayload::is_expired_at`].
    ///
    /// # Errors
    /// [`LicenseError::Expired`].
    pub fn check_expiry(&self, now: i64) -> Result<(), LicenseError> {
        match self.payload.expires_at() {
            Some(expires_at) if now >= expires_at => Err(LicenseError::Expired { expires_at }),
            _ => Ok(()),
        }
    }

    /// Checks that the key may be used on the machine with this raw fingerprint;
    /// see [`LicensePayload::matches_fingerprint`].
    ///
    /// # Errors
    /// [`LicenseError::FingerprintMismatch`] if the key is bound to another one.
    /// (The Keysat clients call this case a bad signature.)
    pub fn check_fingerprint(&self, raw: &str) -> Result<(), LicenseError> {
        if self.payload.matches_fingerprint(raw) {
            Ok(())
        } else {
            Err(LicenseError::FingerprintMismatch)
        }
    }
}
