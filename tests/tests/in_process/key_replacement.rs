//! Replacing the key of a sold license: what the old key opened, the new one opens, and
//! nobody who has only old credentials ever sees it.

use crate::bench::{Answer, Bench, json_request, signed_in};
use crate::feeds::{LINUX, gate, publish};
use crate::mail_api::{Mail, Mailing, WITH_KEYS};
use crate::payments::poll;
use crate::races::at_once;
use crate::subscriptions::Club;
use axum::body::Body;
use http::{Method, Request, header};
use keywright_ports::name;
use keywright_tests::vendor::Release;
use serde_json::{Value, json};
use std::sync::Arc;

const ANA: &str = "ana@example.com";

/// An order of a free product: its secret and its answer.
async fn bought(bench: &Bench) -> Answer {
    let order = json!({ "product": "demo", "buyer_email": ANA });
    let bought = bench.post("/v1/purchase", &order).await;
    assert_eq!(bought.status, 200, "{bought:?}");
    bought
}

async fn replace(bench: &Bench, order: &str, email: &str) -> Answer {
    let proof = json!({ "invoice_id": order, "email": email });
    bench.post("/v1/licenses/replace-key", &proof).await
}

async fn replace_as_operator(bench: &Bench, license_id: &str) -> Answer {
    let path = format!("/v1/admin/licenses/{license_id}/replace-key");
    bench.operate("POST", &path, &json!({})).await
}

async fn current(bench: &Bench, key: &str) -> Answer {
    let request = json!({ "key": key });
    bench.post("/v1/licenses/current-key", &request).await
}

async fn machine(bench: &Bench, route: &str, key: &str) -> Answer {
    let path = format!("/v1/machines/{route}");
    let machine = json!({ "key": key, "fingerprint": "m" });
    bench.post(&path, &machine).await
}

/// A download link, made with a key or token.
async fn link(bench: &Bench, credential: &str) -> Answer {
    let wanted = json!({ "version": "1.2.0", "platform": LINUX });
    let mut request = json_request(Method::POST, "/v1/downloads/link", &wanted);
    let bearer = format!("Bearer {credential}").parse().expect("a header");
    request.headers_mut().insert(header::AUTHORIZATION, bearer);
    bench.send(request).await
}

/// What `POST /v1/validate` says: `ok`, or the reason.
async fn validated(bench: &Bench, key: &str) -> String {
    let answer = bench.post("/v1/validate", &json!({ "key": key })).await;
    let answer = answer.json();
    let reason = answer["reason"].as_str();
    reason.unwrap_or("ok").to_owned()
}

#[tokio::test]
async fn every_verifier_follows_the_new_key() {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    let release = Release::new("demo", "1.2.0").file(LINUX, "demo-1.2.0.AppImage");
    publish(&bench, &[release]).await;
    gate(&bench, "demo", true, "").await;
    let order = bought(&bench).await;
    let old = order.json();
    let old_key = order.text("license_key");
    assert_eq!(
        machine(&bench, "activate", &old_key).await.json()["ok"],
        true
    );
    let before = link(&bench, &old_key).await;
    let new = replace(&bench, &order.text("invoice_id"), " ANA@Example.com ").await;
    assert_eq!(new.status, 200, "{new:?}");
    assert_eq!(new.headers["cache-control"], "no-store");
    let new_key = new.text("license_key");
    for member in ["license_id", "issued_at"] {
        assert!(new.json()[member].is_string());
    }
    assert_eq!(new.json()["license_id"], old["license_id"]);
    for member in ["license_key", "token", "download_id"] {
        assert_ne!(new.json()[member], old[member], "{member}");
    }
    assert_eq!(validated(&bench, &old_key).await, "revoked");
    assert_eq!(validated(&bench, &new_key).await, "ok");
    // A thief's key takes, frees and sees no seat.
    for (route, reason) in [
        ("activate", "revoked"),
        ("heartbeat", "revoked"),
        ("deactivate", "revoked"),
    ] {
        let answer = machine(&bench, route, &old_key).await.json();
        assert_eq!(
            (&answer["ok"], &answer["reason"]),
            (&json!(false), &json!(reason)),
            "{route}"
        );
    }
    let list = |key: String| json!({ "key": key });
    let listed = bench
        .post("/v1/machines/list", &list(old_key.clone()))
        .await;
    assert_eq!(listed.refusal(), (403, "revoked".to_owned()));
    let listed = bench
        .post("/v1/machines/list", &list(new_key.clone()))
        .await;
    assert_eq!(listed.json()["active_count"], 1, "the seat stays");
    assert_eq!(
        machine(&bench, "heartbeat", &new_key).await.json()["ok"],
        true
    );
    assert_eq!(
        current(&bench, &old_key).await.refusal(),
        (403, "revoked".to_owned())
    );
    assert_eq!(current(&bench, &new_key).await.text("license_key"), new_key);
    // Links, feeds and the gate, by key and by token.
    let file = format!("/releases/demo/1.2.0/{LINUX}");
    for (member, is_new) in [
        ("license_key", false),
        ("token", false),
        ("license_key", true),
        ("token", true),
    ] {
        let of = if is_new { new.json() } else { old.clone() };
        let credential = of[member].as_str().expect("a credential");
        let bearer = |request: http::request::Builder| {
            request.header(header::AUTHORIZATION, format!("Bearer {credential}"))
        };
        let link = link(&bench, credential).await;
        let feed = bearer(Request::get("/updates/tauri/demo/linux/x86_64/1.0.0"));
        let feed = bench
            .send(feed.body(Body::empty()).expect("a request"))
            .await;
        let head = bearer(Request::builder().method(Method::HEAD).uri(&file));
        let head = bench
            .send(head.body(Body::empty()).expect("a request"))
            .await;
        let statuses = [link.status, feed.status, head.status];
        if is_new {
            // The file itself is not here: the gate lets the caller in and finds none.
            assert_eq!(statuses, [200, 200, 404], "{member} {link:?} {feed:?}");
        } else {
            assert_eq!(statuses, [403; 3], "{member}");
            assert_eq!(link.code(), "token-revoked", "{member}");
        }
    }
    // A link that was made with the old key names the old download id.
    for (link, status) in [(before, 403), (link(&bench, &new_key).await, 404)] {
        let link = link.text("url").replace("http://shop.test", "");
        assert_eq!(bench.get(&link).await.status, status, "{link}");
    }
}

/// Rows 42 and 43: who has the key, the order's address, or both, sees nothing and changes
/// nothing.
#[tokio::test]
async fn a_key_and_an_order_address_are_not_enough() {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    let order = bought(&bench).await;
    let secret = order.text("invoice_id");
    let order_id = order.text("order_id");
    for (invoice, email) in [
        (secret.as_str(), "mallory@example.com"),
        (order_id.as_str(), ANA),
        (&order.text("license_key"), ANA),
        ("os_nothing", ANA),
    ] {
        let proof = json!({ "invoice_id": invoice, "email": email });
        let request = json_request(Method::POST, "/v1/licenses/replace-key", &proof);
        bench
            .send(json_request(Method::POST, "/v1/recover", &proof))
            .await;
        let refused = bench.send(request).await;
        assert_eq!(
            refused.refusal(),
            (403, "forbidden".to_owned()),
            "{invoice} {email}"
        );
    }
    let key = json!({ "key": order.text("license_key") });
    assert_eq!(
        bench.post("/v1/licenses/replace-key", &key).await.status,
        422
    );
    assert_eq!(validated(&bench, &order.text("license_key")).await, "ok");
    assert_eq!(
        bench
            .number("SELECT count(*) FROM audit WHERE action = 'license.replace_key'")
            .await,
        0
    );
    bench.clock.advance(60);
    let new = replace(&bench, &secret, ANA).await;
    let shown = poll(&bench, &secret).await;
    assert_eq!(shown["status"], "settled");
    assert_eq!(shown["is_key_replaced"], true);
    for member in ["license_key", "token", "download_id"] {
        assert_eq!(shown[member], Value::Null, "{member}");
    }
    let recovered = json!({ "invoice_id": secret, "email": ANA });
    let recovered = bench.post("/v1/recover", &recovered).await;
    assert_eq!(recovered.text("license_key"), new.text("license_key"));
    let event = "SELECT data FROM events WHERE event_type = 'license.key_replaced'";
    let event = format!("{:?}", bench.sql(event).await);
    assert!(
        event.contains("buyer") && !event.contains("LIC1"),
        "{event}"
    );
}

#[tokio::test]
async fn each_new_key_is_later_than_every_earlier_one() {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    let issued = bench.issue("demo", json!({ "buyer_email": ANA })).await;
    let id = issued.text("license_id");
    let mut keys = vec![issued.text("license_key")];
    for _ in 0..2 {
        keys.push(replace_as_operator(&bench, &id).await.text("license_key"));
    }
    bench.clock.set_back(3_600);
    keys.push(replace_as_operator(&bench, &id).await.text("license_key"));
    let times = keys
        .iter()
        .map(|key| bench.verified(key).payload().issued_at());
    let times: Vec<i64> = times.collect();
    let first = times[0];
    assert_eq!(times, [first, first + 1, first + 2, first + 3]);
    let newest = keys.pop().expect("a key");
    for old in &keys {
        assert_eq!(validated(&bench, old).await, "revoked");
        assert_eq!(
            current(&bench, old).await.refusal(),
            (403, "revoked".to_owned())
        );
    }
    assert_eq!(validated(&bench, &newest).await, "ok");
    let answer = bench
        .post("/v1/validate", &json!({ "key": newest }))
        .await
        .json();
    let shown = format!("/v1/admin/licenses/{id}");
    let shown = bench.operate("GET", &shown, &json!({})).await.json();
    assert_eq!(
        answer["issued_at"], shown["issued_at"],
        "when the license was issued"
    );
}

/// An old key that was not replaced gets the current one.
#[tokio::test]
async fn an_old_good_key_gets_the_current_one() {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    let trial = json!({ "is_trial": true, "expires_at": "2030-01-01T00:00:00Z" });
    let issued = bench.issue("demo", trial).await;
    let (id, old) = (issued.text("license_id"), issued.text("license_key"));
    let path = format!("/v1/admin/licenses/{id}");
    let paid =
        json!({ "is_trial": false, "expires_at": "2031-01-01T00:00:00Z", "entitlements": ["pro"] });
    bench.operate("PATCH", &path, &paid).await;
    let answer = current(&bench, &format!("Key: {}\n", old.to_lowercase())).await;
    assert_eq!(
        (answer.status, &answer.json()["is_trial"]),
        (200, &json!(false))
    );
    let new = bench.verified(&answer.text("license_key"));
    assert!(!new.payload().is_trial() && new.payload().has_entitlement("pro"));
    assert_eq!(
        validated(&bench, &old).await,
        "ok",
        "a renewal needs no new key online"
    );
    for (body, status, code) in [
        (json!({ "key": "LIC1-AAAA" }), 400, "bad_request"),
        (
            json!({ "key": old, "product_slug": "other" }),
            403,
            "product_mismatch",
        ),
    ] {
        let refused = bench.post("/v1/licenses/current-key", &body).await;
        assert_eq!(refused.refusal(), (status, code.to_owned()), "{body}");
    }
    for (route, code) in [("suspend", "suspended"), ("revoke", "revoked")] {
        bench
            .operate("POST", &format!("{path}/{route}"), &json!({}))
            .await;
        assert_eq!(
            current(&bench, &old).await.refusal(),
            (403, code.to_owned())
        );
    }
    assert_eq!(replace_as_operator(&bench, &id).await.status, 409);
}

#[tokio::test]
async fn a_holder_replaces_three_times_a_day_and_an_operator_any_time() {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    let order = bought(&bench).await;
    let secret = order.text("invoice_id");
    for _ in 0..3 {
        assert_eq!(replace(&bench, &secret, ANA).await.status, 200);
    }
    let refused = replace(&bench, &secret, ANA).await;
    assert_eq!(refused.refusal(), (429, "rate_limited".to_owned()));
    let id = order.text("license_id");
    assert_eq!(replace_as_operator(&bench, &id).await.status, 200);
    bench.clock.advance(86_401);
    assert_eq!(replace(&bench, &secret, ANA).await.status, 200);
    // While it is suspended, the operator replaces it and sees the key later.
    let path = format!("/v1/admin/licenses/{id}");
    bench
        .operate("POST", &format!("{path}/suspend"), &json!({}))
        .await;
    assert_eq!(replace(&bench, &secret, ANA).await.refusal().0, 403);
    let blind = replace_as_operator(&bench, &id).await.json();
    assert_eq!(
        (&blind["license_key"], &blind["download_id"]),
        (&Value::Null, &Value::Null)
    );
    bench
        .operate("POST", &format!("{path}/unsuspend"), &json!({}))
        .await;
    let recovered = json!({ "invoice_id": secret, "email": ANA });
    let key = bench
        .post("/v1/recover", &recovered)
        .await
        .text("license_key");
    assert_eq!(validated(&bench, &key).await, "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_at_once_leave_one_good_key_and_no_seat_of_an_old_one() {
    let bench = Arc::new(Bench::with(&[(name::CLIENT_ADDRESS_HEADER, "")]));
    bench.product("demo", 0).await;
    let issued = bench.issue("demo", json!({ "max_machines": 0 })).await;
    let (id, old) = (issued.text("license_id"), issued.text("license_key"));
    let requests = (0..200).map(|number| {
        let (bench, id, old) = (bench.clone(), id.clone(), old.clone());
        async move {
            let (path, body) = match number % 4 {
                0 => (format!("/v1/admin/licenses/{id}/replace-key"), json!({})),
                1 => ("/v1/licenses/current-key".to_owned(), json!({ "key": old })),
                _ => (
                    "/v1/machines/activate".to_owned(),
                    json!({ "key": old, "fingerprint": format!("m{number}") }),
                ),
            };
            let request = json_request(Method::POST, &path, &body);
            let request = if number % 4 == 0 {
                signed_in(request)
            } else {
                request
            };
            (number % 4, bench.send(request).await)
        }
    });
    let answers = at_once(requests).await;
    let mut keys: Vec<String> = Vec::new();
    for (kind, answer) in &answers {
        match kind {
            0 => keys.push(answer.text("license_key")),
            1 if answer.status == 200 => assert_eq!(answer.text("license_key"), old),
            1 => assert_eq!(answer.refusal(), (403, "revoked".to_owned())),
            _ => assert!(answer.json()["ok"] == true || answer.json()["reason"] == "revoked"),
        }
    }
    // Strictly ordered: each replacement has a time of its own. An answer shows the newest
    // key, so two may show the same one.
    let times = "SELECT count(DISTINCT after ->> '$.key_issued_at') FROM audit
                 WHERE action = 'license.replace_key'";
    assert_eq!(bench.number(times).await, 50);
    let mut good = Vec::new();
    keys.sort();
    keys.dedup();
    for key in &keys {
        good.extend((validated(&bench, key).await == "ok").then_some(key));
    }
    assert_eq!(good.len(), 1);
    assert_eq!(validated(&bench, &old).await, "revoked");
    let late = machine(&bench, "activate", &old).await.json();
    assert_eq!(late["reason"], "revoked");
}

/// A mailed link replaces a key, and every older link ends.
#[tokio::test]
async fn links_that_were_mailed_before_show_no_new_key() {
    let mailing = Mailing::with(&[WITH_KEYS]).await;
    let bench = &mailing.bench;
    let bought = mailing.buy(ANA).await;
    let other = mailing.buy("other@example.com").await;
    let mails = mailing.tick().await;
    let of_purchase = mails.iter().find(|mail| mail.to() == ANA);
    let of_purchase = of_purchase.expect("a mail").link();
    let mut of_requests = Vec::new();
    for _ in 0..2 {
        bench
            .post("/v1/recover/mail", &json!({ "email": ANA }))
            .await;
        of_requests.extend(mailing.tick_for(1).await.iter().map(Mail::link));
    }
    let press = async |link: &str, form: &str| {
        let request = Request::post(link)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()));
        let answer = bench.send(request.expect("a request")).await;
        let html = String::from_utf8_lossy(&answer.body).into_owned();
        (answer.status, html)
    };
    let license_id = bought.text("license_id");
    let form = format!("replace={license_id}");
    // An old mail is not enough, and a link replaces keys of its own address only.
    assert!(!press(&of_purchase, "").await.1.contains("Replace this key"));
    assert_eq!(press(&of_purchase, &form).await.0, 403);
    let foreign = format!("replace={}", other.text("license_id"));
    assert_eq!(press(&of_requests[0], &foreign).await.0, 403);
    assert_eq!(validated(bench, &other.text("license_key")).await, "ok");
    assert!(
        press(&of_requests[0], "")
            .await
            .1
            .contains("Replace this key")
    );
    let (status, html) = press(&of_requests[0], &form).await;
    assert!(status == 200 && html.contains("LIC1-"), "{html}");
    assert!(!html.contains(&bought.text("license_key")));
    assert_eq!(
        validated(bench, &bought.text("license_key")).await,
        "revoked"
    );
    for link in of_requests.iter().chain([&of_purchase]) {
        let (status, html) = press(link, "").await;
        assert!(status == 404 && !html.contains("LIC1-"), "{html}");
    }
    let mails = mailing.tick_for(1).await;
    let [mail] = mails.as_slice() else {
        panic!("{mails:?}");
    };
    assert_eq!(mail.to(), ANA);
    assert!(mail.text("subject").contains("was changed"), "{mail:?}");
    let (_, html) = press(&mail.link(), "").await;
    assert!(html.contains("LIC1-") && !html.contains("Replace this key"));
}

/// A leaked key neither stops nor sees the subscription once it was replaced, and the
/// subscription stays.
#[tokio::test]
async fn a_subscription_follows_the_new_key() {
    let club = Club::open(json!({ "trial_days": 14 })).await;
    let bench = &club.bench;
    let order = json!({ "product": "demo", "policy_slug": "basic", "buyer_email": ANA });
    let order = bench.post("/v1/purchase", &order).await;
    let old = order.text("license_key");
    let cancel = async |key: &str| {
        let body = json!({ "license_key": key });
        bench.post("/v1/subscriptions/cancel", &body).await
    };
    let new = replace_as_operator(bench, &order.text("license_id")).await;
    let refused = cancel(&old).await;
    assert_eq!(refused.refusal(), (401, "unauthorized".to_owned()));
    let shown = Request::get("/v1/subscription")
        .header(header::AUTHORIZATION, format!("Bearer {old}"))
        .body(Body::empty());
    assert_eq!(bench.send(shown.expect("a request")).await.status, 401);
    let cancelled = cancel(&new.text("license_key")).await;
    assert_eq!(cancelled.status, 200, "{cancelled:?}");
}
