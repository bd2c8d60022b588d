//! Connecting a store in the browser, selling through it, and disconnecting it.

use super::cases;
use super::floor::{
    NOBODY, api_key, buy, licenses_of, make_due, nothing_due, poll, text, tick, until,
};
use crate::hosts::{Answer, Instance, SHOP_STORE};
use http::Method;
use keywright_btcpay_double::{Callback, Consent, permission};
use keywright_domain::access::{Role, Scope};
use serde_json::{Value, json};

cases![
    sold_through_a_connected_store,
    found_by_a_tick alone,
    a_state_that_is_not_good alone,
    a_key_that_is_not_enough,
    in_the_sandbox,
    deliveries_to_nobody,
    what_is_refused,
];

const CALLBACK: &str = "/v1/btcpay/authorize/callback";

/// A business with a product.
async fn business(instance: &Instance, slug: &str) -> String {
    let made = json!({ "name": format!("Business of {slug}") });
    let made = instance
        .api
        .admin(Method::POST, "merchant-profiles", &made)
        .await;
    let id = text(&made.ok(), "id");
    let product = json!({ "slug": slug, "name": slug, "price_sats": 1_000,
                          "merchant_profile_id": id });
    instance
        .api
        .admin(Method::POST, "products", &product)
        .await
        .ok();
    id
}

async fn begin(instance: &Instance, business: &str) -> String {
    let body = json!({ "merchant_profile_id": business });
    let begun = instance
        .api
        .admin(Method::POST, "btcpay/connect", &body)
        .await;
    text(&begun.ok(), "authorize_url")
}

/// The browser comes back.
async fn come_back(instance: &Instance, callback: &Callback) -> Answer {
    let path = callback.redirect.strip_prefix(instance.direct.base_url());
    let path = path.expect("our own address");
    let request = instance.api.request(Method::POST, path);
    let form = "application/x-www-form-urlencoded";
    let request = request
        .header("content-type", form)
        .body(callback.form.clone());
    instance.api.send(request).await
}

fn agreed(instance: &Instance, url: &str, consent: &Consent) -> Callback {
    instance
        .btcpay
        .authorize(url, consent)
        .expect("a page to agree on")
}

/// Connects the store that cases connect; answers the provider's id and its
/// key.
async fn connect(instance: &Instance, business: &str) -> (String, String) {
    let url = begin(instance, business).await;
    let callback = agreed(instance, &url, &Consent::store(SHOP_STORE));
    let page = come_back(instance, &callback).await;
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.text().contains("is connected"), "{page:?}");
    let status = status(instance, business).await;
    (text(&status, "payment_provider_id"), callback.api_key)
}

async fn status(instance: &Instance, business: &str) -> Value {
    let path = format!("btcpay/status?merchant_profile_id={business}");
    instance
        .api
        .admin(Method::GET, &path, &json!({}))
        .await
        .ok()
}

async fn disconnect(instance: &Instance, business: &str) -> Value {
    let body = json!({ "merchant_profile_id": business });
    instance
        .api
        .admin(Method::POST, "btcpay/disconnect", &body)
        .await
        .ok()
}

fn refused(page: &Answer, status: u16, says: &str) {
    assert_eq!(page.status, status, "{page:?}");
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(
        page.header("content-security-policy")
            .contains("default-src 'none'")
    );
    assert_eq!(page.header("cache-control"), "no-store");
    let html = page.text();
    assert!(
        html.contains("is not connected") && html.contains(says),
        "{html}"
    );
}

async fn sold_through_a_connected_store(instance: &Instance) {
    let business = business(instance, "connected").await;
    let (provider, api_key) = connect(instance, &business).await;
    let shown = instance
        .api
        .get("/v1/storefront?product=connected")
        .await
        .ok();
    assert_eq!(shown["rails"], json!(["lightning", "onchain"]));
    let listed = instance
        .api
        .admin(Method::GET, "payment-provider/status", &json!({}))
        .await;
    let listed = listed.ok();
    let mine = listed["providers"].as_array().expect("a list").iter();
    let mine: Vec<_> = mine.filter(|one| one["id"] == provider).collect();
    assert_eq!((mine.len(), &mine[0]["problem"]), (1, &Value::Null));
    let path = format!("btcpay/payment-methods?merchant_profile_id={business}");
    let methods = instance
        .api
        .admin(Method::GET, &path, &json!({}))
        .await
        .ok();
    assert_eq!(
        methods["payment_methods"][0]["payment_method_id"],
        "BTC-CHAIN"
    );

    let bought = buy(instance, "connected").await;
    let (id, remote) = (
        text(&bought, "invoice_id"),
        text(&bought, "btcpay_invoice_id"),
    );
    let invoice = instance.btcpay.invoice(&remote).expect("an invoice");
    assert_eq!(invoice.store_id, SHOP_STORE);
    // The store's own webhook tells of it.
    instance.btcpay.pay_in_full(&remote).expect("a payment");
    until(instance, &id, "settled").await;
    instance.btcpay.idle().await.expect("all delivered");
    assert_eq!(licenses_of(instance, &id).await, 1);

    // Neither the key nor the webhook's secret is stored as it is.
    let stored = "SELECT count(*) AS n FROM payment_providers
                  WHERE id = ?1 AND credentials IS NOT NULL AND instr(credentials, ?2) = 0";
    assert_eq!(
        instance
            .database
            .count(stored, &[&provider, &api_key])
            .await,
        1
    );
    assert!(!instance.log().contains(&api_key));

    let done = disconnect(instance, &business).await;
    assert_eq!(
        (&done["webhook_removed"], &done["api_key_revoked"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(
        (&done["already"], &done["open_orders"]),
        (&json!(false), &json!(0))
    );
    assert!(!instance.btcpay.api_keys().contains(&api_key));
    assert_eq!(disconnect(instance, &business).await["already"], true);
    assert_eq!(status(instance, &business).await["connected"], false);
    let order = json!({ "product": "connected" });
    instance
        .api
        .post("/v1/purchase", &order)
        .await
        .is_error(400, "bad_request");
    // Connected again it is the same provider.
    assert_eq!(connect(instance, &business).await.0, provider);
    disconnect(instance, &business).await;
}

/// The reconciler asks a connected store by itself.
async fn found_by_a_tick(instance: &Instance) {
    let business = business(instance, "connected-quietly").await;
    let (provider, _) = connect(instance, &business).await;
    let bought = buy(instance, "connected-quietly").await;
    let (id, remote) = (
        text(&bought, "invoice_id"),
        text(&bought, "btcpay_invoice_id"),
    );
    instance
        .btcpay
        .on_delivery(keywright_btcpay_double::Fault::lose());
    instance.btcpay.pay_in_full(&remote).expect("a payment");
    instance.btcpay.idle().await.expect("all lost");
    instance.btcpay.clear_faults();
    assert_eq!(poll(instance, &id).await["status"], "pending");
    nothing_due(instance).await;
    make_due(instance, &id).await;
    let report = tick(instance).await.ok();
    assert_eq!(
        (&report["checked"], &report["settled"]),
        (&json!(1), &json!(1)),
        "{report}"
    );
    until(instance, &id, "settled").await;
    // An order that is open when the store goes is told of.
    let open = text(&buy(instance, "connected-quietly").await, "order_id");
    let done = disconnect(instance, &business).await;
    assert_eq!(done["open_orders"], 1, "{done}");
    let listed = instance
        .api
        .admin(Method::GET, "attention?limit=500", &json!({}))
        .await
        .ok();
    let mut items = listed["attention"].as_array().expect("a list").iter();
    let item = items
        .find(|item| item["object_id"] == provider)
        .expect("an item");
    assert_eq!(item["kind"], "orders_left");
    assert_eq!(item["details"]["invoice_ids"], json!([open]));
}

async fn a_state_that_is_not_good(instance: &Instance) {
    let business = business(instance, "connected-once").await;
    for (path, says) in [
        (CALLBACK.to_owned(), "start with"),
        (format!("{CALLBACK}?state=made-up"), "sent no key"),
        (
            format!("{CALLBACK}?state=made-up&apiKey=k"),
            "No connection was started here",
        ),
    ] {
        refused(&instance.api.get(&path).await, 400, says);
    }
    let url = begin(instance, &business).await;
    let callback = agreed(instance, &url, &Consent::store(SHOP_STORE));
    let rush = super::races::at_once(4, |_| come_back(instance, &callback)).await;
    let done = rush.iter().filter(|page| page.status == 200).count();
    assert_eq!(done, 1, "{rush:?}");
    refused(&come_back(instance, &callback).await, 400, "already used");
    // One that is too old.
    disconnect(instance, &business).await;
    let url = begin(instance, &business).await;
    let old = "UPDATE provider_connects SET expires_at = unixepoch() - 60
               WHERE merchant_profile_id = ?1 AND used_at IS NULL";
    instance.database.change(old, &[&business]).await;
    let callback = agreed(instance, &url, &Consent::store(SHOP_STORE));
    refused(&come_back(instance, &callback).await, 400, "ten minutes");
    let large = format!("{CALLBACK}?state=x");
    let large = instance.api.request(Method::POST, &large);
    let large = large.body(vec![b'a'; 2 * 1024 * 1024 + 1]);
    refused(&instance.api.send(large).await, 413, "larger than");
    let put = instance.api.request(Method::DELETE, CALLBACK);
    let put = instance.api.send(put).await;
    assert_eq!(put.status, 405);
}

async fn a_key_that_is_not_enough(instance: &Instance) {
    let business = business(instance, "connected-badly").await;
    let scoped = |name: &str| format!("{name}:{SHOP_STORE}");
    for (consent, status, says) in [
        (
            Consent::Everything,
            400,
            "stores, and a business is paid at exactly one",
        ),
        (
            Consent::Stores(vec![SHOP_STORE.to_owned(), "OtherStore".to_owned()]),
            400,
            "2 stores",
        ),
        (
            Consent::Other(vec![scoped(permission::VIEW_INVOICES)]),
            403,
            "cancreateinvoice",
        ),
    ] {
        let url = begin(instance, &business).await;
        let callback = agreed(instance, &url, &consent);
        refused(&come_back(instance, &callback).await, status, says);
        assert!(
            !instance.btcpay.api_keys().contains(&callback.api_key),
            "it is revoked"
        );
    }
    let url = begin(instance, &business).await;
    let mut callback = agreed(instance, &url, &Consent::store(SHOP_STORE));
    "apiKey=made-up".clone_into(&mut callback.form);
    refused(
        &come_back(instance, &callback).await,
        400,
        "does not know the key",
    );
    assert_eq!(status_of(instance, &business).await, Value::Null);
}

async fn status_of(instance: &Instance, business: &str) -> Value {
    status(instance, business).await["payment_provider_id"].clone()
}

/// The instance is in sandbox mode, and the played server on regtest.
async fn in_the_sandbox(instance: &Instance) {
    let business = business(instance, "connected-in-sand").await;
    let key = api_key(instance, Role::ReadOnly, &[Scope::PaymentProvidersWrite]).await;
    let body = json!({ "merchant_profile_id": business });
    let request = instance
        .api
        .request(Method::POST, "/v1/admin/btcpay/connect");
    let request = request.bearer_auth(text(&key, "token")).json(&body);
    let url = text(&instance.api.send(request).await.ok(), "authorize_url");
    assert!(url.contains(permission::VIEW_WALLET), "{url}");
    // A key that cannot show the network does not do.
    let scoped = |name: &&str| format!("{name}:{SHOP_STORE}");
    let blind = permission::LICENSE_SHOP.iter().map(scoped).collect();
    let callback = agreed(instance, &url, &Consent::Other(blind));
    refused(&come_back(instance, &callback).await, 403, "test network");
    let request = instance
        .api
        .request(Method::POST, "/v1/admin/btcpay/connect");
    let request = request.bearer_auth(text(&key, "token")).json(&body);
    let url = text(&instance.api.send(request).await.ok(), "authorize_url");
    let callback = agreed(instance, &url, &Consent::store(SHOP_STORE));
    assert_eq!(come_back(instance, &callback).await.status, 200);
    let path = format!("merchant-profiles/{business}");
    let shown = instance
        .api
        .admin(Method::GET, &path, &json!({}))
        .await
        .ok();
    assert_eq!(shown["providers"][0]["network"], "regtest");
    // It connects, and does not disconnect.
    let request = instance
        .api
        .request(Method::POST, "/v1/admin/btcpay/disconnect");
    let request = request.bearer_auth(text(&key, "token")).json(&body);
    instance.api.send(request).await.is_error(403, "forbidden");
    disconnect(instance, &business).await;
}

async fn deliveries_to_nobody(instance: &Instance) {
    for nobody in [NOBODY, "x", "%00"] {
        let path = format!("/v1/btcpay/webhook/{nobody}");
        let request = instance.api.request(Method::POST, &path);
        let request = request.header("BTCPay-Sig", "sha256=00").body("{}");
        instance
            .api
            .send(request)
            .await
            .is_error(401, "unauthorized");
    }
    let path = format!("/v1/btcpay/webhook/{NOBODY}");
    instance
        .api
        .get(&path)
        .await
        .is_error(405, "method_not_allowed");
}

async fn what_is_refused(instance: &Instance) {
    let business = business(instance, "connected-already").await;
    connect(instance, &business).await;
    let body = json!({ "merchant_profile_id": business });
    let again = instance
        .api
        .admin(Method::POST, "btcpay/connect", &body)
        .await;
    again.is_error(409, "conflict");
    disconnect(instance, &business).await;
    let unknown = json!({ "merchant_profile_id": NOBODY });
    for path in ["btcpay/connect", "btcpay/disconnect"] {
        let answer = instance.api.admin(Method::POST, path, &unknown).await;
        answer.is_error(404, "not_found");
        let answer = instance.api.admin(Method::POST, path, &json!([])).await;
        answer.is_error(422, "unprocessable_entity");
    }
    for path in ["btcpay/status", "btcpay/payment-methods"] {
        let path = format!("{path}?merchant_profile_id={NOBODY}");
        let answer = instance.api.admin(Method::GET, &path, &json!({})).await;
        answer.is_error(404, "not_found");
    }
    let path = format!("btcpay/payment-methods?merchant_profile_id={business}");
    let answer = instance.api.admin(Method::GET, &path, &json!({})).await;
    answer.is_error(404, "not_found");
    let default = instance
        .api
        .admin(Method::GET, "btcpay/status", &json!({}))
        .await
        .ok();
    assert_eq!(
        (&default["connected"], &default["source"]),
        (&json!(true), &json!("configuration"))
    );
}
