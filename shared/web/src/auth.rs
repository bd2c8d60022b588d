//! Bearer keys and the comparison of secrets.

use super::ApiError;
use data_encoding::{BASE64_NOPAD, HEXLOWER};
use http::{HeaderMap, header};
use keywright_ports::{Config, settings};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

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

/// The password of `Authorization: Basic`, which is where netrc files, pip and apt put a
/// token; the user name where there is no password. `None` for any other header.
#[must_use]
pub fn basic_password_of(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let encoded = encoded.trim().trim_end_matches('=');
    let decoded = BASE64_NOPAD.decode(encoded.as_bytes()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (user, password) = text.split_once(':')?;
    let credential = if password.is_empty() { user } else { password };
    (!credential.is_empty()).then(|| credential.to_owned())
}

/// A configured bearer key.
#[derive(Clone)]
pub struct Bearer(String);

impl Bearer {
    /// The key that the configuration has under this name, unless it is weak: a weak key
    /// never opens anything.
    ///
    /// # Errors
    /// A line for the log and for the operator: that there is none, or why it
    /// cannot be used, without any part of it.
    pub fn configured(config: &Config, name: &str) -> Result<Self, String> {
        settings::secret(config, name).map(|key| Self(key.to_owned()))
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

    const KEY: &str = "8f14e45fceea167a5a36dedd4bea2543";

    fn status(authorization: Option<&str>) -> u16 {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(
                header::AUTHORIZATION,
                HeaderValue::from_str(value).expect("a value"),
            );
        }
        let config = Config::new([("ADMIN_KEY", KEY.to_owned())]);
        let bearer = Bearer::configured(&config, "ADMIN_KEY").expect("a key");
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
    fn a_weak_key_is_no_key_and_is_not_shown() {
        for key in ["", &KEY[1..], &"k".repeat(40), &"changeme".repeat(5)] {
            let config = Config::new([("ADMIN_KEY", key.to_owned())]);
            let refused = Bearer::configured(&config, "ADMIN_KEY").err();
            let reason = refused.unwrap_or_else(|| panic!("{key} was taken"));
            assert!(key.is_empty() || !reason.contains(key), "{reason}");
        }
    }
}
