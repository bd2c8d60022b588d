//! What is on sale.

use super::cases;
use super::floor::{policy, product};
use crate::hosts::Instance;
use http::Method;
use serde_json::{Value, json};

cases![
    listed,
    one_product,
    taken_off_sale,
    unknown_products,
    policies,
    policy_members
];

fn slugs(list: &Value) -> Vec<&str> {
    let entries = list.as_array().expect("a list");
    entries
        .iter()
        .filter_map(|entry| entry["slug"].as_str())
        .collect()
}

async fn listed(instance: &Instance) {
    product(instance, "listed-b", 10).await;
    product(instance, "listed-a", 20).await;
    let body = instance.api.get("/v1/products").await.ok();
    let mine: Vec<_> = slugs(&body["products"])
        .into_iter()
        .filter(|slug| slug.starts_with("listed-"))
        .collect();
    assert_eq!(mine, ["listed-a", "listed-b"]);
}

async fn one_product(instance: &Instance) {
    let made = product(instance, "one-product", 2_100).await;
    let shown = instance.api.get("/v1/products/one-product").await.ok();
    assert_eq!(shown, made);
    assert_eq!(shown["price_sats"], 2_100);
    assert_eq!(shown["price_currency"], "SAT");
    assert_eq!(shown["price_value"], 2_100);
    assert_eq!(shown["active"], true);
    assert!(
        shown["created_at"]
            .as_str()
            .is_some_and(|at| at.contains('T')),
        "{shown}"
    );
}

async fn taken_off_sale(instance: &Instance) {
    let made = product(instance, "off-sale", 5).await;
    let path = format!("products/{}/active", made["id"].as_str().expect("an id"));
    instance
        .api
        .admin(Method::PATCH, &path, &json!({ "active": false }))
        .await
        .ok();
    instance
        .api
        .get("/v1/products/off-sale")
        .await
        .is_error(404, "not_found");
    instance
        .api
        .get("/v1/products/off-sale/policies")
        .await
        .is_error(404, "not_found");
    let body = instance.api.get("/v1/products").await.ok();
    assert!(!slugs(&body["products"]).contains(&"off-sale"), "{body}");
    let order = instance
        .api
        .post("/v1/purchase", &json!({ "product": "off-sale" }))
        .await;
    assert!(matches!(order.status, 400 | 404), "{order:?}");
    instance
        .api
        .admin(Method::PATCH, &path, &json!({ "active": true }))
        .await
        .ok();
    instance.api.get("/v1/products/off-sale").await.ok();
}

async fn unknown_products(instance: &Instance) {
    for slug in [
        "nothing-here",
        "UPPER",
        "a%2Fb",
        "a%00b",
        "%ff",
        "..%2f..",
        "'--",
    ] {
        let path = format!("/v1/products/{slug}");
        instance.api.get(&path).await.is_error(404, "not_found");
        instance
            .api
            .get(&format!("{path}/policies"))
            .await
            .is_error(404, "not_found");
    }
}

async fn policies(instance: &Instance) {
    product(instance, "tiers", 1_000).await;
    policy(
        instance,
        "tiers",
        "dear",
        json!({ "price_sats_override": 9_000 }),
    )
    .await;
    policy(instance, "tiers", "usual", json!({})).await;
    policy(instance, "tiers", "also-usual", json!({})).await;
    policy(
        instance,
        "tiers",
        "free",
        json!({ "price_sats_override": 0 }),
    )
    .await;
    policy(instance, "tiers", "hidden", json!({ "public": false })).await;
    policy(instance, "tiers", "retired", json!({ "active": false })).await;
    let body = instance.api.get("/v1/products/tiers/policies").await.ok();
    assert_eq!(
        slugs(&body["policies"]),
        ["free", "also-usual", "usual", "dear"]
    );
    let prices: Vec<_> = body["policies"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|p| &p["price_sats"])
        .collect();
    assert_eq!(prices, [0, 1_000, 1_000, 9_000]);
    assert_eq!(body["product"]["base_price_sats"], 1_000);
    assert_eq!(body["product"]["entitlements_catalog"], json!([]));
}

async fn policy_members(instance: &Instance) {
    product(instance, "members", 700).await;
    let members = json!({
        "duration_seconds": 86_400, "max_machines": 3, "entitlements": ["pro", "sync"],
        "is_trial": true,
        "metadata": { "description": "All of it", "highlight": true,
                      "marketing_bullets": ["fast"], "hidden_entitlements": ["sync"] },
    });
    policy(instance, "members", "full", members).await;
    let body = instance.api.get("/v1/products/members/policies").await.ok();
    let shown = &body["policies"][0];
    let expected = json!({
        "slug": "full", "name": "full", "description": "All of it", "price_sats": 700,
        "duration_seconds": 86_400, "max_machines": 3, "is_trial": true,
        "entitlements": ["pro", "sync"], "highlighted": true, "is_recurring": false,
        "renewal_period_days": 0, "trial_days": 0, "marketing_bullets": ["fast"],
        "marketing_bullets_position": "above", "hidden_entitlements": ["sync"],
        "featured_discount": null,
    });
    assert_eq!(shown, &expected);
}
