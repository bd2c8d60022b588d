//! Receipts from before they were sealed, lost and replaced keys, and the operator's
//! routes that seal.

use crate::bench::{Answer, Bench, NOW, json_request, signed_in};
use crate::signing::sign_license;
use http::Method;
use keywright_native_host::Fault;
use keywright_ports::name;
use keywright_tests::shop::RECEIPT_KEY;
use serde_json::{Value, json};

/// Another key: 32 different bytes.
const NEXT_KEY: &str = "YGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn8=";

/// The day of the tests' clock.
pub(crate) fn today() -> String {
    keywright_domain::dates::utc_day(i64::try_from(NOW).expect("a time"))
}

/// Every receipt, newest first.
pub(crate) async fn list(bench: &Bench) -> Vec<Value> {
    let mut all = Vec::new();
    let mut path = "/v1/admin/receipts?limit=3".to_owned();
    loop {
        let page = bench.operate("GET", &path, &Value::Null).await;
        assert_eq!(page.status, 200, "{page:?}");
        let page = page.json();
        all.extend(page["receipts"].as_array().expect("a list").clone());
        match page["next_cursor"].as_str() {
            Some(next) => path = format!("/v1/admin/receipts?limit=3&cursor={next}"),
            None => return all,
        }
    }
}

/// What their seals are worth, newest first.
pub(crate) async fn states(bench: &Bench) -> Vec<String> {
    let text = |receipt: &Value| receipt["seal"].as_str().expect("a state").to_owned();
    list(bench).await.iter().map(text).collect()
}

/// Makes receipts what those from before are.
pub(crate) async fn unseal(bench: &Bench) {
    bench.sql("DELETE FROM receipt_seals").await;
    let none = "UPDATE receipts SET seal_key_id = NULL, seal_mac = NULL";
    bench.sql(none).await;
}

/// Asks to seal receipts as they were shown.
pub(crate) async fn seal(bench: &Bench, receipts: &[Value]) -> Answer {
    let member = |receipt: &Value| json!({ "id": receipt["id"], "digest": receipt["digest"] });
    let list: Vec<Value> = receipts.iter().map(member).collect();
    let body = json!({ "receipts": list });
    bench
        .operate("POST", "/v1/admin/receipts/seal", &body)
        .await
}

/// A shop that sold `count` licenses before receipts were sealed, with the means to
/// seal them through this day.
async fn shop_of_before(count: usize, until: &str) -> (Bench, Vec<String>) {
    let bench = Bench::with(&[(name::RECEIPT_SEALING_UNTIL, until)]);
    bench.product("free", 0).await;
    let mut sold = Vec::new();
    for _ in 0..count {
        let order = json!({ "product": "free" });
        sold.push(bench.post("/v1/purchase", &order).await.text("license_id"));
        bench.clock.advance(1);
    }
    unseal(&bench).await;
    (bench, sold)
}

async fn entries(bench: &Bench) -> i64 {
    bench
        .number("SELECT count(*) FROM audit WHERE action = 'receipt.seal'")
        .await
}

#[tokio::test]
async fn receipts_from_before_are_sealed_once_by_the_operator() {
    let (bench, sold) = shop_of_before(4, &today()).await;
    let order = json!({ "product": "free" });
    let new = bench.post("/v1/purchase", &order).await.text("license_id");
    assert_eq!(sign_license(&bench, &new).await.status, 200, "sales go on");
    for license_id in &sold {
        let answer = sign_license(&bench, license_id).await;
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(answer.text("message").contains("keywright receipts seal"));
    }
    let shown = list(&bench).await;
    assert_eq!(shown[0]["seal"], "sealed");
    assert_eq!(shown[0]["license_id"], json!(new));
    assert_eq!(shown[1]["seal"], "unsealed");
    assert_eq!(
        json!(shown[1]),
        json!({
            "id": shown[1]["id"], "kind": "free", "external_ref": null, "product": "free",
            "license_id": sold[3], "amount": 0, "currency": "SAT",
            "received_at": "2027-01-15T08:00:03Z", "seal": "unsealed",
            "digest": shown[1]["digest"],
        })
    );
    // Some now, the rest later: it can be cut off anywhere.
    let done = seal(&bench, &shown[..3]).await;
    let counts = |sealed: u64, before: u64| json!({ "sealed": sealed, "already_sealed": before, "refused": [] });
    assert_eq!(done.json(), counts(2, 1), "{done:?}");
    let done = seal(&bench, &shown).await;
    assert_eq!(done.json(), counts(2, 3), "{done:?}");
    assert_eq!(entries(&bench).await, 2);
    let before = bench.dump().await;
    assert_eq!(seal(&bench, &shown).await.json(), counts(0, 5));
    assert_eq!(bench.dump().await, before, "once");
    assert_eq!(states(&bench).await, ["sealed"; 5]);
    for license_id in &sold {
        assert_eq!(sign_license(&bench, license_id).await.status, 200);
    }
    let entry = &bench
        .sql("SELECT actor, object_kind, after FROM audit WHERE action = 'receipt.seal'")
        .await[0];
    assert_eq!(entry["actor"], "operator");
    assert!(
        entry["after"]
            .as_str()
            .expect("a text")
            .contains("receipt_ids")
    );
}

/// A key that was given out before the upgrade goes on validating.
#[tokio::test]
async fn keys_given_out_before_validate_while_their_receipts_wait() {
    let bench = Bench::new();
    bench.product("free", 0).await;
    let bought = bench
        .post("/v1/purchase", &json!({ "product": "free" }))
        .await;
    let key = bought.text("license_key");
    unseal(&bench).await;
    let validated = bench.post("/v1/validate", &json!({ "key": key })).await;
    assert_eq!(validated.json()["ok"], true);
    let path = format!("/v1/purchase/{}", bought.text("invoice_id"));
    let polled = bench.get(&path).await;
    assert_eq!(
        (polled.status, polled.json()["license_key"].is_null()),
        (200, true)
    );
    // Every tick says what is to be done, until it is.
    bench.tick().await;
    assert!(
        bench
            .log()
            .contains("receipts from before this release have no seal")
    );
    assert!(bench.log().contains("run: keywright receipts seal"));
    let sealing = [(name::RECEIPT_SEALING_UNTIL, &*today())];
    let sealing = bench.redeployed(&sealing);
    seal(&sealing, &list(&sealing).await).await;
    sealing.tick().await;
    assert!(!sealing.log().contains("no seal"));
}

#[tokio::test]
async fn receipts_without_a_seal_are_sealed_only_while_the_configuration_allows_it() {
    for closed in ["", "2027-01-14", "2027-03-01", "soon"] {
        let (bench, sold) = shop_of_before(1, closed).await;
        let shown = list(&bench).await;
        let member = json!({ "id": shown[0]["id"], "digest": shown[0]["digest"] });
        let body = json!({ "receipts": [member] });
        let request = json_request(Method::POST, "/v1/admin/receipts/seal", &body);
        let answer = bench.untouched_by(signed_in(request)).await;
        assert_eq!(
            answer.refusal(),
            (409, "sealing_closed".to_owned()),
            "{closed}"
        );
        assert!(answer.text("message").contains("RECEIPT_SEALING_UNTIL"));
        assert_eq!(sign_license(&bench, &sold[0]).await.status, 503);
    }
}

/// What is sealed is what the operator was shown, not what stands there by now.
#[tokio::test]
async fn what_changes_after_it_was_shown_is_not_sealed() {
    for change in [
        "UPDATE receipts SET amount = 7",
        "UPDATE receipts SET received_at = 7",
        "UPDATE receipts SET external_ref = 'x' || rowid",
        "UPDATE licenses SET id = 'x' || id",
    ] {
        let (bench, _) = shop_of_before(2, &today()).await;
        let shown = list(&bench).await;
        bench.sql("PRAGMA foreign_keys = OFF").await;
        bench.sql(change).await;
        let refused = |receipt: &Value| json!({ "id": receipt["id"], "reason": "changed" });
        let expected = json!({
            "sealed": 0, "already_sealed": 0,
            "refused": shown.iter().map(refused).collect::<Vec<_>>(),
        });
        assert_eq!(seal(&bench, &shown).await.json(), expected, "{change}");
        assert_eq!(states(&bench).await, ["unsealed"; 2], "{change}");
    }
    // Nor is one that is changed between the reading and the writing.
    let (bench, _) = shop_of_before(2, &today()).await;
    let shown = list(&bench).await;
    let meanwhile = "UPDATE receipts SET amount = 7 WHERE id = (SELECT max(id) FROM receipts)";
    bench
        .shop
        .database
        .before_batch(keywright_ports::Statement::new(meanwhile, []));
    assert_eq!(seal(&bench, &shown).await.json()["sealed"], 1);
    assert_eq!(states(&bench).await, ["unsealed", "sealed"]);
}

#[tokio::test]
async fn a_receipt_that_was_changed_after_it_was_sealed_is_never_sealed_again() {
    let bench = Bench::with(&[(name::RECEIPT_SEALING_UNTIL, &today())]);
    bench.product("free", 0).await;
    let order = json!({ "product": "free" });
    let sold = bench.post("/v1/purchase", &order).await.text("license_id");
    bench.sql("UPDATE receipts SET amount = 7").await;
    let shown = list(&bench).await;
    assert_eq!(shown[0]["seal"], "broken");
    let refused = seal(&bench, &shown).await.json();
    assert_eq!(refused["refused"][0]["reason"], "broken");
    assert_eq!(sign_license(&bench, &sold).await.status, 409);
    // The way on: put back what it was.
    bench.sql("UPDATE receipts SET amount = 0").await;
    assert_eq!(sign_license(&bench, &sold).await.status, 200);
    // One without a license of its product cannot be sealed at all.
    unseal(&bench).await;
    bench.sql("PRAGMA foreign_keys = OFF").await;
    bench.sql("UPDATE licenses SET receipt_id = 'none'").await;
    let shown = list(&bench).await;
    assert_eq!(
        (&shown[0]["seal"], &shown[0]["digest"]),
        (&json!("no_license"), &Value::Null)
    );
    let body = json!({ "receipts": [{ "id": shown[0]["id"], "digest": "" }, { "id": "x", "digest": "" }] });
    let answer = bench
        .operate("POST", "/v1/admin/receipts/seal", &body)
        .await;
    let reasons = &answer.json()["refused"];
    assert_eq!(
        (&reasons[0]["reason"], &reasons[1]["reason"]),
        (&json!("no_license"), &json!("unknown"))
    );
}

/// A new key comes first while the old one still counts; when every receipt has
/// a seal of the new one, the old one goes.
#[tokio::test]
async fn a_key_is_replaced_without_a_gap() {
    let bench = Bench::new();
    bench.product("free", 0).await;
    let order = json!({ "product": "free" });
    let old = bench.post("/v1/purchase", &order).await.text("license_id");
    bench.clock.advance(1);
    let both = format!("{NEXT_KEY},{RECEIPT_KEY}");
    let both = bench.redeployed(&[(name::RECEIPT_KEYS, &both)]);
    let new = both.post("/v1/purchase", &order).await.text("license_id");
    for license_id in [&old, &new] {
        assert_eq!(sign_license(&both, license_id).await.status, 200);
    }
    assert_eq!(states(&both).await, ["sealed", "sealed_by_older_key"]);
    // Too early: the old receipt counts for nothing, and nothing else seals it.
    let next = both.redeployed(&[(name::RECEIPT_KEYS, NEXT_KEY)]);
    let answer = sign_license(&next, &old).await;
    assert_eq!(answer.status, 503);
    assert!(answer.text("message").contains("are not in RECEIPT_KEYS"));
    assert_eq!(states(&next).await, ["sealed", "unknown_key"]);
    let refused = seal(&next, &list(&next).await).await;
    assert_eq!(refused.refusal(), (409, "sealing_closed".to_owned()));
    // A good seal of the old key is enough; no day has to be named.
    let sealed = seal(&both, &list(&both).await).await.json();
    assert_eq!(sealed["sealed"], 1, "{sealed}");
    assert_eq!(states(&next).await, ["sealed"; 2]);
    for license_id in [&old, &new] {
        assert_eq!(sign_license(&next, license_id).await.status, 200);
    }
    // A lost key: what it sealed is sealed again while the configuration allows it.
    let lost = [
        (
            name::RECEIPT_KEYS,
            "gIGCg4SFhoeIiYqLjI2Oj5CRkpOUlZaXmJmam5ydnp8=",
        ),
        (name::RECEIPT_SEALING_UNTIL, &today()),
    ];
    let lost = bench.redeployed(&lost);
    assert_eq!(states(&lost).await, ["unknown_key"; 2]);
    assert_eq!(seal(&lost, &list(&lost).await).await.json()["sealed"], 2);
    assert_eq!(states(&lost).await, ["sealed"; 2]);
}

#[tokio::test]
async fn sealing_that_breaks_off_is_done_again() {
    for fault in [Fault::Before, Fault::After] {
        for call in 0..2 {
            let (bench, sold) = shop_of_before(2, &today()).await;
            let shown = list(&bench).await;
            bench.shop.database.break_call(call, fault);
            let broken = seal(&bench, &shown).await;
            bench.shop.database.mend();
            assert_eq!(broken.status, 500, "{call}: {broken:?}");
            let again = seal(&bench, &shown).await;
            assert_eq!(again.status, 200, "{again:?}");
            assert_eq!(states(&bench).await, ["sealed"; 2], "{call}");
            assert_eq!(entries(&bench).await, 1, "{call}: told once");
            for license_id in &sold {
                assert_eq!(sign_license(&bench, license_id).await.status, 200);
            }
        }
    }
}

#[tokio::test]
async fn a_request_to_seal_has_its_bounds_and_takes_the_operators_own_key() {
    let (bench, _) = shop_of_before(1, &today()).await;
    let one = json!({ "id": "x", "digest": "y" });
    for (receipts, status) in [
        (json!([]), 400),
        (json!(vec![one.clone(); 101]), 400),
        (json!(vec![one.clone(); 100]), 200),
    ] {
        let body = json!({ "receipts": receipts });
        let answer = bench
            .operate("POST", "/v1/admin/receipts/seal", &body)
            .await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    let new = json!({ "label": "all", "role": "full-admin" });
    let made = bench.operate("POST", "/v1/admin/api-keys", &new).await;
    let token = made.text("token");
    for (method, path) in [
        ("GET", "/v1/admin/receipts"),
        ("POST", "/v1/admin/receipts/seal"),
    ] {
        let body = json!({ "receipts": [one] });
        let mut request = json_request(method.parse().expect("a method"), path, &body);
        let bearer = format!("Bearer {token}").parse().expect("a header");
        request.headers_mut().insert("authorization", bearer);
        assert_eq!(bench.send(request).await.status, 403, "{method} {path}");
    }
}
