//! Redelivering: ids, records, and bodies that are not kept for ever.

use std::time::Duration;

use keywright_btcpay_double::{BtcPay, Event};
use serde_json::{Value, json};

use crate::common::{Client, Receiver, START, names, shop};

/// Delivers one event, and returns the delivery's id.
async fn deliver_one(pay: &BtcPay) -> String {
    let mut deliveries = pay
        .announce(Event::new("InvoiceCreated").invoice("i"))
        .unwrap();
    pay.idle().await.unwrap();
    deliveries.pop().unwrap()
}

#[tokio::test]
async fn redelivering_over_the_api() {
    let receiver = Receiver::start().await;
    receiver.answer(&[404]);
    let pay = shop()
        .webhook(&receiver.url, "s")
        .frozen_clock(START)
        .start()
        .unwrap();
    let client = Client::of(&pay);
    let first = deliver_one(&pay).await;
    let deliveries = format!("/api/v1/stores/S/webhooks/{}/deliveries", pay.webhook_id());

    let (status, record) = client.get(&format!("{deliveries}/{first}")).await;
    assert_eq!(status, 200);
    assert_eq!(
        names(&record),
        [
            "id",
            "timestamp",
            "deliveryTime",
            "httpCode",
            "errorMessage",
            "status"
        ]
        .into()
    );
    assert_eq!(
        (&record["status"], &record["httpCode"]),
        (&json!("HttpError"), &json!(404))
    );
    assert_eq!(
        (&record["id"], &record["timestamp"]),
        (&json!(first), &json!(START))
    );

    pay.advance(Duration::from_secs(100));
    let (status, second) = client
        .post(&format!("{deliveries}/{first}/redeliver"), &json!({}))
        .await;
    assert_eq!(status, 200);
    let second = second.as_str().expect("a JSON string").to_owned();
    pay.idle().await.unwrap();
    // A redelivery of a redelivery still names the first.
    let (_, third) = client
        .post(&format!("{deliveries}/{second}/redeliver"), &json!({}))
        .await;
    pay.idle().await.unwrap();
    let bodies: Vec<Value> = receiver
        .received()
        .iter()
        .map(super::common::Received::json)
        .collect();
    assert_eq!(bodies.len(), 3);
    assert_eq!(bodies[1]["deliveryId"], second);
    assert_eq!(bodies[2]["deliveryId"], third);
    for body in &bodies[1..] {
        assert_eq!(body["originalDeliveryId"], first);
        assert_eq!(
            (&body["isRedelivery"], &body["timestamp"]),
            (&json!(true), &json!(START))
        );
    }

    let (_, list) = client.get(&deliveries).await;
    let listed: Vec<&Value> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["id"])
        .collect();
    assert_eq!(listed, [&third, &json!(second), &json!(first)]);
    assert_eq!(list[1]["status"], "HttpSuccess");
    assert_eq!(list[1]["timestamp"], START + 100);
    let (_, latest) = client.get(&format!("{deliveries}?count=1")).await;
    assert_eq!(latest.as_array().unwrap().len(), 1);

    let request = client.request(
        reqwest::Method::GET,
        &format!("{deliveries}/{second}/request"),
    );
    let kept = request.send().await.unwrap().bytes().await.unwrap();
    assert_eq!(kept, receiver.received()[1].body);
}

#[tokio::test]
async fn bodies_are_pruned_after_sixty_days() {
    let receiver = Receiver::start().await;
    let pay = shop()
        .webhook(&receiver.url, "s")
        .frozen_clock(START)
        .start()
        .unwrap();
    let client = Client::of(&pay);
    let first = deliver_one(&pay).await;
    let path = format!(
        "/api/v1/stores/S/webhooks/{}/deliveries/{first}",
        pay.webhook_id()
    );
    let sixty_days = Duration::from_hours(1440);
    pay.advance(sixty_days);
    assert_eq!(client.get(&format!("{path}/request")).await.0, 200);
    pay.advance(Duration::from_secs(1));
    let (status, body) = client.post(&format!("{path}/redeliver"), &json!({})).await;
    assert_eq!(
        (status, &body["code"]),
        (409, &json!("webhookdelivery-pruned"))
    );
    assert_eq!(client.get(&format!("{path}/request")).await.0, 409);
    assert_eq!(client.get(&path).await.0, 200);
    assert!(pay.redeliver(&first).is_err());
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn a_failed_redelivery_is_retried_like_any_other() {
    let receiver = Receiver::start().await;
    receiver.answer(&[200, 500, 200]);
    let pay = shop()
        .webhook(&receiver.url, "s")
        .retry_speed(1000)
        .start()
        .unwrap();
    let first = deliver_one(&pay).await;
    pay.redeliver(&first).unwrap();
    pay.idle().await.unwrap();
    let bodies: Vec<Value> = receiver
        .received()
        .iter()
        .map(super::common::Received::json)
        .collect();
    assert_eq!(bodies.len(), 3);
    assert!(
        bodies
            .iter()
            .all(|body| body["originalDeliveryId"] == json!(first))
    );
}
