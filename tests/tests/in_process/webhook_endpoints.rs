//! Webhook endpoints as operators make them: where they may lead, what is shown of them
//! and to whom, how their secrets change, and the feed for those without one.

use crate::bench::{Bench, json_request, signed_in};
use crate::webhook_receiver::{Told, endpoint_path};
use futures_util::future::join_all;
use http::{Method, header};
use keywright_ports::name;
use keywright_tests::shop::WEBHOOK_KEY;
use serde_json::{Value, json};

const ENDPOINTS: &str = "/v1/admin/webhook-endpoints";

#[tokio::test]
async fn an_endpoint_leads_to_the_public_internet_by_whatever_way_it_is_entered() {
    let told = Told::new();
    let endpoint = told.endpoint("hooks.example.com", json!({})).await;
    for url in [
        "https://[::ffff:7f00:1]/",
        "https://[64:ff9b::a9fe:a9fe]/",
        "https://[::127.0.0.1]/",
        "https://[2002:7f00:1::]/",
        "https://[fe81::1]/",
        "https://[::]/",
        "https://2130706433/",
        "https://0177.0.0.1/",
        "https://0x7f.1/",
        "https://127.1/",
        "https://localhost./",
        "https://sign.spin.internal/",
        "http://hooks.example.com/in",
        "https://ana:pw@hooks.example.com/in",
        "hooks.example.com",
        "",
    ] {
        let body = json!({ "url": url });
        let made = told.bench.operate("POST", ENDPOINTS, &body).await;
        assert_eq!(
            made.refusal(),
            (422, "unprocessable_entity".to_owned()),
            "{url}"
        );
        assert!(!made.text("message").contains("pw"), "{made:?}");
        let changed = told.change(&endpoint, &body).await;
        assert_eq!(changed.status, 422, "{url}: {changed:?}");
    }
    let own = Bench::with(&[(name::PUBLIC_URL, "https://shop.example.com")]);
    for url in ["https://shop.example.com/x", "https://SHOP.example.com./x"] {
        let made = own.operate("POST", ENDPOINTS, &json!({ "url": url })).await;
        assert_eq!(made.status, 422, "{url}");
    }
}

#[tokio::test]
async fn an_instance_may_list_the_hosts_or_allow_its_own_house() {
    let listed = Bench::with(&[(
        name::WEBHOOK_HOSTS,
        "https://a.example.com,https://webhook2.invalid",
    )]);
    let make = async |bench: &Bench, url: &str| {
        bench
            .operate("POST", ENDPOINTS, &json!({ "url": url }))
            .await
    };
    assert_eq!(make(&listed, "https://a.example.com/x").await.status, 200);
    let refused = make(&listed, "https://b.example.com/x").await;
    assert_eq!(refused.status, 422);
    assert!(
        refused.text("message").contains("webhook_host1"),
        "{refused:?}"
    );
    let house = Bench::with(&[(name::WEBHOOK_PRIVATE, "1")]);
    assert_eq!(make(&house, "http://127.0.0.1:9000/x").await.status, 200);
    let without = Bench::with(&[(name::WEBHOOK_KEY, "")]);
    let refused = make(&without, "https://a.example.com/x").await;
    assert_eq!(refused.refusal(), (503, "service_unavailable".to_owned()));
}

#[tokio::test]
async fn members_outside_their_limits_are_refused() {
    let told = Told::new();
    for (member, value) in [
        ("event_types", json!([])),
        ("event_types", json!(["license.isued"])),
        ("event_types", json!(["webhook.test"])),
        ("format", json!("xml")),
        ("secret", json!("short")),
        ("description", json!("a".repeat(201))),
    ] {
        let mut body = json!({ "url": "https://hooks.example.com/" });
        body[member] = value;
        let made = told.bench.operate("POST", ENDPOINTS, &body).await;
        assert_eq!(made.refusal(), (400, "bad_request".to_owned()), "{body}");
        assert!(made.text("message").contains(member), "{made:?}");
    }
    let body = json!({ "url": "https://hooks.example.com/", "product_id": "nope" });
    let made = told.bench.operate("POST", ENDPOINTS, &body).await;
    assert_eq!(made.status, 404, "{made:?}");
}

#[tokio::test]
async fn a_key_without_the_scope_sees_no_secret_and_no_whole_url() {
    let told = Told::new();
    let endpoint = told
        .endpoint("hooks.example.com", json!({ "ed25519": true }))
        .await;
    let secret = endpoint["secret"].as_str().expect("a secret");
    assert!(secret.starts_with("whsec_"));
    assert!(
        endpoint["public_key"]
            .as_str()
            .is_some_and(|key| key.starts_with("whpk_"))
    );
    told.change(
        &endpoint,
        &json!({ "url": "https://hooks.example.com/t/9f3c?token=abc" }),
    )
    .await;
    told.bench
        .operate("POST", &endpoint_path(&endpoint, "/test"), &json!({}))
        .await;
    told.tick().await;
    let new = json!({ "label": "look", "role": "read-only" });
    let token = told
        .bench
        .operate("POST", "/v1/admin/api-keys", &new)
        .await
        .text("token");
    for path in [
        ENDPOINTS.to_owned(),
        endpoint_path(&endpoint, ""),
        "/v1/admin/webhook-deliveries".to_owned(),
        "/v1/admin/audit".to_owned(),
        "/v1/admin/events".to_owned(),
    ] {
        let mut request = json_request(Method::GET, &path, &json!({}));
        let bearer = format!("Bearer {token}").parse().expect("a header");
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
        let answer = told.bench.send(request).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let text = String::from_utf8(answer.body.to_vec()).expect("text");
        for hidden in [secret, "t=secret", "9f3c", "token=abc", "whsec_"] {
            assert!(!text.contains(hidden), "{path} shows {hidden}: {text}");
        }
    }
    let owner = told.shown(&endpoint_path(&endpoint, "")).await;
    assert_eq!(owner["url"], "https://hooks.example.com/t/9f3c?token=abc");
    // Nor does the database hold it.
    let dump = format!("{:?}", told.bench.dump().await["webhook_endpoints"]);
    assert!(!dump.contains(secret));
}

#[tokio::test]
async fn a_test_is_nothing_that_happened() {
    let told = Told::new();
    let endpoint = told
        .endpoint("hooks.example.com", json!({ "event_types": ["machine.*"] }))
        .await;
    let made = told
        .bench
        .operate("POST", &endpoint_path(&endpoint, "/test"), &json!({}))
        .await;
    assert_eq!((made.status, &made.json()["sequence"]), (200, &Value::Null));
    let arrived = told.tick().await;
    assert_eq!(arrived.len(), 1);
    assert_eq!(arrived[0].json()["type"], "webhook.test");
    assert_eq!(
        arrived[0].json()["data"],
        json!({ "endpoint_id": endpoint["id"] })
    );
    let feed = told.shown("/v1/admin/events").await;
    let events = feed["events"].as_array().expect("events");
    let types: Vec<&Value> = events.iter().map(|event| &event["type"]).collect();
    assert_eq!(types, ["webhook_endpoint.created"]);
}

#[tokio::test]
async fn two_secrets_sign_until_the_overlap_ends() {
    let told = Told::new();
    told.bench.product("demo", 0).await;
    let endpoint = told.endpoint("hooks.example.com", json!({})).await;
    let rotate = endpoint_path(&endpoint, "/rotate-secret");
    let rotated = told
        .bench
        .operate("POST", &rotate, &json!({ "overlap_hours": 2 }))
        .await
        .json();
    assert_ne!(rotated["secret"], endpoint["secret"]);
    let signatures = async || {
        told.happens().await;
        let arrived = told.tick().await;
        arrived[0].header("webhook-signature").split(' ').count()
    };
    assert_eq!(signatures().await, 2);
    told.bench.clock.advance(7_200);
    assert_eq!(signatures().await, 1);
    for (body, status) in [
        (json!({ "overlap_hours": -1 }), 400),
        (json!({ "overlap_hours": 745 }), 400),
        (json!({ "overlap_hours": 0 }), 200),
    ] {
        let answer = told.bench.operate("POST", &rotate, &body).await;
        assert_eq!(answer.status, status, "{body}");
    }
    assert_eq!(signatures().await, 1, "a leaked secret signs nothing more");
}

#[tokio::test]
async fn a_secret_of_another_key_sends_nothing_and_blames_nobody() {
    let told = Told::new();
    told.bench.product("demo", 0).await;
    let endpoint = told.endpoint("hooks.example.com", json!({})).await;
    told.happens().await;
    let other = WEBHOOK_KEY.replace("MWUy", "OTk5");
    let lost = Told {
        bench: Bench::over_outbound(
            &told.bench,
            &[(name::WEBHOOK_KEY, &other)],
            told.receiver.clone(),
        ),
        receiver: told.receiver.clone(),
    };
    assert_eq!(lost.tick().await.len(), 0);
    let pending = lost.deliveries("pending").await.remove(0);
    let path = format!(
        "/v1/admin/webhook-deliveries/{}",
        pending["id"].as_str().expect("an id")
    );
    assert_eq!(lost.shown(&path).await["log"][0]["outcome"], "unsent");
    let shown = lost.shown(&endpoint_path(&endpoint, "")).await;
    assert_eq!(shown["failing_since"], Value::Null);
    assert_eq!(
        told.tick_after(60).await.len(),
        1,
        "with the right key it is sent"
    );
}

#[tokio::test]
async fn the_feed_tells_all_or_says_that_it_cannot() {
    let told = Told::new();
    told.bench.product("demo", 0).await;
    for _ in 0..5 {
        told.happens().await;
    }
    let page = told.shown("/v1/admin/events?limit=2").await;
    assert_eq!(
        (page["events"].as_array().map(Vec::len), &page["has_more"]),
        (Some(2), &json!(true))
    );
    let after = page["next_after"].as_i64().expect("a number");
    let rest = told
        .shown(&format!(
            "/v1/admin/events?after={after}&type=license.issued"
        ))
        .await;
    assert_eq!(rest["events"].as_array().map(Vec::len), Some(4));
    assert_eq!(rest["has_more"], false);
    let end = rest["next_after"].as_i64().expect("a number");
    // All is purged; then one more happens.
    told.bench.clock.advance(91 * 86_400);
    told.bench.tick().await;
    assert_eq!(told.bench.number("SELECT count(*) FROM events").await, 0);
    told.happens().await;
    let next = told.shown(&format!("/v1/admin/events?after={end}")).await;
    let sequence = next["events"][0]["sequence"].as_i64().expect("a number");
    assert!(sequence > end, "no number comes again");
    let gone = signed_in(json_request(
        Method::GET,
        &format!("/v1/admin/events?after={after}"),
        &json!({}),
    ));
    let gone = told.bench.send(gone).await;
    assert_eq!(gone.refusal(), (410, "gone".to_owned()));
    assert!(gone.text("message").contains(&end.to_string()), "{gone:?}");
    let fresh = told.shown("/v1/admin/events").await;
    assert_eq!(fresh["events"].as_array().map(Vec::len), Some(1));
    for bad in [
        "after=-1",
        "limit=0",
        "limit=1001",
        "type=nope",
        "kind=license.*",
    ] {
        let request = json_request(Method::GET, &format!("/v1/admin/events?{bad}"), &json!({}));
        assert_eq!(
            told.bench.send(signed_in(request)).await.status,
            400,
            "{bad}"
        );
    }
}

/// Isolates whose clocks differ record at once, and a poller reads meanwhile.
#[tokio::test]
async fn a_poller_misses_nothing_and_gets_nothing_twice() {
    let told = Told::new();
    told.bench.product("demo", 0).await;
    let late = Bench::over(told.bench.shop.native.database.clone(), &[]);
    late.clock.advance(2);
    let activations = (0..200).map(async |n| {
        let bench = if n % 2 == 0 { &told.bench } else { &late };
        // Each takes its turns between those of the poller.
        for _ in 0..n {
            tokio::task::yield_now().await;
        }
        let issued = bench.issue("demo", json!({})).await;
        issued.text("license_id")
    });
    let poller = async {
        let mut after = 0;
        let mut seen = Vec::new();
        while seen.len() < 200 {
            let path = format!("/v1/admin/events?after={after}&type=license.issued");
            let page = told.shown(&path).await;
            after = page["next_after"].as_i64().expect("a number");
            let events = page["events"].as_array().expect("events").iter();
            seen.extend(events.map(|event| {
                let license = event["data"]["license_id"].as_str().expect("an id");
                (
                    event["sequence"].as_i64().expect("a number"),
                    license.to_owned(),
                )
            }));
            tokio::task::yield_now().await;
        }
        seen
    };
    let (mut issued, seen) = tokio::join!(join_all(activations), poller);
    assert!(seen.is_sorted(), "{seen:?}");
    let mut licenses: Vec<String> = seen.into_iter().map(|(_, license)| license).collect();
    licenses.sort_unstable();
    issued.sort_unstable();
    assert_eq!(licenses, issued);
}

#[tokio::test]
async fn what_an_active_endpoint_waits_for_is_not_purged() {
    let told = Told::new();
    told.bench.product("demo", 0).await;
    told.endpoint("hooks.example.com", json!({})).await;
    told.happens().await;
    told.bench.clock.advance(91 * 86_400);
    told.bench.tick().await;
    assert_eq!(told.tick().await.len(), 1);
    told.bench.tick().await;
    assert_eq!(told.bench.number("SELECT count(*) FROM events").await, 0);
}

#[tokio::test]
async fn only_events_about_the_product_of_a_filter_are_sent() {
    let told = Told::new();
    let demo = told.bench.product("demo", 0).await;
    told.bench.product("other", 0).await;
    told.endpoint("hooks.example.com", json!({ "product_id": demo }))
        .await;
    let license = told.happens().await;
    told.bench.issue("other", json!({})).await;
    // An event whose data names the license alone.
    told.bench
        .operate(
            "POST",
            &format!("/v1/admin/licenses/{license}/suspend"),
            &json!({ "reason": "x" }),
        )
        .await;
    let arrived = told.tick().await;
    let types: Vec<Value> = arrived
        .iter()
        .map(|one| one.json()["type"].clone())
        .collect();
    assert_eq!(types, [json!("license.issued"), json!("license.suspended")]);
}

#[tokio::test]
async fn there_are_a_hundred_endpoints_at_most() {
    let told = Told::new();
    for n in 0..100 {
        told.endpoint(&format!("h{n}.example.com"), json!({})).await;
    }
    let body = json!({ "url": "https://one.more.example.com/" });
    let made = told.bench.operate("POST", ENDPOINTS, &body).await;
    assert_eq!(made.refusal(), (409, "conflict".to_owned()));
}
