//! What is written down, after the answer, of keys that were shown and of credentials
//! that were refused.

use super::cases;
use super::floor::{eventually, poll, product, text};
use crate::hosts::{Answer, Instance};
use crate::shop::{ADMIN_KEY, CLIENT_ADDRESS_HEADER, CRON_TOKEN};
use http::Method;
use keywright_domain::caller_limits::REFUSED_CREDENTIALS;
use serde_json::{Value, json};

cases![keys_that_were_shown alone, wrong_credentials_are_slowed_down alone];

/// How often something happened to a subject, in all hours together.
async fn counted(instance: &Instance, kind: &str, subject: &str) -> i64 {
    let sql = "SELECT coalesce(sum(count), 0) AS n FROM hourly_counts
               WHERE kind = ?1 AND subject = ?2";
    instance.database.count(sql, &[kind, subject]).await
}

/// Forgets what other cases had counted: an hour tells a bounded number of subjects
/// apart, and theirs may have filled it.
async fn forget_counts(instance: &Instance) {
    let sql = "DELETE FROM hourly_counts";
    instance.database.change(sql, &[]).await;
}

async fn keys_that_were_shown(instance: &Instance) {
    forget_counts(instance).await;
    product(instance, "shown-keys", 0).await;
    let order = json!({ "product": "shown-keys", "buyer_email": "a@shown.example" });
    let sale = instance.api.post("/v1/purchase", &order).await.ok();
    let (invoice, license) = (text(&sale, "invoice_id"), text(&sale, "license_id"));
    for _ in 0..3 {
        assert!(poll(instance, &invoice).await["license_key"].is_string());
    }
    let lost = json!({ "invoice_id": invoice, "email": "a@shown.example" });
    instance.api.post("/v1/recover", &lost).await.ok();
    for (kind, times) in [("license.poll_key", 3), ("license.recover_key", 1)] {
        let look = || counted(instance, kind, &license);
        eventually(look, |found| *found == times, "it is counted").await;
        let path = format!("audit?action={kind}&object_id={license}");
        let audit = instance
            .api
            .admin(Method::GET, &path, &json!({}))
            .await
            .ok();
        let entries = audit["entries"].as_array().expect("a list").len();
        // One an hour, and an hour may end in between.
        assert!((1..=2).contains(&entries), "{audit}");
        let path = format!("activity?kind={kind}&subject={license}");
        let shown = instance
            .api
            .admin(Method::GET, &path, &json!({}))
            .await
            .ok();
        let counts = shown["counts"].as_array().expect("a list");
        let sum: i64 = counts
            .iter()
            .filter_map(|count| count["count"].as_i64())
            .sum();
        assert_eq!(sum, times, "{shown}");
        assert_eq!(shown["next_cursor"], Value::Null);
    }
}

/// A credential of one caller, at an operator's route or at a tick.
async fn offer(instance: &Instance, at_a_tick: bool, credential: &str) -> Answer {
    let request = if at_a_tick {
        instance.api.request(Method::POST, "/v1/cron/renew")
    } else {
        instance.api.request(Method::GET, "/v1/admin/products")
    };
    let request = request.header(CLIENT_ADDRESS_HEADER, "198.51.100.99");
    instance.api.send(request.bearer_auth(credential)).await
}

async fn wrong_credentials_are_slowed_down(instance: &Instance) {
    forget_counts(instance).await;
    let mut slowed = 0;
    let mut offered = 0;
    // Some tokens come back while this runs, on a slow machine.
    while slowed < 3 {
        let answer = offer(instance, offered % 2 == 0, &format!("wrong {offered}")).await;
        if answer.status == 429 {
            answer.is_error(429, "rate_limited");
            assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
            slowed += 1;
            // What is right gets in all the same, from the same address.
            offer(instance, false, ADMIN_KEY).await.ok();
            offer(instance, true, CRON_TOKEN).await.ok();
        } else {
            answer.is_error(403, "forbidden");
        }
        offered += 1;
        assert!(offered < 100 * REFUSED_CREDENTIALS.address.burst);
    }
    assert!(offered >= REFUSED_CREDENTIALS.address.burst);
    let look = || counted(instance, "credential.refuse", "198.51.100.0/24");
    let all = i64::from(offered);
    eventually(look, |found| *found == all, "it is counted").await;
}
