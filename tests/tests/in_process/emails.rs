//! E-mail addresses are compared in one form, however they are written, wherever they are
//! compared; and an address has one place.

use crate::bench::Bench;
use crate::pasted::encoded;
use serde_json::{Value, json};

/// A shop with a free product, sold with trials too.
async fn shop() -> Bench {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    bench.policy("demo", "free", json!({})).await;
    bench
        .policy("demo", "trial", json!({ "is_trial": true }))
        .await;
    bench
}

async fn bought(bench: &Bench, policy: &str, email: &str) -> Value {
    let order = json!({ "product": "demo", "policy_slug": policy, "buyer_email": email });
    bench.post("/v1/purchase", &order).await.json()
}

async fn recovered(bench: &Bench, order: &Value, email: &str) -> u16 {
    let body = json!({ "invoice_id": order["invoice_id"], "email": email });
    bench.post("/v1/recover", &body).await.status
}

/// How many licenses both of the operator's lists find.
async fn found(bench: &Bench, email: &str) -> usize {
    let mut counts = Vec::new();
    for path in ["/v1/admin/licenses", "/v1/admin/licenses/search"] {
        let path = format!("{path}?buyer_email={}", encoded(email));
        let answer = bench.operate("GET", &path, &json!({})).await;
        counts.push(answer.json()["licenses"].as_array().map_or(0, Vec::len));
    }
    assert_eq!(counts[0], counts[1], "{email}");
    counts[0]
}

#[tokio::test]
async fn a_corrected_address_recovers_and_the_mistyped_one_does_not() {
    let bench = shop().await;
    let order = bought(&bench, "free", "ana@gmal.example").await;
    assert_eq!(recovered(&bench, &order, "ana@gmal.example").await, 200);
    let license = format!(
        "/v1/admin/licenses/{}",
        order["license_id"].as_str().expect("a license")
    );
    let corrected = json!({ "buyer_email": "mailto:Ana@gmail.example" });
    let answer = bench.operate("PATCH", &license, &corrected).await;
    assert_eq!(answer.text("buyer_email"), "Ana@gmail.example");
    assert_eq!(recovered(&bench, &order, "ana@gmail.example").await, 200);
    assert_eq!(recovered(&bench, &order, "ana@gmal.example").await, 404);
    assert_eq!(found(&bench, "ana@gmail.example").await, 1);
    assert_eq!(found(&bench, "ana@gmal.example").await, 0);
    // Nobody's license is nobody's to recover.
    let nobody = json!({ "buyer_email": null });
    assert_eq!(bench.operate("PATCH", &license, &nobody).await.status, 200);
    assert_eq!(recovered(&bench, &order, "ana@gmail.example").await, 404);
}

#[tokio::test]
async fn an_address_is_found_however_it_is_written() {
    let bench = shop().await;
    for (given, asked) in [
        ("mailto:ana@example.com", "ANA@EXAMPLE.COM"),
        ("bo\u{200b}b@example.com", "bob@example.com."),
        ("carl@example.com.", " <carl@example.com> "),
        ("DÖRTE@example.com", "do\u{308}rte@Example.com"),
        ("eva@xn--mnchen-3ya.example", "EVA@MÜNCHEN.example"),
        ("ｆｒｅｄ＠example.com", "fred@example.com"),
    ] {
        let order = bought(&bench, "free", given).await;
        for email in [given, asked] {
            assert_eq!(
                recovered(&bench, &order, email).await,
                200,
                "{given} {email}"
            );
            assert_eq!(found(&bench, email).await, 1, "{given} {email}");
        }
    }
    assert_eq!(found(&bench, "dorte@example.com").await, 0);
}

#[tokio::test]
async fn an_address_that_was_recorded_before_is_found_too() {
    let bench = shop().await;
    let order = bought(&bench, "free", "x@example.com").await;
    for (recorded, asked) in [
        ("ÄNA@Example.com", "äna@example.com"),
        ("A\u{308}na@example.com ", "äna@example.com"),
        ("mailto:ana@example.com", "ana@example.com"),
        ("ana\u{200b}@example.com", "Ana@example.com"),
        ("ana@example.com.", "ana@example.com"),
        ("ana@xn--mnchen-3ya.example", "ana@münchen.example"),
        ("\"ana@example.com\"", "ana@example.com"),
        ("Press kit", "press kit"),
    ] {
        bench
            .sql(&format!("UPDATE licenses SET buyer_email = '{recorded}'"))
            .await;
        assert_eq!(found(&bench, asked).await, 1, "{recorded:?}");
        assert_eq!(found(&bench, "other@example.com").await, 0, "{recorded:?}");
        assert_eq!(recovered(&bench, &order, asked).await, 200, "{recorded:?}");
    }
}

#[tokio::test]
async fn trials_are_counted_by_the_address_and_not_its_spelling() {
    let bench = shop().await;
    for email in [
        "ana@münchen.example",
        "ANA@XN--MNCHEN-3YA.example",
        "mailto:ana@MÜNCHEN.example",
    ] {
        let order = bought(&bench, "trial", email).await;
        assert!(order["license_key"].is_string(), "{email}: {order}");
    }
    let order = bought(&bench, "trial", "ana@mu\u{308}nchen.example.").await;
    assert_eq!(order["error"], "rate_limited", "{order}");
}

#[tokio::test]
async fn what_is_no_address_is_refused_when_it_is_taken() {
    let bench = shop().await;
    let license = bench.issue("demo", json!({})).await.text("license_id");
    let license = format!("/v1/admin/licenses/{license}");
    for (bad, cause) in [
        ("ana", "the @ is missing"),
        ("mailto:", "the @ is missing"),
        ("ana@bob@example.com", "more than one @"),
        ("ana smith@example.com", "check the part before the @"),
        ("ana@exa mple.com", "check the part after the @"),
        ("ana@example..com", "check the part after the @"),
    ] {
        let order = json!({ "product": "demo", "policy_slug": "free", "buyer_email": bad });
        let redeem = json!({ "product": "demo", "code": "X", "buyer_email": bad });
        let grant = json!({ "product_slug": "demo", "buyer_email": bad });
        let answers = [
            bench.post("/v1/purchase", &order).await,
            bench.post("/v1/redeem", &redeem).await,
            bench.operate("POST", "/v1/admin/licenses", &grant).await,
            bench
                .operate("PATCH", &license, &json!({ "buyer_email": bad }))
                .await,
        ];
        for answer in answers {
            assert_eq!(answer.status, 422, "{bad}: {answer:?}");
            let message = answer.text("message");
            assert!(message.starts_with("buyer_email must be "), "{message}");
            assert!(message.contains(cause), "{bad}: {message}");
        }
    }
}
