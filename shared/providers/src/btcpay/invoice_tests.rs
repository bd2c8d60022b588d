use super::*;
use crate::invoice::{Expected, Mismatch};
use keywright_domain::money::Sats;

#[test]
fn an_invoice_of_another_program_hides_none_of_ours() {
    let ours = r#"{"id":"I","storeId":"S","status":"New","metadata":{"orderId":"o"}}"#;
    let listed = |other: &str| read_invoices(&answer(200, &format!("[{other},{ours}]")));
    for (other, ids) in [
        (
            r#"{"id":"A","storeId":"S","status":"New","metadata":{"orderId":167}}"#,
            2,
        ),
        (
            r#"{"id":"A","storeId":"S","status":"New","metadata":[]}"#,
            2,
        ),
        (
            r#"{"id":"A","storeId":"S","status":"Odd","metadata":{"orderId":167}}"#,
            1,
        ),
        (r#"{"id":7}"#, 1),
    ] {
        let listed = listed(other).expect(other);
        assert_eq!(listed.len(), ids, "{other}");
        let found = listed
            .last()
            .and_then(|invoice| invoice.order_id.as_deref());
        assert_eq!(found, Some("o"), "{other}");
    }
    // What may be ours is not taken for absent.
    let odd = r#"{"id":"A","storeId":"S","status":"Odd","metadata":{"orderId":"p"}}"#;
    assert_eq!(listed(odd).err(), Some(ReadError::Unreadable));
}

fn price(currency: Currency, amount: i64) -> Price {
    Price::new(currency, amount).expect("a price")
}

fn answer(status: u16, body: &str) -> Response<Vec<u8>> {
    Response::builder()
        .status(status)
        .body(body.into())
        .expect("an answer")
}

#[test]
fn an_invoice_is_read_and_unknown_members_are_passed_over() {
    let body = r#"{"id":"I","storeId":"S","status":"Settled","additionalStatus":"Marked",
            "amount":"0.0005","paidAmount":"0","currency":"BTC","type":"Standard",
            "checkoutLink":"https://pay.example/i/I","metadata":{"orderId":"o","posData":null}}"#;
    let invoice = read_invoice(&answer(200, body)).expect("an invoice");
    assert_eq!(invoice.state.outcome, InvoiceOutcome::Settled);
    assert_eq!(invoice.price, Some(price(Currency::Sat, 50_000)));
    assert_eq!(invoice.sats, None, "nobody asked for it");
    assert_eq!(invoice.order_id.as_deref(), Some("o"));
}

#[test]
fn only_our_own_invoice_decides() {
    let body = r#"{"id":"I","storeId":"S","status":"Settled","amount":"0.0005",
            "currency":"BTC","metadata":{"orderId":"o"}}"#;
    let invoice = read_invoice(&answer(200, body)).expect("an invoice");
    let ours = Expected {
        account_id: Some("S"),
        order_id: "o",
        price: price(Currency::Sat, 50_000),
    };
    let settled = PaymentObservation {
        outcome: InvoiceOutcome::Settled,
        payment: PaymentState::Paid,
    };
    assert_eq!(invoice.observation(ours), Ok(settled));
    let other_store = Expected {
        account_id: Some("T"),
        ..ours
    };
    assert_eq!(invoice.observation(other_store), Err(Mismatch::Account));
    let other_order = Expected {
        order_id: "p",
        ..ours
    };
    assert_eq!(invoice.observation(other_order), Err(Mismatch::Order));
    for other in [
        price(Currency::Sat, 50_001),
        price(Currency::Usd, 50_000),
        price(Currency::Eur, 0),
    ] {
        let expected = Expected {
            price: other,
            ..ours
        };
        assert_eq!(invoice.observation(expected), Err(Mismatch::Amount));
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn statuses_and_amounts_make_an_observation() {
    use PaymentState::{Overpaid, Paid, PaidLate, Processing, Underpaid, Unpaid};
    for (status, additional, paid, outcome, payment) in [
        ("New", "None", Some("0"), InvoiceOutcome::Waiting, Unpaid),
        (
            "New",
            "PaidPartial",
            Some("0.0001"),
            InvoiceOutcome::Waiting,
            Underpaid,
        ),
        (
            "Processing",
            "None",
            Some("0.0005"),
            InvoiceOutcome::Waiting,
            Processing,
        ),
        (
            "Processing",
            "PaidOver",
            Some("0.0006"),
            InvoiceOutcome::Waiting,
            Processing,
        ),
        (
            "Settled",
            "None",
            Some("0.0005"),
            InvoiceOutcome::Settled,
            Paid,
        ),
        ("Settled", "None", None, InvoiceOutcome::Settled, Paid),
        (
            "Settled",
            "PaidOver",
            Some("0.0006"),
            InvoiceOutcome::Settled,
            Overpaid,
        ),
        (
            "Settled",
            "PaidPartial",
            Some("0.00049"),
            InvoiceOutcome::Settled,
            Paid,
        ),
        (
            "Settled",
            "Marked",
            Some("0"),
            InvoiceOutcome::Settled,
            Unpaid,
        ),
        (
            "Settled",
            "Marked",
            Some("0.0005"),
            InvoiceOutcome::Settled,
            Paid,
        ),
        (
            "Expired",
            "None",
            Some("0"),
            InvoiceOutcome::Expired,
            Unpaid,
        ),
        (
            "Expired",
            "PaidPartial",
            Some("0.0001"),
            InvoiceOutcome::Expired,
            Underpaid,
        ),
        (
            "Expired",
            "PaidLate",
            Some("0.0005"),
            InvoiceOutcome::Expired,
            PaidLate,
        ),
        (
            "Invalid",
            "None",
            Some("0.0005"),
            InvoiceOutcome::Invalid,
            Paid,
        ),
        ("Invalid", "None", None, InvoiceOutcome::Invalid, Paid),
        ("Invalid", "Marked", None, InvoiceOutcome::Invalid, Unpaid),
        (
            "Invalid",
            "Marked",
            Some("0.0"),
            InvoiceOutcome::Invalid,
            Unpaid,
        ),
        (
            "Invalid",
            "PaidPartial",
            Some("0.0001"),
            InvoiceOutcome::Invalid,
            Underpaid,
        ),
    ] {
        let mut body = serde_json::json!({"id": "I", "storeId": "S", "status": status,
                "additionalStatus": additional, "amount": "0.0005", "currency": "BTC",
                "monitoringExpiration": 1_700_000_000, "metadata": {"orderId": "o"}});
        if let Some(paid) = paid {
            body["paidAmount"] = paid.into();
        }
        let invoice = read_invoice(&answer(200, &body.to_string())).expect("an invoice");
        assert_eq!(invoice.watch_until, Some(1_700_000_000));
        let ours = Expected {
            account_id: Some("S"),
            order_id: "o",
            price: price(Currency::Sat, 50_000),
        };
        let seen = PaymentObservation { outcome, payment };
        assert_eq!(
            invoice.observation(ours),
            Ok(seen),
            "{status} {additional} {paid:?}"
        );
    }
}

#[test]
fn an_amount_is_read_in_its_currency() {
    for (amount, currency, read) in [
        (r#""25.00""#, "USD", Some(price(Currency::Usd, 2_500))),
        (r#""25""#, "EUR", Some(price(Currency::Eur, 2_500))),
        ("25.5", "USD", Some(price(Currency::Usd, 2_550))),
        (r#""0.0005""#, "BTC", Some(price(Currency::Sat, 50_000))),
        (r#""25.001""#, "USD", None),
        (r#""-25""#, "USD", None),
        (r#""25""#, "usd", None),
        (r#""25""#, "GBP", None),
        (r#""2500""#, "SATS", None),
        ("null", "USD", None),
    ] {
        let body = format!(
            r#"{{"id":"I","storeId":"S","status":"New","amount":{amount},"currency":"{currency}"}}"#
        );
        let invoice = read_invoice(&answer(200, &body)).expect("an invoice");
        assert_eq!(invoice.price, read, "{amount} {currency}");
    }
}

#[test]
fn what_it_is_in_sats_is_read_with_its_methods() {
    let body = r#"{"id":"I","storeId":"S","status":"New","amount":"25","currency":"USD",
            "paymentMethods":[{"paymentMethodId":"BTC-CHAIN","amount":"0.0005","rate":"50000",
                               "due":"0.0005","currency":"BTC","payments":[]}]}"#;
    let invoice = read_invoice(&answer(200, body)).expect("an invoice");
    assert_eq!(invoice.sats.map(Sats::get), Some(50_000));
    for none in ["[]", "null"] {
        let body = format!(
            r#"{{"id":"I","storeId":"S","status":"New","currency":"USD","paymentMethods":{none}}}"#
        );
        let invoice = read_invoice(&answer(200, &body)).expect("an invoice");
        assert_eq!(invoice.sats, None, "{none}");
    }
}

/// A store may take cards or other coins through a plugin: the payment stands on the invoice
/// like any other.
#[test]
fn what_was_paid_is_in_the_currency_of_the_invoice_whatever_paid_it() {
    for methods in [
        r#"[{"paymentMethodId":"Stripe-Card","amount":"25.00","currency":"USD"}]"#,
        r#"[{"paymentMethodId":"XMR-CHAIN","amount":"0.15","currency":"XMR"}]"#,
        "[{}]",
    ] {
        let body = format!(
            r#"{{"id":"I","storeId":"S","status":"Settled","amount":"25","paidAmount":"25.00",
                "currency":"USD","metadata":{{"orderId":"o"}},"paymentMethods":{methods}}}"#
        );
        let invoice = read_invoice(&answer(200, &body)).expect("an invoice");
        assert_eq!(invoice.paid(), Some(("25.00", "USD")), "{methods}");
        assert_eq!(invoice.sats, None, "{methods}");
        let ours = Expected {
            account_id: Some("S"),
            order_id: "o",
            price: price(Currency::Usd, 2_500),
        };
        let seen = invoice.observation(ours).expect("our invoice");
        assert_eq!(seen.outcome, InvoiceOutcome::Settled, "{methods}");
    }
}

#[test]
fn what_is_no_invoice_is_not_read() {
    for body in [
        "<html>",
        "[]",
        r#"{"id":"I","storeId":"S","status":"Paid"}"#,
    ] {
        let read = read_invoice(&answer(200, body));
        assert_eq!(read, Err(ReadError::Unreadable), "{body}");
    }
}
