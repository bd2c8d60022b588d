//! What the operator lists, changes and takes back of the catalogue.

use super::cases;
use super::floor::{buy, issue, policy, product, text};
use crate::hosts::{Answer, Instance};
use http::Method;
use serde_json::{Value, json};

cases![
    every_product,
    product_members,
    catalogues,
    products_go,
    sold_products_stay,
    every_policy,
    policy_members,
    switches,
    policies_go,
    unknown_ones,
    told_exactly,
];

const NOBODY: &str = "01990000-0000-7000-8000-000000000000";

async fn send(instance: &Instance, method: Method, path: &str, body: &Value) -> Answer {
    instance.api.admin(method, path, body).await
}

async fn get(instance: &Instance, path: &str) -> Answer {
    send(instance, Method::GET, path, &json!({})).await
}

async fn delete(instance: &Instance, path: &str) -> Answer {
    send(instance, Method::DELETE, path, &json!({})).await
}

async fn audit_entries(instance: &Instance, id: &str) -> Vec<(String, Value, Value)> {
    let sql = "SELECT action, before, after FROM audit WHERE object_id = ?1 ORDER BY rowid";
    let rows = instance.database.rows(sql, &[id]).await;
    let json = |value: &Value| {
        let text = value.as_str();
        text.map_or(Value::Null, |text| {
            serde_json::from_str(text).expect("JSON")
        })
    };
    rows.iter()
        .map(|row| {
            let action = text(&json!(row), "action");
            (action, json(&row["before"]), json(&row["after"]))
        })
        .collect()
}

async fn every_product(instance: &Instance) {
    let on = text(&product(instance, "shown-on", 1).await, "id");
    let off = text(&product(instance, "shown-off", 1).await, "id");
    let path = format!("products/{off}/active");
    send(instance, Method::PATCH, &path, &json!({ "active": false }))
        .await
        .ok();
    let mut found = Vec::new();
    let mut next = "products?limit=1".to_owned();
    while !next.is_empty() {
        let answer = get(instance, &next).await;
        let page = answer.ok();
        found.extend(page["products"].as_array().expect("a list").clone());
        let cursor = page["next_cursor"].as_str();
        next = cursor.map_or(String::new(), |cursor| {
            format!("products?limit=50&cursor={cursor}")
        });
        assert_eq!(answer.header("link").is_empty(), next.is_empty());
    }
    for (id, active) in [(&on, true), (&off, false)] {
        let mine: Vec<&Value> = found.iter().filter(|row| &text(row, "id") == id).collect();
        assert_eq!(mine.len(), 1);
        assert_eq!(mine[0]["active"], active);
        let shown = get(instance, &format!("products/{id}")).await.ok();
        assert_eq!(&shown, mine[0]);
    }
    for query in ["limit=0", "limit=1001", "cursor=x"] {
        let answer = get(instance, &format!("products?{query}")).await;
        answer.is_error(400, "bad_request");
    }
}

async fn product_members(instance: &Instance) {
    let id = text(&product(instance, "price-forms", 1).await, "id");
    let path = format!("products/{id}");
    for (body, price) in [
        (json!({ "price_currency": "SAT", "price_value": 7 }), 7),
        (json!({ "price_sats": 8 }), 8),
    ] {
        let changed = send(instance, Method::PATCH, &path, &body).await.ok();
        assert_eq!(changed["price_sats"], price);
    }
    for body in [
        json!({ "price_currency": "usd", "price_value": 7 }),
        json!({ "price_currency": "SAT" }),
        json!({ "price_value": 7 }),
        json!({ "price_sats": 7, "price_currency": "SAT", "price_value": 7 }),
        json!({ "name": "a\u{0}" }),
    ] {
        let answer = send(instance, Method::PATCH, &path, &body).await;
        answer.is_error(400, "bad_request");
    }
    let full = json!({ "description": "What it is", "metadata": { "a": 1 } });
    send(instance, Method::PATCH, &path, &full).await.ok();
    let none = json!({ "description": null, "metadata": null });
    let cleared = send(instance, Method::PATCH, &path, &none).await.ok();
    assert_eq!(
        (&cleared["description"], &cleared["metadata"]),
        (&json!(""), &json!({}))
    );
    assert_eq!(cleared["price_sats"], 8);
}

async fn catalogues(instance: &Instance) {
    let catalog =
        json!([{ "slug": "pro", "name": "Pro" }, { "slug": "x", "name": "X", "description": "y" }]);
    let new = json!({ "slug": "explained", "name": "n", "price_sats": 1, "entitlements_catalog": catalog });
    let made = send(instance, Method::POST, "products", &new).await.ok();
    // The SDKs take no null there.
    assert_eq!(made["entitlements_catalog"][0]["description"], "");
    assert_eq!(made["entitlements_catalog"][1]["description"], "y");
    let shown = instance
        .api
        .get("/v1/products/explained/policies")
        .await
        .ok();
    assert_eq!(
        shown["product"]["entitlements_catalog"],
        made["entitlements_catalog"]
    );
    let path = format!("products/{}", text(&made, "id"));
    for bad in [
        json!([{ "slug": "p r o", "name": "Pro" }]),
        json!([{ "slug": "pro", "name": "Pro" }, { "slug": "pro", "name": "Pro" }]),
    ] {
        let body = json!({ "entitlements_catalog": bad });
        let answer = send(instance, Method::PATCH, &path, &body).await;
        answer.is_error(400, "bad_request");
    }
}

async fn products_go(instance: &Instance) {
    let id = text(&product(instance, "going", 1).await, "id");
    policy(instance, "going", "a", json!({})).await;
    policy(instance, "going", "b", json!({})).await;
    let path = format!("products/{id}");
    for query in ["", "?force=false"] {
        let answer = delete(instance, &format!("{path}{query}")).await;
        answer.is_error(409, "conflict");
        assert!(answer.text().contains("force=true"), "{}", answer.text());
    }
    let answer = delete(instance, &format!("{path}?force=perhaps")).await;
    answer.is_error(400, "bad_request");
    let gone = delete(instance, &format!("{path}?force=true")).await.ok();
    assert_eq!(
        gone,
        json!({ "ok": true, "deleted": { "policies": 2, "discount_codes": 0 } })
    );
    delete(instance, &path).await.is_error(404, "not_found");
    get(instance, &path).await.is_error(404, "not_found");
    instance
        .api
        .get("/v1/products/going")
        .await
        .is_error(404, "not_found");
    let entries = audit_entries(instance, &id).await;
    let (action, before, after) = entries.last().expect("an entry");
    assert_eq!((action.as_str(), after), ("product.delete", &Value::Null));
    assert_eq!(before["policies"].as_array().map(Vec::len), Some(2));
    // Bare, and its slug is free again.
    let id = text(&product(instance, "going", 2).await, "id");
    let gone = delete(instance, &format!("products/{id}")).await.ok();
    assert_eq!(
        gone["deleted"],
        json!({ "policies": 0, "discount_codes": 0 })
    );
}

async fn sold_products_stay(instance: &Instance) {
    let ordered = text(&product(instance, "ordered-once", 1_000).await, "id");
    buy(instance, "ordered-once").await;
    let issued = text(&product(instance, "issued-once", 1).await, "id");
    issue(instance, "issued-once", json!({})).await;
    for id in [ordered, issued] {
        for query in ["", "?force=true"] {
            let path = format!("products/{id}{query}");
            let answer = delete(instance, &path).await;
            answer.is_error(409, "conflict");
            assert!(answer.text().contains("off sale"), "{}", answer.text());
        }
        get(instance, &format!("products/{id}")).await.ok();
    }
}

async fn every_policy(instance: &Instance) {
    product(instance, "all-tiers", 10).await;
    policy(instance, "all-tiers", "usual", json!({ "tier_rank": 0 })).await;
    policy(instance, "all-tiers", "off", json!({ "active": false })).await;
    let old = policy(instance, "all-tiers", "old", json!({ "price_sats": 1 })).await;
    let path = format!("policies/{}/archived", text(&old, "id"));
    send(instance, Method::PATCH, &path, &json!({ "archived": true }))
        .await
        .ok();
    for (query, expected) in [
        ("", vec!["usual"]),
        ("&include_inactive=true", vec!["off", "usual"]),
        ("&include_archived=true", vec!["old", "usual"]),
        (
            "&include_archived=true&include_inactive=true",
            vec!["old", "off", "usual"],
        ),
    ] {
        let listed = get(instance, &format!("policies?product_slug=all-tiers{query}"))
            .await
            .ok();
        let slugs: Vec<String> = listed["policies"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|policy| text(policy, "slug"))
            .collect();
        assert_eq!(slugs, expected, "{query}");
    }
    let answer = get(
        instance,
        "policies?product_slug=all-tiers&include_inactive=2",
    )
    .await;
    answer.is_error(400, "bad_request");
    let shown = get(instance, &format!("policies/{}", text(&old, "id")))
        .await
        .ok();
    assert!(shown["archived_at"].is_string(), "{shown}");
}

async fn policy_members(instance: &Instance) {
    product(instance, "ranked", 10).await;
    let members = json!({ "tier_rank": 1_000, "max_activations_per_day": 5, "metadata": {
        "description": "For teams", "highlight": true, "marketing_bullets": ["Fast"],
        "marketing_bullets_position": "below", "hidden_entitlements": ["x"], "own": [1] } });
    let made = policy(instance, "ranked", "team", members.clone()).await;
    for (member, value) in members.as_object().expect("members") {
        assert_eq!(&made[member], value, "{member}");
    }
    let path = format!("policies/{}", text(&made, "id"));
    for (member, value) in [
        ("tier_rank", json!(-1)),
        ("tier_rank", json!(1_001)),
        ("max_activations_per_day", json!(-1)),
        ("max_activations_per_day", json!(1_000_001)),
        ("metadata", json!({ "description": 1 })),
        ("metadata", json!({ "highlight": "yes" })),
        ("metadata", json!({ "marketing_bullets": "Fast" })),
        ("metadata", json!({ "marketing_bullets": vec!["b"; 21] })),
        ("metadata", json!({ "marketing_bullets_position": "left" })),
        ("metadata", json!({ "hidden_entitlements": ["a b"] })),
    ] {
        let change = json!({ member: value });
        let answer = send(instance, Method::PATCH, &path, &change).await;
        answer.is_error(400, "bad_request");
        let mut new = json!({ "product_slug": "ranked", "slug": "other", "name": "Other" });
        new[member] = change[member].clone();
        let answer = send(instance, Method::POST, "policies", &new).await;
        answer.is_error(400, "bad_request");
    }
    let none = json!({ "tier_rank": null, "max_activations_per_day": null, "metadata": null });
    let cleared = send(instance, Method::PATCH, &path, &none).await.ok();
    assert_eq!(cleared["tier_rank"], Value::Null);
    assert_eq!(cleared["max_activations_per_day"], Value::Null);
    assert_eq!(cleared["metadata"], json!({}));
}

async fn switches(instance: &Instance) {
    product(instance, "switched", 0).await;
    let id = text(&policy(instance, "switched", "pro", json!({})).await, "id");
    let order = json!({ "product": "switched", "policy_slug": "pro" });
    for (switch, away) in [("archived", true), ("active", false), ("public", false)] {
        let path = format!("policies/{id}/{switch}");
        for _ in 0..2 {
            let answer = send(instance, Method::PATCH, &path, &json!({ switch: away })).await;
            assert_eq!(answer.ok(), json!({ "ok": true }));
        }
        let answer = instance.api.post("/v1/purchase", &order).await;
        assert!(matches!(answer.status, 400 | 404), "{switch}: {answer:?}");
        send(instance, Method::PATCH, &path, &json!({ switch: !away }))
            .await
            .ok();
        instance.api.post("/v1/purchase", &order).await.ok();
        let answer = send(instance, Method::PATCH, &path, &json!({})).await;
        answer.is_error(422, "unprocessable_entity");
    }
    // Made, and each of the three switched there and back once.
    assert_eq!(audit_entries(instance, &id).await.len(), 7);
}

async fn policies_go(instance: &Instance) {
    product(instance, "tier-goes", 0).await;
    let used = text(
        &policy(instance, "tier-goes", "used", json!({})).await,
        "id",
    );
    issue(instance, "tier-goes", json!({ "policy_slug": "used" })).await;
    let answer = delete(instance, &format!("policies/{used}")).await;
    answer.is_error(409, "conflict");
    assert!(answer.text().contains("archived"), "{}", answer.text());
    let unused = text(
        &policy(instance, "tier-goes", "unused", json!({})).await,
        "id",
    );
    let path = format!("policies/{unused}");
    assert_eq!(delete(instance, &path).await.ok(), json!({ "ok": true }));
    delete(instance, &path).await.is_error(404, "not_found");
    let entries = audit_entries(instance, &unused).await;
    let (action, before, _) = entries.last().expect("an entry");
    assert_eq!(
        (action.as_str(), &before["slug"]),
        ("policy.delete", &json!("unused"))
    );
}

async fn unknown_ones(instance: &Instance) {
    for id in [NOBODY, "x", "%00", "%ff", "'"] {
        for path in [format!("products/{id}"), format!("policies/{id}")] {
            get(instance, &path).await.is_error(404, "not_found");
            delete(instance, &path).await.is_error(404, "not_found");
        }
        for switch in ["active", "public", "archived"] {
            let path = format!("policies/{id}/{switch}");
            let answer = send(instance, Method::PATCH, &path, &json!({ switch: true })).await;
            answer.is_error(404, "not_found");
        }
    }
}

/// Entries have the members that differ, as they were and as they are.
async fn told_exactly(instance: &Instance) {
    let product_id = text(&product(instance, "told-exactly", 10).await, "id");
    let path = format!("products/{product_id}");
    let same =
        json!({ "name": "The told-exactly", "price_sats": 10, "active": true, "metadata": {} });
    send(instance, Method::PATCH, &path, &same).await.ok();
    let catalog = json!([{ "slug": "a", "name": "A", "description": "\u{e9} \"b\"" }]);
    let mut some = same;
    some["price_sats"] = json!(11);
    some["entitlements_catalog"] = catalog.clone();
    for _ in 0..2 {
        send(instance, Method::PATCH, &path, &some).await.ok();
    }
    let entries = audit_entries(instance, &product_id).await;
    assert_eq!(entries.len(), 2, "{entries:?}");
    assert_eq!(
        entries[1].1,
        json!({ "price_amount": 10, "entitlements_catalog": null })
    );
    assert_eq!(
        entries[1].2,
        json!({ "price_amount": 11, "entitlements_catalog": catalog })
    );
    let made = policy(
        instance,
        "told-exactly",
        "pro",
        json!({ "entitlements": ["a"] }),
    )
    .await;
    let policy_id = text(&made, "id");
    let path = format!("policies/{policy_id}");
    let body = json!({ "entitlements": ["a"], "public": false, "price_sats_override": 0, "archived": true });
    for _ in 0..2 {
        send(instance, Method::PATCH, &path, &body).await.ok();
    }
    let entries = audit_entries(instance, &policy_id).await;
    assert_eq!(entries.len(), 2, "{entries:?}");
    assert_eq!(
        entries[1].1,
        json!({ "public": true, "price_amount": null, "archived": false })
    );
    assert_eq!(
        entries[1].2,
        json!({ "public": false, "price_amount": 0, "archived": true })
    );
}
