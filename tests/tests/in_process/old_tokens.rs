//! Tokens that were issued before: they open what they always did; and the
//! route that judges a token.

use crate::gatehouse::{House, LINUX};
use keywright_ports::name;
use keywright_tests::published::{Published, release};
use serde_json::{Value, json};

const FILE: &str = "/releases/demo/1.2.0/x86_64-unknown-linux-gnu";

fn demo() -> Published {
    release("demo", "1.2.0").file(LINUX, "demo", b"the program")
}

/// The tokens and keys of the older server's own tests.
#[tokio::test]
async fn tokens_of_old_are_judged_as_they_were() {
    const VALID: &str = "_qy-TImibH7-CtxiyHDxi1BZEadZLcSXVFoE-LkhcI39asFmAxiwGY2HMDttZNwfZ4OQhFyBN5zxCT0oBm-rDHsicHJvZHVjdCI6Im9zLXRlc3QtbGljZW5zZWQiLCJjaGFubmVsX2V4cGlyeSI6IjIwOTktMTItMzEiLCJlbnRpdGxlbWVudHMiOlsiZG93bmxvYWQiLCJzb3VyY2UiXSwidmVyc2lvbl9mbG9vciI6IjAuMS4wIn0";
    const EXPIRED: &str = "C8icZs8i9FK6k_9J7wzJ9EAbfbSZq8VBf_vVBUbcSuQE9CTWfgoFIf2tG6KM_DSzPwdTMMw-ZZmcgM7FZiQ0BHsicHJvZHVjdCI6Im9zLXRlc3QtbGljZW5zZWQiLCJjaGFubmVsX2V4cGlyeSI6IjIwMjAtMDEtMDEiLCJlbnRpdGxlbWVudHMiOlsiZG93bmxvYWQiXSwidmVyc2lvbl9mbG9vciI6bnVsbH0";
    const OTHER: &str = "soN3tYRefNenX4nuGnG8NE8unexe3zPQv-xfYdVO6VD6V_CBzitkLu8HkxInQO2rnH1JWKVTQz1UjgJwSKZUBnsicHJvZHVjdCI6Im9zLXRlc3Qtb3RoZXIiLCJjaGFubmVsX2V4cGlyeSI6IjIwOTktMTItMzEiLCJlbnRpdGxlbWVudHMiOlsiZG93bmxvYWQiXSwidmVyc2lvbl9mbG9vciI6bnVsbH0";
    const PROBE: &str = "WTvNOZEjXhSOPzqymoN6UOwNpEa9XAu2ZQ1xEr2fMCPvq8zSqNWqvcy3szZaP8Aw2ITJSBvkA_bvn8mnhx3eDXsicHJvZHVjdCI6Im9zLXRlc3QtbGljZW5zZWQiLCJjaGFubmVsX2V4cGlyeSI6IjIwOTktMTItMzEiLCJlbnRpdGxlbWVudHMiOlsiZG93bmxvYWQiLCJyZXZvY2F0aW9uLXByb2JlIl0sInZlcnNpb25fZmxvb3IiOm51bGx9";
    const PROD: &str = "gO7DdxUmHH2zDCqllXtYksM94FB46d1E0SskYFTp_YTMwTnmMugyn1DCAq8QAeAes4AQJ2eATqX7jJ97k3DSBnsicHJvZHVjdCI6InByb2QiLCJjaGFubmVsX2V4cGlyeSI6Ijk5OTktMTItMzEiLCJlbnRpdGxlbWVudHMiOlsic291cmNlIl19";
    let both = "0d7550754e0800a5d237eef5826035766b9b3e5a15868a940ab289958788e3b0,197f6b23e16c8532c6abc838facd5ea789be0c76b2920334039bfa8b3d368d61";
    let encode = |bytes: &[u8]| data_encoding::BASE64URL_NOPAD.encode(bytes);
    let mut flipped = data_encoding::BASE64URL_NOPAD
        .decode(VALID.as_bytes())
        .expect("base64");
    flipped[3] ^= 0xff;
    let no_json = {
        use ed25519_dalek::Signer;
        let payload = b"not JSON at all";
        let signature = ed25519_dalek::SigningKey::from_bytes(&[0x5a; 32]).sign(payload);
        encode(&[&signature.to_bytes()[..], payload].concat())
    };
    let house = House::with(&[], &[(name::VERIFY_KEYS, both)], true);
    for version in ["0.0.9", "0.1.0", "1.0.0"] {
        house.put(&format!("os-test-licensed/{version}/x86_64"), b"the system");
    }
    house.put("prod/1.0.0/x86_64", b"the product");
    let (licensed, badsig, short) = ("os-test-licensed", encode(&flipped), encode(&[0; 48]));
    for (product, version, token, status, code) in [
        (licensed, "1.0.0", VALID, 200, ""),
        (licensed, "0.1.0", VALID, 200, ""),
        // Its floor counts now.
        (licensed, "0.0.9", VALID, 403, "version-below-floor"),
        (licensed, "1.0.0", EXPIRED, 403, "channel-expired"),
        (licensed, "1.0.0", OTHER, 403, "wrong-product"),
        // It names no license, so there is none to have been revoked.
        (licensed, "1.0.0", PROBE, 200, ""),
        (licensed, "1.0.0", &no_json, 401, "invalid-payload"),
        (licensed, "1.0.0", &badsig, 401, "invalid-signature"),
        (licensed, "1.0.0", &short, 401, "token-too-short"),
        (licensed, "1.0.0", PROD, 403, "wrong-product"),
        ("prod", "1.0.0", PROD, 200, ""),
        ("prod", "1.0.0", VALID, 403, "wrong-product"),
    ] {
        let path = format!("/releases/{product}/{version}/x86_64");
        let answer = house.get_with(&path, token).await;
        assert_eq!(answer.status, status, "{path} {token}: {answer:?}");
        let body = json!({ "license_key_b64": token, "product_id": product });
        let judged = house.bench.post("/verify-key", &body).await;
        if status != 200 {
            assert_eq!(answer.text("error"), code, "{path} {token}");
        }
        // Without a version there is no floor to be below.
        let floorless = code == "version-below-floor";
        assert_eq!(
            judged.status,
            if floorless { 200 } else { status },
            "{token}"
        );
        let expected: Value = match code {
            "" | "version-below-floor" => {
                assert_eq!(judged.json()["valid"], true);
                assert_eq!(judged.json()["product"], product);
                continue;
            }
            "channel-expired" => {
                json!({ "valid": false, "reason": "channel expired", "expired": "2020-01-01" })
            }
            code => json!({ "valid": false, "reason": code }),
        };
        assert_eq!(judged.json(), expected, "{token}");
    }
    let body = json!({ "license_key_b64": VALID, "product_id": licensed, "more": 1 });
    assert_eq!(
        house.bench.post("/verify-key", &body).await.json(),
        json!({ "valid": true, "product": licensed, "version_floor": "0.1.0",
                "channel_expiry": "2099-12-31", "entitlements": ["download", "source"] })
    );
}

#[tokio::test]
async fn verify_key_refuses_other_bodies_and_needs_a_key() {
    let house = House::alone(&[]);
    for (body, status) in [
        (json!({ "product_id": "a" }), 422),
        (json!([]), 422),
        (json!(1), 422),
    ] {
        let answer = house.bench.post("/verify-key", &body).await;
        assert_eq!(answer.status, status, "{body}");
        assert_eq!(answer.text("error"), "bad request");
    }
    let none = House::with(&[demo()], &[(name::VERIFY_KEYS, "")], false);
    let body = json!({ "license_key_b64": "a", "product_id": "demo" });
    assert_eq!(none.bench.post("/verify-key", &body).await.status, 503);
    assert_eq!(none.get("/verify-key.pub").await.status, 404);
    // Whatever is shown: nothing opens, and nothing is said of it.
    for query in ["token=a", "token=a&expires=1&dlid=c"] {
        let answer = none.get(&format!("{FILE}?{query}")).await;
        assert_eq!(answer.status, 503, "{query}");
    }
    let package = "/api/v1/licensing/download/demo/1.2.0.zip";
    for query in [
        "dlid=a",
        "dlid=LIC1-A-B",
        "token=a",
        "token=a&expires=1&dlid=c",
    ] {
        let answer = none.get(&format!("{package}?{query}")).await;
        assert_eq!(answer.status, 503, "{query}");
    }
}
