//! Deliveries that must not act: forged, changed, replayed, early, about
//! something else. Nothing in a delivery is believed before it is read back.

use crate::bench::{Answer, Bench, account_of, played_store};
use crate::payments::{body_of, deliver, delivery_of, delivery_signed, issued, order, poll};
use axum::body::Body;
use http::Request;
use keywright_btcpay_double::{ApiState, BtcPay, MarkAs, NewInvoice, sign};
use keywright_ports::name;
use keywright_tests::shop::WEBHOOK_SECRET;
use serde_json::{Value, json};

/// A shop with one paid order that nobody has told of yet.
async fn paid_order() -> (BtcPay, Bench, String, String) {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("demo", 50_000).await;
    let (invoice_id, btcpay_id) = order(&bench, "demo").await;
    pay.pay_in_full(&btcpay_id).expect("a payment");
    (pay, bench, invoice_id, btcpay_id)
}

/// A delivery that leaves no trace; how often the store was asked about it.
async fn passed_over(bench: &Bench, pay: &BtcPay, request: Request<Body>) -> (Answer, usize) {
    let asked = pay.requests().len();
    let answer = bench.untouched_by(request).await;
    (answer, pay.requests().len() - asked)
}

#[tokio::test]
async fn only_the_raw_bytes_under_the_right_secret_are_heard() {
    let (pay, bench, invoice_id, btcpay_id) = paid_order().await;
    let body = body_of(&pay, "InvoiceSettled", &btcpay_id);
    assert!(
        body.windows(3).any(|bytes| bytes == b"\n  "),
        "indented, as the store writes it"
    );
    let good = sign(WEBHOOK_SECRET, &body);
    let value: Value = serde_json::from_slice(&body).expect("JSON");
    let compact = value.to_string().into_bytes();
    let crlf = String::from_utf8_lossy(&body)
        .replace('\n', "\r\n")
        .into_bytes();
    let mut changed = body.clone();
    *changed.last_mut().expect("a byte") = b' ';
    let upper = good.to_uppercase();
    let bare = good.trim_start_matches("sha256=").to_owned();
    let other = sign("another secret", &body);
    let empty = sign("", &body);
    for (what, body, signature) in [
        ("re-serialised", compact.clone(), Some(good.as_str())),
        ("other line ends", crlf, Some(&good)),
        ("one byte changed", changed, Some(&good)),
        (
            "one byte less",
            body[..body.len() - 1].to_vec(),
            Some(&good),
        ),
        ("another secret", body.clone(), Some(&other)),
        ("no secret", body.clone(), Some(&empty)),
        ("no signature", body.clone(), None),
        ("an empty signature", body.clone(), Some("")),
        ("without its scheme", body.clone(), Some(&bare)),
        ("another scheme", body.clone(), Some(&upper)),
        ("cut", body.clone(), Some(&good[..good.len() - 2])),
        ("longer", body.clone(), Some(&format!("{good}00"))),
        (
            "no hex",
            body.clone(),
            Some(&format!("sha256={}", "g".repeat(64))),
        ),
    ] {
        let (answer, asked) = passed_over(&bench, &pay, delivery_signed(body, signature)).await;
        assert_eq!(answer.refusal(), (401, "unauthorized".to_owned()), "{what}");
        assert_eq!(asked, 0, "{what}: the store was asked");
    }
    assert!(!bench.log().contains(WEBHOOK_SECRET));
    // Compact bytes are as good as any when they are what was signed.
    assert_eq!(bench.send(delivery_of(compact)).await.status, 200);
    assert_eq!(poll(&bench, &invoice_id).await["status"], "settled");
}

#[tokio::test]
async fn a_delivery_a_day_later_changes_nothing_more() {
    let (pay, bench, invoice_id, btcpay_id) = paid_order().await;
    let body = body_of(&pay, "InvoiceSettled", &btcpay_id);
    assert_eq!(bench.send(delivery_of(body.clone())).await.status, 200);
    let key = poll(&bench, &invoice_id).await["license_key"].clone();
    bench.clock.advance(86_400);
    for _ in 0..3 {
        let answer = bench.untouched_by(delivery_of(body.clone())).await;
        assert_eq!((answer.status, answer.body.len()), (200, 0));
    }
    assert_eq!(poll(&bench, &invoice_id).await["license_key"], key);
    // Nor does it bring a revoked license back.
    let license_id = bench
        .verified(key.as_str().expect("a key"))
        .payload()
        .license_id();
    let path = format!("/v1/admin/licenses/{license_id}/revoke");
    assert_eq!(bench.operate("POST", &path, &json!({})).await.status, 200);
    assert_eq!(bench.untouched_by(delivery_of(body)).await.status, 200);
    assert!(poll(&bench, &invoice_id).await["license_key"].is_null());
}

#[tokio::test]
async fn a_signed_delivery_about_something_else_is_passed_over() {
    let (pay, bench, invoice_id, btcpay_id) = paid_order().await;
    let real = body_of(&pay, "InvoiceSettled", &btcpay_id);
    let with = |changes: &[(&str, Value)]| {
        let mut event: Value = serde_json::from_slice(&real).expect("JSON");
        for (member, value) in changes {
            event[*member] = value.clone();
        }
        delivery_of(event.to_string().into_bytes())
    };
    let unknown = json!("Jk1unknown9");
    let nobodys = json!({ "orderId": "nobody" });
    let ours = json!({ "orderId": invoice_id });
    for (what, request) in [
        (
            "an unknown invoice",
            with(&[("invoiceId", unknown.clone()), ("metadata", nobodys)]),
        ),
        (
            "an unknown invoice for our order",
            with(&[("invoiceId", unknown), ("metadata", ours)]),
        ),
        ("another store", with(&[("storeId", json!("OTHER"))])),
        (
            "an invoice of another program",
            with(&[
                ("invoiceId", json!("Jk1unknown9")),
                ("metadata", json!({ "orderId": 167 })),
            ]),
        ),
        ("no store", with(&[("storeId", Value::Null)])),
        ("no invoice", with(&[("invoiceId", Value::Null)])),
        (
            "another path",
            with(&[("invoiceId", json!("../../stores/STORE/invoices"))]),
        ),
        ("a new invoice", with(&[("type", json!("InvoiceCreated"))])),
        (
            "a payment request",
            with(&[("type", json!("PaymentRequestCompleted"))]),
        ),
        ("an unknown type", with(&[("type", json!("SomethingNew"))])),
    ] {
        let (answer, asked) = passed_over(&bench, &pay, request).await;
        assert_eq!(answer.status, 200, "{what}: {answer:?}");
        assert_eq!(asked, 0, "{what}: the store was asked");
    }
}

#[tokio::test]
async fn a_signed_body_that_is_no_event_is_refused() {
    let (pay, bench, ..) = paid_order().await;
    let deep = format!("{{\"type\":{}}}", "[".repeat(100_000));
    for body in [
        "",
        "not json",
        "[]",
        "{}",
        "null",
        "{\"type\":1}",
        "{\"invoiceId\":\"x\"}",
        &deep,
    ] {
        let request = delivery_of(body.as_bytes().to_vec());
        let (answer, asked) = passed_over(&bench, &pay, request).await;
        assert_eq!(answer.refusal(), (400, "bad_request".to_owned()));
        assert_eq!(asked, 0);
    }
    let large = vec![b' '; 2 * 1024 * 1024 + 1];
    for request in [delivery_of(large.clone()), delivery_signed(large, None)] {
        let (answer, _) = passed_over(&bench, &pay, request).await;
        assert_eq!(answer.refusal(), (413, "payload_too_large".to_owned()));
    }
}

#[tokio::test]
async fn a_delivery_before_the_money_changes_nothing() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("demo", 50_000).await;
    let (invoice_id, btcpay_id) = order(&bench, "demo").await;
    let lie = |pay: &BtcPay| delivery_of(body_of(pay, "InvoiceSettled", &btcpay_id));
    assert_eq!(bench.untouched_by(lie(&pay)).await.status, 200, "unpaid");
    let rest = keywright_btcpay_double::Payment::rest().on_chain();
    for (step, payment) in [("half paid", "underpaid"), ("unconfirmed", "processing")] {
        if step == "half paid" {
            pay.pay_partially(&btcpay_id).expect("a payment");
        } else {
            pay.pay(&btcpay_id, &rest).expect("a payment");
        }
        assert_eq!(bench.send(lie(&pay)).await.status, 200, "{step}");
        assert_eq!(
            bench.untouched_by(lie(&pay)).await.status,
            200,
            "{step} again"
        );
        let progress = poll(&bench, &invoice_id).await;
        assert_eq!(progress["status"], "pending", "{step}");
        assert_eq!(progress["payment_state"], payment);
        assert_eq!(issued(&bench).await, [0; 4], "{step}");
    }
    pay.confirm(&btcpay_id).expect("a confirmation");
    assert_eq!(bench.send(lie(&pay)).await.status, 200);
    assert_eq!(poll(&bench, &invoice_id).await["status"], "settled");
}

#[tokio::test]
async fn money_that_comes_too_late_counts_when_the_merchant_says_so() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("demo", 50_000).await;
    let (invoice_id, btcpay_id) = order(&bench, "demo").await;
    pay.pay_late(&btcpay_id).expect("a payment");
    deliver(&bench, &pay, "InvoicePaidAfterExpiration", &btcpay_id).await;
    assert_eq!(poll(&bench, &invoice_id).await["status"], "expired");
    assert_eq!(issued(&bench).await, [0; 4]);
    pay.mark(&btcpay_id, MarkAs::Settled).expect("a mark");
    deliver(&bench, &pay, "InvoiceSettled", &btcpay_id).await;
    assert_eq!(poll(&bench, &invoice_id).await["status"], "settled");
    assert_eq!(issued(&bench).await, [1; 4]);
}

/// The store has an invoice with our order id that we did not make: its owner
/// may let anyone create invoices.
#[tokio::test]
async fn an_invoice_over_another_amount_is_not_ours() {
    for (amount, currency) in [("0.00000001", "BTC"), ("0.00050001", "BTC"), ("25", "USD")] {
        let pay = played_store();
        let bench = Bench::paid_through(&pay);
        bench.product("demo", 50_000).await;
        pay.fail_next(2, 503);
        let answer = bench
            .post("/v1/purchase", &json!({ "product": "demo" }))
            .await;
        assert_eq!(answer.refusal(), (502, "upstream_error".to_owned()));
        let row = &bench.sql("SELECT id FROM invoices").await[0];
        let invoice_id = row["id"].as_str().expect("an id").to_owned();
        let forged = NewInvoice::of(amount, currency).order(&invoice_id);
        let forged = pay.create_invoice(forged).expect("an invoice");
        pay.pay_in_full(&forged).expect("a payment");
        let request = delivery_of(body_of(&pay, "InvoiceSettled", &forged));
        assert_eq!(
            bench.untouched_by(request).await.status,
            200,
            "{amount} {currency}"
        );
        assert!(bench.log().contains("nothing recorded"), "{}", bench.log());
        bench.clock.advance(121);
        let report = bench.tick().await.json();
        assert_eq!(
            (&report["checked"], &report["settled"]),
            (&json!(1), &json!(0))
        );
        assert_eq!(issued(&bench).await, [0; 4], "{amount} {currency}");
        assert_eq!(poll(&bench, &invoice_id).await["status"], "pending");
    }
}

#[tokio::test]
async fn an_invoice_of_another_store_is_not_ours() {
    let now = i64::try_from(crate::bench::NOW).expect("a time");
    let pay = BtcPay::builder()
        .store("STORE")
        .store("OTHER")
        .api_key("KEY")
        .frozen_clock(now)
        .start()
        .expect("a played BTCPay");
    let bench = Bench::paid_through(&pay);
    bench.product("demo", 50_000).await;
    pay.fail_next(2, 503);
    bench
        .post("/v1/purchase", &json!({ "product": "demo" }))
        .await;
    let row = &bench.sql("SELECT id FROM invoices").await[0];
    let invoice_id = row["id"].as_str().expect("an id");
    let elsewhere = NewInvoice::of("0.00050000", "BTC")
        .order(invoice_id)
        .store("OTHER");
    let elsewhere = pay.create_invoice(elsewhere).expect("an invoice");
    pay.pay_in_full(&elsewhere).expect("a payment");
    let honest = body_of(&pay, "InvoiceSettled", &elsewhere);
    assert_eq!(
        bench.untouched_by(delivery_of(honest.clone())).await.status,
        200
    );
    // The same, claiming our store: it does not show what is not its own.
    let mut claim: Value = serde_json::from_slice(&honest).expect("JSON");
    claim["storeId"] = json!("STORE");
    let claim = claim.to_string().into_bytes();
    let answer = bench.untouched_by(delivery_of(claim)).await;
    assert_eq!(
        answer.refusal(),
        (503, "service_unavailable".to_owned()),
        "{}",
        bench.log()
    );
    assert_eq!(
        pay.requests().last().and_then(|request| request.status),
        Some(403)
    );
    assert_eq!(issued(&bench).await, [0; 4]);
}

#[tokio::test]
async fn an_invoice_that_the_store_does_not_know_is_passed_over() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("demo", 50_000).await;
    pay.fail_next(2, 503);
    bench
        .post("/v1/purchase", &json!({ "product": "demo" }))
        .await;
    let row = &bench.sql("SELECT id FROM invoices").await[0];
    let event = json!({
        "type": "InvoiceSettled", "storeId": "STORE", "invoiceId": "Jk1unknown9",
        "metadata": { "orderId": row["id"] },
    });
    let request = delivery_of(event.to_string().into_bytes());
    let (answer, asked) = passed_over(&bench, &pay, request).await;
    assert_eq!((answer.status, asked), (200, 1));
    assert!(
        bench.log().contains("knows no such invoice"),
        "{}",
        bench.log()
    );
}

#[tokio::test]
async fn a_store_that_cannot_be_asked_is_to_deliver_again() {
    let (pay, bench, invoice_id, btcpay_id) = paid_order().await;
    let body = body_of(&pay, "InvoiceSettled", &btcpay_id);
    let again = (503, "service_unavailable".to_owned());
    for status in [500, 502, 503, 429, 401, 403] {
        pay.fail_next(1, status);
        let answer = bench.untouched_by(delivery_of(body.clone())).await;
        assert_eq!(answer.refusal(), again, "the store answers {status}");
    }
    for state in [ApiState::Closed, ApiState::Refused] {
        pay.api(state);
        let answer = bench.untouched_by(delivery_of(body.clone())).await;
        assert_eq!(answer.refusal(), again);
        pay.api(ApiState::Up);
    }
    assert_eq!(bench.send(delivery_of(body)).await.status, 200);
    assert_eq!(poll(&bench, &invoice_id).await["status"], "settled");
}

#[tokio::test]
async fn without_an_account_no_delivery_is_heard() {
    let pay = played_store();
    for missing in [
        name::BTCPAY_URL,
        name::BTCPAY_STORE_ID,
        name::BTCPAY_API_KEY,
        name::BTCPAY_WEBHOOK_SECRET,
    ] {
        let account =
            account_of(&pay).map(|(name, value)| (name, if name == missing { "" } else { value }));
        let bench = Bench::with(&account);
        let body = b"{\"type\":\"InvoiceSettled\"}".to_vec();
        for signature in [sign(WEBHOOK_SECRET, &body), sign("", &body)] {
            let request = delivery_signed(body.clone(), Some(&signature));
            let refusal = bench.untouched_by(request).await.refusal();
            assert_eq!(
                refusal,
                (503, "btcpay_not_configured".to_owned()),
                "no {missing}"
            );
        }
    }
}
