//! The issuer of an instance license: another Keywright, asked like any application asks
//! about a key (`POST /v1/validate` of the Keysat contract).

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use keywright_domain::dates::parse_rfc3339;
use keywright_domain::instance_tier::{IssuerAnswer, PinnedLicense, is_verdict};
use serde::Deserialize;
use serde_json::json;

/// The question about a key. It names no product, so that the answer names the key's own,
/// and no machine, so that it takes no seat.
///
/// # Errors
/// For a URL that is none.
pub fn question(url: &str, key: &str) -> Result<Request<Bytes>, http::Error> {
    Request::post(format!("{url}/v1/validate"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(json!({ "key": key }).to_string().into())
}

/// Reads the answer to it.
#[must_use]
pub fn answer(response: &Response<Bytes>) -> IssuerAnswer {
    #[derive(Deserialize)]
    struct Validated {
        ok: bool,
        reason: Option<String>,
        license_id: Option<String>,
        product_id: Option<String>,
        product_slug: Option<String>,
        expires_at: Option<String>,
        #[serde(default)]
        entitlements: Vec<String>,
    }
    let nothing = |why: String| IssuerAnswer::Nothing(why);
    if response.status() != StatusCode::OK {
        return nothing(format!("the issuer answered {}", response.status()));
    }
    let Ok(validated) = serde_json::from_slice::<Validated>(response.body()) else {
        return nothing("the issuer's answer cannot be read".to_owned());
    };
    if !validated.ok {
        let reason = validated.reason.unwrap_or_default();
        return if is_verdict(&reason) {
            IssuerAnswer::Refused(reason)
        } else {
            let reason: String = reason.chars().take(40).collect();
            nothing(format!("the issuer answered {reason:?}"))
        };
    }
    let expires_at = match validated.expires_at.as_deref().map(parse_rfc3339) {
        None => None,
        Some(Ok(at)) => Some(at),
        Some(Err(_)) => return nothing("the issuer's answer has no date".to_owned()),
    };
    let ids = validated.license_id.zip(validated.product_id);
    let Some((license_id, product_id)) = ids else {
        return nothing("the issuer's answer names no license".to_owned());
    };
    IssuerAnswer::Good {
        license: PinnedLicense {
            license_id,
            entitlements: validated.entitlements,
            expires_at,
        },
        product_id,
        product_slug: validated.product_slug.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> IssuerAnswer {
        let response = Response::builder()
            .status(status)
            .body(Bytes::copy_from_slice(body.as_bytes()));
        answer(&response.expect("a response"))
    }

    #[test]
    fn only_a_clear_answer_says_something() {
        for reason in ["revoked", "suspended", "expired", "product_mismatch"] {
            let body = format!(r#"{{"ok":false,"reason":"{reason}"}}"#);
            assert_eq!(read(200, &body), IssuerAnswer::Refused(reason.to_owned()));
            assert!(matches!(read(500, &body), IssuerAnswer::Nothing(_)));
        }
        for body in [
            r#"{"ok":false,"reason":"rate_limited"}"#,
            r#"{"ok":false,"reason":"not_found"}"#,
            r#"{"ok":false,"reason":"bad_signature"}"#,
            r#"{"ok":false}"#,
            r#"{"ok":true}"#,
            r#"{"ok":"true"}"#,
            r#"{"ok":true,"license_id":"l","product_id":"p","expires_at":"soon"}"#,
            "<html>sign in to the network</html>",
            "",
        ] {
            assert!(
                matches!(read(200, body), IssuerAnswer::Nothing(_)),
                "{body}"
            );
        }
        let good = r#"{"ok":true,"license_id":"l","product_id":"p","product_slug":"s",
                       "expires_at":"2027-01-15T08:00:00Z","entitlements":["patron"]}"#;
        let IssuerAnswer::Good { license, .. } = read(200, good) else {
            panic!("good");
        };
        assert_eq!(license.expires_at, Some(1_800_000_000));
        assert_eq!(license.entitlements, ["patron"]);
    }
}
