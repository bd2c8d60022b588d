//! The control side over HTTP, the checkout page, and the binary.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use keywright_btcpay_double::{NewInvoice, Status};
use serde_json::{Value, json};

use crate::common::{Client, INVOICES, Received, Receiver, shop};

async fn control(base: &str, verb: &str, body: Value) -> (u16, Value) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http
        .post(format!("{base}/_control/{verb}"))
        .json(&body)
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn look(base: &str, noun: &str) -> Value {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    http.get(format!("{base}/_control/{noun}"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap()
}

/// A verb that succeeds, and its answer.
async fn ok(base: &str, verb: &str, body: Value) -> Value {
    let (status, answer) = control(base, verb, body).await;
    assert_eq!(status, 200, "{verb}: {answer}");
    answer
}

#[tokio::test]
async fn invoices_are_driven_over_http() {
    let receiver = Receiver::start().await;
    let pay = shop().webhook_later("secret").start().unwrap();
    for base in [pay.control_url(), pay.base_url()] {
        ok(base, "webhook", json!({"url": receiver.url})).await;
        let five = json!({"amount": "5", "currency": "USD", "order_id": "o", "store": "S"});
        let made = ok(base, "create", five.clone()).await;
        let id = made["invoice"].as_str().unwrap();
        ok(base, "pay", json!({"invoice": id, "how": "on_chain"})).await;
        ok(base, "vanish", json!({"invoice": id})).await;
        ok(base, "pay", json!({"invoice": id, "how": "on_chain"})).await;
        ok(base, "confirm", json!({"invoice": id})).await;
        ok(base, "idle", json!({})).await;
        assert_eq!(pay.invoice(id).unwrap().status, Status::Settled);
        assert_eq!(receiver.types().last().unwrap(), "InvoiceSettled");

        let other = ok(base, "create", five.clone()).await["invoice"].clone();
        ok(base, "mark", json!({"invoice": other, "status": "Settled"})).await;
        ok(base, "freeze", json!({"invoice": other})).await;
        ok(base, "mark", json!({"invoice": other, "status": "Invalid"})).await;
        let path = format!("{INVOICES}/{}", other.as_str().unwrap());
        assert_eq!(Client::of(&pay).get(&path).await.1["status"], "Settled");
        ok(base, "thaw", json!({"invoice": other})).await;
        assert_eq!(Client::of(&pay).get(&path).await.1["status"], "Invalid");

        for (how, status) in [
            ("full", Status::Settled),
            ("partial", Status::New),
            ("over", Status::Settled),
            ("late", Status::Expired),
        ] {
            let id = ok(base, "create", five.clone()).await["invoice"].clone();
            ok(base, "pay", json!({"invoice": id, "how": how})).await;
            assert_eq!(
                pay.invoice(id.as_str().unwrap()).unwrap().status,
                status,
                "{how}"
            );
        }
        let dead = ok(base, "create", five).await["invoice"].clone();
        ok(base, "expire", json!({"invoice": dead})).await;
        ok(base, "end_monitoring", json!({"invoice": dead})).await;
        assert_eq!(
            control(base, "pay", json!({"invoice": dead, "how": "full"}))
                .await
                .0,
            409
        );
        ok(base, "idle", json!({})).await;
    }
    let now = look(pay.control_url(), "clock").await["now"]
        .as_i64()
        .unwrap();
    let later = ok(pay.control_url(), "advance", json!({"seconds": 1000})).await;
    assert!(later["now"].as_i64().unwrap() >= now + 1000);
    let invoices = look(pay.control_url(), "invoices").await;
    assert_eq!(invoices.as_array().unwrap().len(), 14);
    assert_eq!(
        invoices[0]["paymentMethods"][0]["payments"][0]["status"],
        "Settled"
    );
}

#[tokio::test]
async fn deliveries_are_driven_over_http() {
    let receiver = Receiver::start().await;
    let pay = shop().webhook(&receiver.url, "secret").start().unwrap();
    let base = pay.control_url();
    for fault in [
        json!({"fault": "lose", "event": "A"}),
        json!({"fault": "delay", "milliseconds": 1, "event": "B"}),
        json!({"fault": "duplicate", "count": 2, "event": "C"}),
        json!({"fault": "compact", "event": "D"}),
        json!({"fault": "wrong_secret", "secret": "x", "event": "E", "times": 1}),
        json!({"fault": "reorder", "count": 2, "event": "F"}),
        json!({"fault": "hold", "event": "G"}),
    ] {
        ok(base, "on_delivery", fault).await;
    }
    for kind in ["A", "B", "C", "D", "E", "F", "F", "G"] {
        ok(base, "announce", json!({"type": kind, "fields": {"n": 1}})).await;
    }
    ok(base, "idle", json!({})).await;
    assert_eq!(receiver.types(), ["B", "C", "C", "C", "D", "E", "F", "F"]);
    assert_eq!(look(base, "held").await.as_array().unwrap().len(), 1);
    ok(base, "clear_faults", json!({})).await;
    assert_eq!(
        ok(base, "release", json!({"order": "reversed"})).await,
        json!({"released": 1})
    );
    ok(base, "idle", json!({})).await;
    let attempts = look(base, "attempts").await;
    assert_eq!(attempts[0]["outcome"], "lost");
    let last = attempts.as_array().unwrap().last().unwrap();
    assert_eq!(
        last["outcome"],
        json!({"answered": {"status": 200, "body": "noted"}})
    );
    assert!(last["body"].as_str().unwrap().starts_with("{\n  \"n\": 1"));

    receiver.forget();
    let again = ok(base, "redeliver", json!({"delivery": last["delivery_id"]})).await;
    ok(base, "replay", json!({"delivery": last["delivery_id"]})).await;
    ok(base, "idle", json!({})).await;
    let arrived: Vec<Value> = receiver.received().iter().map(Received::json).collect();
    assert_eq!(arrived.len(), 2);
    assert!(
        arrived
            .iter()
            .any(|one| one["deliveryId"] == again["delivery"])
    );
    assert!(
        arrived
            .iter()
            .any(|one| one["deliveryId"] == last["delivery_id"])
    );
    assert_eq!(
        ok(base, "drop_pending", json!({})).await,
        json!({"dropped": 0})
    );
    ok(base, "clear_logs", json!({})).await;
    for noun in ["attempts", "requests", "violations", "held"] {
        assert_eq!(look(base, noun).await, json!([]), "{noun}");
    }
    assert_eq!(look(base, "webhooks").await, json!([pay.webhook_id()]));
}

#[tokio::test]
async fn faults_of_the_api_over_http() {
    let pay = shop().start().unwrap();
    let client = Client::of(&pay);
    let base = pay.control_url();
    assert_eq!(
        control(base, "api", json!({"state": "refused"})).await.0,
        200
    );
    assert!(
        client
            .request(reqwest::Method::GET, INVOICES)
            .send()
            .await
            .is_err()
    );
    assert_eq!(
        control(base, "api", json!({"state": "closed"})).await.0,
        200
    );
    assert!(
        client
            .request(reqwest::Method::GET, INVOICES)
            .send()
            .await
            .is_err()
    );
    assert_eq!(control(base, "clear_faults", json!({})).await.0, 200);
    assert_eq!(client.get(INVOICES).await.0, 200);
    assert_eq!(
        control(base, "fail_next", json!({"count": 1, "status": 503}))
            .await
            .0,
        200
    );
    assert_eq!(client.get(INVOICES).await.0, 503);
    assert_eq!(
        control(base, "lose_create_answers", json!({"count": 1}))
            .await
            .0,
        200
    );
    let create = client
        .request(reqwest::Method::POST, INVOICES)
        .json(&json!({"amount": "1"}));
    assert!(create.send().await.is_err());
    assert_eq!(
        control(base, "slow", json!({"milliseconds": 1})).await.0,
        200
    );
    assert_eq!(client.get(INVOICES).await.1.as_array().unwrap().len(), 1);
    let requests = look(base, "requests").await;
    assert_eq!(requests[0]["status"], Value::Null);
    assert_eq!(requests.as_array().unwrap().last().unwrap()["status"], 200);
}

#[tokio::test]
async fn mistakes_are_explained() {
    let pay = shop().start().unwrap();
    let base = pay.control_url();
    let id = pay.create_invoice(NewInvoice::of("1", "USD")).unwrap();
    for (verb, body, status) in [
        ("confirm", json!({"invoice": "none"}), 404),
        ("confirm", json!({"invoice": id}), 409),
        ("confirm", json!({}), 400),
        ("pay", json!({"invoice": id, "how": "never"}), 400),
        ("mark", json!({"invoice": id, "status": "New"}), 400),
        ("on_delivery", json!({"fault": "delay"}), 400),
        ("on_delivery", json!({"fault": "gremlins"}), 400),
        ("announce", json!({"type": "X"}), 404),
        ("dance", json!({}), 404),
    ] {
        let (answered, body) = control(base, verb, body).await;
        assert_eq!(answered, status, "{verb}");
        assert!(body["error"].as_str().unwrap().len() > 3);
    }
}

/// The binary, ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[tokio::test]
async fn the_binary_serves_what_its_options_say() {
    let receiver = Receiver::start().await;
    let mut running = Running(
        Command::new(env!("CARGO_BIN_EXE_btcpay-double"))
            .args(["--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"])
            .args([
                "--store",
                "shop",
                "--api-key",
                "k",
                "--secret",
                "s",
                "--strict",
            ])
            .args([
                "--webhook",
                &receiver.url,
                "--retry-speed",
                "100",
                "--network",
                "testnet",
            ])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut lines = BufReader::new(running.0.stdout.take().unwrap()).lines();
    let mut value = |name: &str| {
        let line = lines.next().unwrap().unwrap();
        line.strip_prefix(name)
            .unwrap_or_else(|| panic!("{line}"))
            .to_owned()
    };
    let (base, control_url) = (value("base_url="), value("control_url="));
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let invoices = format!("{base}/api/v1/stores/shop/invoices?includePaymentMethods=true");
    let made = http
        .post(format!("{base}/api/v1/stores/shop/invoices"))
        .header("authorization", "token k")
        .json(&json!({"amount": "1", "currency": "USD"}))
        .send()
        .await
        .unwrap();
    let made: Value = made.json().await.unwrap();
    let paid = http.post(format!("{}/pay", made["checkoutLink"].as_str().unwrap()));
    assert!(paid.send().await.unwrap().status().is_success());
    assert_eq!(control(&control_url, "idle", json!({})).await.0, 200);
    assert_eq!(receiver.types().last().unwrap(), "InvoiceSettled");
    let listed = http
        .get(invoices)
        .header("authorization", "token k")
        .send()
        .await
        .unwrap();
    let listed: Value = listed.json().await.unwrap();
    assert_eq!(listed[0]["status"], "Settled");
    let address = listed[0]["paymentMethods"][0]["destination"]
        .as_str()
        .unwrap();
    assert!(address.starts_with("tb1q"));
}

#[test]
fn the_binary_refuses_options_it_does_not_know() {
    for arguments in [
        vec!["--what"],
        vec!["--listen", "nowhere"],
        vec!["--what", "ever"],
    ] {
        let ended = Command::new(env!("CARGO_BIN_EXE_btcpay-double"))
            .args(arguments)
            .output()
            .unwrap();
        assert_eq!(ended.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&ended.stderr).contains("usage:"));
    }
}
