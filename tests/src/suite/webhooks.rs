//! Outgoing webhooks, over real connections: what arrives verifies with the official
//! library, and what an answer is made of decides nothing but its status.

use super::cases;
use super::floor::{issue, product};
use crate::hosts::{Answering, Arrived, Host, Instance};
use crate::shop::CRON_TOKEN;
use http::Method;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use std::time::Duration;

cases![
    what_happens_arrives_and_verifies,
    whatever_an_answer_is_made_of_its_status_decides alone,
    a_connection_that_fails_is_named_and_delays_no_other alone,
    an_origin_that_is_not_listed_is_refused,
];

/// A product, and an endpoint that is told of it alone.
async fn endpoint(instance: &Instance, slug: &str, url: &str) -> Value {
    let product = product(instance, slug, 0).await;
    let body = json!({ "url": url, "product_id": product["id"] });
    let made = instance
        .api
        .admin(Method::POST, "webhook-endpoints", &body)
        .await;
    made.ok()
}

async fn tick(instance: &Instance) {
    let request = instance.api.request(Method::POST, "/v1/cron/deliver");
    instance
        .api
        .send(request.bearer_auth(CRON_TOKEN))
        .await
        .ok();
}

/// A tick a moment later, so that the waiting leaves the machine to others.
async fn tick_again(instance: &Instance) {
    tokio::time::sleep(Duration::from_millis(50)).await;
    tick(instance).await;
}

/// Ticks until this many requests have arrived under a path. Other cases make events too,
/// and an endpoint looks at a bounded number of them a tick.
async fn arrived(instance: &Instance, path: &str, count: usize) -> Vec<Arrived> {
    loop {
        let arrived = instance.webhooks.arrived(path);
        if arrived.len() >= count {
            return arrived;
        }
        tick_again(instance).await;
    }
}

/// Deliveries to an endpoint, newest first.
async fn deliveries(instance: &Instance, endpoint: &Value) -> Vec<Value> {
    let id = endpoint["id"].as_str().expect("an id");
    let path = format!("webhook-deliveries?endpoint_id={id}");
    let listed = instance
        .api
        .admin(Method::GET, &path, &json!({}))
        .await
        .ok();
    listed["webhook_deliveries"]
        .as_array()
        .expect("a list")
        .clone()
}

async fn what_happens_arrives_and_verifies(instance: &Instance) {
    let path = "/verifies";
    let url = format!("{}{path}", instance.webhooks.base_url());
    let endpoint = endpoint(instance, "webhook-verifies", &url).await;
    instance.webhooks.answer(path, [Answering::Status(500)]);
    let license = issue(instance, "webhook-verifies", json!({})).await;
    let sent = arrived(instance, path, 2).await;
    let library = Webhook::new(endpoint["secret"].as_str().expect("a secret")).expect("a secret");
    for one in &sent {
        library.verify(&one.body, &one.headers).expect("verified");
        let agent = one.headers["user-agent"].to_str().expect("text");
        assert!(agent.starts_with("Keywright/"), "{agent}");
        assert_eq!(one.headers["content-type"], "application/json");
    }
    assert_eq!(
        sent[0].body, sent[1].body,
        "the same bytes at every attempt"
    );
    assert_eq!(sent[0].headers["webhook-id"], sent[1].headers["webhook-id"]);
    let body: Value = serde_json::from_slice(&sent[0].body).expect("JSON");
    assert_eq!(body["type"], "license.issued");
    assert_eq!(body["data"]["license_id"], license["license_id"]);
    let altered = [&sent[0].body[..], b" "].concat();
    library
        .verify(&altered, &sent[0].headers)
        .expect_err("altered");
    let delivered = loop {
        let all = deliveries(instance, &endpoint).await;
        if all[0]["state"] == "delivered" {
            break all;
        }
        tick_again(instance).await;
    };
    assert_eq!(delivered.len(), 1);
}

async fn whatever_an_answer_is_made_of_its_status_decides(instance: &Instance) {
    let path = "/answers";
    let url = format!("{}{path}", instance.webhooks.base_url());
    let endpoint = endpoint(instance, "webhook-answers", &url).await;
    let answers = [
        Answering::Large,
        Answering::BreaksOff,
        Answering::Status(204),
        Answering::HeadOnly,
        Answering::Redirect,
        Answering::HangsUp,
    ];
    instance.webhooks.answer(path, answers);
    for _ in answers {
        issue(instance, "webhook-answers", json!({})).await;
    }
    arrived(instance, path, answers.len()).await;
    let mut states = Vec::new();
    // What the last tick wrote down may come a moment after the request, and a result that
    // came too late for its claim is one of a later tick.
    while states.iter().filter(|state| *state == "delivered").count() < 4 {
        tick_again(instance).await;
        states = deliveries(instance, &endpoint)
            .await
            .into_iter()
            .map(|one| one["state"].as_str().expect("a state").to_owned())
            .collect();
    }
    assert_eq!(states.len(), answers.len(), "{states:?}");
    assert!(
        instance.webhooks.arrived("/elsewhere").is_empty(),
        "a redirect was followed"
    );
    // Both that were refused arrive at a later attempt.
    arrived(instance, path, answers.len() + 2).await;
}

async fn a_connection_that_fails_is_named_and_delays_no_other(instance: &Instance) {
    let plain = instance.webhooks.base_url();
    // What listens there does not speak TLS.
    let tls = plain.replace("http://", "https://");
    let mut endpoints = Vec::new();
    for (slug, origin, answers) in [
        ("webhook-tls", tls.as_str(), None),
        ("webhook-silent", plain, Some(Answering::Silent)),
        ("webhook-drips", plain, Some(Answering::Drips)),
        ("webhook-healthy", plain, None),
    ] {
        let made = endpoint(instance, slug, &format!("{origin}/{slug}")).await;
        instance.webhooks.answer(&format!("/{slug}"), answers);
        issue(instance, slug, json!({})).await;
        endpoints.push(made);
    }
    tokio::join!(tick(instance), async {
        // While the tick still waits for the others.
        let healthy = arrived_by_itself(instance, "/webhook-healthy").await;
        assert!(healthy, "the healthy one waits for those that are not");
    });
    let mut outcomes = Vec::new();
    for endpoint in &endpoints {
        let first = loop {
            let delivery = deliveries(instance, endpoint).await.remove(0);
            let path = format!(
                "webhook-deliveries/{}",
                delivery["id"].as_str().expect("an id")
            );
            let shown = instance
                .api
                .admin(Method::GET, &path, &json!({}))
                .await
                .ok();
            if shown["log"][0]["outcome"].is_string() {
                break shown["log"][0]["outcome"].clone();
            }
            tick_again(instance).await;
        };
        outcomes.push(first);
    }
    // The local runtime of Workers does not say why a connection ended.
    let tls = if instance.host() == Host::Workerd {
        "unreachable"
    } else {
        "tls"
    };
    assert_eq!(outcomes, [tls, "timeout", "delivered", "delivered"]);
}

/// Waits for a request without ticking; `false` after eight seconds, which is less than a
/// tick waits for an answer.
async fn arrived_by_itself(instance: &Instance, path: &str) -> bool {
    for _ in 0..160 {
        if !instance.webhooks.arrived(path).is_empty() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

async fn an_origin_that_is_not_listed_is_refused(instance: &Instance) {
    let url = instance
        .webhooks
        .base_url()
        .replace("127.0.0.1", "127.0.0.2");
    let body = json!({ "url": url });
    let made = instance
        .api
        .admin(Method::POST, "webhook-endpoints", &body)
        .await;
    made.is_error(422, "unprocessable_entity");
    assert!(made.text().contains("webhook_host1"), "{}", made.text());
}
