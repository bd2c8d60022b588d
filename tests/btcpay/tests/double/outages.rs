//! The API fails, in every way it can; what is written down; the end.

use std::time::{Duration, Instant};

use keywright_btcpay_double::{ApiState, BtcPay, Event, Fault, NewInvoice, Outcome, Status};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::common::{Client, INVOICES, Receiver, a_moment, shop};

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

#[tokio::test]
async fn a_refused_api_comes_back_on_its_port() {
    let (pay, receiver) = set_up().await;
    let client = Client::of(&pay);
    assert_eq!(client.get(INVOICES).await.0, 200);
    for _ in 0..3 {
        pay.api(ApiState::Refused);
        let error = client
            .request(Method::GET, INVOICES)
            .send()
            .await
            .unwrap_err();
        assert!(error.is_connect(), "{error:?}");
        // BTCPay's own deliveries go on, and so does the control side.
        paid(&pay);
        pay.idle().await.unwrap();
        pay.api(ApiState::Up);
        assert_eq!(client.get(INVOICES).await.0, 200);
    }
    assert_eq!(receiver.received().len(), 15);
    assert_eq!(pay.requests().len(), 4);
}

#[tokio::test]
async fn a_refused_api_keeps_its_port() {
    let pay = shop().start().unwrap();
    pay.api(ApiState::Refused);
    let address = pay
        .base_url()
        .strip_prefix("http://")
        .unwrap()
        .parse()
        .unwrap();
    let taken = TcpSocket::new_v4().unwrap().bind(address).unwrap_err();
    assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn a_refused_api_cuts_open_connections() {
    let (pay, _receiver) = set_up().await;
    let address = pay.base_url().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = "GET /api/v1/health HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut buffer = vec![0; 4096];
    // Kept alive while the API is up.
    for _ in 0..2 {
        stream.write_all(request.as_bytes()).await.unwrap();
        assert!(stream.read(&mut buffer).await.unwrap() > 0);
    }
    pay.api(ApiState::Refused);
    let end = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut buffer)).await;
    assert_eq!(end.expect("it ends").unwrap_or_default(), 0);
}

#[tokio::test]
async fn a_closed_api_takes_requests_and_says_nothing() {
    let (pay, _receiver) = set_up().await;
    let client = Client::of(&pay);
    pay.api(ApiState::Closed);
    let error = client
        .request(Method::GET, INVOICES)
        .send()
        .await
        .unwrap_err();
    assert!(!error.is_connect(), "{error:?}");
    let create = client
        .request(Method::POST, INVOICES)
        .json(&json!({"amount": "1"}));
    assert!(create.send().await.is_err());
    assert_eq!(pay.invoices().len(), 0);
    assert_eq!(
        pay.requests()
            .iter()
            .map(|one| one.status)
            .collect::<Vec<_>>(),
        [None, None]
    );
    pay.api(ApiState::Up);
    assert_eq!(client.get(INVOICES).await.0, 200);
}

#[tokio::test]
async fn the_next_answers_fail() {
    let (pay, _receiver) = set_up().await;
    let client = Client::of(&pay);
    pay.fail_next(2, 502);
    for _ in 0..2 {
        let create = client
            .request(Method::POST, INVOICES)
            .json(&json!({"amount": "1"}));
        let answer = create.send().await.unwrap();
        assert_eq!(answer.status(), 502);
        assert_eq!(answer.headers()["content-type"], "text/html");
    }
    assert_eq!(pay.invoices().len(), 0);
    assert_eq!(client.post(INVOICES, &json!({"amount": "1"})).await.0, 200);
    pay.fail_next(9, 500);
    pay.clear_faults();
    assert_eq!(client.get(INVOICES).await.0, 200);
}

#[tokio::test]
async fn slow_answers_have_taken_effect_before_they_arrive() {
    let (pay, _receiver) = set_up().await;
    let client = Client::of(&pay);
    pay.slow(Duration::from_millis(150));
    let impatient = client
        .request(Method::POST, INVOICES)
        .json(&json!({"amount": "1"}))
        .timeout(Duration::from_millis(50));
    assert!(impatient.send().await.unwrap_err().is_timeout());
    // On a busy machine the request may arrive after the client gave up waiting.
    for _ in 0..100 {
        if pay.invoices().is_empty() {
            a_moment().await;
        }
    }
    assert_eq!(pay.invoices().len(), 1);
    #[expect(clippy::disallowed_methods, reason = "a test measures real time")]
    let before = Instant::now();
    assert_eq!(client.get(INVOICES).await.0, 200);
    assert!(before.elapsed() >= Duration::from_millis(150));
    pay.slow(Duration::ZERO);
    assert_eq!(client.get(INVOICES).await.0, 200);
}

#[tokio::test]
async fn the_answer_to_a_create_is_lost_but_the_invoice_is_there() {
    let (pay, _receiver) = set_up().await;
    let client = Client::of(&pay);
    pay.lose_create_answers(1);
    let request = json!({"amount": "1", "currency": "USD", "metadata": {"orderId": "o-7"}});
    let lost = client
        .request(Method::POST, INVOICES)
        .json(&request)
        .send()
        .await
        .unwrap_err();
    assert!(!lost.is_connect() && lost.status().is_none(), "{lost:?}");
    let (_, found) = client.get(&format!("{INVOICES}?orderId=o-7")).await;
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(pay.requests()[0].status, None);
    assert!(pay.requests()[0].authorized);
    // A request that makes no invoice loses nothing.
    pay.lose_create_answers(1);
    assert_eq!(client.post(INVOICES, &json!({"amount": "-1"})).await.0, 422);
    assert!(
        client
            .request(Method::POST, INVOICES)
            .json(&request)
            .send()
            .await
            .is_err()
    );
    assert_eq!(client.post(INVOICES, &request).await.0, 200);
}

#[tokio::test]
async fn everything_is_written_down() {
    let (pay, _receiver) = set_up().await;
    let client = Client::of(&pay);
    client.post(INVOICES, &json!({"amount": "1"})).await;
    Client::with_key(&pay, "wrong")
        .get(&format!("{INVOICES}?orderId=x"))
        .await;
    pay.idle().await.unwrap();
    let requests = pay.requests();
    let first = &requests[0];
    assert_eq!(
        (first.number, first.method.as_str(), first.path.as_str()),
        (1, "POST", INVOICES)
    );
    assert_eq!(
        (first.json(), first.status),
        (json!({"amount": "1"}), Some(200))
    );
    assert_eq!((first.key.as_deref(), first.authorized), (Some("K"), true));
    let second = &requests[1];
    assert_eq!(
        (second.query.as_str(), second.status),
        ("orderId=x", Some(401))
    );
    assert_eq!(
        (second.key.as_deref(), second.authorized),
        (Some("wrong"), false)
    );
    let attempt = &pay.attempts()[0];
    assert_eq!(attempt.event, "InvoiceCreated");
    assert_eq!(
        attempt.outcome,
        Outcome::Answered {
            status: 200,
            body: "noted".to_owned()
        }
    );
    pay.clear_logs();
    assert_eq!((pay.requests().len(), pay.attempts().len()), (0, 0));
}

#[tokio::test]
async fn dropping_it_ends_it() {
    let (pay, receiver) = set_up().await;
    let address = pay.base_url().strip_prefix("http://").unwrap().to_owned();
    pay.on_delivery(Fault::delay(Duration::from_millis(20)));
    pay.announce(Event::new("InvoiceSettled")).unwrap();
    let left = (*pay).clone();
    drop(pay);
    assert!(TcpStream::connect(&address).await.is_err());
    assert!(left.idle().await.is_err());
    a_moment().await;
    assert_eq!(receiver.received().len(), 0);
}

#[test]
fn it_needs_no_runtime_of_the_test() {
    let pay = shop().start().unwrap();
    let id = paid(&pay);
    assert_eq!(pay.invoice(&id).unwrap().status, Status::Settled);
    assert!(BtcPay::builder().start().is_err());
}
