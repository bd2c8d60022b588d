use super::*;
use crate::invoice::{Expected, Mismatch};
use keywright_domain::dates::rfc3339;
use serde_json::json;

const NOW: i64 = 1_800_000_000;

fn answer(value: &Value) -> Response<Vec<u8>> {
    Response::new(value.to_string().into_bytes())
}

fn order(members: &Value) -> Value {
    let mut order = json!({
        "id": "z", "orgId": "org", "externalUniqId": "o", "status": "PENDING",
        "totalAmount": 2_500, "currency": "USD", "createdAt": rfc3339(NOW),
        "checkoutUrl": "https://pay.zaprite.com/order/z",
    });
    for (name, value) in members.as_object().expect("members") {
        order[name] = value.clone();
    }
    order
}

fn read_one(members: &Value) -> Invoice {
    read_order(&answer(&order(members)), NOW).expect("an order")
}

fn confirmed(amount: i64) -> Value {
    json!([{ "status": "CONFIRMED", "amountInOrderCurrency": amount }])
}

#[test]
fn only_three_words_settle() {
    use InvoiceOutcome::{Expired, Invalid, Settled, Waiting};
    use PaymentState::{Overpaid, Paid, Processing, Underpaid, Unpaid};
    for (status, outcome, payment) in [
        ("PAID", Settled, Paid),
        ("COMPLETE", Settled, Paid),
        ("OVERPAID", Settled, Overpaid),
        ("PENDING", Waiting, Unpaid),
        ("PROCESSING", Waiting, Processing),
        ("UNDERPAID", Waiting, Underpaid),
        ("EXPIRED", Expired, Unpaid),
        ("ABANDONED", Expired, Unpaid),
        ("INVALID", Invalid, Unpaid),
        ("CANCELLED", Invalid, Unpaid),
        ("paid", Waiting, Unpaid),
        ("PAID ", Waiting, Unpaid),
        ("PAID_IN_PART", Waiting, Unpaid),
        ("SETTLED", Waiting, Unpaid),
        ("CONFIRMED", Waiting, Unpaid),
        ("REFUNDED", Waiting, Unpaid),
    ] {
        let state = PaymentObservation { outcome, payment };
        assert_eq!(
            read_one(&json!({ "status": status })).state,
            state,
            "{status}"
        );
    }
    for status in [json!(null), json!(1), json!(["PAID"]), json!("")] {
        let read = read_order(&answer(&order(&json!({ "status": status }))), NOW);
        assert_eq!(read, Err(ReadError::Unreadable), "{status}");
    }
}

#[test]
fn an_order_ends_when_its_time_is_over_unless_money_is_on_its_way() {
    use InvoiceOutcome::{Expired, Settled, Waiting};
    let over = rfc3339(NOW - 1);
    for (status, outcome) in [
        ("PENDING", Expired),
        ("UNDERPAID", Expired),
        ("PROCESSING", Waiting),
        ("PAID", Settled),
        ("A_NEW_WORD", Expired),
    ] {
        let read = read_one(&json!({ "status": status, "expiresAt": over }));
        assert_eq!(read.state.outcome, outcome, "{status}");
    }
    // Without an end it is a day from when the order was made.
    let made = |seconds: i64| {
        read_one(&json!({ "createdAt": rfc3339(NOW - seconds) }))
            .state
            .outcome
    };
    assert_eq!((made(86_400), made(86_401)), (Waiting, Expired));
    let watched = read_one(&json!({ "expiresAt": rfc3339(NOW + 60) })).watch_until;
    assert_eq!(watched, Some(NOW + 60 + 3 * 86_400));
    let no_times = json!({ "createdAt": "soon", "expiresAt": null });
    assert_eq!(read_one(&no_times).state.outcome, Waiting);
    assert_eq!(read_one(&no_times).watch_until, None);
}

#[test]
fn what_came_in_is_added_up_in_the_currency_of_the_order() {
    use PaymentState::{Paid, PaidLate, Processing, Underpaid, Unpaid};
    let one =
        |status: &str, amount: Value| json!({ "status": status, "amountInOrderCurrency": amount });
    let paid = |transactions: Value| read_one(&json!({ "transactions": transactions })).paid;
    let whole = Some(("25.00".to_owned(), "USD".to_owned()));
    assert_eq!(
        paid(json!([
            one("CONFIRMED", json!(2_000)),
            one("CONFIRMED", json!(500))
        ])),
        whole
    );
    for nothing in [
        json!([]),
        json!(null),
        json!([one("PENDING", json!(2_500))]),
        json!([one("CONFIRMED", json!("2500"))]),
        json!([one("CONFIRMED", json!(-5))]),
        json!([one("CONFIRMED", json!(25.5))]),
    ] {
        assert_eq!(paid(nothing.clone()), None, "{nothing}");
    }
    for (status, amount, payment) in [
        ("EXPIRED", 0, Unpaid),
        ("EXPIRED", 2_499, Underpaid),
        ("EXPIRED", 2_500, PaidLate),
        ("INVALID", 2_500, Paid),
        ("PENDING", 2_500, Processing),
        ("PENDING", 1, Underpaid),
        ("PAID", 2_499, Paid),
    ] {
        let read = read_one(&json!({ "status": status, "transactions": confirmed(amount) }));
        assert_eq!(read.state.payment, payment, "{status} {amount}");
    }
}

#[test]
fn only_our_own_order_decides() {
    let ours = Expected {
        account_id: Some("org"),
        order_id: "o",
        price: Price::new(Currency::Usd, 2_500).expect("a price"),
    };
    let paid = |members: Value| {
        let mut members = members;
        members["status"] = json!("PAID");
        read_one(&members)
            .observation(ours)
            .map(|seen| seen.outcome)
    };
    assert_eq!(paid(json!({})), Ok(InvoiceOutcome::Settled));
    for (members, mismatch) in [
        (json!({ "orgId": "other" }), Mismatch::Account),
        (json!({ "orgId": null }), Mismatch::Account),
        (json!({ "externalUniqId": "p" }), Mismatch::Order),
        (json!({ "externalUniqId": 7 }), Mismatch::Order),
        (json!({ "totalAmount": 2_499 }), Mismatch::Amount),
        (json!({ "totalAmount": 2_501 }), Mismatch::Amount),
        (json!({ "totalAmount": "2500" }), Mismatch::Amount),
        (json!({ "totalAmount": 25.0 }), Mismatch::Amount),
        (json!({ "totalAmount": null }), Mismatch::Amount),
        (json!({ "currency": "EUR" }), Mismatch::Amount),
        (json!({ "currency": "usd" }), Mismatch::Amount),
        (json!({ "currency": "BTC" }), Mismatch::Amount),
    ] {
        assert_eq!(paid(members.clone()), Err(mismatch), "{members}");
    }
    let unknown = Expected {
        account_id: None,
        ..ours
    };
    assert!(
        read_one(&json!({ "orgId": "any" }))
            .observation(unknown)
            .is_ok()
    );
}

#[test]
fn a_price_in_sats_is_one_of_bitcoin() {
    let read = read_one(
        &json!({ "currency": "BTC", "totalAmount": 50_000, "transactions": confirmed(50_000) }),
    );
    assert_eq!(read.price, Price::new(Currency::Sat, 50_000).ok());
    assert_eq!(read.paid, Some(("0.00050000".to_owned(), "BTC".to_owned())));
}

#[test]
fn a_wrapped_order_is_read_and_a_checkout_that_is_no_web_page_is_not() {
    for wrapped in [
        json!({ "data": order(&json!({})) }),
        json!({ "order": order(&json!({})) }),
    ] {
        assert!(read_order(&answer(&wrapped), NOW).is_ok(), "{wrapped}");
    }
    for url in [
        "javascript:alert(1)",
        "data:text/html,x",
        "https://a@evil.example",
        "/order/z",
    ] {
        let read = read_order(&answer(&order(&json!({ "checkoutUrl": url }))), NOW);
        assert_eq!(read, Err(ReadError::Unreadable), "{url}");
    }
    for broken in [
        json!([]),
        json!({}),
        json!("PAID"),
        json!({ "id": 7, "status": "PAID" }),
    ] {
        assert_eq!(
            read_order(&answer(&broken), NOW),
            Err(ReadError::Unreadable),
            "{broken}"
        );
    }
}

#[test]
fn a_page_is_read_whatever_holds_its_list() {
    let old = order(&json!({ "id": "y", "createdAt": rfc3339(NOW - 100) }));
    let broken = json!({ "id": 7 });
    let list = json!([order(&json!({})), broken, old]);
    for wrapped in [
        list.clone(),
        json!({ "items": list, "meta": { "pagesCount": 1, "itemsCount": 3 } }),
        json!({ "orders": list }),
        json!({ "data": list }),
    ] {
        let page = read_orders(&answer(&wrapped), NOW, NOW - 50).expect("a page");
        assert_eq!((page.count, page.orders.len()), (2, 1), "{wrapped}");
        assert_eq!(page.orders[0].id, "z");
        let organization = read_organization(&answer(&wrapped)).expect("a page");
        assert_eq!(organization.as_deref(), Some("org"));
    }
    assert_eq!(
        read_organization(&answer(&json!({ "items": [] }))),
        Ok(None)
    );
    for broken in [json!({}), json!({ "items": {} }), json!(1)] {
        assert_eq!(
            read_orders(&answer(&broken), NOW, 0),
            Err(ReadError::Unreadable),
            "{broken}"
        );
    }
}
