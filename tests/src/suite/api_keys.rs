//! Scoped keys: made, listed, used, revoked.

use super::cases;
use super::floor::{NOBODY, api_key, eventually, text};
use super::races::at_once;
use crate::hosts::{Answer, Instance};
use bytes::Bytes;
use http::Method;
use keywright_domain::access::{Role, Scope};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

cases![
    shown_once,
    limits,
    listed_in_pages,
    revoking,
    expiring alone,
    last_use,
    many_at_once alone,
    revoked_while_used alone,
];

/// As the operator, without a body.
async fn ask(instance: &Instance, method: Method, path: &str) -> Answer {
    let request = instance.api.request(method, &format!("/v1/admin/{path}"));
    let request = request.bearer_auth(crate::shop::ADMIN_KEY);
    instance.api.send(request).await
}

/// What is listed of a key.
async fn listed(instance: &Instance, id: &str) -> Value {
    let list = ask(instance, Method::GET, "api-keys?limit=1000").await.ok();
    let keys = list["api_keys"].as_array().expect("a list").clone();
    let found = keys.into_iter().find(|key| key["id"] == id);
    found.expect("a key in the list")
}

async fn shown_once(instance: &Instance) {
    let by_name = [Scope::PaymentProvidersWrite];
    let made = api_key(instance, Role::Support, &by_name).await;
    let members: Vec<&String> = made.as_object().expect("an object").keys().collect();
    let expected = [
        "created_at",
        "expires_at",
        "id",
        "label",
        "role",
        "scopes",
        "token",
    ];
    assert_eq!(members, expected);
    assert_eq!(made["role"], "support");
    assert_eq!(made["scopes"], json!(["payment_providers:write"]));
    let (id, token) = (text(&made, "id"), text(&made, "token"));
    assert_eq!(token.len(), 46, "{token}");
    assert!(token.starts_with("ks_"), "{token}");

    let shown = listed(instance, &id).await;
    let expected = json!({
        "id": id, "label": made["label"], "role": "support",
        "scopes": ["payment_providers:write"], "created_at": made["created_at"],
        "last_used_at": null, "revoked_at": null, "expires_at": made["expires_at"],
        "status": "active",
    });
    assert_eq!(shown, expected);

    let sql = "SELECT * FROM api_keys WHERE id = ?1";
    let rows = instance.database.rows(sql, &[&id]).await;
    let hash = Bytes::copy_from_slice(&Sha256::digest(&token));
    let hash = format!("{hash:x}");
    assert_eq!(rows[0]["token_hash"], hash);
    let told = "SELECT * FROM audit WHERE object_id = ?1";
    let told = instance.database.rows(told, &[&id]).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["action"], "api_key.create");
    assert_eq!(told[0]["object_kind"], "api_key");
    for stored in rows.iter().chain(&told) {
        let stored = Value::from(stored.clone()).to_string();
        assert!(!stored.contains(&token[3..]), "{stored}");
    }
    let told = Value::from(told[0].clone()).to_string();
    assert!(!told.contains(&hash), "{told}");
}

async fn limits(instance: &Instance) {
    // On Spin the tables are made by the first request that needs them.
    api_key(instance, Role::ReadOnly, &[]).await;
    let usual = || json!({ "label": "limits of keys", "role": "read-only" });
    for (member, value) in [
        ("label", json!("")),
        ("label", json!("   ")),
        ("label", json!("l".repeat(81))),
        ("role", json!("")),
        ("role", json!("master")),
        ("role", json!("Full-Admin")),
        ("scopes", json!([""])),
        ("scopes", json!(["licenses:write"])),
        (
            "scopes",
            json!(["payment_providers:write", "products:read"]),
        ),
        ("scopes", json!(["*"])),
    ] {
        let mut body = usual();
        body[member] = value.clone();
        let answer = instance.api.admin(Method::POST, "api-keys", &body).await;
        assert_eq!(answer.status, 400, "{member} {value}: {}", answer.text());
        answer.is_error(400, "bad_request");
        assert!(answer.text().contains(member), "{}", answer.text());
    }
    for body in [json!({}), json!({ "label": "limits of keys" }), json!([])] {
        let answer = instance.api.admin(Method::POST, "api-keys", &body).await;
        answer.is_error(422, "unprocessable_entity");
    }
    let sql = "SELECT count(*) AS n FROM api_keys WHERE label = ?1";
    assert_eq!(instance.database.count(sql, &["limits of keys"]).await, 0);
    // Characters count, not bytes; a scope counts once.
    let label = "\u{1f511}".repeat(80);
    let twice = ["payment_providers:write"; 2];
    let body = json!({ "label": label, "role": "full-admin", "scopes": twice });
    let made = instance.api.admin(Method::POST, "api-keys", &body).await;
    assert_eq!(made.ok()["label"], label);
    assert_eq!(made.ok()["scopes"], json!(["payment_providers:write"]));
}

async fn listed_in_pages(instance: &Instance) {
    let mut made = BTreeSet::new();
    for _ in 0..5 {
        made.insert(text(&api_key(instance, Role::ReadOnly, &[]).await, "id"));
    }
    let mut seen = Vec::new();
    let mut path = "api-keys?limit=2".to_owned();
    loop {
        let answer = ask(instance, Method::GET, &path).await;
        let page = answer.ok();
        let keys = page["api_keys"].as_array().expect("a list");
        assert!((1..=2).contains(&keys.len()), "{page}");
        seen.extend(keys.iter().map(|key| text(key, "id")));
        let Some(cursor) = page["next_cursor"].as_str() else {
            assert_eq!(answer.header("link"), "");
            break;
        };
        let link = answer.header("link");
        assert!(link.contains(cursor) && link.ends_with("; rel=\"next\""));
        path = format!("api-keys?limit=2&cursor={cursor}");
    }
    let distinct: BTreeSet<String> = seen.iter().cloned().collect();
    assert_eq!(distinct.len(), seen.len(), "no key is listed twice");
    assert!(distinct.is_superset(&made), "no key is left out");
    for bad in ["limit=0", "limit=1001", "limit=x", "cursor=x"] {
        let answer = ask(instance, Method::GET, &format!("api-keys?{bad}")).await;
        answer.is_error(400, "bad_request");
    }
}

async fn revoking(instance: &Instance) {
    let made = api_key(instance, Role::FullAdmin, &[]).await;
    let (id, token) = (text(&made, "id"), text(&made, "token"));
    let list = || {
        let request = instance.api.request(Method::GET, "/v1/admin/audit?limit=1");
        instance.api.send(request.bearer_auth(token.clone()))
    };
    list().await.ok();
    let path = format!("api-keys/{id}");
    let first = ask(instance, Method::DELETE, &path).await.ok();
    assert_eq!(first["ok"], true);
    assert_eq!(
        first.as_object().map(serde_json::Map::len),
        Some(2),
        "{first}"
    );
    assert_eq!(
        listed(instance, &id).await["revoked_at"],
        first["revoked_at"]
    );
    assert!(first["revoked_at"].is_string(), "{first}");
    list().await.is_error(403, "forbidden");
    for _ in 0..2 {
        let again = ask(instance, Method::DELETE, &path).await.ok();
        assert_eq!(again, json!({ "ok": true, "already_revoked": true }));
    }
    assert_eq!(
        listed(instance, &id).await["revoked_at"],
        first["revoked_at"]
    );
    let told = "SELECT before, after FROM audit WHERE object_id = ?1 AND action = 'api_key.revoke'";
    let told = instance.database.rows(told, &[&id]).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["before"], "{\"revoked_at\":null}");
    for unknown in [NOBODY, "x", "%00", "%ff", "a%2fb"] {
        let answer = ask(instance, Method::DELETE, &format!("api-keys/{unknown}")).await;
        answer.is_error(404, "not_found");
    }
}

/// The time of the last use is written a moment after the answer.
async fn last_use(instance: &Instance) {
    let made = api_key(instance, Role::ReadOnly, &[]).await;
    let (id, token) = (text(&made, "id"), text(&made, "token"));
    let uses = at_once(10, |_| {
        let request = instance.api.request(Method::GET, "/v1/admin/audit?limit=1");
        instance.api.send(request.bearer_auth(token.clone()))
    });
    for answer in uses.await {
        answer.ok();
    }
    let is_there = |shown: &Value| shown["last_used_at"].is_string();
    let look = || listed(instance, &id);
    let shown = eventually(look, is_there, "the use is written").await;
    assert!(shown["last_used_at"].as_str() >= shown["created_at"].as_str());
}

async fn many_at_once(instance: &Instance) {
    let made = at_once(200, |_| api_key(instance, Role::Support, &[])).await;
    for member in ["id", "token"] {
        let distinct: BTreeSet<String> = made.iter().map(|key| text(key, member)).collect();
        assert_eq!(distinct.len(), 200, "{member}");
    }
    let last = text(&made[199], "token");
    let request = instance.api.request(Method::GET, "/v1/admin/audit?limit=1");
    instance.api.send(request.bearer_auth(last)).await.ok();
}

/// Requests of a key that is revoked meanwhile are carried out or refused, and
/// those that start after the revocation was answered are all refused.
/// A key works for a year unless it is said otherwise, and opens nothing afterwards.
async fn expiring(instance: &Instance) {
    let make = |expires_at: Value| {
        let body = json!({ "label": "ends", "role": "read-only", "expires_at": expires_at });
        async move { instance.api.admin(Method::POST, "api-keys", &body).await }
    };
    for wrong in ["2020-01-01T00:00:00Z", "9999-01-01T00:00:00Z", "soon"] {
        let answer = make(json!(wrong)).await;
        answer.is_error(400, "bad_request");
        assert!(answer.text().contains("expires_at must be"), "{answer:?}");
    }
    assert_eq!(make(Value::Null).await.ok()["expires_at"], Value::Null);
    let made = api_key(instance, Role::ReadOnly, &[]).await;
    let years = text(&made, "expires_at")[..4]
        .parse::<i32>()
        .expect("a year")
        - text(&made, "created_at")[..4]
            .parse::<i32>()
            .expect("a year");
    assert_eq!(years, 1, "{made}");
    let (id, token) = (text(&made, "id"), text(&made, "token"));
    let look = || {
        let request = instance.api.request(Method::GET, "/v1/admin/products");
        instance.api.send(request.bearer_auth(&token))
    };
    look().await.ok();
    let end = "UPDATE api_keys SET expires_at = created_at WHERE id = ?1";
    instance.database.change(end, &[&id]).await;
    look().await.is_error(403, "forbidden");
    assert_eq!(listed(instance, &id).await["status"], "expired");
}

async fn revoked_while_used(instance: &Instance) {
    let made = api_key(instance, Role::FullAdmin, &[]).await;
    let path = format!("api-keys/{}", text(&made, "id"));
    let make = |number: usize| {
        let label = format!("made by a key that ends, {number}");
        let body = json!({ "slug": format!("ends-{number}"), "name": label, "price_sats": 1 });
        let request = instance.api.request(Method::POST, "/v1/admin/products");
        let request = request.bearer_auth(text(&made, "token")).json(&body);
        instance.api.send(request)
    };
    let path = path.as_str();
    let statuses = at_once(200, |number| async move {
        if number == 100 {
            let ended = ask(instance, Method::DELETE, path).await.ok();
            assert_eq!(ended["ok"], true);
            // Answered: from here on nothing gets in.
            for late in 0..10 {
                make(1_000 + late).await.is_error(403, "forbidden");
            }
            return 0;
        }
        make(number).await.status
    })
    .await;
    let made = statuses.iter().filter(|status| **status == 200).count();
    assert!(
        statuses
            .iter()
            .all(|status| matches!(status, 0 | 200 | 403)),
        "{statuses:?}"
    );
    let sql = "SELECT count(*) AS n FROM products WHERE slug LIKE 'ends-%'";
    let recorded = instance.database.count(sql, &[]).await;
    assert_eq!(
        usize::try_from(recorded),
        Ok(made),
        "what was let in was done"
    );
}
