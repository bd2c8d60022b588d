//! Buying: what the buyer is answered, what the store is asked for, and what a
//! poll shows along the way.

use crate::bench::{Bench, account_of, played_store};
use crate::payments::{deliver, issued, order, poll};
use axum::body::Bytes;
use http::Method;
use keywright_btcpay_double::{MarkAs, Status};
use keywright_ports::{BoxFuture, Fetch, FetchError, FetchLimits};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn members(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
}

#[tokio::test]
async fn a_free_purchase_is_settled_as_it_is_made() {
    let bench = Bench::new();
    let product_id = bench.product("free", 0).await;
    let bought = bench
        .post("/v1/purchase", &json!({ "product": "free" }))
        .await;
    assert_eq!(bought.status, 200);
    let answer = bought.json();
    let (invoice_id, order_id) = (bought.text("invoice_id"), bought.text("order_id"));
    assert_eq!(answer["btcpay_invoice_id"], format!("free-{order_id}"));
    assert_eq!(answer["checkout_url"], "");
    assert_eq!(
        answer["poll_url"],
        format!("http://shop.test/v1/purchase/{invoice_id}")
    );
    for amount in ["amount_sats", "base_price_sats", "discount_applied_sats"] {
        assert_eq!(answer[amount], 0, "{amount}");
    }
    let key = bought.text("license_key");
    let verified = bench.verified(&key);
    assert_eq!(
        verified.payload().license_id().to_string(),
        bought.text("license_id")
    );
    assert_eq!(verified.payload().product_id().to_string(), product_id);
    let progress = poll(&bench, &invoice_id).await;
    assert_eq!(
        progress,
        json!({
            "invoice_id": invoice_id, "order_id": order_id, "status": "settled", "payment_state": "paid",
            "product_id": product_id, "product": "free", "product_name": "free",
            "amount_sats": 0, "price_currency": "SAT", "price_value": 0, "license_key": key,
            "license_id": bought.text("license_id"), "token": bought.text("token"),
            "download_id": bought.text("download_id"), "is_for_joomla": false,
            "ordered_at": keywright_domain::dates::rfc3339(crate::bench::NOW.cast_signed()),
        })
    );
    assert_eq!(issued(&bench).await, [1; 4]);
}

#[tokio::test]
async fn a_paid_purchase_waits_for_its_money() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("demo", 50_000).await;
    let wanted = json!({
        "product": "demo", "buyer_email": " buyer@example.org ", "buyer_note": "hello",
        "redirect_url": "https://vendor.example/thanks", "rail": "lightning",
    });
    let bought = bench.post("/v1/purchase", &wanted).await;
    let answer = bought.json();
    assert_eq!(
        members(&answer),
        [
            "amount_sats",
            "base_price_sats",
            "base_price_value",
            "btcpay_invoice_id",
            "checkout_url",
            "discount_applied_sats",
            "discount_applied_value",
            "invoice_id",
            "order_id",
            "poll_url",
            "price_currency",
            "price_value",
        ]
    );
    let invoice = pay
        .invoice(&bought.text("btcpay_invoice_id"))
        .expect("an invoice");
    assert_eq!(invoice.order_id(), answer["order_id"].as_str());
    assert_eq!(
        (invoice.amount.to_string(), invoice.currency.as_str()),
        ("0.00050000".to_owned(), "BTC")
    );
    assert_eq!(invoice.metadata["buyerEmail"], "buyer@example.org");
    assert_eq!(invoice.metadata["itemDesc"], "demo");
    assert!(
        bought.text("checkout_url").ends_with(&invoice.id),
        "{answer}"
    );
    let sent = pay.requests()[0].json();
    assert_eq!(
        sent["checkout"]["redirectURL"],
        "https://vendor.example/thanks"
    );
    assert_eq!(sent["checkout"]["defaultPaymentMethod"], "BTC-LN");
    let progress = poll(&bench, &bought.text("invoice_id")).await;
    assert_eq!(progress["status"], "pending");
    for empty in ["license_key", "license_id", "token"] {
        assert!(progress[empty].is_null(), "{empty}: {progress}");
    }
    assert_eq!(issued(&bench).await, [0; 4]);
    assert!(pay.violations().is_empty(), "{:?}", pay.violations());
}

#[tokio::test]
async fn without_a_redirect_the_buyer_comes_back_to_the_shop() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("demo", 50_000).await;
    let (order_id, _) = order(&bench, "demo").await;
    let sent = pay.requests()[0].json();
    let thanks = format!("http://shop.test/thank-you?order_id={order_id}");
    assert_eq!(sent["checkout"]["redirectURL"], thanks);
}

#[tokio::test]
async fn a_policy_decides_price_and_terms() {
    let bench = Bench::new();
    bench.product("demo", 50_000).await;
    let free = json!({
        "price_sats": 0, "duration_seconds": 3_600, "max_machines": 3, "is_trial": true,
        "entitlements": ["try"],
    });
    bench.policy("demo", "trial", free).await;
    let order = json!({ "product": "demo", "policy_slug": "trial" });
    let bought = bench.post("/v1/purchase", &order).await;
    let payload = bench.verified(&bought.text("license_key"));
    let payload = payload.payload();
    assert_eq!(
        (payload.is_trial(), payload.entitlements()),
        (true, &["try".to_owned()][..])
    );
    assert_eq!(payload.expires_at(), Some(payload.issued_at() + 3_600));
}

#[tokio::test]
async fn the_public_policies_are_listed_cheapest_first_without_null() {
    let bench = Bench::new();
    bench.product("demo", 50_000).await;
    bench
        .policy("demo", "dear", json!({ "price_sats": 90_000 }))
        .await;
    bench.policy("demo", "usual", json!({})).await;
    let shown = json!({
        "price_sats": 0, "metadata": {
            "description": "Try it", "highlight": true, "marketing_bullets": ["one"],
            "marketing_bullets_position": "below", "hidden_entitlements": ["x"], "other": null,
        },
    });
    bench.policy("demo", "trial", shown).await;
    // As an instance may hold it from before such members were checked.
    let older = "UPDATE policies SET metadata = json_insert(metadata,
                   '$.marketing_bullets[1]', 2, '$.hidden_entitlements[1]', NULL)
                 WHERE slug = 'trial'";
    bench.sql(older).await;
    bench
        .policy("demo", "hidden", json!({ "public": false }))
        .await;
    bench
        .policy("demo", "off", json!({ "active": false }))
        .await;
    let answer = bench.get("/v1/products/demo/policies").await.json();
    let policies = answer["policies"].as_array().expect("a list");
    let slugs: Vec<&str> = policies
        .iter()
        .filter_map(|policy| policy["slug"].as_str())
        .collect();
    assert_eq!(slugs, ["trial", "usual", "dear"]);
    assert_eq!(policies[1]["price_sats"], 50_000);
    let trial = &policies[0];
    assert_eq!(
        (&trial["description"], &trial["highlighted"]),
        (&json!("Try it"), &json!(true))
    );
    assert_eq!(trial["marketing_bullets"], json!(["one"]));
    assert_eq!(trial["marketing_bullets_position"], "below");
    for policy in policies {
        for (member, value) in policy.as_object().expect("a policy") {
            assert!(
                !value.is_null() || member == "featured_discount",
                "{member} is null"
            );
        }
    }
    let product = answer["product"].as_object().expect("a product");
    assert!(
        product.values().all(|value| !value.is_null()),
        "{product:?}"
    );
    assert_eq!(product["entitlements_catalog"], json!([]));
    // The operator sees the hidden ones as well.
    let path = "/v1/admin/policies?product_slug=demo&include_inactive=true";
    let all = bench.operate("GET", path, &json!({})).await.json();
    assert_eq!(all["policies"].as_array().map(Vec::len), Some(5));
}

#[tokio::test]
async fn a_sale_goes_through_and_the_key_is_the_same_at_every_poll() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("demo", 50_000).await;
    let (invoice_id, btcpay_id) = order(&bench, "demo").await;
    pay.pay_on_chain(&btcpay_id).expect("a payment");
    assert_eq!(
        deliver(&bench, &pay, "InvoiceProcessing", &btcpay_id)
            .await
            .status,
        200
    );
    assert_eq!(poll(&bench, &invoice_id).await["status"], "pending");
    pay.confirm(&btcpay_id).expect("a confirmation");
    assert_eq!(
        pay.invoice(&btcpay_id).map(|invoice| invoice.status),
        Some(Status::Settled)
    );
    let answer = deliver(&bench, &pay, "InvoiceSettled", &btcpay_id).await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    let first = poll(&bench, &invoice_id).await;
    assert_eq!(first["status"], "settled");
    bench.clock.advance(1_000);
    assert_eq!(poll(&bench, &invoice_id).await, first);
    let key = json!({ "key": first["license_key"], "product_slug": "demo" });
    assert_eq!(bench.post("/v1/validate", &key).await.json()["ok"], true);
    let token = first["token"].as_str().expect("a token");
    assert_eq!(
        bench
            .get(&format!("{}?token={token}", crate::bench::FILE))
            .await
            .status,
        200
    );
    // A revoked license is settled still, and shows no key.
    let license_id = first["license_id"].as_str().expect("an id");
    let path = format!("/v1/admin/licenses/{license_id}/revoke");
    bench.operate("POST", &path, &json!({})).await;
    let after = poll(&bench, &invoice_id).await;
    assert_eq!(
        (&after["status"], &after["license_key"]),
        (&json!("settled"), &Value::Null)
    );
    assert!(
        after["license_id"].is_null() && after["token"].is_null(),
        "{after}"
    );
}

#[tokio::test]
async fn an_overpaid_and_a_marked_invoice_count_as_paid() {
    for marked in [false, true] {
        let pay = played_store();
        let bench = Bench::paid_through(&pay);
        bench.product("demo", 50_000).await;
        let (invoice_id, btcpay_id) = order(&bench, "demo").await;
        if marked {
            pay.mark(&btcpay_id, MarkAs::Settled).expect("a mark");
        } else {
            pay.pay_over(&btcpay_id).expect("a payment");
        }
        deliver(&bench, &pay, "InvoiceSettled", &btcpay_id).await;
        assert_eq!(poll(&bench, &invoice_id).await["status"], "settled");
        assert_eq!(bench.number("SELECT amount FROM receipts").await, 50_000);
    }
}

#[tokio::test]
async fn any_page_may_call_without_credentials() {
    let bench = Bench::new();
    for path in [
        "/v1/purchase",
        "/v1/validate",
        "/v1/products",
        "/healthz",
        "/v1/admin/products",
    ] {
        let request = http::Request::builder()
            .method(Method::OPTIONS)
            .uri(path)
            .header("origin", "https://vendor.example")
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "content-type, authorization",
            )
            .body(axum::body::Body::empty());
        let answer = bench.untouched_by(request.expect("a request")).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!(answer.headers["access-control-allow-origin"], "*", "{path}");
        assert!(
            !answer
                .headers
                .contains_key("access-control-allow-credentials"),
            "{path}"
        );
    }
}

/// A provider that never answers, and one that answers only when it is asked whether an
/// invoice was made.
struct Silent {
    lists: bool,
    waited: Mutex<Duration>,
}

impl Fetch for Silent {
    fn send(
        &self,
        request: http::Request<Bytes>,
        limits: FetchLimits,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, FetchError>> {
        let answers = self.lists && request.method() == Method::GET;
        Box::pin(async move {
            if answers {
                return Ok(http::Response::new(Bytes::from_static(b"[]")));
            }
            *self.waited.lock().expect("the time") += limits.time;
            Err(FetchError::TimedOut(limits.time))
        })
    }
}

/// The SDKs give up on an order after 10 seconds, and the storefront after 20.
#[tokio::test]
async fn a_provider_that_hangs_is_given_up_on_before_any_client_gives_up() {
    let pay = played_store();
    for lists in [false, true] {
        let waited = Mutex::new(Duration::ZERO);
        let silent = Arc::new(Silent { lists, waited });
        let bench = Bench::with_outbound(&account_of(&pay), silent.clone());
        bench.product("demo", 50_000).await;
        let answer = bench
            .post("/v1/purchase", &json!({ "product": "demo" }))
            .await;
        assert_eq!(answer.refusal(), (502, "upstream_error".to_owned()));
        let message = answer.text("message");
        assert!(message.contains("you have not been charged"), "{message}");
        let waited = *silent.waited.lock().expect("the time");
        assert!(waited < Duration::from_secs(9), "{waited:?}");
    }
}
