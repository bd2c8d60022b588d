//! Prices in dollars and euros, from the operator to the receipt.

use super::cases;
use super::deliveries::{deliver_signed, delivery_of};
use super::floor::{code, make_due, nothing_due, policy, poll, text, tick, until};
use crate::hosts::{Answer, Instance};
use http::Method;
use keywright_btcpay_double::{Fault, Status};
use serde_json::{Value, json};

cases![
    sold_in_dollars,
    shown_in_euros,
    discounted_in_cents,
    no_number_changes_its_currency,
    codes_of_another_currency,
    rate_learnt_by_the_reconciler alone,
    rate_learnt_by_the_webhook alone,
];

/// A new product priced in cents.
async fn priced(instance: &Instance, slug: &str, currency: &str, cents: i64) -> Value {
    let product = json!({ "slug": slug, "name": format!("The {slug}"),
                          "price_currency": currency, "price_value": cents });
    let made = instance.api.admin(Method::POST, "products", &product).await;
    made.ok()
}

async fn change(instance: &Instance, path: &str, body: &Value) -> Answer {
    instance.api.admin(Method::PATCH, path, body).await
}

async fn buy(instance: &Instance, order: Value) -> Value {
    instance.api.post("/v1/purchase", &order).await.ok()
}

/// The played store's bitcoin costs 50000 dollars: 20 sats a cent.
async fn sold_in_dollars(instance: &Instance) {
    priced(instance, "in-dollars", "USD", 1_999).await;
    let bought = buy(instance, json!({ "product": "in-dollars" })).await;
    for (member, value) in [
        ("price_currency", json!("USD")),
        ("price_value", json!(1_999)),
        ("base_price_value", json!(1_999)),
        ("discount_applied_value", json!(0)),
        ("amount_sats", json!(39_980)),
        ("base_price_sats", json!(39_980)),
        ("discount_applied_sats", json!(0)),
    ] {
        assert_eq!(bought[member], value, "{member}: {bought}");
    }
    let remote = text(&bought, "btcpay_invoice_id");
    let there = instance
        .btcpay
        .invoice(&remote)
        .expect("the invoice at BTCPay");
    assert_eq!(
        (
            there.amount.to_string(),
            there.currency.as_str(),
            there.status
        ),
        ("19.99".to_owned(), "USD", Status::New)
    );
    let invoice = text(&bought, "invoice_id");
    let waiting = poll(instance, &invoice).await;
    for member in ["amount_sats", "price_currency", "price_value"] {
        assert_eq!(waiting[member], bought[member], "{member}: {waiting}");
    }
    instance.btcpay.pay_in_full(&remote).expect("a payment");
    let settled = until(instance, &invoice, "settled").await;
    assert_eq!(settled["payment_state"], "paid", "{settled}");
    let path = format!("licenses/{}", text(&settled, "license_id"));
    let license = instance
        .api
        .admin(Method::GET, &path, &Value::Null)
        .await
        .ok();
    let receipt = &license["receipt"];
    assert_eq!(
        (&receipt["amount"], &receipt["currency"]),
        (&json!(1_999), &json!("USD")),
        "what was quoted: {license}"
    );
    assert_eq!(license["invoice"]["amount_sats"], 39_980, "{license}");
}

async fn shown_in_euros(instance: &Instance) {
    let made = priced(instance, "in-euros", "EUR", 4_900).await;
    for (member, value) in [
        // What it is in sats is known only when an invoice is made.
        ("price_sats", json!(0)),
        ("price_currency", json!("EUR")),
        ("price_value", json!(4_900)),
    ] {
        assert_eq!(made[member], value, "{member}: {made}");
    }
    let shown = instance.api.get("/v1/products/in-euros").await.ok();
    assert_eq!(shown, made);
    let dear = json!({ "price_sats_override": 9_900, "price_currency": "EUR" });
    let dear = policy(instance, "in-euros", "dear", dear).await;
    assert_eq!(
        (&dear["price_sats_override"], &dear["price_currency"]),
        (&json!(9_900), &json!("EUR"))
    );
    policy(instance, "in-euros", "usual", json!({})).await;
    let listed = instance
        .api
        .get("/v1/products/in-euros/policies")
        .await
        .ok();
    assert_eq!(
        (
            &listed["product"]["price_currency"],
            &listed["product"]["base_price_sats"]
        ),
        (&json!("EUR"), &json!(4_900)),
        "{listed}"
    );
    let prices: Vec<_> = listed["policies"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|policy| policy["price_sats"].clone())
        .collect();
    assert_eq!(prices, [4_900, 9_900], "in cents, as the contract has it");
}

async fn discounted_in_cents(instance: &Instance) {
    priced(instance, "cut-dollars", "USD", 999).await;
    policy(instance, "cut-dollars", "pro", json!({})).await;
    let third = json!({ "amount": 3_333, "product_slug": "cut-dollars" });
    code(instance, "CUT-THIRD", third).await;
    let fixed = json!({ "kind": "fixed_sats", "amount": 250, "discount_currency": "USD",
                        "product_slug": "cut-dollars", "featured": true });
    let fixed = code(instance, "CUT-FIXED", fixed).await;
    assert_eq!(
        (&fixed["amount"], &fixed["discount_currency"]),
        (&json!(250), &json!("USD"))
    );
    let path = "/v1/discount-codes/preview?product=cut-dollars&code=CUT-THIRD";
    let shown = instance.api.get(path).await.ok();
    let expected = json!({
        "valid": true, "code": "CUT-THIRD", "kind": "percent", "is_free": false,
        "price_currency": "USD", "base_price_sats": 999, "discount_applied_sats": 332,
        "final_price_sats": 667, "base_price_value": 999, "discount_applied_value": 332,
        "final_price_value": 667, "amount_pct": 33.33,
        "message": "33.33 % off: 3.32 USD less, 6.67 USD to pay", "applied_code": "CUT-THIRD",
    });
    assert_eq!(shown, expected);
    let listed = instance
        .api
        .get("/v1/products/cut-dollars/policies")
        .await
        .ok();
    let featured = &listed["policies"][0]["featured_discount"];
    assert_eq!(
        (
            &featured["discount_applied_sats"],
            &featured["discounted_price_sats"]
        ),
        (&json!(250), &json!(749)),
        "{listed}"
    );
    let order = json!({ "product": "cut-dollars", "policy_slug": "pro" });
    let bought = buy(instance, order).await;
    for (member, value) in [
        ("price_value", 749),
        ("base_price_value", 999),
        ("discount_applied_value", 250),
        ("amount_sats", 749 * 20),
        ("base_price_sats", 999 * 20),
        ("discount_applied_sats", 250 * 20),
    ] {
        assert_eq!(bought[member], value, "{member}: {bought}");
    }
    let remote = text(&bought, "btcpay_invoice_id");
    let there = instance
        .btcpay
        .invoice(&remote)
        .expect("the invoice at BTCPay");
    assert_eq!(there.amount.to_string(), "7.49");
}

async fn no_number_changes_its_currency(instance: &Instance) {
    let product = super::floor::product(instance, "moved", 50_000).await;
    let path = format!("products/{}", text(&product, "id"));
    let own = policy(
        instance,
        "moved",
        "own",
        json!({ "price_sats_override": 90_000 }),
    )
    .await;
    let fixed = json!({ "kind": "fixed_sats", "amount": 5_000, "product_slug": "moved" });
    let fixed = code(instance, "MOVED-FIXED", fixed).await;
    let dollars = json!({ "price_currency": "USD", "price_value": 2_500, "name": "Moved" });
    change(instance, &path, &dollars)
        .await
        .is_error(409, "conflict");
    let policy_path = format!("policies/{}", text(&own, "id"));
    let meant = json!({ "price_sats_override": 9_000, "price_currency": "USD" });
    let refused = change(instance, &policy_path, &meant).await;
    refused.is_error(400, "bad_request");
    let none = json!({ "price_sats_override": null });
    change(instance, &policy_path, &none).await.ok();
    change(instance, &path, &dollars)
        .await
        .is_error(409, "conflict");
    let unchanged = instance.api.get("/v1/products/moved").await.ok();
    assert_eq!(unchanged, product, "nothing of it was changed");
    let code_path = format!("discount-codes/{}/active", text(&fixed, "id"));
    change(instance, &code_path, &json!({ "active": false }))
        .await
        .ok();
    let moved = change(instance, &path, &dollars).await.ok();
    assert_eq!(
        (
            &moved["price_currency"],
            &moved["price_value"],
            &moved["price_sats"]
        ),
        (&json!("USD"), &json!(2_500), &json!(0))
    );
    let again = change(instance, &path, &dollars).await.ok();
    assert_eq!(again["updated_at"], moved["updated_at"]);
    let changes = "SELECT count(*) AS n FROM audit
                   WHERE action = 'product.change' AND object_id = ?1";
    let id = text(&product, "id");
    assert_eq!(
        instance.database.count(changes, &[&id]).await,
        1,
        "told of once"
    );
    // In its new currency the policy has a price of its own again.
    let own = change(instance, &policy_path, &meant).await.ok();
    assert_eq!(own["price_currency"], "USD");
    // A code that is used again takes nothing off in the old currency.
    change(instance, &code_path, &json!({ "active": true }))
        .await
        .ok();
    let preview = "/v1/discount-codes/preview?product=moved&code=MOVED-FIXED";
    let shown = instance.api.get(preview).await.ok();
    assert_eq!(
        (&shown["valid"], &shown["reason"]),
        (&json!(false), &json!("wrong_product")),
        "{shown}"
    );
}

async fn codes_of_another_currency(instance: &Instance) {
    priced(instance, "other-money", "USD", 2_500).await;
    let in_sats = json!({ "code": "OTHER-MONEY", "kind": "fixed_sats", "amount": 5,
                          "product_slug": "other-money" });
    let make = async |body: &Value| {
        instance
            .api
            .admin(Method::POST, "discount-codes", body)
            .await
    };
    let refused = make(&in_sats).await;
    assert!(
        refused.text().contains("discount_currency"),
        "{}",
        refused.text()
    );
    refused.is_error(400, "bad_request");
    code(
        instance,
        "OTHER-EUROS",
        json!({ "kind": "set_price", "amount": 5, "discount_currency": "EUR" }),
    )
    .await;
    let order = json!({ "product": "other-money", "code": "OTHER-EUROS" });
    let refused = instance.api.post("/v1/purchase", &order).await;
    refused.is_error(400, "bad_request");
    for (currency, amount) in [("USD", 100_000_000_001_i64), ("SAT", 2_100_000_000_000_001)] {
        let body = json!({ "code": "OTHER-MUCH", "kind": "fixed_sats", "amount": amount,
                           "discount_currency": currency });
        make(&body).await.is_error(400, "bad_request");
    }
}

/// An order whose conversion the store did not tell: our id and the store's.
async fn unconverted(instance: &Instance, slug: &str) -> (String, String) {
    priced(instance, slug, "USD", 2_500).await;
    nothing_due(instance).await;
    instance.btcpay.fail_after(1, 1, 503);
    let answer = instance
        .api
        .post("/v1/purchase", &json!({ "product": slug }))
        .await;
    instance.btcpay.clear_faults();
    let bought = answer.ok();
    assert_eq!(
        (&bought["amount_sats"], &bought["price_value"]),
        (&json!(0), &json!(2_500)),
        "the order stands: {bought}"
    );
    (
        text(&bought, "invoice_id"),
        text(&bought, "btcpay_invoice_id"),
    )
}

async fn rate_learnt_by_the_reconciler(instance: &Instance) {
    let (invoice, _) = unconverted(instance, "rate-later").await;
    assert_eq!(poll(instance, &invoice).await["amount_sats"], 0);
    make_due(instance, &invoice).await;
    assert_eq!(tick(instance).await.ok()["checked"], 1);
    let known = poll(instance, &invoice).await;
    assert_eq!(
        (&known["amount_sats"], &known["status"]),
        (&json!(50_000), &json!("pending"))
    );
}

async fn rate_learnt_by_the_webhook(instance: &Instance) {
    let (invoice, remote) = unconverted(instance, "rate-told").await;
    instance.btcpay.on_delivery(Fault::lose());
    instance.btcpay.pay_in_full(&remote).expect("a payment");
    instance.btcpay.idle().await.expect("nothing in flight");
    instance.btcpay.clear_faults();
    let body = delivery_of(instance, "InvoiceSettled", &remote, &invoice).await;
    assert_eq!(deliver_signed(instance, &body).await.status, 200);
    let settled = until(instance, &invoice, "settled").await;
    assert_eq!(settled["amount_sats"], 50_000);
}
