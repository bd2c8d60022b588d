//! Every fault of deliveries does what it says, and ends when told to.

use std::time::Duration;

use keywright_btcpay_double::{
    BtcPay, ControlError, Event, Fault, MarkAs, NewInvoice, Outcome, Release, Status, sign,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::common::{Client, INVOICES, Receiver, START, a_moment, shop};

async fn set_up() -> (BtcPay, Receiver) {
    let receiver = Receiver::start().await;
    let pay = shop().webhook(&receiver.url, "secret").start().unwrap();
    (pay, receiver)
}

/// An invoice that was paid, so that five events are queued.
fn paid(pay: &BtcPay) -> String {
    let id = pay.create_invoice(NewInvoice::of("1", "USD")).unwrap();
    pay.pay_in_full(&id).unwrap();
    id
}

const ALL: [&str; 5] = [
    "InvoiceCreated",
    "InvoicePaymentSettled",
    "InvoiceReceivedPayment",
    "InvoiceProcessing",
    "InvoiceSettled",
];

#[tokio::test]
async fn deliveries_get_lost() {
    let (pay, receiver) = set_up().await;
    pay.on_delivery(Fault::lose().event("InvoiceSettled").times(1));
    let id = paid(&pay);
    pay.idle().await.unwrap();
    assert_eq!(receiver.types(), ALL[..4]);
    let lost = pay.attempts().pop().unwrap();
    assert_eq!(
        (lost.event.as_str(), lost.outcome.clone()),
        ("InvoiceSettled", Outcome::Lost)
    );
    assert!(!lost.was_sent());
    assert_eq!(pay.invoice(&id).unwrap().status, Status::Settled);
    receiver.forget();
    paid(&pay);
    pay.idle().await.unwrap();
    assert_eq!(receiver.types(), ALL);
}

#[tokio::test]
async fn deliveries_come_late() {
    let receiver = Receiver::start().await;
    let pay = shop()
        .webhook(&receiver.url, "secret")
        .frozen_clock(START)
        .start()
        .unwrap();
    pay.on_delivery(Fault::delay(Duration::from_hours(1)).event("InvoiceProcessing"));
    paid(&pay);
    pay.attempts_reached(3).await.unwrap();
    pay.advance(Duration::from_secs(3599));
    a_moment().await;
    assert_eq!(receiver.types(), ALL[..3]);
    pay.advance(Duration::from_secs(1));
    pay.idle().await.unwrap();
    assert_eq!(receiver.types(), ALL);
}

#[tokio::test]
async fn deliveries_come_several_times() {
    let (pay, receiver) = set_up().await;
    pay.on_delivery(Fault::duplicate(9).event("InvoiceSettled"));
    paid(&pay);
    pay.idle().await.unwrap();
    let settled: Vec<_> = receiver.received().into_iter().skip(4).collect();
    assert_eq!(settled.len(), 10);
    assert!(settled.iter().all(|one| one.body == settled[0].body));
    assert!(
        settled
            .iter()
            .all(|one| one.header("btcpay-sig") == sign("secret", &one.body))
    );
    assert_eq!(pay.attempts().len(), 14);
}

#[tokio::test]
async fn deliveries_are_held_and_released() {
    let (pay, receiver) = set_up().await;
    for (order, expected) in [
        (Release::InOrder, ["InvoiceProcessing", "InvoiceSettled"]),
        (Release::Reversed, ["InvoiceSettled", "InvoiceProcessing"]),
    ] {
        receiver.forget();
        pay.on_delivery(Fault::hold().event("InvoiceSettled"));
        pay.on_delivery(Fault::hold().event("InvoiceProcessing"));
        paid(&pay);
        pay.idle().await.unwrap();
        assert_eq!(receiver.types(), ALL[..3]);
        assert_eq!(pay.held().len(), 2);
        pay.clear_faults();
        a_moment().await;
        assert_eq!(receiver.received().len(), 3);
        assert_eq!(pay.release(order), 2);
        pay.idle().await.unwrap();
        assert_eq!(receiver.types()[3..], expected);
        assert_eq!(pay.release(order), 0);
    }
}

#[tokio::test]
async fn deliveries_arrive_in_another_order() {
    let (pay, receiver) = set_up().await;
    pay.on_delivery(Fault::reorder(5).times(1));
    paid(&pay);
    pay.idle().await.unwrap();
    let mut backwards = ALL;
    backwards.reverse();
    assert_eq!(receiver.types(), backwards);
    receiver.forget();
    paid(&pay);
    pay.idle().await.unwrap();
    assert_eq!(receiver.types(), ALL);
}

#[tokio::test]
async fn a_compacted_body_does_not_match_its_signature() {
    let (pay, receiver) = set_up().await;
    pay.on_delivery(Fault::compact());
    let delivery = pay
        .announce(Event::new("InvoiceSettled").invoice("i"))
        .unwrap()
        .remove(0);
    pay.idle().await.unwrap();
    let arrived = receiver.received().remove(0);
    assert!(!arrived.body.contains(&b'\n'));
    assert_ne!(arrived.header("btcpay-sig"), sign("secret", &arrived.body));
    // The signature is the one of the indented body, which says the same.
    let client = Client::of(&pay);
    let path = format!(
        "/api/v1/stores/S/webhooks/{}/deliveries/{delivery}/request",
        pay.webhook_id()
    );
    let answer = client.request(Method::GET, &path).send().await.unwrap();
    let indented = answer.bytes().await.unwrap();
    assert_eq!(arrived.header("btcpay-sig"), sign("secret", &indented));
    assert_eq!(
        serde_json::from_slice::<Value>(&indented).unwrap(),
        arrived.json()
    );
}

#[tokio::test]
async fn another_secret_signs() {
    let (pay, receiver) = set_up().await;
    receiver.answer(&[500]);
    let pay_fast = shop()
        .webhook(&receiver.url, "secret")
        .retry_speed(1000)
        .start()
        .unwrap();
    pay_fast.on_delivery(Fault::wrong_secret("guessed").times(1));
    pay_fast.announce(Event::new("InvoiceSettled")).unwrap();
    pay_fast.idle().await.unwrap();
    // The retry of a forged delivery is as forged.
    assert_eq!(receiver.received().len(), 2);
    for arrived in receiver.received() {
        assert_eq!(arrived.header("btcpay-sig"), sign("guessed", &arrived.body));
    }
    receiver.forget();
    pay.announce(Event::new("InvoiceSettled")).unwrap();
    pay.idle().await.unwrap();
    let arrived = &receiver.received()[0];
    assert_eq!(arrived.header("btcpay-sig"), sign("secret", &arrived.body));
}

#[tokio::test]
async fn the_api_contradicts_the_webhook() {
    let (pay, receiver) = set_up().await;
    let client = Client::of(&pay);
    let id = pay.create_invoice(NewInvoice::of("1", "USD")).unwrap();
    let shown = || {
        let (client, path) = (&client, format!("{INVOICES}/{id}"));
        async move { client.get(&path).await.1["status"].clone() }
    };
    // Announced without having happened.
    pay.announce(Event::new("InvoiceSettled").invoice(&id))
        .unwrap();
    pay.idle().await.unwrap();
    assert_eq!(receiver.types(), ["InvoiceCreated", "InvoiceSettled"]);
    assert_eq!(shown().await, "New");
    // Happened, but the API does not show it yet.
    pay.freeze_answers(&id).unwrap();
    pay.pay_in_full(&id).unwrap();
    assert_eq!(shown().await, "New");
    let (_, list) = client.get(&format!("{INVOICES}?status=Settled")).await;
    assert_eq!(list, json!([]));
    pay.thaw_answers(&id);
    assert_eq!(shown().await, "Settled");
    assert!(matches!(
        pay.freeze_answers("none"),
        Err(ControlError::UnknownInvoice(_))
    ));
}

#[tokio::test]
async fn another_stores_invoice_is_announced() {
    let receiver = Receiver::start().await;
    let pay = BtcPay::builder()
        .store("S")
        .webhook(&receiver.url, "secret")
        .store("OTHER")
        .api_key("K")
        .start()
        .unwrap();
    let other = pay
        .create_invoice(NewInvoice::of("1", "USD").order("o").store("OTHER"))
        .unwrap();
    pay.mark(&other, MarkAs::Settled).unwrap();
    pay.announce(Event::new("InvoiceSettled").invoice(&other))
        .unwrap();
    pay.idle().await.unwrap();
    let arrived = &receiver.received()[0];
    assert_eq!(arrived.header("btcpay-sig"), sign("secret", &arrived.body));
    let event = arrived.json();
    assert_eq!(
        (&event["storeId"], &event["invoiceId"]),
        (&json!("S"), &json!(other))
    );
    assert_eq!(event["metadata"], json!({"orderId": "o"}));
    assert_eq!(
        Client::of(&pay).get(&format!("{INVOICES}/{other}")).await.0,
        403
    );
    assert!(
        pay.create_invoice(NewInvoice::of("1", "USD").store("NONE"))
            .is_err()
    );
}

#[tokio::test]
async fn unknown_events_and_forged_bodies_can_be_sent() {
    let (pay, receiver) = set_up().await;
    let event = Event::new("PaymentRequestCompleted").with("paymentRequestId", json!("p"));
    let delivery = pay.announce(event).unwrap().remove(0);
    pay.idle().await.unwrap();
    assert_eq!(receiver.received()[0].json()["paymentRequestId"], "p");

    // A day later somebody sends the same again.
    pay.advance(Duration::from_hours(24));
    pay.replay(&delivery).unwrap();
    pay.idle().await.unwrap();
    let arrived = receiver.received();
    assert_eq!(arrived[0].body, arrived[1].body);
    assert_eq!(
        arrived[0].header("btcpay-sig"),
        arrived[1].header("btcpay-sig")
    );

    pay.send_raw(b"not json".to_vec(), Some("sha256=00"))
        .unwrap();
    pay.idle().await.unwrap();
    pay.send_raw(Vec::new(), None).unwrap();
    pay.idle().await.unwrap();
    let arrived = receiver.received();
    assert_eq!(
        (arrived[2].body.as_slice(), arrived[2].header("btcpay-sig")),
        (b"not json".as_slice(), "sha256=00")
    );
    assert!(!arrived[3].headers.contains_key("btcpay-sig"));
    assert_eq!(pay.attempts()[2].status(), Some(200));
    assert!(matches!(
        pay.replay("none"),
        Err(ControlError::UnknownDelivery(_))
    ));
}
