//! When an amount is enough: rounding, tolerance, top-ups, nothing at all.

use keywright_btcpay_double::{
    Additional, BtcPay, ControlError, Decimal, Method, NewInvoice, Payment, Status,
};
use serde_json::json;

use crate::common::{Client, INVOICES, shop};

fn state(pay: &BtcPay, id: &str) -> (Status, Additional) {
    let invoice = pay.invoice(id).unwrap();
    (invoice.status, invoice.additional)
}

#[tokio::test]
async fn prices_that_do_not_divide_evenly_are_no_overpayment() {
    let pay = shop().rate("USD", "37777").start().unwrap();
    for (amount, method) in [("9.99", Method::Chain), ("0.37", Method::Lightning)] {
        let id = pay.create_invoice(NewInvoice::of(amount, "USD")).unwrap();
        let payment = match method {
            Method::Chain => Payment::rest().on_chain().confirmed(),
            Method::Lightning => Payment::rest(),
        };
        pay.pay(&id, &payment).unwrap();
        assert_eq!(
            state(&pay, &id),
            (Status::Settled, Additional::None),
            "{amount}"
        );
        assert_eq!(pay.invoice(&id).unwrap().paid_amount().to_string(), amount);
    }
}

#[tokio::test]
async fn a_tolerance_accepts_a_little_less() {
    let pay = shop().start().unwrap();
    let client = Client::of(&pay);
    let request = json!({"amount": "100", "currency": "USD", "checkout": {"paymentTolerance": 5}});
    let (_, made) = client.post(INVOICES, &request).await;
    let id = made["id"].as_str().unwrap();
    pay.pay(id, &Payment::of("94.9")).unwrap();
    assert_eq!(state(&pay, id), (Status::New, Additional::PaidPartial));
    pay.pay(id, &Payment::of("0.1")).unwrap();
    assert_eq!(state(&pay, id), (Status::Settled, Additional::None));
}

#[tokio::test]
async fn top_ups_take_any_amount_and_free_invoices_none() {
    let pay = shop().start().unwrap();
    let client = Client::of(&pay);
    let (_, made) = client.post(INVOICES, &json!({"currency": "USD"})).await;
    let id = made["id"].as_str().unwrap();
    assert!(matches!(
        pay.pay_in_full(id),
        Err(ControlError::NotPossible(_))
    ));
    pay.pay(id, &Payment::of("3")).unwrap();
    let paid = pay.invoice(id).unwrap();
    assert_eq!(
        (paid.status, paid.amount),
        (Status::Settled, Decimal::from(3))
    );
    let (_, free) = client
        .post(INVOICES, &json!({"amount": 0, "currency": "USD"}))
        .await;
    assert_eq!(
        (&free["status"], &free["type"]),
        (&json!("Settled"), &json!("Standard"))
    );
}

#[tokio::test]
async fn a_rate_is_fixed_with_the_invoice() {
    let pay = shop().start().unwrap();
    let client = Client::of(&pay);
    let amount = async |id: &str| {
        let path = format!("{INVOICES}/{id}/payment-methods");
        let (_, methods) = client.get(&path).await;
        (methods[0]["rate"].clone(), methods[0]["amount"].clone())
    };
    let before = pay.create_invoice(NewInvoice::of("25.00", "USD")).unwrap();
    pay.set_rate("usd", "100000");
    let after = pay.create_invoice(NewInvoice::of("25.00", "USD")).unwrap();
    assert_eq!(amount(&before).await, (json!("50000"), json!("0.0005")));
    assert_eq!(amount(&after).await, (json!("100000"), json!("0.00025")));
    // Half of it in dollars, whatever that is in bitcoin by now.
    pay.pay_partially(&before).unwrap();
    let path = format!("{INVOICES}/{before}?includePaymentMethods=true");
    let (_, shown) = client.get(&path).await;
    assert_eq!(shown["paidAmount"], "12.50");
    let chain = &shown["paymentMethods"][0];
    assert_eq!(
        (&chain["amount"], &chain["due"]),
        (&json!("0.0005"), &json!("0.00025"))
    );
    pay.set_rate("USD", "");
    let refused = pay.create_invoice(NewInvoice::of("25.00", "USD"));
    assert!(matches!(refused, Err(ControlError::NotPossible(_))));
}
