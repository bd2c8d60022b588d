//! Prices in dollars and euros: asked for at `BTCPay` in their currency, kept as
//! they were quoted, and in sats as `BTCPay` converts them.

use crate::bench::{Bench, UNTIL_DUE, played_store};
use crate::payments::{deliver, issued, order, poll, tick_until_quiet};
use keywright_btcpay_double::{BtcPay, Payment};
use serde_json::{Value, json};

/// A product priced in cents of a currency; answers its id.
async fn priced(bench: &Bench, slug: &str, currency: &str, cents: i64) -> String {
    let body =
        json!({ "slug": slug, "name": slug, "price_currency": currency, "price_value": cents });
    let made = bench.operate("POST", "/v1/admin/products", &body).await;
    assert_eq!(made.status, 200, "{made:?}");
    made.text("id")
}

/// A shop that sells `demo` for 25 dollars through a store whose bitcoin costs
/// 50000 dollars.
async fn dollar_shop() -> (BtcPay, Bench) {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    priced(&bench, "demo", "USD", 2_500).await;
    (pay, bench)
}

async fn one(bench: &Bench, sql: &str) -> Value {
    let rows = bench.sql(sql).await;
    assert_eq!(rows.len(), 1, "{sql}");
    rows.first().map(|row| json!(row)).unwrap_or_default()
}

const ORDER: &str = "SELECT price_currency, price_amount, base_price_amount, amount_sats,
                            base_price_sats FROM invoices";

#[tokio::test]
async fn an_order_in_dollars_is_asked_for_in_dollars() {
    let (pay, bench) = dollar_shop().await;
    let bought = bench
        .post("/v1/purchase", &json!({ "product": "demo" }))
        .await;
    let answer = bought.json();
    for (member, value) in [
        ("amount_sats", json!(50_000)),
        ("base_price_sats", json!(50_000)),
        ("discount_applied_sats", json!(0)),
        ("price_currency", json!("USD")),
        ("price_value", json!(2_500)),
        ("base_price_value", json!(2_500)),
        ("discount_applied_value", json!(0)),
    ] {
        assert_eq!(answer[member], value, "{member}");
    }
    let btcpay_id = bought.text("btcpay_invoice_id");
    let invoice = pay.invoice(&btcpay_id).expect("an invoice");
    assert_eq!(
        (invoice.amount.to_string(), invoice.currency.as_str()),
        ("25.00".to_owned(), "USD")
    );
    let invoice_id = bought.text("invoice_id");
    let waiting = poll(&bench, &invoice_id).await;
    for member in ["amount_sats", "price_currency", "price_value"] {
        assert_eq!(waiting[member], answer[member], "{member}");
    }

    pay.pay_in_full(&btcpay_id).expect("a payment");
    let told = deliver(&bench, &pay, "InvoiceSettled", &btcpay_id).await;
    assert_eq!(told.status, 200);
    assert_eq!(poll(&bench, &invoice_id).await["status"], "settled");
    assert_eq!(issued(&bench).await, [1; 4]);
    let receipt = one(&bench, "SELECT kind, amount, currency FROM receipts").await;
    assert_eq!(
        receipt,
        json!({ "kind": "btcpay", "amount": 2_500, "currency": "USD" })
    );
    let paid = one(&bench, "SELECT paid_amount, paid_currency FROM invoices").await;
    assert_eq!(
        paid,
        json!({ "paid_amount": "25.00", "paid_currency": "USD" })
    );
    let id = poll(&bench, &invoice_id).await["license_id"].clone();
    let path = format!("/v1/admin/licenses/{}", id.as_str().expect("an id"));
    let license = bench.operate("GET", &path, &json!({})).await.json();
    let shown = &license["invoice"];
    assert_eq!(
        (
            &shown["price_currency"],
            &shown["price_value"],
            &shown["amount_sats"]
        ),
        (&json!("USD"), &json!(2_500), &json!(50_000)),
        "{license}"
    );
    assert_eq!(license["receipt"]["currency"], "USD");
    assert!(pay.violations().is_empty(), "{:?}", pay.violations());
}

#[tokio::test]
async fn euros_and_broken_rates_are_kept_to_the_cent() {
    let pay = keywright_btcpay_double::BtcPay::builder()
        .store("STORE")
        .api_key("KEY")
        .rate("EUR", "37777")
        .webhook_later(keywright_tests::shop::WEBHOOK_SECRET)
        .strict()
        .start()
        .expect("a played BTCPay");
    let bench = Bench::paid_through(&pay);
    for (slug, cents, amount) in [
        ("a", 999, "9.99"),
        ("b", 1, "0.01"),
        ("c", 100_000, "1000.00"),
    ] {
        priced(&bench, slug, "EUR", cents).await;
        let (invoice_id, btcpay_id) = order(&bench, slug).await;
        let invoice = pay.invoice(&btcpay_id).expect("an invoice");
        assert_eq!(
            (invoice.amount.to_string(), &*invoice.currency),
            (amount.to_owned(), "EUR")
        );
        // What the store asks for on chain, to the sat.
        let sats = poll(&bench, &invoice_id).await["amount_sats"].clone();
        let exact = cents * 1_000_000;
        let up = (exact + 37_776) / 37_777;
        assert_eq!(sats, up, "{slug}");
        pay.pay(&btcpay_id, &Payment::rest().on_chain().confirmed())
            .expect("a payment");
        deliver(&bench, &pay, "InvoiceSettled", &btcpay_id).await;
        let settled = poll(&bench, &invoice_id).await;
        assert_eq!(
            (
                &settled["status"],
                &settled["payment_state"],
                &settled["price_value"]
            ),
            (&json!("settled"), &json!("paid"), &json!(cents)),
            "{slug}"
        );
    }
}

/// The order stands without its number of sats; the webhook learns it, or the
/// reconciler.
#[tokio::test]
async fn a_conversion_that_is_not_told_is_learnt_later() {
    for by_webhook in [true, false] {
        let (pay, bench) = dollar_shop().await;
        // The invoice is made; what it is in bitcoin is not answered.
        pay.fail_after(1, 1, 503);
        let bought = bench
            .post("/v1/purchase", &json!({ "product": "demo" }))
            .await;
        assert_eq!(bought.status, 200, "{bought:?}");
        let answer = bought.json();
        for member in ["amount_sats", "base_price_sats", "discount_applied_sats"] {
            assert_eq!(answer[member], 0, "{member}");
        }
        assert_eq!(answer["price_value"], 2_500);
        assert!(!bought.text("checkout_url").is_empty());
        assert!(
            bench.log().contains("in sats is not known"),
            "{}",
            bench.log()
        );
        let (invoice_id, btcpay_id) = (bought.text("invoice_id"), bought.text("btcpay_invoice_id"));
        assert_eq!(poll(&bench, &invoice_id).await["amount_sats"], 0);
        if by_webhook {
            pay.pay_in_full(&btcpay_id).expect("a payment");
            deliver(&bench, &pay, "InvoiceSettled", &btcpay_id).await;
        } else {
            bench.clock.advance(UNTIL_DUE);
            assert_eq!(bench.tick().await.json()["checked"], 1);
        }
        let quoted = one(&bench, ORDER).await;
        let expected = json!({
            "price_currency": "USD", "price_amount": 2_500, "base_price_amount": 2_500,
            "amount_sats": 50_000, "base_price_sats": 50_000,
        });
        assert_eq!(quoted, expected, "by the webhook: {by_webhook}");
        // Known now: nobody asks for it again.
        let before = pay.requests().len();
        bench.clock.advance(2 * UNTIL_DUE);
        bench.tick().await;
        let later = &pay.requests()[before..];
        assert!(
            later
                .iter()
                .all(|request| !request.query.contains("includePaymentMethods")),
            "{later:?}"
        );
        assert!(pay.violations().is_empty(), "{:?}", pay.violations());
    }
}

/// An answer to the creation that is lost is found again, in its currency.
#[tokio::test]
async fn a_lost_answer_is_found_by_its_order_and_price() {
    let (pay, bench) = dollar_shop().await;
    pay.lose_create_answers(1);
    let bought = bench
        .post("/v1/purchase", &json!({ "product": "demo" }))
        .await;
    assert_eq!(bought.status, 200, "{bought:?}");
    assert_eq!(bought.json()["amount_sats"], 50_000);
    assert_eq!(pay.invoices().len(), 1, "no second invoice");
}

#[tokio::test]
async fn discounts_come_off_in_cents() {
    let (pay, bench) = dollar_shop().await;
    bench
        .policy(
            "demo",
            "pro",
            json!({ "price_sats_override": 9_999, "price_currency": "USD" }),
        )
        .await;
    bench.code("THIRD", json!({ "amount": 3_333 })).await;
    let dollars = |kind: &str, amount: i64| json!({ "kind": kind, "amount": amount, "discount_currency": "USD" });
    bench.code("FIVE", dollars("fixed_sats", 500)).await;
    bench.code("TEN", dollars("set_price", 1_000)).await;
    bench
        .code(
            "EUROS",
            json!({ "kind": "fixed_sats", "amount": 500, "discount_currency": "EUR" }),
        )
        .await;
    bench
        .code("SATS", json!({ "kind": "fixed_sats", "amount": 500 }))
        .await;
    bench.code("GIFT", json!({ "kind": "free_license" })).await;
    for (code, off, price, words) in [
        // 33.33 % of 99.99 is 33.326667: the broken cent is the buyer's.
        (
            "THIRD",
            3_332,
            6_667,
            "33.33 % off: 33.32 USD less, 66.67 USD to pay",
        ),
        ("FIVE", 500, 9_499, "5.00 USD less, 94.99 USD to pay"),
        ("TEN", 8_999, 1_000, "89.99 USD less, 10.00 USD to pay"),
        (
            "GIFT",
            9_999,
            0,
            "nothing to pay: the license is free with this code",
        ),
    ] {
        let path = format!("/v1/discount-codes/preview?product=demo&policy_slug=pro&code={code}");
        let shown = bench.get(&path).await.json();
        assert_eq!(shown["valid"], true, "{shown}");
        for (member, value) in [
            ("price_currency", json!("USD")),
            ("base_price_sats", json!(9_999)),
            ("discount_applied_sats", json!(off)),
            ("final_price_sats", json!(price)),
            ("base_price_value", json!(9_999)),
            ("discount_applied_value", json!(off)),
            ("final_price_value", json!(price)),
            ("message", json!(words)),
        ] {
            assert_eq!(shown[member], value, "{code}: {member}");
        }
        let wanted = json!({ "product": "demo", "policy_slug": "pro", "code": code });
        let bought = bench.post("/v1/purchase", &wanted).await;
        let answer = bought.json();
        assert_eq!(
            (
                &answer["price_value"],
                &answer["base_price_value"],
                &answer["discount_applied_value"]
            ),
            (&json!(price), &json!(9_999), &json!(off)),
            "{code}: {answer}"
        );
        if price == 0 {
            assert!(answer["license_key"].is_string(), "{answer}");
            continue;
        }
        let invoice = pay
            .invoice(&bought.text("btcpay_invoice_id"))
            .expect("an invoice");
        assert_eq!(
            invoice.amount.to_string(),
            format!("{}.{:02}", price / 100, price % 100)
        );
        // 20 sats to a cent.
        assert_eq!(answer["amount_sats"], price * 20, "{code}");
        assert_eq!(answer["base_price_sats"], 9_999 * 20, "{code}");
        assert_eq!(answer["discount_applied_sats"], off * 20, "{code}");
    }
    for code in ["EUROS", "SATS"] {
        let path = format!("/v1/discount-codes/preview?product=demo&code={code}");
        let shown = bench.get(&path).await.json();
        assert_eq!(
            (
                &shown["valid"],
                &shown["reason"],
                &shown["base_price_value"]
            ),
            (&json!(false), &json!("wrong_product"), &json!(9_999)),
            "{shown}"
        );
        let wanted = json!({ "product": "demo", "code": code });
        let refused = bench.post("/v1/purchase", &wanted).await;
        assert_eq!(refused.refusal(), (400, "bad_request".to_owned()), "{code}");
    }
}

#[tokio::test]
async fn a_used_code_is_told_of_in_both_units() {
    let (pay, bench) = dollar_shop().await;
    bench.code("TENTH", json!({})).await;
    let wanted = json!({ "product": "demo", "code": "TENTH" });
    let bought = bench.post("/v1/purchase", &wanted).await;
    let btcpay_id = bought.text("btcpay_invoice_id");
    pay.pay_in_full(&btcpay_id).expect("a payment");
    deliver(&bench, &pay, "InvoiceSettled", &btcpay_id).await;
    let event = one(
        &bench,
        "SELECT data FROM events WHERE event_type = 'code.redeemed'",
    )
    .await;
    let data: Value = serde_json::from_str(event["data"].as_str().expect("text")).expect("JSON");
    for (member, value) in [
        ("price_currency", json!("USD")),
        ("discount_applied_value", json!(250)),
        ("base_price_value", json!(2_500)),
        ("final_price_value", json!(2_250)),
        ("discount_applied_sats", json!(5_000)),
        ("base_price_sats", json!(50_000)),
        ("final_price_sats", json!(45_000)),
    ] {
        assert_eq!(data[member], value, "{member}: {data}");
    }
}

/// The rate is fixed with the invoice; another order has another one. A store
/// that knows no rate makes no invoice, and the use of a code comes back.
#[tokio::test]
async fn the_rate_is_the_store_s() {
    let (pay, bench) = dollar_shop().await;
    bench.code("ONCE", json!({ "max_uses": 1 })).await;
    let (first, btcpay_id) = order(&bench, "demo").await;
    pay.set_rate("USD", "100000");
    let (second, _) = order(&bench, "demo").await;
    for (invoice_id, sats) in [(&first, 50_000), (&second, 25_000)] {
        assert_eq!(poll(&bench, invoice_id).await["amount_sats"], sats);
    }
    pay.pay_in_full(&btcpay_id).expect("a payment");
    deliver(&bench, &pay, "InvoiceSettled", &btcpay_id).await;
    assert_eq!(poll(&bench, &first).await["amount_sats"], 50_000);
    pay.set_rate("USD", "");
    let wanted = json!({ "product": "demo", "code": "ONCE" });
    let refused = bench.post("/v1/purchase", &wanted).await;
    assert_eq!(refused.refusal(), (502, "upstream_error".to_owned()));
    let closed = "SELECT count(*) FROM invoices WHERE status = 'invalid'";
    assert_eq!(bench.number(closed).await, 1, "nobody will ever pay it");
    pay.set_rate("USD", "50000");
    assert_eq!(bench.post("/v1/purchase", &wanted).await.status, 200);
}

/// An invoice whose price somebody changed is not the one we made.
#[tokio::test]
async fn an_invoice_over_another_price_issues_nothing() {
    let (pay, bench) = dollar_shop().await;
    let (invoice_id, btcpay_id) = order(&bench, "demo").await;
    pay.pay_in_full(&btcpay_id).expect("a payment");
    for tampered in [
        "UPDATE invoices SET price_currency = 'EUR'",
        "UPDATE invoices SET price_amount = 2501",
        "UPDATE invoices SET price_currency = 'SAT', price_amount = 50000",
    ] {
        bench
            .sql("UPDATE invoices SET price_currency = 'USD', price_amount = 2500")
            .await;
        bench.sql(tampered).await;
        deliver(&bench, &pay, "InvoiceSettled", &btcpay_id).await;
        assert_eq!(issued(&bench).await, [0; 4], "{tampered}");
        assert!(
            bench.log().contains("over another amount"),
            "{}",
            bench.log()
        );
    }
    bench
        .sql("UPDATE invoices SET price_currency = 'USD', price_amount = 2500")
        .await;
    deliver(&bench, &pay, "InvoiceSettled", &btcpay_id).await;
    assert_eq!(poll(&bench, &invoice_id).await["status"], "settled");
}

/// What an instance recorded before there were other currencies.
#[tokio::test]
async fn an_order_from_before_there_were_currencies_settles() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("demo", 50_000).await;
    let (invoice_id, btcpay_id) = order(&bench, "demo").await;
    bench
        .sql("UPDATE invoices SET price_amount = NULL, base_price_amount = NULL")
        .await;
    let waiting = poll(&bench, &invoice_id).await;
    assert_eq!(
        (&waiting["price_currency"], &waiting["price_value"]),
        (&json!("SAT"), &json!(50_000))
    );
    pay.pay_in_full(&btcpay_id).expect("a payment");
    tick_until_quiet(&bench).await;
    assert_eq!(poll(&bench, &invoice_id).await["status"], "settled");
    let receipt = one(&bench, "SELECT amount, currency FROM receipts").await;
    assert_eq!(receipt, json!({ "amount": 50_000, "currency": "SAT" }));
}
