//! Every event type, as the product records it: its data fits its schema in the OpenAPI
//! document, and `docs/events.md` shows one of each. `KEYWRIGHT_WRITE_EVENTS=1` writes
//! that part of the page.

use crate::bench::{Bench, account_of};
use crate::publishing::{LINUX, Press, demo};
use crate::stores::{self, played_server};
use crate::subscriptions::Club;
use crate::usdc_shop::{Market, WALLET};
use crate::webhook_receiver::{Told, endpoint_path};
use axum::body::Body;
use http::{Request, header};
use keywright_btcpay_double::BtcPay;
use keywright_domain::webhook::event_type::{EventType, TEST_EVENT};
use keywright_tests::openapi::event_data::schema_of;
use keywright_tests::shop::CRON_TOKEN;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

const BEGIN: &str = "<!-- made by tests/tests/in_process/event_types.rs -->\n";
const END: &str = "<!-- end -->\n";

/// Makes an event of every type through the product's own routes, in a shop that publishes,
/// one with a store and one with a wallet. Answers their feeds.
async fn everything_happens() -> Vec<Value> {
    let press = Press::new().await;
    let bench = &press.bench;
    catalog_and_licenses(bench).await;
    operators_change(bench).await;
    let release = press.publish(&demo("1.2.0", LINUX, b"a program")).await;
    let id = release["release"]["id"].as_str().expect("an id").to_owned();
    let change = json!({ "rollout_percent": 50, "notes": "Faster." });
    let changed = press.operate("PATCH", &format!("/{id}"), &change).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let mut events = feed(bench).await;
    let pay = played_server();
    let with_store = Bench::with(&account_of(&pay));
    stores_come_and_go(&with_store, &pay).await;
    events.extend(feed(&with_store).await);
    let club = Club::open(json!({ "grace_period_days": 1, "tier_rank": 1 })).await;
    a_subscription_runs(&club).await;
    events.extend(feed(&club.bench).await);
    let market = Market::open().await;
    a_transfer_is_resolved(&market).await;
    events.extend(feed(&market.bench).await);
    events
}

async fn feed(bench: &Bench) -> Vec<Value> {
    let path = "/v1/admin/events?limit=1000";
    let feed = bench.operate("GET", path, &json!({})).await.json();
    feed["events"].as_array().expect("events").clone()
}

/// Makes something, changes it and deletes it.
async fn comes_and_goes(bench: &Bench, path: &str, new: &Value, change: &Value) {
    let path = format!("/v1/admin/{path}");
    let made = bench.operate("POST", &path, new).await;
    let path = format!("{path}/{}", made.text("id"));
    for (method, body) in [("PATCH", change), ("DELETE", &json!({}))] {
        let answer = bench.operate(method, &path, body).await;
        assert!(
            answer.status == 200 || change.is_null(),
            "{path}: {answer:?}"
        );
    }
}

async fn operators_change(bench: &Bench) {
    let described = json!({ "description": "Another one." });
    let product = json!({ "slug": "other", "name": "Other", "price_sats": 5 });
    comes_and_goes(bench, "products", &product, &described).await;
    let policy = json!({ "product_slug": "demo", "slug": "team", "name": "Team" });
    comes_and_goes(bench, "policies", &policy, &json!({ "max_machines": 9 })).await;
    let code =
        json!({ "code": "SPRING", "kind": "percent", "amount": 1_000, "product_slug": "demo" });
    comes_and_goes(bench, "discount-codes", &code, &json!({ "max_uses": 7 })).await;
    let business = json!({ "name": "Ana's" });
    let named = json!({ "support_email": "ana@example.com" });
    comes_and_goes(bench, "merchant-profiles", &business, &named).await;
    let endpoint = json!({ "url": "https://hooks.example.com/in" });
    let licenses = json!({ "event_types": ["license.*"] });
    comes_and_goes(bench, "webhook-endpoints", &endpoint, &licenses).await;
    // A key has nothing to change.
    let key = json!({ "label": "CI", "role": "publisher" });
    comes_and_goes(bench, "api-keys", &key, &Value::Null).await;
}

async fn stores_come_and_go(bench: &Bench, pay: &BtcPay) {
    let business = stores::business(bench, "Ana's").await;
    stores::connect(bench, pay, &business, stores::SHOP).await;
    let body = json!({ "merchant_profile_id": business });
    let path = "/v1/admin/btcpay/disconnect";
    let gone = bench.operate("POST", path, &body).await;
    assert_eq!(gone.status, 200, "{gone:?}");
}

/// Bought, renewed, cancelled, resumed, missed, and lapsed.
async fn a_subscription_runs(club: &Club) {
    let member = club.member(json!({})).await;
    club.until(28).await;
    club.renew(&member).await;
    club.cancel(&member).await;
    let body = json!({ "license_key": member.key });
    let resumed = club.bench.post("/v1/subscriptions/resume", &body).await;
    assert_eq!(resumed.status, 200, "{resumed:?}");
    club.until(62).await;
    let pro = json!({ "price_sats": 3_000, "is_recurring": true, "renewal_period_days": 30,
                      "tier_rank": 2, "entitlements": ["sync", "teams"] });
    club.bench.policy("demo", "pro", pro).await;
    let upgrade = club.upgrade_order(&member, "pro", 3_000).await;
    club.settle(&upgrade).await;
}

/// Somebody pays the wallet what no order asks for.
async fn a_transfer_is_resolved(market: &Market) {
    market.pay(WALLET.parse().expect("a wallet"), 1_234_567);
    market.minute().await;
    let bench = &market.bench;
    let path = "/v1/admin/transfers";
    let transfers = bench.operate("GET", path, &json!({})).await.json();
    let id = transfers["transfers"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    announce_attention(bench).await;
    let path = format!("/v1/admin/transfers/{id}/resolve");
    let body = json!({ "resolution": "refunded", "note": "sent back" });
    let resolved = bench.operate("POST", &path, &body).await;
    assert_eq!(resolved.status, 200, "{resolved:?}");
    announce_attention(bench).await;
}

/// A tick of `deliver`, which follows the attention list.
async fn announce_attention(bench: &Bench) {
    let request = Request::post("/v1/cron/deliver")
        .header(header::AUTHORIZATION, format!("Bearer {CRON_TOKEN}"))
        .body(Body::empty());
    let ticked = bench.send(request.expect("a request")).await;
    assert_eq!(ticked.status, 200, "{ticked:?}");
}

async fn catalog_and_licenses(bench: &Bench) {
    let terms = json!({ "duration_seconds": 31_536_000, "entitlements": ["sync"],
                        "price_sats": 50_000, "max_machines": 3 });
    bench.policy("demo", "pro", terms).await;
    let code = json!({ "kind": "free_license", "product_slug": "demo", "policy_slug": "pro" });
    bench.code("PRESS-2027", code).await;
    let order = json!({ "product": "demo", "code": "PRESS-2027" });
    let redeemed = bench.post("/v1/redeem", &order).await;
    assert_eq!(redeemed.status, 200, "{redeemed:?}");
    let (id, key) = (redeemed.text("license_id"), redeemed.text("license_key"));
    let machine = json!({ "key": key, "fingerprint": "3f1c-laptop" });
    for path in ["activate", "deactivate"] {
        let answer = bench.post(&format!("/v1/machines/{path}"), &machine).await;
        assert_eq!(answer.json()["ok"], true, "{answer:?}");
    }
    let license = format!("/v1/admin/licenses/{id}");
    let all = json!({
        "max_machines": 5, "entitlements": ["sync", "export"], "grace_seconds": 60,
        "expires_at": "2030-01-01T00:00:00Z", "maintenance_until": "2029-12-31", "is_trial": true,
        "max_activations_per_day": 9, "buyer_email": "ana@example.com", "note": "press",
    });
    let none = json!({ "expires_at": null, "maintenance_until": null, "buyer_email": null });
    let example = json!({ "max_machines": 5, "expires_at": "2029-01-15T08:00:00Z" });
    for change in [example, all, none] {
        let changed = bench.operate("PATCH", &license, &change).await;
        assert_eq!(changed.status, 200, "{changed:?}");
    }
    let replaced = bench
        .operate("POST", &format!("{license}/replace-key"), &json!({}))
        .await;
    assert_eq!(replaced.status, 200, "{replaced:?}");
    for (what, body) in [
        ("suspend", json!({ "reason": "chargeback" })),
        ("unsuspend", json!({})),
        ("revoke", json!({ "reason": "refund" })),
    ] {
        let path = format!("{license}/{what}");
        let answer = bench.operate("POST", &path, &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let gone = json!({ "policy_slug": "pro", "buyer_email": "gone@example.com" });
    bench.issue("demo", gone).await;
    let path = "/v1/admin/licenses/erase-buyer";
    let gone = json!({ "buyer_email": "gone@example.com" });
    let erased = bench.operate("POST", path, &gone).await;
    assert_eq!(erased.json()["licenses"], 1, "{erased:?}");
}

#[tokio::test]
async fn every_type_is_recorded_as_its_schema_says_and_shown() {
    let events = everything_happens().await;
    let document = read("docs/openapi.json");
    let document: Value = serde_json::from_str(&document).expect("JSON");
    let schemas = document["components"]["schemas"].as_object();
    let schemas = schemas.expect("schemas");
    let mut examples = BTreeMap::new();
    for event in &events {
        let name = event["type"].as_str().expect("a type");
        let of = EventType::ALL.iter().find(|of| of.as_str() == name);
        let of = *of.unwrap_or_else(|| panic!("{name} is no type of EventType"));
        check(schemas, &schemas[schema_of(of)], &event["data"], name);
        let webhook = &document["webhooks"][name]["post"]["requestBody"]["content"];
        let webhook = &webhook["application/json"]["schema"];
        let mut body = event.clone();
        body.as_object_mut().expect("members").remove("id");
        check(schemas, webhook, &body, name);
        let first = examples.entry(name).or_insert(body);
        // Codes are shown where they are redeemed.
        if name == "code.redeemed" {
            assert_eq!(first["data"]["code"], "PRESS-2027");
        }
    }
    let recorded: BTreeSet<&str> = examples.keys().copied().collect();
    let test = a_test_delivery().await;
    let webhook = &document["webhooks"][TEST_EVENT]["post"]["requestBody"]["content"];
    check(
        schemas,
        &webhook["application/json"]["schema"],
        &test,
        TEST_EVENT,
    );
    let known = EventType::ALL.iter().map(|of| of.as_str());
    assert_eq!(recorded, known.collect(), "each type happens here");
    examples.insert(TEST_EVENT, test);
    shown(&examples);
}

/// The body that an endpoint is sent when an operator tests it.
async fn a_test_delivery() -> Value {
    let told = Told::new();
    let licenses = json!({ "event_types": ["license.*"] });
    let endpoint = told.endpoint("hooks.example.com", licenses).await;
    let path = endpoint_path(&endpoint, "/test");
    let asked = told.bench.operate("POST", &path, &json!({})).await;
    assert_eq!(asked.status, 200, "{asked:?}");
    told.tick().await[0].json()
}

/// Compares the examples with those of the page.
fn shown(examples: &BTreeMap<&str, Value>) {
    let mut part = String::from("| type | what happened |\n|---|---|\n");
    for of in EventType::ALL {
        let _ = writeln!(part, "| `{}` | {} |", of.as_str(), of.summary());
    }
    let mut ids = BTreeMap::new();
    for (name, body) in examples {
        let mut body = body.clone();
        name_ids(&mut body, &mut ids);
        if body.get("sequence").is_some() {
            body["sequence"] = json!(7);
        }
        let text = pretty(&body);
        let _ = write!(part, "\n### {name}\n\n```json\n{text}\n```\n");
    }
    let path = root().join("docs/events.md");
    let page = read("docs/events.md");
    let (before, rest) = page.split_once(BEGIN).expect("where the part begins");
    let (kept, after) = rest.split_once(END).expect("where the part ends");
    if std::env::var_os("KEYWRIGHT_WRITE_EVENTS").is_some() {
        let page = format!("{before}{BEGIN}{part}{END}{after}");
        std::fs::write(path, page).expect("the page");
    } else {
        assert!(
            kept == part,
            "docs/events.md does not show what is recorded; run with KEYWRIGHT_WRITE_EVENTS=1"
        );
    }
}

/// The body with its members in the order in which they are sent.
fn pretty(body: &Value) -> String {
    let members = ["type", "timestamp", "sequence", "data"].into_iter();
    let members = members.filter_map(|name| {
        let value = serde_json::to_string_pretty(body.get(name)?).expect("JSON");
        Some(format!("  \"{name}\": {}", value.replace('\n', "\n  ")))
    });
    format!("{{\n{}\n}}", members.collect::<Vec<_>>().join(",\n"))
}

/// Replaces ids and tokens of links, which are new in every run, by the same ones.
fn name_ids(value: &mut Value, ids: &mut BTreeMap<String, usize>) {
    match value {
        Value::String(text) if text.len() == 36 && text.matches('-').count() == 4 => {
            let next = ids.len() + 1;
            let number = ids.entry(text.clone()).or_insert(next);
            *text = format!("01a3185c-5000-7000-8000-{number:012}");
        }
        Value::String(text) if text.contains("/subscription#") => {
            let link = text.split('#').next().unwrap_or_default();
            *text = format!("{link}#uySgdgdKh7JlDvxZLXEHTQ");
        }
        Value::Array(values) => values.iter_mut().for_each(|value| name_ids(value, ids)),
        Value::Object(members) => members.values_mut().for_each(|value| name_ids(value, ids)),
        _ => {}
    }
}

/// Checks a value against a schema: the keywords that event schemas have, and beyond them
/// that no member is undescribed.
fn check(schemas: &Map<String, Value>, schema: &Value, value: &Value, place: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.trim_start_matches("#/components/schemas/");
        return check(schemas, &schemas[name], value, place);
    }
    let types = match &schema["type"] {
        Value::String(of) => vec![of.as_str()],
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        _ => panic!("{place}: {schema} has no type"),
    };
    let of = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    assert!(types.contains(&of), "{place}: {value} must be {types:?}");
    if let Some(words) = schema["enum"].as_array() {
        assert!(
            words.contains(value),
            "{place}: {value} must be one of {words:?}"
        );
    }
    let described = schema["description"].as_str().unwrap_or_default();
    if of == "string" && described.starts_with("RFC 3339") {
        let text = value.as_str().unwrap_or_default();
        assert!(text.len() == 20 && text.ends_with('Z'), "{place}: {text}");
    }
    for value in value.as_array().into_iter().flatten() {
        check(schemas, &schema["items"], value, place);
    }
    let (Some(members), Some(properties)) = (value.as_object(), schema["properties"].as_object())
    else {
        return;
    };
    for name in schema["required"].as_array().into_iter().flatten() {
        let name = name.as_str().expect("a name");
        assert!(members.contains_key(name), "{place} lacks {name}: {value}");
    }
    for (name, value) in members {
        let place = format!("{place}.{name}");
        let schema = properties.get(name);
        check(
            schemas,
            schema.unwrap_or_else(|| panic!("{place} is not described")),
            value,
            &place,
        );
    }
}

/// A statement that records an event takes its type from `EventType`, so that none is
/// recorded that has no schema and no example.
#[test]
fn no_statement_names_an_event_type_itself() {
    let mut statements = 0;
    let mut folders = vec![root().join("shared"), root().join("functions")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source");
                let text = text.split("#[cfg(test)]").next().unwrap_or_default();
                for statement in text.split("INSERT INTO events ").skip(1) {
                    statements += 1;
                    let sql = statement.split(';').next().unwrap_or_default();
                    let literal = EventType::ALL.iter().map(|of| format!("'{}'", of.as_str()));
                    let select = sql.split("json").next().unwrap_or_default();
                    let named = literal.into_iter().any(|literal| sql.contains(&literal));
                    let in_select = select.split("SELECT").nth(1).unwrap_or_default();
                    assert!(
                        !named && !in_select.contains('\''),
                        "{}: {sql}",
                        path.display()
                    );
                }
            }
        }
    }
    assert!(statements > 8, "the statements are found: {statements}");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect("a file")
}
