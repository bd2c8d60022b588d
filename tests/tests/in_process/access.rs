//! Who may do what: the operator's key, the cron token, and instances that are
//! not set up yet.

use crate::bench::{Bench, FILE, json_request, played_store};
use axum::body::Body;
use http::{Method, Request, header};
use keywright_admin::Api;
use keywright_ports::name;
use keywright_tests::shop::{ADMIN_KEY, CRON_TOKEN};
use serde_json::json;

/// Every route of the operator.
fn operators() -> impl Iterator<Item = (Method, String)> {
    Api::endpoints()
        .into_iter()
        .map(|route| (route.method, route.path.replace("{id}", "x")))
}

/// A request with this `Authorization`.
fn request(method: &str, path: &str, authorization: Option<&str>) -> Request<Body> {
    let method: Method = method.parse().expect("a method");
    let body = json!({ "slug": "p", "name": "P", "price_sats": 1 });
    let mut request = json_request(method, path, &body);
    if let Some(value) = authorization {
        let value = value.parse().expect("a header");
        request.headers_mut().insert(header::AUTHORIZATION, value);
    }
    request
}

#[tokio::test]
async fn only_the_whole_key_lets_an_operator_in() {
    let bench = Bench::new();
    bench.product("demo", 1).await;
    let unauthorized = (401, "unauthorized".to_owned());
    let forbidden = (403, "forbidden".to_owned());
    let (shorter, longer) = (&ADMIN_KEY[..ADMIN_KEY.len() - 1], format!("{ADMIN_KEY}0"));
    for (method, path) in operators() {
        for (authorization, refusal) in [
            (None, &unauthorized),
            (Some(String::new()), &unauthorized),
            (Some(ADMIN_KEY.to_owned()), &unauthorized),
            (Some(format!("Basic {ADMIN_KEY}")), &unauthorized),
            (Some("Bearer ".to_owned()), &forbidden),
            (Some(format!("Bearer {shorter}")), &forbidden),
            (Some(format!("Bearer {longer}")), &forbidden),
            (
                Some(format!("Bearer {}", ADMIN_KEY.to_uppercase())),
                &forbidden,
            ),
            (Some(format!("Bearer {CRON_TOKEN}")), &forbidden),
        ] {
            let answer = bench
                .untouched_by(request(method.as_str(), &path, authorization.as_deref()))
                .await;
            assert_eq!(
                answer.refusal(),
                *refusal,
                "{method} {path} {authorization:?}"
            );
        }
    }
    // The key is not looked for anywhere else.
    let path = format!("/v1/admin/products?key={ADMIN_KEY}&token={ADMIN_KEY}");
    assert_eq!(
        bench
            .untouched_by(request("POST", &path, None))
            .await
            .status,
        401
    );
    assert!(!bench.log().contains(ADMIN_KEY));
    let scheme = format!("bearer {ADMIN_KEY}");
    let answer = bench
        .send(request("POST", "/v1/admin/products", Some(&scheme)))
        .await;
    assert_eq!(
        answer.status, 200,
        "a scheme's case does not matter: {answer:?}"
    );
}

#[tokio::test]
async fn a_refused_operator_is_told_before_the_body_is_read() {
    let bench = Bench::new();
    let request = Request::post("/v1/admin/products").body(Body::from("not json"));
    let answer = bench.untouched_by(request.expect("a request")).await;
    assert_eq!(answer.refusal(), (401, "unauthorized".to_owned()));
}

#[tokio::test]
async fn no_operator_gets_in_while_no_good_key_is_configured() {
    for key in ["", "   ", "short", &ADMIN_KEY[..31]] {
        let bench = Bench::with(&[(name::ADMIN_KEY, key)]);
        for (method, path) in operators() {
            for authorization in [
                None,
                Some(format!("Bearer {key}")),
                Some(format!("Bearer {ADMIN_KEY}")),
            ] {
                let answer = bench
                    .untouched_by(request(method.as_str(), &path, authorization.as_deref()))
                    .await;
                let refusal = (503, "service_unavailable".to_owned());
                assert_eq!(answer.refusal(), refusal, "{key:?} {method} {path}");
            }
        }
        let why = match key.trim() {
            "" => "ADMIN_KEY is not configured",
            _ => "ADMIN_KEY must have at least 32 characters",
        };
        assert!(bench.log().contains(why), "{}", bench.log());
    }
    // Spaces around a configured key are a slip, not part of it.
    let bench = Bench::with(&[(name::ADMIN_KEY, &format!(" {ADMIN_KEY}\n"))]);
    bench.product("demo", 1).await;
}

#[tokio::test]
async fn ticks_by_http_need_their_token() {
    let tick =
        |authorization: Option<String>| request("POST", "/v1/cron/renew", authorization.as_deref());
    for token in ["", "short", &CRON_TOKEN[..31]] {
        let bench = Bench::with(&[(name::CRON_TOKEN, token)]);
        for authorization in [
            None,
            Some(format!("Bearer {token}")),
            Some(format!("Bearer {CRON_TOKEN}")),
        ] {
            let refusal = bench.untouched_by(tick(authorization)).await.refusal();
            assert_eq!(refusal, (404, "not_found".to_owned()), "{token:?}");
        }
    }
    let bench = Bench::new();
    let refusal = bench.untouched_by(tick(None)).await.refusal();
    assert_eq!(refusal, (401, "unauthorized".to_owned()));
    for wrong in [ADMIN_KEY, &CRON_TOKEN[1..], "x"] {
        let refusal = bench
            .untouched_by(tick(Some(format!("Bearer {wrong}"))))
            .await
            .refusal();
        assert_eq!(refusal, (403, "forbidden".to_owned()));
    }
    let answer = bench
        .untouched_by(tick(Some(format!("Bearer {CRON_TOKEN}"))))
        .await;
    assert_eq!(
        answer.status, 200,
        "a shop without a store has nothing to ask: {answer:?}"
    );
    assert_eq!(
        answer.json(),
        json!({ "ok": true, "checked": 0, "settled": 0, "closed": 0, "failed": 0,
                "stores_failed": 0, "released": 0, "sealed": 0,
                "download_ids": 0,
                "renewals": { "cycles_opened": 0, "cycles_free": 0, "past_due": 0, "policies_changed": 0, "lapsed": 0,
                              "subscriptions_failed": 0 } })
    );
}

#[tokio::test]
async fn an_instance_without_public_keys_accepts_nothing() {
    let good = Bench::new();
    good.product("demo", 1).await;
    let issued = good.issue("demo", json!({})).await;
    let unavailable = (503, "service_unavailable".to_owned());
    let zero = "0".repeat(64);
    for keys in ["", "zz", "zz,zz", &zero] {
        let bench = Bench::with(&[(name::VERIFY_KEYS, keys)]);
        let key = json!({ "key": issued.text("license_key") });
        let request = json_request(Method::POST, "/v1/validate", &key);
        assert_eq!(
            bench.untouched_by(request).await.refusal(),
            unavailable,
            "{keys}"
        );
        for path in [
            "/",
            "/v1/pubkey",
            "/v1/issuer/public-key",
            "/.well-known/jwks.json",
        ] {
            assert_eq!(
                bench.get(path).await.refusal(),
                unavailable,
                "{keys} {path}"
            );
        }
        let answer = bench
            .get(&format!("{FILE}?token={}", issued.text("token")))
            .await;
        assert_eq!(answer.status, 503, "{keys}: {answer:?}");
        assert_eq!(
            answer.json(),
            json!({ "error": "no public key is configured yet" })
        );
        assert_eq!(bench.get("/healthz").await.status, 200);
        assert!(
            bench.log().contains("VERIFY_KEYS"),
            "the log says what to configure"
        );
    }
}

#[tokio::test]
async fn a_shop_that_is_not_set_up_sells_nothing_and_records_nothing() {
    let pay = played_store();
    let account = crate::bench::account_of(&pay);
    for missing in [
        name::BTCPAY_URL,
        name::BTCPAY_STORE_ID,
        name::BTCPAY_API_KEY,
        name::PUBLIC_URL,
    ] {
        let mut config: Vec<(&str, &str)> = account.to_vec();
        config.retain(|(name, _)| *name != missing);
        config.push((missing, ""));
        let bench = Bench::with(&config);
        bench.product("demo", 50_000).await;
        let order = json_request(Method::POST, "/v1/purchase", &json!({ "product": "demo" }));
        let answer = bench.untouched_by(order).await;
        assert_eq!(answer.status, 503, "no {missing}: {answer:?}");
        let code = if missing == name::PUBLIC_URL {
            "service_unavailable"
        } else {
            "btcpay_not_configured"
        };
        assert_eq!(answer.code(), code, "no {missing}");
    }
    assert!(pay.requests().is_empty(), "the store was called");
}

#[tokio::test]
async fn an_error_of_ours_is_logged_under_its_id_and_opaque_outside() {
    let bench = Bench::new();
    bench.product("demo", 1).await;
    bench
        .shop
        .database
        .break_call(0, keywright_native_host::Fault::Before);
    let request = Request::get("/v1/products")
        .header("x-request-id", "asked-1")
        .body(Body::empty());
    let answer = bench.send(request.expect("a request")).await;
    assert_eq!(answer.refusal(), (500, "internal_error".to_owned()));
    assert_eq!(answer.headers["x-request-id"], "asked-1");
    assert!(!answer.text("message").contains("connection lost"));
    let logged: Vec<String> = bench
        .shop
        .native
        .log
        .lines()
        .into_iter()
        .filter(|line| line.contains("connection lost"))
        .collect();
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert!(
        logged[0].contains("\"request_id\":\"asked-1\""),
        "{logged:?}"
    );
}
