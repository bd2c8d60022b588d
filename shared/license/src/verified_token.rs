//! A license token whose signature is good.

use crate::{PublicKey, Token, TokenClaims, TokenError, VerifyKeys};

/// Proof that a token was signed with one of the trusted keys and says something
/// readable. Product and date are still to be checked: [`Self::check`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedToken {
    claims: TokenClaims,
    signed_by: PublicKey,
}

impl Token {
    /// Verifies the signature against the trusted keys, newest first, then reads
    /// the payload.
    ///
    /// # Errors
    /// [`TokenError::InvalidSignature`] or [`TokenError::InvalidPayload`].
    pub fn verify(&self, keys: &VerifyKeys) -> Result<VerifiedToken, TokenError> {
        let signed_by = keys
            .signer_of(&self.payload, &self.signature)
            .ok_or(TokenError::InvalidSignature)?;
        Ok(VerifiedToken {
            claims: TokenClaims::from_json(&self.payload)?,
            signed_by: *signed_by,
        })
    }
}

/// Checks everything about a token, in the release server's order: base64,
/// length, signature, JSON, product, date.
///
/// `now` is in unix seconds. The day of expiry itself, in UTC, is still good.
///
/// ```
/// use keywright_license::{VerifyKeys, verify_token};
///
/// # let vendor_key = "0d7550754e0800a5d237eef5826035766b9b3e5a15868a940ab289958788e3b0";
/// # let token = "_qy-TImibH7-CtxiyHDxi1BZEadZLcSXVFoE-LkhcI39asFmAxiwGY2HMDttZNwfZ4OQhFyBN5zxCT0oBm-rDHsicHJvZHVjdCI6Im9zLXRlc3QtbGljZW5zZWQiLCJjaGFubmVsX2V4cGlyeSI6IjIwOTktMTItMzEiLCJlbnRpdGxlbWVudHMiOlsiZG93bmxvYWQiLCJzb3VyY2UiXSwidmVyc2lvbl9mbG9vciI6IjAuMS4wIn0";
/// let keys = VerifyKeys::parse(vendor_key)?;
/// let claims = verify_token(token, &keys, "os-test-licensed", 1_800_000_000)?;
/// assert_eq!(claims.channel_expiry.to_string(), "2099-12-31");
///
/// let refused = verify_token(token, &keys, "another-product", 1_800_000_000);
/// assert_eq!(refused.unwrap_err().code(), "wrong-product");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The first check that fails; [`TokenError`] lists them in order.
pub fn verify_token(
    text: &str,
    keys: &VerifyKeys,
    product: &str,
    now: i64,
) -> Result<TokenClaims, TokenError> {
    let token = Token::parse(text)?.verify(keys)?;
    token.check(product, now)?;
    Ok(token.claims)
}

impl VerifiedToken {
    /// What the token says.
    #[must_use]
    pub fn claims(&self) -> &TokenClaims {
        &self.claims
    }

    /// The key that made the signature.
    #[must_use]
    pub fn signed_by(&self) -> &PublicKey {
        &self.signed_by
    }

    /// Checks that the token opens `product` now (unix seconds); see
    /// [`TokenClaims::check`].
    ///
    /// # Errors
    /// [`TokenError::WrongProduct`] or [`TokenError::ChannelExpired`].
    pub fn check(&self, product: &str, now: i64) -> Result<(), TokenError> {
        self.claims.check(product, now)
    }
}
