//! What an operator prices things in: no number silently means another
//! currency, whatever is changed at once and whatever breaks.

use crate::bench::{Bench, json_request, signed_in};
use crate::races::at_once;
use http::Method;
use serde_json::{Value, json};
use std::sync::Arc;

async fn product(bench: &Bench, slug: &str, currency: &str, value: i64) -> String {
    let body =
        json!({ "slug": slug, "name": slug, "price_currency": currency, "price_value": value });
    let made = bench.operate("POST", "/v1/admin/products", &body).await;
    assert_eq!(made.status, 200, "{made:?}");
    made.text("id")
}

#[tokio::test]
async fn what_is_recorded_and_told_names_the_currency() {
    let bench = Bench::new();
    let id = product(&bench, "demo", "EUR", 990).await;
    let path = format!("/v1/admin/products/{id}");
    for (body, price) in [
        (json!({ "price_sats": 5 }), ("SAT", 5, 5)),
        (
            json!({ "price_currency": "USD", "price_value": 5 }),
            ("USD", 5, 0),
        ),
        (
            json!({ "price_currency": "SAT", "price_value": 6 }),
            ("SAT", 6, 6),
        ),
        (
            json!({ "price_currency": "EUR", "price_value": 0 }),
            ("EUR", 0, 0),
        ),
    ] {
        let changed = bench.operate("PATCH", &path, &body).await.json();
        let (currency, value, sats) = price;
        assert_eq!(
            (
                &changed["price_currency"],
                &changed["price_value"],
                &changed["price_sats"]
            ),
            (&json!(currency), &json!(value), &json!(sats)),
            "{body}"
        );
    }
    let entries = bench
        .sql("SELECT after FROM audit WHERE action = 'product.change' ORDER BY rowid")
        .await;
    let told: Vec<Value> = entries
        .iter()
        .map(|entry| serde_json::from_str(entry["after"].as_str().expect("text")).expect("JSON"))
        .collect();
    // The second and the fourth keep one of the two numbers.
    let expected = [
        json!({ "price_amount": 5, "price_currency": "SAT" }),
        json!({ "price_currency": "USD" }),
        json!({ "price_amount": 6, "price_currency": "SAT" }),
        json!({ "price_amount": 0, "price_currency": "EUR" }),
    ];
    assert_eq!(told, expected);
    // A free product is free in every currency.
    let bought = bench
        .post("/v1/purchase", &json!({ "product": "demo" }))
        .await;
    assert_eq!(bought.json()["price_currency"], "EUR");
    assert!(bought.json()["license_key"].is_string(), "{bought:?}");
    let receipt = &bench.sql("SELECT amount, currency FROM receipts").await[0];
    assert_eq!(
        (&receipt["amount"], &receipt["currency"]),
        (&json!(0), &json!("EUR"))
    );
}

#[tokio::test]
async fn a_policy_is_priced_within_its_product_s_currency() {
    let bench = Bench::new();
    product(&bench, "demo", "USD", 2_500).await;
    let most = 100_000_000_000_i64;
    let cases = [
        (0, None, 200),
        (most, None, 200),
        (most + 1, None, 400),
        (-1, None, 400),
        (1, Some("USD"), 200),
        (1, Some("SAT"), 400),
        (1, Some("GBP"), 400),
    ];
    for (number, (price, currency, status)) in cases.into_iter().enumerate() {
        let mut body = json!({ "product_slug": "demo", "slug": format!("p{number}"), "name": "P",
                               "price_sats_override": price });
        if let Some(currency) = currency {
            body["price_currency"] = currency.into();
        }
        let made = bench.operate("POST", "/v1/admin/policies", &body).await;
        assert_eq!(made.status, status, "{body}: {made:?}");
    }
    let id = bench.policy("demo", "pro", json!({})).await;
    let path = format!("/v1/admin/policies/{id}");
    for (body, status) in [
        (json!({ "price_sats": most + 1 }), 400),
        (json!({ "price_sats": 9_900, "price_currency": "EUR" }), 400),
        (json!({ "price_sats": 9_900, "price_currency": "USD" }), 200),
        (json!({ "price_sats": null }), 200),
    ] {
        let changed = bench.operate("PATCH", &path, &body).await;
        assert_eq!(changed.status, status, "{body}: {changed:?}");
    }
    let unknown = "/v1/admin/policies/01990000-0000-7000-8000-000000000000";
    let answer = bench
        .operate("PATCH", unknown, &json!({ "price_sats": 1 }))
        .await;
    assert_eq!(answer.refusal(), (404, "not_found".to_owned()));
}

/// One operator prices a policy while another gives its product another
/// currency: one of them is refused, or the policy's price is in the currency
/// it was meant in.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_policy_s_price_and_its_product_s_currency_do_not_pass_each_other() {
    let (mut moved, mut held) = (0, 0);
    for round in 0..40 {
        let bench = Arc::new(Bench::new());
        let id = product(&bench, "demo", "SAT", 50_000).await;
        let policy_id = bench.policy("demo", "pro", json!({})).await;
        let currency = json!({ "price_currency": "USD", "price_value": 2_500 });
        let mut requests = vec![
            (Method::PATCH, format!("/v1/admin/products/{id}"), currency),
            (
                Method::PATCH,
                format!("/v1/admin/policies/{policy_id}"),
                json!({ "price_sats": 90_000 }),
            ),
            (
                Method::POST,
                "/v1/admin/policies".to_owned(),
                json!({ "product_slug": "demo", "slug": "q", "name": "q", "price_sats": 70_000 }),
            ),
        ];
        if round % 2 == 1 {
            requests.reverse();
        }
        let requests: Vec<_> = requests
            .into_iter()
            .map(|(method, path, body)| {
                let (bench, is_product) = (bench.clone(), path.contains("products"));
                let request = signed_in(json_request(method, &path, &body));
                async move { (is_product, bench.send(request).await) }
            })
            .collect();
        let answers = at_once(requests.into_iter()).await;
        let now = bench.get("/v1/products/demo").await.json();
        let own = "SELECT count(*) FROM policies WHERE price_amount IS NOT NULL";
        let own = bench.number(own).await;
        for (is_product, answer) in &answers {
            // A price that came after the change is read in dollars: 900.00.
            assert!(matches!(answer.status, 200 | 409), "{answer:?}");
            if *is_product {
                assert_eq!(answer.status == 200, now["price_currency"] == "USD");
            } else if answer.status == 200 {
                let meant = &answer.json()["price_currency"];
                assert_eq!(*meant, now["price_currency"], "{answer:?}");
            }
        }
        if now["price_currency"] == "USD" {
            moved += 1;
        } else {
            held += 1;
            assert!(own > 0, "nothing held it: {answers:?}");
        }
    }
    assert_eq!(moved + held, 40);
}
