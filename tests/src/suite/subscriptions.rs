//! A subscription from its trial to its lapse and back, on every host.

use super::cases;
use super::floor::{policy, poll, product, text, tick, validate};
use crate::hosts::Instance;
use http::Method;
use serde_json::{Value, json};

cases![trial_to_lapse_and_back alone];

/// The subscription as its holder sees it.
async fn show(instance: &Instance, key: &str) -> Value {
    let request = instance.api.request(Method::GET, "/v1/subscription");
    instance.api.send(request.bearer_auth(key)).await.ok()
}

/// Pays for the next period.
async fn pay(instance: &Instance, key: &str) {
    let body = json!({ "license_key": key });
    let order = instance.api.post("/v1/subscriptions/pay", &body).await.ok();
    let checkout = text(&order, "checkout_url");
    let (_, remote) = checkout.rsplit_once('/').unwrap_or_default();
    instance.btcpay.pay_in_full(remote).expect("a payment");
    // Such an order never shows a key: the license has it from the first one.
    let secret = text(&order, "invoice_id");
    for _ in 0..600 {
        if poll(instance, &secret).await["status"] == "settled" {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the payment did not arrive");
}

/// As if so many days had passed for this license.
async fn days_pass(instance: &Instance, license_id: &str, days: i64) {
    let seconds = (days * 86_400).to_string();
    let license = "UPDATE licenses SET expires_at = expires_at - CAST(?2 AS INTEGER) WHERE id = ?1";
    instance
        .database
        .change(license, &[license_id, &seconds])
        .await;
    let subscription = "UPDATE subscriptions
                        SET next_step_at = 0, grace_until = grace_until - CAST(?2 AS INTEGER)
                        WHERE license_id = ?1";
    instance
        .database
        .change(subscription, &[license_id, &seconds])
        .await;
    let cycles = "UPDATE subscription_cycles SET opened_at = opened_at - CAST(?2 AS INTEGER)
                  WHERE subscription_id = (SELECT id FROM subscriptions WHERE license_id = ?1)";
    instance
        .database
        .change(cycles, &[license_id, &seconds])
        .await;
    tick(instance).await.ok();
}

async fn trial_to_lapse_and_back(instance: &Instance) {
    product(instance, "club", 21_000).await;
    let terms = json!({ "price_sats_override": 1_000, "is_recurring": true,
                        "renewal_period_days": 30, "trial_days": 14, "grace_period_days": 7 });
    policy(instance, "club", "monthly", terms).await;
    let order = json!({ "product": "club", "policy_slug": "monthly",
                        "buyer_email": "member@example.com" });
    let bought = instance.api.post("/v1/purchase", &order).await.ok();
    let (key, license_id) = (text(&bought, "license_key"), text(&bought, "license_id"));
    assert_eq!(show(instance, &key).await["state"], "trialing");
    assert_eq!(validate(instance, &key, "club").await["is_trial"], true);

    days_pass(instance, &license_id, 12).await;
    pay(instance, &key).await;
    let shown = show(instance, &key).await;
    assert_eq!(
        (&shown["state"], &shown["next_charge"]["cycle_number"]),
        (&json!("active"), &json!(2))
    );
    let validated = validate(instance, &key, "club").await;
    assert_eq!(validated["expires_at"], shown["paid_until"], "{validated}");

    days_pass(instance, &license_id, 33).await;
    assert_eq!(show(instance, &key).await["state"], "past_due");
    assert_eq!(
        validate(instance, &key, "club").await["in_grace_period"],
        true
    );
    days_pass(instance, &license_id, 9).await;
    assert_eq!(show(instance, &key).await["state"], "lapsed");
    assert_eq!(validate(instance, &key, "club").await["reason"], "expired");

    pay(instance, &key).await;
    assert_eq!(show(instance, &key).await["state"], "active");
    let stop = json!({ "license_key": key });
    let cancelled = instance
        .api
        .post("/v1/subscriptions/cancel", &stop)
        .await
        .ok();
    assert_eq!(cancelled["status"], "cancelled");
    let resumed = instance
        .api
        .post("/v1/subscriptions/resume", &stop)
        .await
        .ok();
    assert_eq!(resumed["state"], "active", "{resumed}");
    let told = "SELECT count(*) AS n FROM events
                WHERE data ->> '$.license_id' = ?1 AND event_type LIKE 'subscription.%'";
    assert_eq!(instance.database.count(told, &[&license_id]).await, 8);
}
