//! Connecting and disconnecting a store: what is asked for, what is refused,
//! and what is kept secret.

use crate::bench::{Answer, Bench, account_of, json_request, signed_in};
use crate::payments::{order, poll};
use crate::stores::{
    OTHER, SHOP, agree, begin, business, connect, played_server, played_server_on, posted,
    product_of, provider_of, said, webhooks_to,
};
use axum::body::Body;
use http::{Method, Request, header};
use keywright_btcpay_double::{ApiState, BtcPay, Consent, Network, permission};
use keywright_ports::name;
use keywright_tests::shop::{ADMIN_KEY, CREDENTIALS_KEY};
use serde_json::{Value, json};

const CALLBACK: &str = "/v1/btcpay/authorize/callback";

fn conflict() -> (u16, String) {
    (409, "conflict".to_owned())
}

async fn shop() -> (BtcPay, Bench, String) {
    let pay = played_server();
    let bench = Bench::with(&account_of(&pay));
    let business = business(&bench, "Connected").await;
    (pay, bench, business)
}

/// The page refuses with this status and says this; nothing is connected.
async fn refused(bench: &Bench, page: &Answer, status: u16, says: &str) {
    let html = said(page);
    assert_eq!(page.status, status, "{html}");
    assert!(
        html.contains("is not connected") && html.contains(says),
        "{html}"
    );
    let connected = "SELECT count(*) FROM payment_providers WHERE disconnected_at IS NULL";
    assert_eq!(bench.number(connected).await, 0);
    let headers = &page.headers;
    assert_eq!(headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
    assert_eq!(headers[header::CACHE_CONTROL], "no-store");
    assert_eq!(headers[header::REFERRER_POLICY], "no-referrer");
    let policy = headers[header::CONTENT_SECURITY_POLICY]
        .to_str()
        .expect("text");
    assert!(policy.contains("default-src 'none'"), "{policy}");
}

#[tokio::test]
async fn a_store_is_connected_and_what_opens_it_is_nowhere_to_be_seen() {
    let (pay, bench, business) = shop().await;
    let body = json!({ "merchant_profile_id": business });
    let begun = bench
        .operate("POST", "/v1/admin/btcpay/connect", &body)
        .await;
    let (url, state) = (begun.text("authorize_url"), begun.text("state"));
    assert_eq!(state.len(), 43);
    assert_eq!(begun.text("merchant_profile_id"), business);
    assert!(url.contains("strict=true&selectiveStores=true"), "{url}");
    assert!(!url.contains(permission::VIEW_WALLET), "{url}");
    let callback = pay.authorize(&url, &Consent::store(SHOP)).expect("a key");
    let page = bench.send(posted(&callback)).await;
    assert_eq!(page.status, 200, "{page:?}");
    assert!(said(&page).contains("Store SHOP"), "{page:?}");

    let provider = provider_of(&bench, &business).await.expect("connected");
    let [(webhook, secret)] = webhooks_to(&pay, &provider)
        .try_into()
        .expect("one webhook");
    let detail = format!("/v1/admin/merchant-profiles/{business}");
    let detail = bench.operate("GET", &detail, &json!({})).await.json();
    let [shown] = detail["providers"].as_array().expect("a list").as_slice() else {
        panic!("{detail}");
    };
    assert_eq!(shown["id"], provider);
    assert_eq!(shown["label"], "Store SHOP");
    assert_eq!(shown["store_id"], SHOP);
    assert_eq!(shown["base_url"], pay.base_url());
    assert_eq!(shown["webhook_id"], webhook);
    assert_eq!(shown["network"], "unknown", "the wallet was not looked at");
    assert_eq!(shown["served_rails"], json!(["lightning", "onchain"]));
    let overview = "/v1/admin/payment-provider/status";
    let overview = bench.operate("GET", overview, &json!({})).await.json();
    assert_eq!(overview["providers"][0]["id"], provider);
    assert_eq!(overview["providers"][0]["problem"], Value::Null);
    assert_eq!(overview["configuration"]["store_id"], "STORE");
    assert_eq!(overview["credentials_key"], true);
    let methods = format!("/v1/admin/btcpay/payment-methods?merchant_profile_id={business}");
    let methods = bench.operate("GET", &methods, &json!({})).await.json();
    let expected = json!([
        { "payment_method_id": "BTC-CHAIN", "enabled": true },
        { "payment_method_id": "BTC-LN", "enabled": true }
    ]);
    assert_eq!(methods["payment_methods"], expected);

    // Stored, logged and shown is nothing that opens anything.
    let audit = bench
        .operate("GET", "/v1/admin/audit?limit=1000", &json!({}))
        .await;
    let places = [
        format!("{:?}", bench.dump().await),
        bench.log(),
        audit.json().to_string(),
        overview.to_string(),
        detail.to_string(),
        said(&page),
    ];
    for hidden in [&callback.api_key, &secret, &state] {
        for place in &places {
            assert!(!place.contains(hidden.as_str()), "{hidden} in {place}");
        }
    }
    let entries = audit.json()["entries"].as_array().expect("a list").clone();
    let connected = entries
        .iter()
        .find(|one| one["action"] == "payment_provider.connect");
    let connected = connected.expect("an entry");
    assert_eq!(
        (&connected["actor"], &connected["object_id"]),
        (&json!("operator"), &json!(provider))
    );
    assert!(pay.violations().is_empty(), "{:?}", pay.violations());
}

#[tokio::test]
async fn a_state_is_good_once_for_ten_minutes_and_only_ours() {
    let (pay, bench, business) = shop().await;
    // Came back without a key: the owner did not agree. It may still be used.
    let url = begin(&bench, &business).await;
    let callback = pay.authorize(&url, &Consent::store(SHOP)).expect("a key");
    let path = callback
        .redirect
        .strip_prefix("http://shop.test")
        .expect("ours");
    let without = Request::get(path).body(Body::empty()).expect("a request");
    let page = bench.untouched_by(without).await;
    refused(&bench, &page, 400, "sent no key").await;

    for (path, says) in [
        (CALLBACK.to_owned(), "start with"),
        (format!("{CALLBACK}?apiKey=x"), "start with"),
        (
            format!("{CALLBACK}?state=unknown&apiKey=x"),
            "No connection was started here",
        ),
        (
            format!("{CALLBACK}?state=%00%ff&apiKey=x"),
            "No connection was started here",
        ),
        (format!("{path}&apiKey=a%0Ab"), "not a key of BTCPay"),
    ] {
        let request = Request::get(&path).body(Body::empty()).expect("a request");
        refused(&bench, &bench.untouched_by(request).await, 400, says).await;
    }
    assert!(
        pay.api_keys().contains(&callback.api_key),
        "nothing was revoked"
    );

    bench.clock.advance(600);
    let page = bench.untouched_by(posted(&callback)).await;
    refused(&bench, &page, 400, "ten minutes").await;

    let url = begin(&bench, &business).await;
    let callback = pay.authorize(&url, &Consent::store(SHOP)).expect("a key");
    bench.clock.advance(599);
    // The form counts; a browser may send the query too.
    assert_eq!(bench.send(posted(&callback)).await.status, 200);
    let before = bench.dump().await;
    let again = bench.send(posted(&callback)).await;
    assert_eq!(again.status, 400, "{}", said(&again));
    assert!(said(&again).contains("already used"));
    assert_eq!(bench.dump().await, before);
    assert!(
        pay.api_keys().contains(&callback.api_key),
        "its key is in use"
    );
}

#[tokio::test]
async fn of_many_that_come_back_with_one_state_one_connects() {
    let (pay, bench, business) = shop().await;
    let url = begin(&bench, &business).await;
    let callback = pay.authorize(&url, &Consent::store(SHOP)).expect("a key");
    let rush = (0..5).map(|_| bench.send(posted(&callback)));
    let pages = futures_util::future::join_all(rush).await;
    let done = pages.iter().filter(|page| page.status == 200).count();
    assert_eq!(done, 1, "{pages:?}");
    let provider = provider_of(&bench, &business).await.expect("connected");
    assert_eq!(webhooks_to(&pay, &provider).len(), 1);
    assert!(pay.api_keys().contains(&callback.api_key));
}

#[tokio::test]
async fn the_key_comes_in_the_query_too() {
    let (pay, bench, business) = shop().await;
    let url = begin(&bench, &business).await;
    let callback = pay.authorize(&url, &Consent::store(SHOP)).expect("a key");
    let path = callback
        .redirect
        .strip_prefix("http://shop.test")
        .expect("ours");
    let page = bench
        .get(&format!("{path}&apiKey={}", callback.api_key))
        .await;
    assert_eq!(page.status, 200, "{}", said(&page));
}

#[tokio::test]
async fn a_key_has_to_be_for_one_store_and_to_do_enough() {
    let (pay, bench, business) = shop().await;
    let scoped = |names: &[&str], store: &str| -> Vec<String> {
        names.iter().map(|name| format!("{name}:{store}")).collect()
    };
    let enough = permission::LICENSE_SHOP;
    let plain = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    for (consent, status, says) in [
        (
            Consent::Stores(vec![SHOP.to_owned(), OTHER.to_owned()]),
            400,
            "2 stores",
        ),
        // Of an owner with three stores.
        (Consent::Everything, 400, "3 stores"),
        (Consent::Other(vec![]), 403, "btcpay.store.cancreateinvoice"),
        (
            Consent::Other(scoped(
                &[permission::CREATE_INVOICE, permission::VIEW_INVOICES],
                SHOP,
            )),
            403,
            "canmodifywebhooks",
        ),
        (
            Consent::Other(scoped(&[permission::MODIFY_WEBHOOKS], SHOP)),
            403,
            "cancreateinvoice",
        ),
        // Stores cannot be listed with it.
        (Consent::Other(plain(&enough)), 502, "list the stores"),
        (
            Consent::Other(scoped(&enough, "../x")),
            400,
            "id of the store",
        ),
    ] {
        let url = begin(&bench, &business).await;
        let callback = pay.authorize(&url, &consent).expect("a key");
        let page = bench.send(posted(&callback)).await;
        refused(&bench, &page, status, says).await;
        assert!(
            !pay.api_keys().contains(&callback.api_key),
            "a key that is not used is revoked"
        );
    }
    // Exactly what selling needs, without seeing the settings.
    let url = begin(&bench, &business).await;
    let page = agree(&bench, &pay, &url, &Consent::Other(scoped(&enough, SHOP))).await;
    assert_eq!(page.status, 200, "{}", said(&page));
    let label = bench.sql("SELECT label FROM payment_providers").await;
    assert_eq!(label[0]["label"], SHOP);
    // A key that BTCPay does not know.
    let other = crate::stores::business(&bench, "Second").await;
    let url = begin(&bench, &other).await;
    let mut callback = pay.authorize(&url, &Consent::store(SHOP)).expect("a key");
    callback.form = "apiKey=made-up".to_owned();
    let page = bench.send(posted(&callback)).await;
    assert_eq!(page.status, 400);
    assert!(said(&page).contains("does not know the key"));
    assert!(pay.violations().is_empty(), "{:?}", pay.violations());
}

#[tokio::test]
async fn an_unrestricted_key_is_taken_and_warned_of() {
    let pay = BtcPay::builder()
        .store("ONLY")
        .frozen_clock(1_800_000_000)
        .strict()
        .start()
        .expect("a played BTCPay");
    let bench = Bench::with(&[(name::BTCPAY_URL, pay.base_url())]);
    let business = business(&bench, "B").await;
    let url = begin(&bench, &business).await;
    let everything = Consent::Other(vec!["unrestricted".to_owned()]);
    let page = agree(&bench, &pay, &url, &everything).await;
    assert_eq!(page.status, 200, "{}", said(&page));
    assert!(bench.log().contains("unrestricted"), "{}", bench.log());
    let network = bench.sql("SELECT network FROM payment_providers").await;
    assert_eq!(
        network[0]["network"], "regtest",
        "it may look at the wallet"
    );
}

#[tokio::test]
async fn a_business_has_one_store() {
    let (pay, bench, business) = shop().await;
    // Two began before either came back.
    let (first, second) = (
        begin(&bench, &business).await,
        begin(&bench, &business).await,
    );
    let page = agree(&bench, &pay, &first, &Consent::store(SHOP)).await;
    assert_eq!(page.status, 200);
    let provider = provider_of(&bench, &business).await.expect("connected");
    let late = pay
        .authorize(&second, &Consent::store(OTHER))
        .expect("a key");
    let page = bench.send(posted(&late)).await;
    assert_eq!(page.status, 409, "{}", said(&page));
    assert_eq!(provider_of(&bench, &business).await, Some(provider.clone()));
    assert_eq!(webhooks_to(&pay, &provider).len(), 1);
    assert_eq!(
        pay.webhooks().len(),
        2,
        "that of the other store is gone again"
    );
    assert!(!pay.api_keys().contains(&late.api_key));
    let body = json!({ "merchant_profile_id": business });
    let request = signed_in(json_request(
        Method::POST,
        "/v1/admin/btcpay/connect",
        &body,
    ));
    assert_eq!(bench.untouched_by(request).await.refusal(), conflict());
    let body = json!({ "merchant_profile_id": "none" });
    let request = signed_in(json_request(
        Method::POST,
        "/v1/admin/btcpay/connect",
        &body,
    ));
    assert_eq!(bench.untouched_by(request).await.status, 404);
    // Another business may be paid at the same store.
    let other = crate::stores::business(&bench, "Other").await;
    let theirs = connect(&bench, &pay, &other, SHOP).await;
    assert_ne!(theirs, provider);
    assert_eq!(webhooks_to(&pay, &theirs).len(), 1);
}

async fn scoped_key(bench: &Bench, scopes: Value) -> (String, String) {
    let body = json!({ "label": "agent", "role": "full-admin", "scopes": scopes });
    let made = bench.operate("POST", "/v1/admin/api-keys", &body).await;
    (made.text("id"), made.text("token"))
}

async fn begin_with(bench: &Bench, token: &str, business: &str) -> Answer {
    let body = json!({ "merchant_profile_id": business });
    let mut request = json_request(Method::POST, "/v1/admin/btcpay/connect", &body);
    let value = format!("Bearer {token}").parse().expect("a header");
    request.headers_mut().insert(header::AUTHORIZATION, value);
    bench.send(request).await
}

#[tokio::test]
async fn a_scoped_key_connects_test_networks_in_the_sandbox_only() {
    let scopes = json!(["payment_providers:write"]);
    for (sandbox, status) in [
        ("", 403),
        ("0", 403),
        ("off", 403),
        ("1", 200),
        ("true", 200),
    ] {
        let pay = played_server();
        let account = account_of(&pay);
        let bench = Bench::with(&[&account[..], &[(name::SANDBOX_MODE, sandbox)]].concat());
        let business = business(&bench, "B").await;
        let (_, token) = scoped_key(&bench, scopes.clone()).await;
        let begun = begin_with(&bench, &token, &business).await;
        assert_eq!(begun.status, status, "{sandbox:?}: {begun:?}");
        if status == 200 {
            let url = begun.text("authorize_url");
            assert!(url.contains(permission::VIEW_WALLET), "{url}");
            let page = agree(&bench, &pay, &url, &Consent::store(SHOP)).await;
            assert_eq!(page.status, 200, "{}", said(&page));
            let row = bench.sql("SELECT network FROM payment_providers").await;
            assert_eq!(row[0]["network"], "regtest");
        }
        let (_, without) = scoped_key(&bench, json!([])).await;
        let begun = begin_with(&bench, &without, &business).await;
        assert_eq!(begun.refusal(), (403, "forbidden".to_owned()));
    }
    // What is not provably a test network is none.
    for (network, consent) in [
        (Network::Mainnet, Consent::store(SHOP)),
        (
            Network::Regtest,
            Consent::Other(
                permission::LICENSE_SHOP
                    .iter()
                    .map(|name| format!("{name}:{SHOP}"))
                    .collect(),
            ),
        ),
    ] {
        let pay = played_server_on(network);
        let account = account_of(&pay);
        let bench = Bench::with(&[&account[..], &[(name::SANDBOX_MODE, "1")]].concat());
        let business = business(&bench, "B").await;
        let (key_id, token) = scoped_key(&bench, scopes.clone()).await;
        let url = begin_with(&bench, &token, &business)
            .await
            .text("authorize_url");
        let page = agree(&bench, &pay, &url, &consent).await;
        refused(&bench, &page, 403, "test network").await;
        assert_eq!(webhooks_to(&pay, "").len(), 0);
        assert_eq!(pay.webhooks().len(), 1, "none was made");
        // The operator's own key may.
        let page = agree(&bench, &pay, &begin(&bench, &business).await, &consent).await;
        assert_eq!(page.status, 200, "{}", said(&page));
        // What a key began that was revoked goes nowhere.
        let other = crate::stores::business(&bench, "Other").await;
        let url = begin_with(&bench, &token, &other)
            .await
            .text("authorize_url");
        let path = format!("/v1/admin/api-keys/{key_id}");
        bench.operate("DELETE", &path, &json!({})).await;
        let page = agree(&bench, &pay, &url, &Consent::store(OTHER)).await;
        assert_eq!(page.status, 400);
        assert!(said(&page).contains("was revoked"));
    }
}

#[tokio::test]
async fn without_a_key_to_seal_with_nothing_is_connected() {
    let pay = played_server();
    let account = account_of(&pay);
    for (missing, value) in [
        (name::CREDENTIALS_KEY, ""),
        (name::CREDENTIALS_KEY, "not base64"),
        (name::BTCPAY_URL, ""),
        (name::PUBLIC_URL, ""),
    ] {
        let mut config = account.to_vec();
        config.retain(|(name, _)| *name != missing);
        config.push((missing, value));
        let bench = Bench::with(&config);
        let path = "/v1/admin/btcpay/connect";
        let request = signed_in(json_request(Method::POST, path, &json!({})));
        let answer = bench.untouched_by(request).await;
        assert_eq!(answer.status, 503, "{missing}: {answer:?}");
        assert!(answer.text("message").contains(missing), "{answer:?}");
        // And if it went missing meanwhile, the state is not used up.
        let whole = Bench::with(&account);
        let business = business(&whole, "B").await;
        let url = begin(&whole, &business).await;
        let callback = pay.authorize(&url, &Consent::store(SHOP)).expect("a key");
        let page = whole
            .redeployed(&config)
            .untouched_by(posted(&callback))
            .await;
        assert_eq!(page.status, 503, "{missing}");
        assert_eq!(whole.send(posted(&callback)).await.status, 200);
    }
    // The store of the configuration needs none.
    let bench = Bench::with(&[&account[..], &[(name::CREDENTIALS_KEY, "")]].concat());
    bench.product("demo", 50_000).await;
    order(&bench, "demo").await;
}

#[tokio::test]
async fn credentials_open_with_their_own_key_at_their_own_server_only() {
    let (pay, bench, business) = shop().await;
    let provider = connect(&bench, &pay, &business, SHOP).await;
    product_of(&bench, &business, "theirs").await;
    let account = account_of(&pay);
    let other_key = "rkSKyGxOjk3sZFcpcI70GHOuecbf+E7/czYJiUh/COU=";
    assert_ne!(other_key, CREDENTIALS_KEY);
    let buy = || {
        json_request(
            Method::POST,
            "/v1/purchase",
            &json!({ "product": "theirs" }),
        )
    };
    for (name, value, code, problem) in [
        (
            name::CREDENTIALS_KEY,
            other_key,
            "credentials_unreadable",
            "cannot be opened",
        ),
        (
            name::CREDENTIALS_KEY,
            "",
            "credentials_unreadable",
            "CREDENTIALS_KEY",
        ),
        (
            name::BTCPAY_URL,
            "http://127.0.0.1:9",
            "service_unavailable",
            "another server",
        ),
    ] {
        let mut config = account.to_vec();
        config.retain(|(known, _)| *known != name);
        config.push((name, value));
        let wrong = bench.redeployed(&config);
        let answer = wrong.untouched_by(buy()).await;
        assert_eq!(answer.refusal(), (503, code.to_owned()), "{name}");
        let rails = wrong.get("/v1/storefront?product=theirs").await.json()["rails"].clone();
        assert_eq!(rails, json!([]));
        let path = format!("/v1/admin/btcpay/status?merchant_profile_id={business}");
        let status = wrong.operate("GET", &path, &json!({})).await.json();
        let shown = status["problem"].as_str().unwrap_or_default();
        assert!(shown.contains(problem), "{status}");
        let delivery = Request::post(format!("/v1/btcpay/webhook/{provider}"));
        let delivery = delivery.body(Body::from("{}")).expect("a request");
        assert_eq!(
            wrong.send(delivery).await.status,
            503,
            "BTCPay sends it again"
        );
        assert!(wrong.log().contains(problem), "{}", wrong.log());
    }
    order(&bench, "theirs").await;
    // Sealed for one provider, it opens no other one.
    let copied = "UPDATE payment_providers SET id = 'p2' WHERE store_id = 'SHOP'";
    bench.sql("PRAGMA foreign_keys = OFF").await;
    bench.sql(copied).await;
    assert_eq!(
        bench.send(buy()).await.refusal(),
        (503, "credentials_unreadable".to_owned())
    );
}

#[tokio::test]
async fn a_disconnected_store_is_forgotten_at_both_ends() {
    let (pay, bench, business) = shop().await;
    product_of(&bench, &business, "theirs").await;
    let provider = connect(&bench, &pay, &business, SHOP).await;
    let (open, remote) = order(&bench, "theirs").await;
    let keys = pay.api_keys().len();
    let body = json!({ "merchant_profile_id": business });
    let disconnect = || bench.operate("POST", "/v1/admin/btcpay/disconnect", &body);
    let done = disconnect().await.json();
    let expected = json!({ "ok": true, "already": false, "payment_provider_id": provider,
                           "webhook_removed": true, "api_key_revoked": true, "open_orders": 1 });
    assert_eq!(done, expected);
    assert_eq!(webhooks_to(&pay, &provider), []);
    assert_eq!(pay.api_keys().len(), keys - 1);
    assert_eq!(provider_of(&bench, &business).await, None);
    let row = "SELECT credentials, webhook_id, disconnected_at FROM payment_providers";
    let row = &bench.sql(row).await[0];
    assert_eq!(
        (&row["credentials"], &row["webhook_id"]),
        (&Value::Null, &Value::Null)
    );
    assert!(row["disconnected_at"].is_number());
    let before = bench.dump().await;
    let again = disconnect().await.json();
    assert_eq!(
        (&again["ok"], &again["already"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(bench.dump().await, before);

    // The operator is told of the order that nobody asks for any more.
    let listed = bench
        .operate("GET", "/v1/admin/attention", &json!({}))
        .await
        .json();
    let [item] = listed["attention"].as_array().expect("a list").as_slice() else {
        panic!("{listed}");
    };
    assert_eq!(item["kind"], "orders_left");
    assert_eq!(
        (&item["object_kind"], &item["object_id"]),
        (&json!("payment_provider"), &json!(provider))
    );
    assert_eq!(item["details"]["orders"], 1);
    assert_eq!(item["details"]["invoice_ids"], json!([open]));
    bench.clock.advance(3_600);
    let report = bench.tick().await.json();
    assert_eq!(
        (&report["checked"], &report["failed"]),
        (&json!(0), &json!(0))
    );
    let delivery = crate::stores::delivery_to(&pay, &provider, "x", &remote);
    assert_eq!(bench.send(delivery).await.refusal().0, 401);

    // Connected again, it is the same provider, and its order is asked for.
    pay.pay_in_full(&remote).expect("a payment");
    assert_eq!(connect(&bench, &pay, &business, SHOP).await, provider);
    assert_eq!(bench.tick().await.json()["settled"], 1);
    assert_eq!(poll(&bench, &open).await["status"], "settled");
    let listed = bench
        .operate("GET", "/v1/admin/attention", &json!({}))
        .await
        .json();
    assert_eq!(
        listed["attention"],
        json!([]),
        "settled by connecting again"
    );
}

#[tokio::test]
async fn a_store_whose_server_is_away_is_disconnected_all_the_same() {
    let (pay, bench, business) = shop().await;
    let provider = connect(&bench, &pay, &business, SHOP).await;
    pay.api(ApiState::Refused);
    let body = json!({ "merchant_profile_id": business });
    let done = bench
        .operate("POST", "/v1/admin/btcpay/disconnect", &body)
        .await
        .json();
    assert_eq!(
        (&done["webhook_removed"], &done["api_key_revoked"]),
        (&json!(false), &json!(false))
    );
    pay.api(ApiState::Up);
    assert_eq!(provider_of(&bench, &business).await, None);
    assert_eq!(
        webhooks_to(&pay, &provider).len(),
        1,
        "left behind, as the answer says"
    );
    // Connecting it again takes the webhook over, with a secret of its own.
    let old = webhooks_to(&pay, &provider);
    assert_eq!(connect(&bench, &pay, &business, SHOP).await, provider);
    let new = webhooks_to(&pay, &provider);
    assert_eq!((new.len(), &new[0].0), (1, &old[0].0));
    assert_ne!(new[0].1, old[0].1);
    let unknown = json!({ "merchant_profile_id": "none" });
    let answer = bench
        .operate("POST", "/v1/admin/btcpay/disconnect", &unknown)
        .await;
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn only_the_operators_own_key_disconnects() {
    let (_pay, bench, business) = shop().await;
    let (_, token) = scoped_key(&bench, json!(["payment_providers:write"])).await;
    let body = json!({ "merchant_profile_id": business });
    let mut request = json_request(Method::POST, "/v1/admin/btcpay/disconnect", &body);
    let value = format!("Bearer {token}").parse().expect("a header");
    request.headers_mut().insert(header::AUTHORIZATION, value);
    assert_eq!(
        bench.send(request).await.refusal(),
        (403, "forbidden".to_owned())
    );
    assert!(!bench.log().contains(ADMIN_KEY));
}

#[tokio::test]
async fn a_browser_is_sent_where_it_reaches_the_server() {
    let pay = played_server();
    let account = account_of(&pay);
    let outside = [(name::BTCPAY_BROWSER_URL, "https://pay.example/")];
    let bench = Bench::with(&[&account[..], &outside].concat());
    let url = begin(&bench, "00000000-0000-7000-8000-000000000001").await;
    assert!(
        url.starts_with("https://pay.example/api-keys/authorize?"),
        "{url}"
    );
    // Inside it is still the configured server that is asked.
    let inside = url.replace("https://pay.example", pay.base_url());
    let page = agree(&bench, &pay, &inside, &Consent::store(SHOP)).await;
    assert_eq!(page.status, 200, "{}", said(&page));
}
