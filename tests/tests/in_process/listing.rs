//! What the operator lists: machines, products, policies.

use crate::bench::{Bench, raw_request, signed_in};
use crate::looking_up::{get, ids, walk};
use axum::body::Body;
use http::{Method, Request};
use serde_json::{Value, json};

#[tokio::test]
async fn the_seat_of_a_machine_is_freed_once() {
    let bench = Bench::new();
    bench.product("demo", 1).await;
    let license = bench.issue("demo", json!({})).await.text("license_id");
    bench.machine("m1", &license).await;
    bench.machine("m3", &license).await;
    let ok = json!({ "ok": true });
    let free = "/v1/admin/machines/m1/deactivate";
    let freed = bench
        .operate("POST", free, &json!({ "reason": "sold laptop" }))
        .await;
    assert_eq!(freed.json(), ok);
    let event = bench
        .sql("SELECT * FROM events WHERE event_type = 'machine.deactivated'")
        .await;
    let data: Value =
        serde_json::from_str(event[0]["data"].as_str().expect("a text")).expect("JSON");
    assert_eq!(
        data,
        json!({ "license_id": license, "machine_id": "m1", "reason": "sold laptop" })
    );
    let entry = bench
        .sql("SELECT * FROM audit WHERE action = 'machine.deactivate'")
        .await;
    assert_eq!(entry.len(), 1);
    assert_eq!(
        (&entry[0]["object_kind"], &entry[0]["object_id"]),
        (&json!("machine"), &json!("m1"))
    );
    for (column, value) in [
        ("before", json!({ "license_id": license, "active": true })),
        (
            "after",
            json!({ "license_id": license, "active": false, "reason": "sold laptop" }),
        ),
    ] {
        let text = entry[0][column].as_str().expect("a text");
        assert_eq!(serde_json::from_str::<Value>(text).expect("JSON"), value);
    }
    // Again, and without a body.
    for body in ["", "{}", "{\"reason\":\"again\"}"] {
        let request = raw_request(Method::POST, free, "application/json", body);
        let answer = bench.untouched_by(signed_in(request)).await;
        assert_eq!((answer.status, answer.json()), (200, ok.clone()), "{body}");
    }
    let unknown = bench
        .operate("POST", "/v1/admin/machines/x/deactivate", &json!({}))
        .await;
    assert_eq!(unknown.refusal(), (404, "not_found".to_owned()));
    let long = json!({ "reason": "r".repeat(2_001) });
    let refused = bench
        .operate("POST", "/v1/admin/machines/m3/deactivate", &long)
        .await;
    assert_eq!(refused.refusal(), (400, "bad_request".to_owned()));
}

#[tokio::test]
async fn machines_are_listed_by_what_they_belong_to() {
    let bench = Bench::new();
    let demo = bench.product("demo", 1).await;
    bench.product("other", 1).await;
    let license = bench.issue("demo", json!({})).await.text("license_id");
    let others = bench.issue("other", json!({})).await.text("license_id");
    bench.machine("m1", &license).await;
    bench.machine("m2", &others).await;
    bench.clock.advance(60);
    let sold = json!({ "reason": "sold laptop" });
    let path = "/v1/admin/machines/m1/deactivate";
    assert_eq!(bench.operate("POST", path, &sold).await.status, 200);
    let request = Request::post("/v1/admin/machines/m2/deactivate").body(Body::empty());
    let answer = bench.send(signed_in(request.expect("a request"))).await;
    assert_eq!(answer.status, 200, "no body at all: {answer:?}");
    let list = |query: &str| format!("machines?{query}");
    let other = bench.issue("other", json!({})).await.text("license_id");
    bench.machine("m3", &other).await;
    for (query, expected) in [
        (String::new(), vec!["m3"]),
        ("include_inactive=true".to_owned(), vec!["m3", "m2", "m1"]),
        ("include_inactive=false".to_owned(), vec!["m3"]),
        (
            format!("product_id={demo}&include_inactive=true"),
            vec!["m1"],
        ),
        (format!("product_id={demo}"), vec![]),
        (
            "product_slug=other&include_inactive=true".to_owned(),
            vec!["m3", "m2"],
        ),
        ("product_slug=none".to_owned(), vec![]),
        (
            format!("license_id={license}&include_inactive=true"),
            vec!["m1"],
        ),
        (
            format!("license_id={license}&product_slug=other&include_inactive=true"),
            vec![],
        ),
    ] {
        let found = get(&bench, &list(&query)).await.json();
        assert_eq!(ids(&found, "machines"), expected, "{query}");
    }
    let found = get(&bench, &list("include_inactive=true")).await.json();
    let freed = &found["machines"][2];
    let expected = json!({
        "id": "m1", "license_id": license, "product_id": demo, "product_slug": "demo",
        "fingerprint_hash": "hash of m1", "hostname": "host", "platform": null, "active": false,
        "activated_at": "2027-01-15T08:00:00Z", "last_seen_at": "2027-01-15T08:00:00Z",
        "deactivated_at": "2027-01-15T08:01:00Z", "deactivation_reason": "sold laptop",
    });
    assert_eq!(freed, &expected);
    assert_eq!(
        found["machines"][1]["deactivation_reason"],
        "operator_requested"
    );
    for query in ["limit=0", "limit=1001", "include_inactive=1", "cursor=x"] {
        let answer = get(&bench, &list(query)).await;
        assert_eq!(answer.refusal(), (400, "bad_request".to_owned()), "{query}");
    }
    assert_eq!(get(&bench, &list("limit=1000")).await.status, 200);
}

#[tokio::test]
async fn products_and_policies_are_shown_whatever_their_state() {
    let bench = Bench::new();
    let mut products = Vec::new();
    for slug in ["a", "b", "c"] {
        bench.clock.advance(1);
        products.insert(0, bench.product(slug, 1).await);
    }
    let off = format!("/v1/admin/products/{}/active", products[1]);
    bench
        .operate("PATCH", &off, &json!({ "active": false }))
        .await;
    for limit in [1, 2, 3] {
        assert_eq!(walk(&bench, "products", "products", limit).await, products);
    }
    let shown = get(&bench, &format!("products/{}", products[1]))
        .await
        .json();
    assert_eq!(
        (&shown["slug"], &shown["active"]),
        (&json!("b"), &json!(false))
    );
    let mut policies = Vec::new();
    for (slug, members) in [
        ("usual", json!({})),
        ("hidden", json!({ "public": false })),
        (
            "off",
            json!({ "active": false, "tier_rank": 1_000, "max_activations_per_day": 0 }),
        ),
        ("old", json!({ "price_sats": 0 })),
    ] {
        policies.push(bench.policy("a", slug, members).await);
    }
    let old = format!("/v1/admin/policies/{}/archived", policies[3]);
    bench
        .operate("PATCH", &old, &json!({ "archived": true }))
        .await;
    let slugs = |list: &Value| -> Vec<String> {
        let rows = list["policies"].as_array().expect("a list");
        rows.iter()
            .map(|row| row["slug"].as_str().expect("a slug").to_owned())
            .collect()
    };
    for (query, expected) in [
        ("", vec!["hidden", "usual"]),
        ("&include_inactive=true", vec!["hidden", "off", "usual"]),
        ("&include_archived=true", vec!["old", "hidden", "usual"]),
        (
            "&include_archived=true&include_inactive=true",
            vec!["old", "hidden", "off", "usual"],
        ),
    ] {
        let found = get(&bench, &format!("policies?product_slug=a{query}"))
            .await
            .json();
        assert_eq!(slugs(&found), expected, "{query}");
    }
    let shown = get(&bench, &format!("policies/{}", policies[2]))
        .await
        .json();
    assert_eq!(shown["tier_rank"], 1_000);
    assert_eq!(shown["max_activations_per_day"], 0);
    for (path, status) in [
        ("policies", 400),
        ("policies?product_slug=a&include_inactive=yes", 400),
        ("policies?product_slug=none", 404),
        ("policies/x", 404),
        ("products/x", 404),
        ("products?limit=0", 400),
        ("products?cursor=x", 400),
    ] {
        let answer = get(&bench, path).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        answer.code();
    }
}
