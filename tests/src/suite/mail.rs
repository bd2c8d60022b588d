//! Mail over real connections: a purchase arrives at a mail API with a link, whose page
//! shows the key once its button is pressed.

use super::cases;
use super::floor::product;
use crate::hosts::{Answer, Arrived, Instance};
use crate::shop::CRON_TOKEN;
use http::{Method, header};
use serde_json::{Value, json};
use std::time::Duration;

cases![a_purchase_is_mailed_and_its_link_shows_the_key];

pub(super) async fn tick(instance: &Instance) {
    let request = instance.api.request(Method::POST, "/v1/cron/deliver");
    instance
        .api
        .send(request.bearer_auth(CRON_TOKEN))
        .await
        .ok();
}

/// Ticks until this many mails to an address have arrived: what they say, and how.
async fn arrived(instance: &Instance, to: &str, count: usize) -> Vec<(Value, Arrived)> {
    loop {
        let all = instance.webhooks.arrived("/mail").into_iter();
        let all = all.map(|one| {
            let body: Value = serde_json::from_slice(&one.body).expect("JSON");
            (body, one)
        });
        let mails: Vec<_> = all.filter(|(body, _)| body["to"] == json!([to])).collect();
        if mails.len() >= count {
            return mails;
        }
        tick(instance).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The path of the link in a mail.
pub(super) fn link(mail: &Value) -> String {
    let text = mail["text"].as_str().expect("a text");
    let link = text.lines().find(|line| line.contains("/recover/mail/ml_"));
    let link = link.expect("a link on a line of its own");
    let at = link.find("/recover/mail/").expect("its path");
    link[at..].to_owned()
}

/// Presses the button on the page of a link.
pub(super) async fn press(instance: &Instance, link: &str) -> Answer {
    let press = instance.api.request(Method::POST, link);
    let form = "application/x-www-form-urlencoded";
    instance
        .api
        .send(press.header(header::CONTENT_TYPE, form))
        .await
}

async fn a_purchase_is_mailed_and_its_link_shows_the_key(instance: &Instance) {
    // What was before mail was on is not mailed.
    tick(instance).await;
    product(instance, "mailed", 0).await;
    let order = json!({ "product": "mailed", "buyer_email": "mailed@x.example" });
    let bought = instance.api.post("/v1/purchase", &order).await.ok();
    let ask = json!({ "email": "Mailed@X.example" });
    instance.api.post("/v1/recover/mail", &ask).await.ok();
    let mails = arrived(instance, "mailed@x.example", 2).await;
    for (mail, arrived) in &mails {
        let agent = arrived.headers["user-agent"].to_str().expect("text");
        assert!(agent.starts_with("Keywright/"), "{agent}");
        assert_eq!(arrived.headers["content-type"], "application/json");
        assert_eq!(arrived.headers["authorization"], "Bearer mail-key");
        assert!(!mail.to_string().contains("LIC1-"), "{mail}");
        let link = link(mail);
        let shown = instance.api.get(&link).await;
        assert_eq!(shown.header("cache-control"), "no-store");
        assert_eq!(shown.header("referrer-policy"), "no-referrer");
        assert!(shown.text().contains("<form method=\"post\">"));
        let opened = press(instance, &link).await;
        let key = bought["license_key"].as_str().expect("a key");
        assert!(opened.text().contains(key), "{}", opened.text());
    }
}
