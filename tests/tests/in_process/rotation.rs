//! The signing key is changed while licenses are out: the old and the new one
//! overlap, then the old one goes.

use crate::bench::Bench;
use keywright_license::{PublicKey, SigningKey, VerifyKeys, verify_license};
use keywright_ports::name;
use keywright_tests::shop::{NEXT_SIGNING_KEY as SECOND_KEY, SIGNING_KEY};
use serde_json::{Value, json};

fn public(seed: &str) -> PublicKey {
    SigningKey::from_seed_base64(seed)
        .expect("a seed")
        .public_key()
}

async fn validate(bench: &Bench, key: &str) -> Value {
    let members = json!({ "key": key, "product_slug": "demo", "fingerprint": "m" });
    bench.post("/v1/validate", &members).await.json()
}

fn signed_by(key: &str, public_key: PublicKey) -> bool {
    let keys = VerifyKeys::new([public_key]).expect("a key");
    verify_license(key, &keys).is_ok()
}

#[tokio::test]
async fn keys_overlap_and_the_old_one_goes_when_it_is_removed() {
    let (one, two) = (public(SIGNING_KEY), public(SECOND_KEY));
    let bench = Bench::new();
    bench.product("demo", 0).await;
    let sold = bench
        .post("/v1/purchase", &json!({ "product": "demo" }))
        .await;
    let old = sold.text("license_key");
    let seat = validate(&bench, &old).await;
    assert_eq!(seat["ok"], true, "{seat}");
    assert!(signed_by(&old, one) && !signed_by(&old, two));

    // The new public key comes first, and the sign function still has the old
    // seed: it refuses, and what is out goes on validating.
    let both = format!("{},{}", two.to_hex(), one.to_hex());
    let halfway = bench.redeployed(&[(name::VERIFY_KEYS, &both)]);
    assert_eq!(validate(&halfway, &old).await, seat);
    let issue = json!({ "product_slug": "demo" });
    let refused = halfway.operate("POST", "/v1/admin/licenses", &issue).await;
    assert_eq!(refused.status, 503, "{refused:?}");

    // Both verify, new keys come from the new seed.
    let overlap = [
        (name::VERIFY_KEYS, both.as_str()),
        (name::SIGNING_KEY, SECOND_KEY),
    ];
    let rotated = bench.redeployed(&overlap);
    assert_eq!(
        validate(&rotated, &old).await,
        seat,
        "and the machine keeps its seat"
    );
    let new = rotated.issue("demo", json!({})).await.text("license_key");
    assert!(signed_by(&new, two) && !signed_by(&new, one));
    assert_eq!(validate(&rotated, &new).await["ok"], true);
    // The same license has another key now: whoever asks again gets the new
    // one, and both are good.
    let poll = format!("/v1/purchase/{}", sold.text("invoice_id"));
    let again = rotated.get(&poll).await.text("license_key");
    assert!(signed_by(&again, two));
    assert_eq!(validate(&rotated, &again).await, seat);
    // Applications that check by themselves are told of both.
    let jwks = rotated.get("/.well-known/jwks.json").await.json();
    let listed: Vec<&Value> = jwks["keys"]
        .as_array()
        .expect("keys")
        .iter()
        .map(|key| &key["kid"])
        .collect();
    assert_eq!(listed, [&two.key_id(), &one.key_id()]);
    assert_eq!(
        rotated.get("/v1/pubkey").await.text("public_key_pem"),
        two.to_pem()
    );

    // The old one is removed: its keys are no longer good, the others are.
    let only = [
        (name::VERIFY_KEYS, two.to_hex()),
        (name::SIGNING_KEY, SECOND_KEY.to_owned()),
    ];
    let only = only.each_ref().map(|(name, value)| (*name, value.as_str()));
    let after = bench.redeployed(&only);
    assert_eq!(
        validate(&after, &old).await,
        json!({ "ok": false, "reason": "bad_signature" })
    );
    assert_eq!(validate(&after, &new).await["ok"], true);
    assert_eq!(validate(&after, &again).await, seat);
    let members = json!({ "key": old, "fingerprint": "m" });
    let refused = after.post("/v1/machines/heartbeat", &members).await;
    assert_eq!(refused.refusal(), (400, "bad_request".to_owned()));
}
