//! Bearer keys and the comparison of secrets.

use super::ApiError;
use data_encoding::HEXLOWER;
use http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Shortest secret accepted as the operator's or the cron key.
pub const MIN_SECRET_LEN: usize = 32;

/// Compares two secrets in constant time. Both are hashed first, so that
/// neither the first difference nor the length can be timed.
#[must_use]
pub fn same_secret(left: &str, right: &str) -> bool {
    Sha256::digest(left).ct_eq(&Sha256::digest(right)).into()
}

/// What is stored in place of a secret that has 32 random bytes: its SHA-256, in
/// lower-case hex.
#[must_use]
pub fn hash_of_secret(secret: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(secret))
}

/// The credential of `Authorization: Bearer …`; the scheme's case does not
/// matter (RFC 9110, section 11.1).
#[must_use]
pub fn bearer_of(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credential) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| credential.trim())
}

/// A configured bearer key.
#[derive(Clone)]
pub struct Bearer(String);

impl Bearer {
    /// Takes a configured key; `None` when it is shorter than
    /// [`MIN_SECRET_LEN`], so that a weak key never opens anything.
    #[must_use]
    pub fn new(key: &str) -> Option<Self> {
        (key.len() >= MIN_SECRET_LEN).then(|| Self(key.to_owned()))
    }

    /// Whether a credential is the key.
    #[must_use]
    pub fn is(&self, credential: &str) -> bool {
        same_secret(credential, &self.0)
    }

    /// Lets a request through that carries the key.
    ///
    /// # Errors
    /// 401 without a bearer credential, 403 with a wrong one.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let Some(offered) = bearer_of(headers) else {
            return Err(ApiError::unauthorized(
                "send the header Authorization: Bearer <key>",
            ));
        };
        if self.is(offered) {
            Ok(())
        } else {
            Err(ApiError::forbidden("this key is not accepted here"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    fn status(authorization: Option<&str>) -> u16 {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(
                header::AUTHORIZATION,
                HeaderValue::from_str(value).expect("a value"),
            );
        }
        let bearer = Bearer::new(KEY).expect("long enough");
        bearer
            .check(&headers)
            .map_or_else(|error| error.status().as_u16(), |()| 200)
    }

    #[test]
    fn only_the_whole_key_opens() {
        assert_eq!(status(Some(&format!("Bearer {KEY}"))), 200);
        assert_eq!(status(Some(&format!("bearer {KEY}"))), 200);
        assert_eq!(status(None), 401);
        assert_eq!(status(Some(KEY)), 401);
        assert_eq!(status(Some(&format!("Basic {KEY}"))), 401);
        assert_eq!(status(Some("Bearer ")), 403);
        assert_eq!(status(Some(&format!("Bearer {}", &KEY[1..]))), 403);
        assert_eq!(status(Some(&format!("Bearer {KEY}0"))), 403);
    }

    #[test]
    fn a_short_key_is_no_key() {
        assert!(Bearer::new("").is_none());
        assert!(Bearer::new(&KEY[1..]).is_none());
    }
}
