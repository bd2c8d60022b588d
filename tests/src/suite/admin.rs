//! What the operator calls.

use super::cases;
use super::floor::{NOBODY, issue, policy, product, revoke, text, validate};
use crate::hosts::Instance;
use crate::shop::ADMIN_KEY;
use http::Method;
use keywright_license::verify_license;
use serde_json::{Value, json};

cases![
    product_changes,
    product_limits,
    policy_changes,
    policy_limits,
    same_slug,
    issue_defaults,
    issue_by_policy,
    issue_limits,
    revoking,
    unknown_ids,
    no_caps,
    audited,
];

/// Keywright has no caps of its own.
async fn no_caps(instance: &Instance) {
    let tier = instance
        .api
        .admin(Method::GET, "tier", &json!({}))
        .await
        .ok();
    assert_eq!(tier["tier"], "unlimited");
    for name in [
        "products",
        "policies_per_product",
        "active_codes",
        "merchant_profiles",
    ] {
        assert_eq!(tier["caps"][name], Value::Null, "{tier}");
        assert!(tier["usage"][name].is_i64(), "{tier}");
    }
}

async fn product_changes(instance: &Instance) {
    let made = product(instance, "changing", 10).await;
    let path = format!("products/{}", text(&made, "id"));
    let change = |body: Value| {
        let path = path.clone();
        async move { instance.api.admin(Method::PATCH, &path, &body).await.ok() }
    };
    let catalog = json!([{ "slug": "pro", "name": "Pro", "description": "" }]);
    let changes = json!({ "name": "Changed", "description": "Now with more", "price_sats": 20,
                          "metadata": { "a": 1 }, "entitlements_catalog": catalog });
    let changed = change(changes).await;
    assert_eq!(changed["name"], "Changed");
    assert_eq!(changed["price_sats"], 20);
    assert_eq!(changed["metadata"], json!({ "a": 1 }));
    assert_eq!(changed["entitlements_catalog"], catalog);
    assert_eq!(changed["id"], made["id"]);
    assert_eq!(changed["created_at"], made["created_at"]);
    // What is not sent stays; null clears what may be empty.
    let cleared = change(json!({ "entitlements_catalog": null })).await;
    assert_eq!(cleared["entitlements_catalog"], Value::Null);
    assert_eq!(cleared["name"], "Changed");
    assert_eq!(change(json!({})).await["description"], "Now with more");
    assert_eq!(
        instance.api.get("/v1/products/changing").await.ok()["price_sats"],
        20
    );
}

async fn product_limits(instance: &Instance) {
    let usual = || json!({ "slug": "limits", "name": "n", "price_sats": 1 });
    for (member, value) in [
        ("slug", json!("")),
        ("slug", json!("a/b")),
        ("slug", json!("../x")),
        ("slug", json!("Upper")),
        ("slug", json!("a b")),
        ("slug", json!("x".repeat(65))),
        ("name", json!(" ")),
        ("name", json!("n".repeat(201))),
        ("price_sats", json!(-1)),
        // More satoshis than there will ever be.
        ("price_sats", json!(2_100_000_000_000_001_i64)),
        ("price_sats", json!(i64::MAX)),
        ("description", json!("d".repeat(20_001))),
        ("metadata", json!([])),
        ("metadata", json!({ "a": "m".repeat(20_001) })),
    ] {
        let mut body = usual();
        body[member] = value.clone();
        let answer = instance.api.admin(Method::POST, "products", &body).await;
        answer.is_error(400, "bad_request");
    }
    for body in [
        json!({ "slug": "limits", "name": "n" }),
        json!({ "slug": "limits", "name": "n", "price_currency": "GBP", "price_value": 1 }),
        json!({ "slug": "limits", "name": "n", "price_currency": "USD" }),
        json!({ "slug": "limits", "name": "n", "price_sats": 1, "price_value": 1 }),
    ] {
        let answer = instance.api.admin(Method::POST, "products", &body).await;
        answer.is_error(400, "bad_request");
    }
    instance
        .api
        .get("/v1/products/limits")
        .await
        .is_error(404, "not_found");
    let body = json!({ "slug": "limits", "name": "n", "price_currency": "SAT", "price_value": 3 });
    let made = instance
        .api
        .admin(Method::POST, "products", &body)
        .await
        .ok();
    assert_eq!(made["price_sats"], 3);
    let path = format!("products/{}", text(&made, "id"));
    for change in [
        json!({ "price_sats": -1 }),
        json!({ "name": "" }),
        json!({ "metadata": 1 }),
    ] {
        let answer = instance.api.admin(Method::PATCH, &path, &change).await;
        answer.is_error(400, "bad_request");
    }
    assert_eq!(
        instance.api.get("/v1/products/limits").await.ok()["price_sats"],
        3
    );
}

async fn policy_changes(instance: &Instance) {
    product(instance, "tiered", 10).await;
    let made = policy(
        instance,
        "tiered",
        "pro",
        json!({ "price_sats_override": 5 }),
    )
    .await;
    let path = format!("policies/{}", text(&made, "id"));
    let changes = json!({ "price_sats_override": null, "max_machines": 7, "public": false,
                          "entitlements": ["x"], "duration_seconds": 60 });
    let changed = instance
        .api
        .admin(Method::PATCH, &path, &changes)
        .await
        .ok();
    assert_eq!(changed["price_sats_override"], Value::Null);
    assert_eq!(changed["max_machines"], 7);
    assert_eq!(changed["public"], false);
    assert_eq!(changed["entitlements"], json!(["x"]));
    assert_eq!(changed["slug"], "pro");
    let list = "policies?product_slug=tiered";
    let listed = instance.api.admin(Method::GET, list, &json!({})).await.ok();
    assert_eq!(listed["policies"], json!([changed]), "hidden ones too");
    let archived = json!({ "archived": true });
    let archived = instance
        .api
        .admin(Method::PATCH, &path, &archived)
        .await
        .ok();
    assert!(archived["archived_at"].is_string(), "{archived}");
    let listed = instance.api.admin(Method::GET, list, &json!({})).await.ok();
    assert_eq!(listed["policies"], json!([]));
}

async fn policy_limits(instance: &Instance) {
    product(instance, "bounded", 10).await;
    for (member, value) in [
        ("slug", json!("a/b")),
        ("name", json!("")),
        ("price_sats_override", json!(-5)),
        ("duration_seconds", json!(-1)),
        ("duration_seconds", json!(i64::MAX)),
        ("grace_seconds", json!(-1)),
        ("max_machines", json!(-1)),
        ("entitlements", json!([""])),
        ("entitlements", json!(["é"])),
        ("entitlements", json!(["e".repeat(256)])),
        ("entitlements", json!(vec!["e"; 256])),
        ("metadata", json!("text")),
    ] {
        let mut body = json!({ "product_slug": "bounded", "slug": "pro", "name": "Pro" });
        body[member] = value.clone();
        let answer = instance.api.admin(Method::POST, "policies", &body).await;
        assert_eq!(answer.status, 400, "{member} {value}: {}", answer.text());
        answer.is_error(400, "bad_request");
    }
    let list = instance
        .api
        .admin(Method::GET, "policies", &json!({}))
        .await;
    list.is_error(400, "bad_request");
    let listed = "policies?product_slug=bounded";
    let listed = instance
        .api
        .admin(Method::GET, listed, &json!({}))
        .await
        .ok();
    assert_eq!(listed["policies"], json!([]));
}

async fn same_slug(instance: &Instance) {
    product(instance, "taken", 10).await;
    let again = json!({ "slug": "taken", "name": "Other", "price_sats": 99 });
    instance
        .api
        .admin(Method::POST, "products", &again)
        .await
        .is_error(409, "conflict");
    assert_eq!(
        instance.api.get("/v1/products/taken").await.ok()["price_sats"],
        10
    );
    policy(instance, "taken", "pro", json!({})).await;
    let again = json!({ "product_slug": "taken", "slug": "pro", "name": "Other" });
    instance
        .api
        .admin(Method::POST, "policies", &again)
        .await
        .is_error(409, "conflict");
    // Another product may have a policy of the same slug.
    product(instance, "not-taken", 10).await;
    policy(instance, "not-taken", "pro", json!({})).await;
}

async fn issue_defaults(instance: &Instance) {
    let made = product(instance, "by-hand", 10).await;
    let issued = issue(instance, "by-hand", json!({})).await;
    assert_eq!(issued["product_id"], made["id"]);
    assert_eq!(issued["expires_at"], Value::Null);
    assert_eq!(issued["entitlements"], json!([]));
    assert_eq!(issued["is_trial"], false);
    assert_eq!(issued["max_machines"], 1);
    let key = text(&issued, "license_key");
    let verified = verify_license(&key, &instance.verify_keys()).expect("a good key");
    assert_eq!(verified.payload().expires_at(), None);
    assert!(!text(&issued, "token").is_empty());
}

async fn issue_by_policy(instance: &Instance) {
    product(instance, "by-policy", 10).await;
    let terms = json!({ "entitlements": ["a"], "max_machines": 4, "duration_seconds": 3_600 });
    policy(instance, "by-policy", "team", terms).await;
    let issued = issue(instance, "by-policy", json!({ "policy_slug": "team" })).await;
    assert_eq!(issued["entitlements"], json!(["a"]));
    assert_eq!(issued["max_machines"], 4);
    assert!(issued["expires_at"].is_string(), "{issued}");
    // What is sent wins over the policy.
    let members = json!({ "policy_slug": "team", "entitlements": ["b"], "max_machines": 0,
                          "expires_at": "2099-01-01T00:00:00Z", "note": "press" });
    let issued = issue(instance, "by-policy", members).await;
    assert_eq!(issued["entitlements"], json!(["b"]));
    assert_eq!(issued["max_machines"], 0);
    assert!(
        text(&issued, "expires_at").starts_with("2099-01-01T00:00:00"),
        "{issued}"
    );
    let key = text(&issued, "license_key");
    assert_eq!(validate(instance, &key, "by-policy").await["ok"], true);
}

async fn issue_limits(instance: &Instance) {
    product(instance, "strict", 10).await;
    for (member, value) in [
        ("expires_at", json!("tomorrow")),
        ("expires_at", json!("2026-13-01T00:00:00Z")),
        ("expires_at", json!("99999-01-01T00:00:00Z")),
        ("entitlements", json!([""])),
        ("max_machines", json!(-1)),
        ("note", json!("n".repeat(2_001))),
        ("buyer_email", json!("e".repeat(2_001))),
    ] {
        let body = json!({ "product_slug": "strict", member: value });
        let answer = instance.api.admin(Method::POST, "licenses", &body).await;
        answer.is_error(400, "bad_request");
    }
    let no_policy = json!({ "product_slug": "strict", "policy_slug": "none" });
    let answer = instance
        .api
        .admin(Method::POST, "licenses", &no_policy)
        .await;
    answer.is_error(404, "not_found");
    let sql = "SELECT count(*) AS n FROM licenses l JOIN products p ON p.id = l.product_id
               WHERE p.slug = ?1";
    assert_eq!(
        instance.database.count(sql, &["strict"]).await,
        0,
        "nothing is recorded"
    );
}

async fn revoking(instance: &Instance) {
    product(instance, "revocable", 10).await;
    let issued = issue(instance, "revocable", json!({})).await;
    let id = text(&issued, "license_id");
    let long = json!({ "reason": "r".repeat(2_001) });
    let path = format!("licenses/{id}/revoke");
    instance
        .api
        .admin(Method::POST, &path, &long)
        .await
        .is_error(400, "bad_request");
    let key = text(&issued, "license_key");
    assert_eq!(validate(instance, &key, "revocable").await["ok"], true);
    assert_eq!(revoke(instance, &id).await.ok(), json!({ "ok": true }));
    assert_eq!(
        validate(instance, &key, "revocable").await["reason"],
        "revoked"
    );
    // Repeating it succeeds and changes nothing more.
    assert_eq!(revoke(instance, &id).await.ok(), json!({ "ok": true }));
}

async fn unknown_ids(instance: &Instance) {
    for id in [NOBODY, "x", "%2e%2e", "a%2fb", "%00", "%ff", "'"] {
        for (method, path) in [
            (Method::PATCH, format!("products/{id}")),
            (Method::PATCH, format!("products/{id}/active")),
            (Method::PATCH, format!("policies/{id}")),
            (Method::POST, format!("licenses/{id}/revoke")),
        ] {
            let body = if method == Method::POST {
                json!({})
            } else {
                json!({ "active": true })
            };
            let answer = instance.api.admin(method, &path, &body).await;
            answer.is_error(404, "not_found");
        }
    }
    for (path, body) in [
        (
            "policies",
            json!({ "product_slug": "none-such", "slug": "a", "name": "a" }),
        ),
        ("licenses", json!({ "product_slug": "none-such" })),
    ] {
        let answer = instance.api.admin(Method::POST, path, &body).await;
        answer.is_error(404, "not_found");
    }
}

/// Every change is in the audit table, with the id of the request that made it.
async fn audited(instance: &Instance) {
    let id = "audited-request-1";
    let body = json!({ "slug": "audited", "name": "Audited", "price_sats": 1 });
    let request = instance
        .api
        .request(Method::POST, "/v1/admin/products")
        .bearer_auth(ADMIN_KEY);
    let request = request.header("x-request-id", id).json(&body);
    let made = instance.api.send(request).await.ok();
    let path = format!("products/{}", text(&made, "id"));
    instance
        .api
        .admin(Method::PATCH, &path, &json!({ "price_sats": 2 }))
        .await
        .ok();
    // A refused change leaves no entry.
    instance
        .api
        .admin(Method::PATCH, &path, &json!({ "price_sats": -2 }))
        .await;
    let sql = "SELECT actor, action, before, after, request_id FROM audit
               WHERE object_id = ?1 ORDER BY rowid";
    let rows = instance.database.rows(sql, &[&text(&made, "id")]).await;
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert_eq!(rows[0]["actor"], "operator");
    assert_eq!(rows[0]["request_id"], id);
    assert_eq!(rows[0]["before"], Value::Null);
    assert!(
        rows[1]["before"].is_string() && rows[1]["after"].is_string(),
        "{rows:?}"
    );
    assert_ne!(rows[1]["request_id"], id);
}
