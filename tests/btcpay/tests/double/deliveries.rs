//! Deliveries: the bytes, the retries, the order, redelivering.

use std::collections::BTreeSet;
use std::time::Duration;

use keywright_btcpay_double::{BtcPay, Event, NewInvoice, Outcome, sign};
use serde_json::{Value, json};

use crate::common::{Client, Receiver, START, a_moment, shop};

/// Real waits divided by this: 10 ms, 60 ms, then 600 ms.
const FAST: u32 = 1000;

async fn deliver_one(pay: &BtcPay) -> String {
    let mut deliveries = pay
        .announce(Event::new("InvoiceCreated").invoice("i"))
        .unwrap();
    pay.idle().await.unwrap();
    deliveries.pop().unwrap()
}

#[tokio::test]
async fn a_delivery_is_signed_over_the_bytes_sent() {
    for crlf in [false, true] {
        let receiver = Receiver::start().await;
        let mut builder = shop().webhook(&receiver.url, "s€cret ");
        if crlf {
            builder = builder.line_ending_crlf();
        }
        let pay = builder.start().unwrap();
        pay.create_invoice(NewInvoice::of("1", "USD").order("o"))
            .unwrap();
        pay.idle().await.unwrap();
        let arrived = &receiver.received()[0];
        assert_eq!(arrived.header("content-type"), "application/json");
        assert_eq!(arrived.header("user-agent"), "BTCPayServer/2.4.1");
        let signature = arrived.header("btcpay-sig");
        assert_eq!(signature, sign("s€cret ", &arrived.body));
        let hex = signature.strip_prefix("sha256=").unwrap();
        assert!(hex.len() == 64 && hex.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')));
        let text = String::from_utf8(arrived.body.clone()).unwrap();
        let line = if crlf { "{\r\n  \"" } else { "{\n  \"" };
        assert!(text.starts_with(line), "{text}");
        assert_eq!(text.contains('\r'), crlf);
        assert_eq!(pay.attempts()[0].body, arrived.body);
        assert_eq!(pay.attempts()[0].signature, signature);
    }
}

#[tokio::test]
async fn only_some_answers_are_retried() {
    let receiver = Receiver::start().await;
    let pay = shop()
        .webhook(&receiver.url, "s")
        .retry_speed(FAST)
        .start()
        .unwrap();
    for status in [
        200, 201, 204, 299, 301, 302, 304, 400, 401, 403, 404, 410, 422,
    ] {
        receiver.answer(&[status]);
        deliver_one(&pay).await;
        assert_eq!(receiver.received().len(), 1, "{status} is final");
        receiver.forget();
    }
    for status in [408, 429, 500, 502, 503, 504, 599] {
        receiver.answer(&[status]);
        deliver_one(&pay).await;
        assert_eq!(receiver.received().len(), 2, "{status} is tried again");
        receiver.forget();
    }
}

#[tokio::test]
async fn no_answer_is_retried() {
    // A port where nobody listens.
    let reserved = tokio::net::TcpSocket::new_v4().unwrap();
    reserved.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/", reserved.local_addr().unwrap());
    let pay = shop().webhook(&url, "s").retry_speed(FAST).start().unwrap();
    pay.announce(Event::new("InvoiceCreated")).unwrap();
    pay.attempts_reached(2).await.unwrap();
    assert!(matches!(pay.attempts()[0].outcome, Outcome::NoAnswer(_)));
    assert_eq!(pay.drop_pending(), 1);
}

#[tokio::test]
async fn a_receiver_that_is_too_slow_gave_no_answer() {
    let deaf = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", deaf.local_addr().unwrap());
    let pay = shop()
        .webhook(&url, "s")
        .delivery_timeout(Duration::from_millis(50))
        .retry_speed(FAST)
        .start()
        .unwrap();
    pay.announce(Event::new("InvoiceCreated")).unwrap();
    pay.attempts_reached(2).await.unwrap();
    assert!(matches!(pay.attempts()[1].outcome, Outcome::NoAnswer(_)));
}

#[tokio::test]
async fn the_schedule_of_retries() {
    let receiver = Receiver::start().await;
    receiver.answer(&[500; 20]);
    let pay = shop()
        .webhook(&receiver.url, "s")
        .frozen_clock(START)
        .start()
        .unwrap();
    pay.announce(Event::new("InvoiceSettled").invoice("i"))
        .unwrap();
    pay.attempts_reached(1).await.unwrap();
    for (index, wait) in [10, 60, 600, 600, 600, 600, 600, 600]
        .into_iter()
        .enumerate()
    {
        pay.advance(Duration::from_secs(wait - 1));
        a_moment().await;
        assert_eq!(
            receiver.received().len(),
            index + 1,
            "a second before retry {}",
            index + 1
        );
        pay.advance(Duration::from_secs(1));
        pay.attempts_reached(index + 2).await.unwrap();
    }
    // Nine attempts, and that is all.
    pay.idle().await.unwrap();
    pay.advance(Duration::from_hours(24));
    a_moment().await;
    let arrived: Vec<Value> = receiver
        .received()
        .iter()
        .map(super::common::Received::json)
        .collect();
    assert_eq!(arrived.len(), 9);
    let first = &arrived[0]["deliveryId"];
    let ids: BTreeSet<String> = arrived
        .iter()
        .map(|one| one["deliveryId"].to_string())
        .collect();
    assert_eq!(ids.len(), 9, "every attempt has an id of its own");
    for (index, one) in arrived.iter().enumerate() {
        assert_eq!(&one["originalDeliveryId"], first);
        assert_eq!(one["isRedelivery"], index > 0);
        // The time of the event, not of the attempt.
        assert_eq!(one["timestamp"], START);
    }
    let numbers: Vec<usize> = pay
        .attempts()
        .iter()
        .map(|attempt| attempt.number)
        .collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(pay.attempts()[8].at, START + 10 + 60 + 6 * 600);
}

#[tokio::test]
async fn retries_run_in_real_time_as_well() {
    let receiver = Receiver::start().await;
    receiver.answer(&[503, 503, 503, 200]);
    let pay = shop()
        .webhook(&receiver.url, "s")
        .retry_speed(10_000)
        .start()
        .unwrap();
    deliver_one(&pay).await;
    assert_eq!(receiver.received().len(), 4);
    assert_eq!(pay.attempts().last().unwrap().status(), Some(200));
}

#[tokio::test]
async fn one_failing_delivery_delays_those_behind_it() {
    let receiver = Receiver::start().await;
    receiver.answer(&[500, 500]);
    let pay = shop()
        .webhook(&receiver.url, "s")
        .frozen_clock(START)
        .start()
        .unwrap();
    for kind in ["First", "Second", "Third"] {
        pay.announce(Event::new(kind)).unwrap();
    }
    pay.attempts_reached(1).await.unwrap();
    a_moment().await;
    assert_eq!(receiver.types(), ["First"]);
    pay.advance(Duration::from_secs(10));
    pay.attempts_reached(2).await.unwrap();
    pay.advance(Duration::from_mins(1));
    pay.idle().await.unwrap();
    assert_eq!(
        receiver.types(),
        ["First", "First", "First", "Second", "Third"]
    );
}

#[tokio::test]
async fn a_restart_loses_what_was_pending() {
    let receiver = Receiver::start().await;
    receiver.answer(&[500]);
    let pay = shop()
        .webhook(&receiver.url, "s")
        .frozen_clock(START)
        .start()
        .unwrap();
    for kind in ["First", "Second", "Third"] {
        pay.announce(Event::new(kind)).unwrap();
    }
    pay.attempts_reached(1).await.unwrap();
    assert_eq!(pay.drop_pending(), 3);
    pay.idle().await.unwrap();
    pay.advance(Duration::from_hours(1));
    a_moment().await;
    assert_eq!(receiver.types(), ["First"]);
    // Later events are delivered as ever.
    pay.announce(Event::new("Fourth")).unwrap();
    pay.idle().await.unwrap();
    assert_eq!(receiver.types(), ["First", "Fourth"]);
}

#[tokio::test]
async fn without_automatic_redelivery_there_is_one_attempt() {
    let receiver = Receiver::start().await;
    receiver.answer(&[500]);
    // With the time standing still, waiting for a retry would never end.
    let pay = shop().frozen_clock(START).start().unwrap();
    let hook = json!({"url": receiver.url, "automaticRedelivery": false});
    assert_eq!(
        Client::of(&pay)
            .post("/api/v1/stores/S/webhooks", &hook)
            .await
            .0,
        200
    );
    deliver_one(&pay).await;
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn a_retry_goes_where_the_webhook_points_by_then() {
    let (before, after) = (Receiver::start().await, Receiver::start().await);
    before.answer(&[500]);
    let pay = shop()
        .webhook(&before.url, "s")
        .frozen_clock(START)
        .start()
        .unwrap();
    pay.announce(Event::new("InvoiceCreated")).unwrap();
    pay.attempts_reached(1).await.unwrap();
    pay.set_webhook_url(&after.url);
    pay.advance(Duration::from_secs(10));
    pay.idle().await.unwrap();
    assert_eq!((before.received().len(), after.received().len()), (1, 1));
}

#[tokio::test]
async fn redirects_are_followed_as_the_original_does() {
    let target = Receiver::start().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let location = target.url.clone();
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = vec![0; 65_536];
        assert!(stream.read(&mut buffer).await.unwrap() > 0);
        let answer = format!("HTTP/1.1 307 x\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    let pay = shop().webhook(&url, "s").start().unwrap();
    deliver_one(&pay).await;
    assert_eq!(target.types(), ["InvoiceCreated"]);
}
