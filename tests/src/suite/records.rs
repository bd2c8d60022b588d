//! The records of what was changed and what was validated: filters, and pages
//! that neither repeat nor leave out.

use super::cases;
use super::floor::{NOBODY, api_key, issue, policy, product, revoke, text};
use crate::hosts::{Answer, Instance};
use crate::shop::ADMIN_KEY;
use http::Method;
use keywright_domain::access::Role;
use serde_json::{Value, json};
use std::collections::BTreeSet;

cases![
    what_an_entry_says,
    every_entry_is_whole,
    audit_by_filter,
    audit_by_time,
    whole_audit_in_pages,
    validations_by_filter alone,
    validations_in_pages alone,
    nonsense_is_refused,
];

async fn ask(instance: &Instance, path: &str) -> Answer {
    let request = instance
        .api
        .request(Method::GET, &format!("/v1/admin/{path}"));
    instance.api.send(request.bearer_auth(ADMIN_KEY)).await
}

/// The rows that a list answers on its first page.
async fn rows(instance: &Instance, list: &str, query: &str) -> Vec<Value> {
    let answer = ask(instance, &format!("{list}?{query}")).await.ok();
    let member = if list == "audit" { "entries" } else { list };
    answer[member].as_array().expect("a list").clone()
}

/// Follows the `Link` of each page to the last; answers the rows, and how many
/// each page had. Checks that body and header name the same next page.
async fn every_page(instance: &Instance, list: &str, query: &str) -> (Vec<Value>, Vec<usize>) {
    let member = if list == "audit" { "entries" } else { list };
    let (mut rows, mut sizes) = (Vec::new(), Vec::new());
    let mut path = format!("{list}?{query}");
    loop {
        let answer = ask(instance, &path).await;
        let page = answer.ok();
        let found = page[member].as_array().expect("a list");
        sizes.push(found.len());
        rows.extend(found.iter().cloned());
        let link = answer.header("link");
        let Some(cursor) = page["next_cursor"].as_str() else {
            assert_eq!(page["next_cursor"], Value::Null);
            assert_eq!(link, "", "the last page leads nowhere");
            return (rows, sizes);
        };
        let next = link.strip_prefix("</v1/admin/");
        let next = next.and_then(|link| link.strip_suffix(">; rel=\"next\""));
        next.expect("a link to the next page").clone_into(&mut path);
        assert!(path.ends_with(&format!("cursor={cursor}")), "{link}");
        assert!(sizes.len() < 1_000, "the pages do not end");
    }
}

fn ids(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|row| row["id"].to_string()).collect()
}

async fn what_an_entry_says(instance: &Instance) {
    let key = api_key(instance, Role::MerchantOnboard, &[]).await;
    let made = product(instance, "recorded", 5).await;
    let path = format!("/v1/admin/products/{}", text(&made, "id"));
    let change = instance.api.request(Method::PATCH, &path);
    let change = change
        .bearer_auth(text(&key, "token"))
        .header("x-request-id", "recorded-change")
        .json(&json!({ "price_sats": 7 }));
    let changed = instance.api.send(change).await;
    assert_eq!(changed.header("x-request-id"), "recorded-change");
    changed.ok();
    let found = rows(instance, "audit", "request_id=recorded-change").await;
    let [entry] = found.as_slice() else {
        panic!("one entry: {found:?}");
    };
    let members: Vec<&String> = entry.as_object().expect("an entry").keys().collect();
    let expected = [
        "action",
        "actor",
        "after",
        "at",
        "before",
        "erased",
        "id",
        "object_id",
        "object_kind",
        "request_id",
    ];
    assert_eq!(members, expected);
    assert_eq!(entry["action"], "product.change");
    assert_eq!(entry["actor"], format!("api_key:{}", text(&key, "id")));
    assert_eq!(entry["object_kind"], "product");
    assert_eq!(entry["object_id"], made["id"]);
    assert_eq!(entry["before"]["price_amount"], 5);
    assert_eq!(entry["after"]["price_amount"], 7);
    assert!(text(entry, "at").ends_with('Z'), "{entry}");
}

/// Whatever was done so far, here and in the cases beside: who, what, which
/// object, and the object before and after, as far as there was one.
async fn every_entry_is_whole(instance: &Instance) {
    let made = product(instance, "whole-entries", 5).await;
    let key = api_key(instance, Role::Support, &[]).await;
    let tier = policy(instance, "whole-entries", "pro", json!({})).await;
    let license = issue(instance, "whole-entries", json!({})).await;
    revoke(instance, &text(&license, "license_id")).await.ok();
    for (method, path, body) in [
        (
            Method::PATCH,
            format!("products/{}", text(&made, "id")),
            json!({ "name": "New" }),
        ),
        (
            Method::DELETE,
            format!("policies/{}", text(&tier, "id")),
            json!({}),
        ),
        (
            Method::DELETE,
            format!("api-keys/{}", text(&key, "id")),
            json!({}),
        ),
    ] {
        instance.api.admin(method, &path, &body).await.ok();
    }
    let (entries, _) = every_page(instance, "audit", "limit=1000").await;
    let mut seen = BTreeSet::new();
    for entry in &entries {
        let (kind, action) = (text(entry, "object_kind"), text(entry, "action"));
        let verb = action.strip_prefix(&format!("{kind}."));
        let verb = verb.unwrap_or_else(|| panic!("{entry}"));
        // A new thing has no before, nor has what only happened and changed nothing.
        let happened = matches!(
            verb,
            "poll_key" | "recover_key" | "claim_key" | "refuse" | "erase_buyer"
        );
        let is_new = matches!(verb, "create" | "issue") || happened;
        // What was erased with its buyer has neither.
        let is_erased = entry["erased"] == true;
        assert_eq!(entry["before"].is_null(), is_new || is_erased, "{entry}");
        let is_gone = verb == "delete" || is_erased;
        assert_eq!(entry["after"].is_null(), is_gone, "{entry}");
        for side in ["before", "after"] {
            assert!(entry[side].is_object() || entry[side].is_null(), "{entry}");
        }
        if !matches!(kind.as_str(), "credential" | "recovery") {
            assert_eq!(text(entry, "object_id").len(), 36, "{entry}");
        }
        let actor = text(entry, "actor");
        let known = [
            "operator", "buyer", "btcpay", "zaprite", "renew", "watch", "unknown",
        ]
        .contains(&actor.as_str());
        let proven = ["api_key:", "wallet:"];
        let known = known || proven.iter().any(|kind| actor.starts_with(kind));
        assert!(known, "{entry}");
        assert!(!text(entry, "request_id").is_empty(), "{entry}");
        seen.insert(action);
    }
    let ours = [
        "product.create",
        "product.change",
        "policy.create",
        "policy.delete",
        "license.issue",
        "license.revoke",
        "api_key.create",
        "api_key.revoke",
    ];
    assert!(ours.iter().all(|action| seen.contains(*action)), "{seen:?}");
}

async fn audit_by_filter(instance: &Instance) {
    let key = api_key(instance, Role::MerchantOnboard, &[]).await;
    let actor = format!("actor=api_key:{}", text(&key, "id"));
    let operate = |method: Method, path: String, body: Value| {
        let request = instance.api.request(method, &path).json(&body);
        instance.api.send(request.bearer_auth(text(&key, "token")))
    };
    let new = json!({ "slug": "filtered", "name": "F", "price_sats": 1 });
    let made = operate(Method::POST, "/v1/admin/products".to_owned(), new)
        .await
        .ok();
    let id = text(&made, "id");
    let path = format!("/v1/admin/products/{id}");
    for price in 2..5 {
        let change = json!({ "price_sats": price });
        operate(Method::PATCH, path.clone(), change).await.ok();
    }
    // The operator's own key adds one that the key did not make.
    let rename = json!({ "name": "G" });
    instance
        .api
        .admin(Method::PATCH, &format!("products/{id}"), &rename)
        .await
        .ok();
    let other = policy(instance, "filtered", "pro", json!({})).await;

    for (query, count) in [
        (actor.clone(), 4),
        (format!("{actor}&action=product.change"), 3),
        (format!("{actor}&action=product.create"), 1),
        (format!("{actor}&action=policy.create"), 0),
        (format!("{actor}&object_kind=policy"), 0),
        (format!("{actor}&object_id={id}&limit=2"), 2),
        (format!("object_id={id}"), 5),
        (format!("object_kind=product&object_id={id}"), 5),
        (format!("object_kind=policy&object_id={id}"), 0),
        (
            format!("object_kind=policy&object_id={}", text(&other, "id")),
            1,
        ),
        (format!("object_id={id}&actor=operator"), 1),
        (format!("object_id={id}&actor=oper"), 0),
        (format!("object_id={NOBODY}"), 0),
        // What SQL would read as more than a value.
        (format!("{actor}&action=product.%25"), 0),
        (format!("{actor}&action='%20OR%201=1%20--"), 0),
    ] {
        let found = rows(instance, "audit", &query).await;
        assert_eq!(found.len(), count, "{query}: {found:?}");
    }
    // Newest first.
    let found = rows(instance, "audit", &format!("object_id={id}&{actor}")).await;
    let prices: Vec<&Value> = found
        .iter()
        .map(|entry| &entry["after"]["price_amount"])
        .collect();
    assert_eq!(prices, [4, 3, 2, 1]);
}

async fn audit_by_time(instance: &Instance) {
    let made = product(instance, "timed", 1).await;
    let id = text(&made, "id");
    let all = rows(instance, "audit", &format!("object_id={id}")).await;
    let at = text(&all[0], "at");
    let count = |query: String| async move {
        let query = format!("object_id={}&{query}", text(&made, "id"));
        rows(instance, "audit", &query).await.len()
    };
    let (before, after) = ("2020-01-01T00:00:00Z", "2200-01-01T00:00:00Z");
    for (query, expected) in [
        (format!("from={before}"), 1),
        (format!("from={after}"), 0),
        (format!("to={before}"), 0),
        (format!("to={after}"), 1),
        (format!("from={before}&to={after}"), 1),
        (format!("from={after}&to={before}"), 0),
        // The first second counts, the last one does not.
        (format!("from={at}"), 1),
        (format!("to={at}"), 0),
        // An offset's plus is a space in a query when it is not escaped.
        (format!("from={}", at.replace('Z', "%2B00:00")), 1),
    ] {
        let found = count.clone()(query.clone()).await;
        assert_eq!(found, expected, "{query}");
    }
}

async fn whole_audit_in_pages(instance: &Instance) {
    let made = product(instance, "paged", 1).await;
    let path = format!("products/{}", text(&made, "id"));
    for price in 2..9 {
        let change = json!({ "price_sats": price });
        instance.api.admin(Method::PATCH, &path, &change).await.ok();
    }
    // One object, in the same order as at once.
    let query = format!("object_kind=product&object_id={}", text(&made, "id"));
    let (paged, sizes) = every_page(instance, "audit", &format!("{query}&limit=3")).await;
    assert_eq!(sizes, [3, 3, 2]);
    assert_eq!(paged, rows(instance, "audit", &query).await);
    // A last page that is full has no empty one after it.
    let (_, sizes) = every_page(instance, "audit", &format!("limit=4&{query}")).await;
    assert_eq!(sizes, [4, 4]);

    // Everything, while other cases go on adding.
    let there = instance.database.rows("SELECT id FROM audit", &[]).await;
    let there: BTreeSet<String> = there.iter().map(|row| row["id"].to_string()).collect();
    let (paged, sizes) = every_page(instance, "audit", "limit=7").await;
    assert!(sizes.len() > 1, "{sizes:?}");
    let seen: BTreeSet<String> = ids(&paged).into_iter().collect();
    assert_eq!(seen.len(), paged.len(), "no entry comes twice");
    assert!(seen.is_superset(&there), "no entry is left out");
    let order: Vec<(String, String)> = paged
        .iter()
        .map(|entry| (text(entry, "at"), text(entry, "id")))
        .collect();
    assert!(order.is_sorted_by(|one, next| one > next), "newest first");
}

/// Ten validations of this license, one a minute, every third one refused.
async fn record(instance: &Instance, license_id: &str, product_id: &str) {
    let sql = "INSERT INTO validation_log (at, license_id, product_id, machine_id,
                                           fingerprint_hash, result, address_prefix, user_agent)
               SELECT 1800000000 + 60 * value, ?1, ?2, iif(value % 2, 'machine', NULL),
                      iif(value % 2, 'hash', NULL), iif(value % 3, 'ok', 'expired'),
                      '192.0.2.0/24', 'suite/' || value
               FROM json_each('[0,1,2,3,4,5,6,7,8,9]')";
    instance
        .database
        .change(sql, &[license_id, product_id])
        .await;
}

async fn validations_by_filter(instance: &Instance) {
    let (license, product) = ("logged-license", "logged-product");
    record(instance, license, product).await;
    record(instance, "logged-beside", product).await;
    let reader = api_key(instance, Role::ReadOnly, &[]).await;
    let path = format!("/v1/admin/validations?license_id={license}");
    let request = instance.api.request(Method::GET, &path);
    let list = instance
        .api
        .send(request.bearer_auth(text(&reader, "token")));
    let list = list.await.ok();
    let newest = &list["validations"][0];
    let expected = json!({
        "id": newest["id"], "at": "2027-01-15T08:09:00Z", "license_id": license,
        "product_id": product, "machine_id": "machine", "fingerprint_hash": "hash",
        "result": "expired", "address_prefix": "192.0.2.0/24", "user_agent": "suite/9",
    });
    assert_eq!(*newest, expected);
    assert!(newest["id"].is_i64(), "{newest}");
    assert_eq!(list["validations"][1]["machine_id"], Value::Null);
    let of = format!("license_id={license}");
    for (query, count) in [
        (of.clone(), 10),
        (format!("product_id={product}"), 20),
        (format!("product_id={product}&{of}"), 10),
        (format!("{of}&product_id=other"), 0),
        (format!("{of}&result=expired"), 4),
        (format!("{of}&result=ok"), 6),
        (format!("product_id={product}&result=expired"), 8),
        (format!("{of}&result=o%25"), 0),
        (format!("{of}&from=2027-01-15T08:03:00Z"), 7),
        (format!("{of}&to=2027-01-15T08:03:00Z"), 3),
        (
            format!("{of}&from=2027-01-15T08:03:00Z&to=2027-01-15T08:05:00Z"),
            2,
        ),
        (format!("{of}&limit=4"), 4),
        (format!("license_id={NOBODY}"), 0),
    ] {
        let found = rows(instance, "validations", &query).await;
        assert_eq!(found.len(), count, "{query}: {found:?}");
    }
}

async fn validations_in_pages(instance: &Instance) {
    record(instance, "paged-license", "paged-product").await;
    record(instance, "paged-beside", "paged-product").await;
    let of = "license_id=paged-license";
    let (paged, sizes) = every_page(instance, "validations", &format!("{of}&limit=4")).await;
    assert_eq!(sizes, [4, 4, 2]);
    assert_eq!(paged, rows(instance, "validations", of).await);
    let of = "product_id=paged-product&result=ok";
    let (paged, sizes) = every_page(instance, "validations", &format!("{of}&limit=5")).await;
    assert_eq!(sizes, [5, 5, 2]);
    let numbers: Vec<i64> = paged.iter().filter_map(|row| row["id"].as_i64()).collect();
    assert_eq!(numbers.len(), 12);
    assert!(numbers.is_sorted_by(|one, next| one > next), "{numbers:?}");
    // The whole log, with a page full at its end or not.
    let there = instance
        .database
        .rows("SELECT id FROM validation_log", &[])
        .await;
    let (paged, sizes) = every_page(instance, "validations", "limit=6").await;
    assert!(sizes.len() > 1, "{sizes:?}");
    let seen: BTreeSet<String> = ids(&paged).into_iter().collect();
    assert_eq!(seen.len(), paged.len(), "none comes twice");
    let there: BTreeSet<String> = there.iter().map(|row| row["id"].to_string()).collect();
    assert!(seen.is_superset(&there), "none is left out");
}

async fn nonsense_is_refused(instance: &Instance) {
    for list in ["audit", "validations"] {
        for query in [
            "limit=0",
            "limit=1001",
            "limit=-1",
            "limit=ten",
            "cursor=nonsense",
            "cursor=%ff",
            "from=yesterday",
            "to=2026-13-01T00:00:00Z",
            "to=1700000000",
            "from=2026-01-01T00:00:00Z&from=2026-01-01T00:00:00Z",
        ] {
            let answer = ask(instance, &format!("{list}?{query}")).await;
            assert_eq!(answer.status, 400, "{list}?{query}: {}", answer.text());
            answer.is_error(400, "bad_request");
        }
    }
    // A cursor of one list is not one of the other: its row has no number.
    product(instance, "cursor-of-audit", 1).await;
    policy(instance, "cursor-of-audit", "pro", json!({})).await;
    let page = ask(instance, "audit?limit=1").await.ok();
    let path = format!("validations?cursor={}", text(&page, "next_cursor"));
    ask(instance, &path).await.is_error(400, "bad_request");
}
