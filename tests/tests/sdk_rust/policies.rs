//! `list_public_policies`: every typed field.

use crate::{cases, client, status};
use keywright_tests::hosts::Instance;
use keywright_tests::suite::floor;
use serde_json::json;

cases![
    every_field,
    least,
    only_for_sale,
    featured,
    in_dollars,
    unknown
];

async fn every_field(instance: &Instance) {
    let product = json!({ "slug": "r-tiers", "name": "The tiers", "price_sats": 1_000,
        "description": "What it is", "metadata": { "homepage": "https://app.example" },
        "entitlements_catalog": [
            { "slug": "sync", "name": "Sync", "description": "Across machines" },
            { "slug": "pro", "name": "Pro" } ] });
    instance
        .api
        .admin(http::Method::POST, "products", &product)
        .await
        .ok();
    let terms = json!({ "name": "Team", "price_sats_override": 5_000, "duration_seconds": 31_536_000,
        "max_machines": 4, "is_trial": true, "entitlements": ["sync", "pro"],
        "metadata": { "description": "For teams", "highlight": true,
                      "marketing_bullets": ["Fast", "Small"],
                      "marketing_bullets_position": "below",
                      "hidden_entitlements": ["pro"], "anything": { "else": null } } });
    floor::policy(instance, "r-tiers", "team", terms).await;
    let listed = client(instance).list_public_policies("r-tiers").await;
    let listed = listed.expect("policies");

    let product = &listed.product;
    assert_eq!(product.slug, "r-tiers");
    assert_eq!(product.name, "The tiers");
    assert_eq!(product.description, "What it is");
    assert_eq!(product.base_price_sats, 1_000);
    let catalog: Vec<_> = product
        .entitlements_catalog
        .iter()
        .map(|entry| {
            (
                entry.slug.as_str(),
                entry.name.as_str(),
                entry.description.as_str(),
            )
        })
        .collect();
    assert_eq!(
        catalog,
        [("sync", "Sync", "Across machines"), ("pro", "Pro", "")]
    );
    let [team] = &listed.policies[..] else {
        panic!("one policy: {listed:?}");
    };
    assert_eq!(team.slug, "team");
    assert_eq!(team.name, "Team");
    assert_eq!(team.description, "For teams");
    assert_eq!(team.price_sats, 5_000);
    assert_eq!(team.duration_seconds, 31_536_000);
    assert_eq!(team.max_machines, 4);
    assert!(team.is_trial && team.highlighted);
    assert_eq!(team.entitlements, ["sync", "pro"]);
    assert!(!team.is_recurring);
    assert_eq!((team.renewal_period_days, team.trial_days), (0, 0));
}

/// What a vendor leaves out is empty, and never null.
async fn least(instance: &Instance) {
    floor::product(instance, "r-least", 700).await;
    floor::policy(instance, "r-least", "solo", json!({})).await;
    let listed = client(instance).list_public_policies("r-least").await;
    let listed = listed.expect("policies");
    assert_eq!(listed.product.description, "");
    assert!(listed.product.entitlements_catalog.is_empty());
    let solo = &listed.policies[0];
    assert_eq!((solo.description.as_str(), solo.price_sats), ("", 700));
    assert_eq!((solo.duration_seconds, solo.max_machines), (0, 1));
    assert!(solo.entitlements.is_empty() && !solo.highlighted && !solo.is_trial);
}

/// The cheapest first, then by name; and none that cannot be bought.
async fn only_for_sale(instance: &Instance) {
    floor::product(instance, "r-sorted", 700).await;
    for (slug, members) in [
        ("zeta", json!({})),
        ("alpha", json!({})),
        ("cheap", json!({ "price_sats_override": 5 })),
        ("hidden", json!({ "public": false })),
        ("retired", json!({ "active": false })),
    ] {
        floor::policy(instance, "r-sorted", slug, members).await;
    }
    let listed = client(instance).list_public_policies("r-sorted").await;
    let listed = listed.expect("policies");
    let slugs: Vec<_> = listed.policies.iter().map(|p| p.slug.as_str()).collect();
    assert_eq!(slugs, ["cheap", "alpha", "zeta"]);
}

/// Beside what the SDK types there is `featured_discount`, null or not.
async fn featured(instance: &Instance) {
    floor::product(instance, "r-offer", 8_000).await;
    floor::policy(instance, "r-offer", "pro", json!({})).await;
    let client = client(instance);
    for code in [None, Some("R-OFFER")] {
        if let Some(code) = code {
            let code = json!({ "code": code, "kind": "percent", "amount": 5_000,
                               "product_slug": "r-offer", "featured": true });
            floor::discount_code(instance, code).await;
        }
        let plain = instance.api.get("/v1/products/r-offer/policies").await.ok();
        let discount = &plain["policies"][0]["featured_discount"];
        assert_eq!(discount["code"].as_str(), code, "{plain}");
        let listed = client.list_public_policies("r-offer").await;
        // The price before the discount, as in the contract.
        assert_eq!(listed.expect("policies").policies[0].price_sats, 8_000);
    }
}

/// In cents, in the members that the SDK types as sats.
async fn in_dollars(instance: &Instance) {
    let product = json!({ "slug": "r-dollars", "name": "The dollars",
                          "price_currency": "USD", "price_value": 2_500 });
    let made = instance.api.admin(http::Method::POST, "products", &product);
    made.await.ok();
    let dear = json!({ "price_sats_override": 9_900 });
    floor::policy(instance, "r-dollars", "dear", dear).await;
    floor::policy(instance, "r-dollars", "usual", json!({})).await;
    let listed = client(instance).list_public_policies("r-dollars").await;
    let listed = listed.expect("policies");
    assert_eq!(listed.product.base_price_sats, 2_500);
    let prices: Vec<_> = listed.policies.iter().map(|p| p.price_sats).collect();
    assert_eq!(prices, [2_500, 9_900]);
}

async fn unknown(instance: &Instance) {
    let product = floor::product(instance, "r-withdrawn", 1).await;
    let path = format!("products/{}/active", floor::text(&product, "id"));
    let off = json!({ "active": false });
    instance
        .api
        .admin(http::Method::PATCH, &path, &off)
        .await
        .ok();
    for slug in ["r-no-such", "r-withdrawn"] {
        let listed = client(instance).list_public_policies(slug).await;
        assert_eq!(status(listed), 404, "{slug}");
    }
}
