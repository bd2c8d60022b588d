//! The status machine: every transition, and what webhooks are told of it.

use std::time::Duration;

use keywright_btcpay_double::{
    Additional, BtcPay, ControlError, Decimal, MarkAs, NewInvoice, Payment, SpeedPolicy, Status,
    StoreConfig,
};
use serde_json::{Value, json};

use crate::common::{Client, INVOICES, Receiver, START, names, shop};

/// A double whose time stands still, with a webhook.
async fn set_up() -> (BtcPay, Receiver) {
    let receiver = Receiver::start().await;
    let pay = shop()
        .webhook(&receiver.url, "secret")
        .frozen_clock(START)
        .start()
        .unwrap();
    (pay, receiver)
}

fn state(pay: &BtcPay, id: &str) -> (Status, Additional) {
    let invoice = pay.invoice(id).unwrap();
    (invoice.status, invoice.additional)
}

/// An invoice over 25 USD, with its creation already announced.
async fn invoice(pay: &BtcPay, receiver: &Receiver) -> String {
    let id = pay
        .create_invoice(NewInvoice::of("25.00", "USD").order("o-1"))
        .unwrap();
    pay.idle().await.unwrap();
    assert_eq!(receiver.types(), ["InvoiceCreated"]);
    receiver.forget();
    id
}

/// Type and own fields of each event that arrived, checking the common ones.
async fn told(pay: &BtcPay, receiver: &Receiver, id: &str) -> Vec<(String, Value)> {
    pay.idle().await.unwrap();
    let events = receiver.received().into_iter().map(|arrived| {
        let mut event = arrived.json();
        assert_eq!(event["invoiceId"], id);
        assert_eq!(event["metadata"], json!({"orderId": "o-1"}));
        assert_eq!(event["storeId"], "S");
        assert_eq!(event["webhookId"], pay.webhook_id());
        assert_eq!(event["timestamp"], pay.now());
        assert_eq!(event["isRedelivery"], false);
        assert_eq!(event["deliveryId"], event["originalDeliveryId"]);
        let kind = event["type"].as_str().unwrap().to_owned();
        let own = event.as_object_mut().unwrap();
        for common in [
            "deliveryId",
            "webhookId",
            "originalDeliveryId",
            "isRedelivery",
            "type",
            "timestamp",
            "storeId",
            "invoiceId",
            "metadata",
        ] {
            assert!(own.remove(common).is_some(), "{common}");
        }
        (kind, event)
    });
    let events = events.collect();
    receiver.forget();
    events
}

fn types(events: &[(String, Value)]) -> Vec<&str> {
    events.iter().map(|(kind, _)| kind.as_str()).collect()
}

#[tokio::test]
async fn lightning_settles_at_once() {
    let (pay, receiver) = set_up().await;
    let id = invoice(&pay, &receiver).await;
    let payment = pay.pay_in_full(&id).unwrap();
    assert_eq!(state(&pay, &id), (Status::Settled, Additional::None));
    let events = told(&pay, &receiver, &id).await;
    // A payment that is settled when seen is announced so before it is arrived.
    assert_eq!(
        types(&events),
        [
            "InvoicePaymentSettled",
            "InvoiceReceivedPayment",
            "InvoiceProcessing",
            "InvoiceSettled"
        ]
    );
    for (_, fields) in &events[..2] {
        assert_eq!(
            names(fields),
            ["afterExpiration", "paymentMethodId", "payment"].into()
        );
        assert_eq!(fields["afterExpiration"], false);
        assert_eq!(fields["paymentMethodId"], "BTC-LN");
        let paid = &fields["payment"];
        assert_eq!(
            names(paid),
            [
                "id",
                "receivedDate",
                "value",
                "fee",
                "status",
                "destination"
            ]
            .into()
        );
        assert_eq!(
            (&paid["id"], &paid["value"]),
            (&json!(payment), &json!("0.0005"))
        );
        assert_eq!(
            (&paid["status"], &paid["receivedDate"]),
            (&json!("Settled"), &json!(START))
        );
    }
    assert_eq!(events[2].1, json!({"overPaid": false}));
    assert_eq!(
        events[3].1,
        json!({"manuallyMarked": false, "overPaid": false})
    );
    let (_, shown) = Client::of(&pay).get(&format!("{INVOICES}/{id}")).await;
    assert_eq!(
        (&shown["status"], &shown["paidAmount"]),
        (&json!("Settled"), &json!("25.00"))
    );
    assert_eq!(shown["availableStatusesForManualMarking"], json!([]));
}

#[tokio::test]
async fn on_chain_waits_for_confirmation() {
    let (pay, receiver) = set_up().await;
    let id = invoice(&pay, &receiver).await;
    pay.pay_on_chain(&id).unwrap();
    assert_eq!(state(&pay, &id), (Status::Processing, Additional::None));
    let events = told(&pay, &receiver, &id).await;
    assert_eq!(
        types(&events),
        ["InvoiceReceivedPayment", "InvoiceProcessing"]
    );
    assert_eq!(events[0].1["payment"]["status"], "Processing");
    assert_eq!(events[0].1["paymentMethodId"], "BTC-CHAIN");
    // The deadline does not matter once it is paid.
    pay.advance(Duration::from_mins(15));
    assert_eq!(state(&pay, &id), (Status::Processing, Additional::None));
    pay.confirm(&id).unwrap();
    assert_eq!(state(&pay, &id), (Status::Settled, Additional::None));
    let events = told(&pay, &receiver, &id).await;
    assert_eq!(types(&events), ["InvoicePaymentSettled", "InvoiceSettled"]);
    assert_eq!(events[0].1["payment"]["status"], "Settled");
    assert!(matches!(
        pay.confirm(&id),
        Err(ControlError::NotPossible(_))
    ));
}

#[tokio::test]
async fn high_speed_needs_no_confirmation() {
    let pay = BtcPay::builder()
        .store_with(StoreConfig::new("S").speed_policy(SpeedPolicy::HighSpeed))
        .start()
        .unwrap();
    let id = pay.create_invoice(NewInvoice::of("25.00", "USD")).unwrap();
    pay.pay_on_chain(&id).unwrap();
    assert_eq!(state(&pay, &id), (Status::Settled, Additional::None));
}

#[tokio::test]
async fn an_unpaid_invoice_expires() {
    let (pay, receiver) = set_up().await;
    let id = invoice(&pay, &receiver).await;
    pay.advance(Duration::from_secs(15 * 60 - 1));
    assert_eq!(state(&pay, &id), (Status::New, Additional::None));
    pay.advance(Duration::from_secs(1));
    assert_eq!(state(&pay, &id), (Status::Expired, Additional::None));
    let events = told(&pay, &receiver, &id).await;
    assert_eq!(
        events,
        [("InvoiceExpired".to_owned(), json!({"partiallyPaid": false}))]
    );
    // Long after its monitoring window nobody notices a payment.
    pay.advance(Duration::from_secs(24 * 60 * 60 + 1));
    assert!(matches!(
        pay.pay_in_full(&id),
        Err(ControlError::NotPossible(_))
    ));
    assert_eq!(told(&pay, &receiver, &id).await, []);
}

#[tokio::test]
async fn a_partial_payment_expires_partly_paid_and_the_rest_is_late() {
    let (pay, receiver) = set_up().await;
    let id = invoice(&pay, &receiver).await;
    pay.pay_partially(&id).unwrap();
    assert_eq!(state(&pay, &id), (Status::New, Additional::PaidPartial));
    let events = told(&pay, &receiver, &id).await;
    assert_eq!(
        types(&events),
        ["InvoicePaymentSettled", "InvoiceReceivedPayment"]
    );
    pay.expire(&id).unwrap();
    assert_eq!(state(&pay, &id), (Status::Expired, Additional::PaidPartial));
    let events = told(&pay, &receiver, &id).await;
    assert_eq!(
        types(&events),
        ["InvoiceExpired", "InvoiceExpiredPaidPartial"]
    );
    assert_eq!(events[0].1, json!({"partiallyPaid": true}));
    assert_eq!(events[1].1, json!({}));
    pay.pay(&id, &Payment::rest().on_chain()).unwrap();
    assert_eq!(state(&pay, &id), (Status::Expired, Additional::PaidLate));
    assert_eq!(pay.invoice(&id).unwrap().paid_amount(), Decimal::from(25));
}

#[tokio::test]
async fn two_parts_make_a_whole() {
    let (pay, receiver) = set_up().await;
    let id = invoice(&pay, &receiver).await;
    pay.pay(&id, &Payment::of("10").lightning()).unwrap();
    assert_eq!(state(&pay, &id), (Status::New, Additional::PaidPartial));
    pay.pay(&id, &Payment::of("15").on_chain().confirmed())
        .unwrap();
    assert_eq!(state(&pay, &id), (Status::Settled, Additional::None));
}

#[tokio::test]
async fn a_second_unconfirmed_payment_overpays() {
    let (pay, receiver) = set_up().await;
    let id = invoice(&pay, &receiver).await;
    pay.pay_on_chain(&id).unwrap();
    assert_eq!(state(&pay, &id), (Status::Processing, Additional::None));
    pay.pay(&id, &Payment::of("5").on_chain()).unwrap();
    assert_eq!(state(&pay, &id), (Status::Processing, Additional::PaidOver));
    let events = told(&pay, &receiver, &id).await;
    // The status stays, so only the payment is announced.
    assert_eq!(types(&events)[2..], ["InvoiceReceivedPayment"]);
    pay.confirm(&id).unwrap();
    let events = told(&pay, &receiver, &id).await;
    assert_eq!(
        events[2].1,
        json!({"manuallyMarked": false, "overPaid": true})
    );
}

#[tokio::test]
async fn an_overpayment_settles_and_says_so() {
    let (pay, receiver) = set_up().await;
    let id = invoice(&pay, &receiver).await;
    pay.pay_over(&id).unwrap();
    assert_eq!(state(&pay, &id), (Status::Settled, Additional::PaidOver));
    let events = told(&pay, &receiver, &id).await;
    assert_eq!(events[2].1, json!({"overPaid": true}));
    assert_eq!(
        events[3].1,
        json!({"manuallyMarked": false, "overPaid": true})
    );
    assert_eq!(pay.invoice(&id).unwrap().paid_amount(), Decimal::from(50));
}

#[tokio::test]
async fn a_late_payment_never_settles_by_itself() {
    let (pay, receiver) = set_up().await;
    let id = invoice(&pay, &receiver).await;
    pay.pay_late(&id).unwrap();
    assert_eq!(state(&pay, &id), (Status::Expired, Additional::PaidLate));
    let events = told(&pay, &receiver, &id).await;
    assert_eq!(
        types(&events),
        [
            "InvoiceExpired",
            "InvoicePaymentSettled",
            "InvoiceReceivedPayment",
            "InvoicePaidAfterExpiration"
        ]
    );
    assert_eq!(events[1].1["afterExpiration"], true);
    assert_eq!(events[3].1, json!({}));
    pay.advance(Duration::from_hours(12));
    assert_eq!(state(&pay, &id), (Status::Expired, Additional::PaidLate));
    pay.mark(&id, MarkAs::Settled).unwrap();
    assert_eq!(state(&pay, &id), (Status::Settled, Additional::Marked));
    let events = told(&pay, &receiver, &id).await;
    let marked = json!({"manuallyMarked": true, "overPaid": false});
    assert_eq!(events, [("InvoiceSettled".to_owned(), marked)]);
}

#[tokio::test]
async fn a_vanished_payment_goes_back_silently() {
    let (pay, receiver) = set_up().await;
    let id = invoice(&pay, &receiver).await;
    pay.pay_on_chain(&id).unwrap();
    told(&pay, &receiver, &id).await;
    pay.vanish(&id).unwrap();
    assert_eq!(state(&pay, &id), (Status::New, Additional::None));
    assert_eq!(told(&pay, &receiver, &id).await, []);
    let client = Client::of(&pay);
    let methods = |query: &'static str| {
        let (client, path) = (&client, format!("{INVOICES}/{id}/payment-methods{query}"));
        async move { client.get(&path).await.1[0]["payments"].clone() }
    };
    assert_eq!(methods("").await, json!([]));
    assert_eq!(
        methods("?onlyAccountedPayments=false").await[0]["status"],
        "Invalid"
    );
    // It can still be paid, or expire.
    pay.pay_in_full(&id).unwrap();
    assert_eq!(state(&pay, &id), (Status::Settled, Additional::None));
    assert!(matches!(pay.vanish(&id), Err(ControlError::NotPossible(_))));
}

#[tokio::test]
async fn what_vanishes_takes_only_itself_along() {
    let (pay, receiver) = set_up().await;
    let id = invoice(&pay, &receiver).await;
    pay.pay(&id, &Payment::of("10").on_chain().confirmed())
        .unwrap();
    pay.pay(&id, &Payment::of("20").on_chain()).unwrap();
    assert_eq!(state(&pay, &id), (Status::Processing, Additional::PaidOver));
    pay.vanish(&id).unwrap();
    assert_eq!(state(&pay, &id), (Status::New, Additional::PaidPartial));
    // After the deadline the watcher lets it expire like any other.
    pay.pay(&id, &Payment::rest().on_chain()).unwrap();
    pay.advance(Duration::from_mins(20));
    pay.vanish(&id).unwrap();
    pay.advance(Duration::ZERO);
    assert_eq!(state(&pay, &id), (Status::Expired, Additional::PaidPartial));
}

#[tokio::test]
async fn what_never_confirms_becomes_invalid() {
    let (pay, receiver) = set_up().await;
    let id = invoice(&pay, &receiver).await;
    pay.pay_on_chain(&id).unwrap();
    told(&pay, &receiver, &id).await;
    pay.advance(Duration::from_mins(1455));
    assert_eq!(state(&pay, &id), (Status::Processing, Additional::None));
    pay.advance(Duration::from_secs(1));
    assert_eq!(state(&pay, &id), (Status::Invalid, Additional::None));
    let events = told(&pay, &receiver, &id).await;
    assert_eq!(
        events,
        [(
            "InvoiceInvalid".to_owned(),
            json!({"manuallyMarked": false})
        )]
    );
    // The explicit way to the same end.
    let other = pay.create_invoice(NewInvoice::of("1", "USD")).unwrap();
    pay.pay_on_chain(&other).unwrap();
    pay.end_monitoring(&other).unwrap();
    assert_eq!(state(&pay, &other), (Status::Invalid, Additional::None));
}

#[tokio::test]
async fn a_marked_invoice_can_be_marked_back() {
    let (pay, receiver) = set_up().await;
    let id = invoice(&pay, &receiver).await;
    pay.mark(&id, MarkAs::Settled).unwrap();
    pay.mark(&id, MarkAs::Invalid).unwrap();
    assert_eq!(state(&pay, &id), (Status::Invalid, Additional::Marked));
    assert!(pay.mark(&id, MarkAs::Invalid).is_err());
    pay.mark(&id, MarkAs::Settled).unwrap();
    let events = told(&pay, &receiver, &id).await;
    assert_eq!(
        types(&events),
        ["InvoiceSettled", "InvoiceInvalid", "InvoiceSettled"]
    );
    assert_eq!(events[1].1, json!({"manuallyMarked": true}));
    assert_eq!(pay.invoice(&id).unwrap().paid_amount().to_string(), "0");
}
