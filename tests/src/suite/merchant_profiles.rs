//! The businesses that products are sold by, as the operator makes and changes
//! them, and as buyers see them.

use super::cases;
use super::floor::{NOBODY, product, text};
use crate::hosts::{Answer, Instance, OPERATOR};
use http::Method;
use serde_json::{Value, json};

cases![
    made_changed_and_deleted,
    who_sells_a_product,
    what_holds_one,
    one_default alone,
    preferences,
    members_outside_their_limits,
    unknown_ones,
];

const LIST: &str = "merchant-profiles";
/// The business that is there from the start.
const FIRST: &str = "00000000-0000-7000-8000-000000000001";

async fn call(instance: &Instance, method: Method, path: &str, body: &Value) -> Answer {
    let path = format!("{LIST}{path}");
    instance.api.admin(method, &path, body).await
}

async fn business(instance: &Instance, members: Value) -> String {
    text(&call(instance, Method::POST, "", &members).await.ok(), "id")
}

async fn assign(instance: &Instance, product: &Value, business: &Value) -> Answer {
    let path = format!("products/{}", text(product, "id"));
    let change = json!({ "merchant_profile_id": business });
    instance.api.admin(Method::PATCH, &path, &change).await
}

async fn made_changed_and_deleted(instance: &Instance) {
    let members = json!({
        "name": "Made", "legal_name": "Made Ltd", "support_url": "https://made.example/help",
        "support_email": "help@made.example", "brand_color": "#0a7cff",
        "post_purchase_redirect_url": "https://made.example/{invoice_id}",
    });
    let made = call(instance, Method::POST, "", &members).await.ok();
    for (member, value) in members.as_object().expect("members") {
        assert_eq!(made[member], *value, "{member}");
    }
    assert_eq!(made["is_default"], false);
    assert_eq!(made["smtp_configured"], false);
    assert_eq!(made["providers"], json!([]));
    let path = format!("/{}", text(&made, "id"));
    let change = json!({ "name": "Changed", "legal_name": null, "brand_color": "" });
    let changed = call(instance, Method::PATCH, &path, &change).await.ok();
    assert_eq!(changed["name"], "Changed");
    assert_eq!(
        (&changed["legal_name"], &changed["brand_color"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(
        changed["support_email"], members["support_email"],
        "what is not sent stays"
    );
    let shown = call(instance, Method::GET, &path, &json!({})).await.ok();
    assert_eq!(shown["name"], "Changed");
    assert_eq!(shown["product_count"], 0);
    assert_eq!(shown["active_subscription_count"], 0);
    assert_eq!(shown["rail_preferences"], json!([]));
    let first = call(instance, Method::GET, "?limit=1", &json!({})).await;
    assert_eq!(
        first.ok()["merchant_profiles"].as_array().map(Vec::len),
        Some(1)
    );
    assert!(first.header("link").contains("cursor="), "{first:?}");
    assert_eq!(
        call(instance, Method::DELETE, &path, &json!({})).await.ok(),
        json!({ "ok": true })
    );
    let gone = call(instance, Method::DELETE, &path, &json!({})).await;
    gone.is_error(404, "not_found");
}

async fn who_sells_a_product(instance: &Instance) {
    let sold = product(instance, "of-a-business", 1_000).await;
    assert_eq!(sold["merchant_profile_id"], Value::Null);
    let members = json!({ "name": "Seller", "brand_color": "#123abc",
                          "support_email": "s@seller.example" });
    let id = business(instance, members).await;
    let moved = assign(instance, &sold, &json!(id)).await.ok();
    assert_eq!(moved["merchant_profile_id"], id);
    let shown = instance
        .api
        .get("/v1/storefront?product=of-a-business")
        .await
        .ok();
    let expected = json!({ "name": "Seller", "brand_color": "#123abc",
                           "support_email": "s@seller.example", "rails": [],
                           "recovers_by_mail": shown["recovers_by_mail"] });
    assert_eq!(shown, expected, "no store is connected for it");
    let refused = json!({ "product": "of-a-business" });
    let refused = instance.api.post("/v1/purchase", &refused).await;
    refused.is_error(400, "bad_request");
    let back = assign(instance, &sold, &Value::Null).await.ok();
    assert_eq!(back["merchant_profile_id"], Value::Null);
    let shown = instance
        .api
        .get("/v1/storefront?product=of-a-business")
        .await
        .ok();
    assert_eq!(shown["name"], OPERATOR);
    let made = json!({ "slug": "made-for-a-business", "name": "M", "price_sats": 0,
                       "merchant_profile_id": id });
    let made = instance
        .api
        .admin(Method::POST, "products", &made)
        .await
        .ok();
    assert_eq!(made["merchant_profile_id"], id);
    // What is free needs no store.
    let free = json!({ "product": "made-for-a-business" });
    assert!(instance.api.post("/v1/purchase", &free).await.ok()["license_key"].is_string());
}

async fn what_holds_one(instance: &Instance) {
    let path = format!("/{FIRST}");
    let kept = call(instance, Method::DELETE, &path, &json!({})).await;
    kept.is_error(400, "bad_request");
    let id = business(instance, json!({ "name": "Held" })).await;
    let held = product(instance, "holds-a-business", 1).await;
    assign(instance, &held, &json!(id)).await.ok();
    let path = format!("/{id}");
    let shown = call(instance, Method::GET, &path, &json!({})).await.ok();
    assert_eq!(shown["product_count"], 1);
    let kept = call(instance, Method::DELETE, &path, &json!({})).await;
    kept.is_error(400, "bad_request");
    assign(instance, &held, &Value::Null).await.ok();
    call(instance, Method::DELETE, &path, &json!({})).await.ok();
}

/// Others must not run beside: without a default store they cannot sell.
async fn one_default(instance: &Instance) {
    let count = "SELECT count(*) AS n FROM merchant_profiles WHERE is_default = 1";
    let id = business(instance, json!({ "name": "Default for a while" })).await;
    let rush = super::races::at_once(6, |n| {
        let id = if n % 2 == 0 { FIRST } else { id.as_str() };
        let path = format!("/{id}/set-default");
        async move { call(instance, Method::POST, &path, &json!({})).await }
    });
    for answer in rush.await {
        assert_eq!(answer.ok()["is_default"], true);
    }
    assert_eq!(instance.database.count(count, &[]).await, 1);
    let path = format!("/{FIRST}/set-default");
    for _ in 0..2 {
        let first = call(instance, Method::POST, &path, &json!({})).await.ok();
        assert_eq!(
            (&first["id"], &first["is_default"]),
            (&json!(FIRST), &json!(true))
        );
    }
    let changed = "SELECT count(*) AS n FROM audit
                   WHERE action = 'merchant_profile.set_default' AND object_id = ?1";
    let before = instance.database.count(changed, &[FIRST]).await;
    call(instance, Method::POST, &path, &json!({})).await.ok();
    assert_eq!(
        instance.database.count(changed, &[FIRST]).await,
        before,
        "repeated"
    );
    call(instance, Method::DELETE, &format!("/{id}"), &json!({}))
        .await
        .ok();
}

async fn preferences(instance: &Instance) {
    let id = business(instance, json!({ "name": "Prefers" })).await;
    let path = format!("/{id}/rail-preferences");
    let choice = json!({ "payment_provider_id": NOBODY });
    for rail in ["lightning", "onchain", "card", "cash"] {
        let path = format!("{path}/{rail}");
        let refused = call(instance, Method::PUT, &path, &choice).await;
        refused.is_error(400, "bad_request");
    }
    let cleared = format!("{path}/onchain");
    for _ in 0..2 {
        let cleared = call(instance, Method::DELETE, &cleared, &json!({}))
            .await
            .ok();
        assert_eq!(cleared["rail_preferences"], json!([]));
    }
    let cash = call(
        instance,
        Method::DELETE,
        &format!("{path}/cash"),
        &json!({}),
    )
    .await;
    cash.is_error(400, "bad_request");
    let lacking = call(instance, Method::PUT, &cleared, &json!({})).await;
    lacking.is_error(422, "unprocessable_entity");
}

async fn members_outside_their_limits(instance: &Instance) {
    let id = business(instance, json!({ "name": "Limits" })).await;
    for (member, value) in [
        ("name", json!("")),
        ("name", json!("x".repeat(81))),
        ("legal_name", json!("a\u{0}b")),
        ("support_url", json!("javascript:alert(1)")),
        ("support_email", json!("nobody")),
        ("brand_color", json!("#12345")),
        ("post_purchase_redirect_url", json!("https://{invoice_id}/")),
    ] {
        let mut members = json!({ "name": "Wrong" });
        members[member] = value;
        let made = call(instance, Method::POST, "", &members).await;
        made.is_error(400, "bad_request");
        assert!(made.text().contains(&format!("{member} must ")), "{made:?}");
        let changed = call(instance, Method::PATCH, &format!("/{id}"), &members).await;
        changed.is_error(400, "bad_request");
    }
    let lacking = call(instance, Method::POST, "", &json!({ "legal_name": "x" })).await;
    lacking.is_error(422, "unprocessable_entity");
    for query in ["?limit=0", "?limit=1001", "?cursor=x"] {
        let refused = call(instance, Method::GET, query, &json!({})).await;
        refused.is_error(400, "bad_request");
    }
}

async fn unknown_ones(instance: &Instance) {
    let member = json!({ "payment_provider_id": NOBODY });
    for (method, path) in [
        (Method::GET, format!("/{NOBODY}")),
        (Method::PATCH, format!("/{NOBODY}")),
        (Method::DELETE, format!("/{NOBODY}")),
        (Method::POST, format!("/{NOBODY}/set-default")),
        (Method::PUT, format!("/{NOBODY}/rail-preferences/onchain")),
        (
            Method::DELETE,
            format!("/{NOBODY}/rail-preferences/onchain"),
        ),
    ] {
        let nothing = json!({});
        let body = if method == Method::PUT {
            &member
        } else {
            &nothing
        };
        let answer = call(instance, method, &path, body).await;
        answer.is_error(404, "not_found");
    }
    let sold = product(instance, "of-nobody", 1).await;
    assign(instance, &sold, &json!(NOBODY))
        .await
        .is_error(404, "not_found");
    let made = json!({ "slug": "never-made", "name": "N", "price_sats": 1,
                       "merchant_profile_id": NOBODY });
    let made = instance.api.admin(Method::POST, "products", &made).await;
    made.is_error(404, "not_found");
}
