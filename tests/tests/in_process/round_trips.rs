//! What each route costs: round trips to the database, those of the sign
//! function included. A route that is missing in the table fails the test.

use crate::announcements::announced;
use crate::bad_downloads::old_token;
use crate::bench::{Bench, FILE, UNTIL_DUE, account_of, played_store, raw_request, signed_in};
use crate::feeds::{LINUX, publish};
use crate::holder::written;
use crate::payments::{body_of, delivery_of, order};
use crate::{
    card_shop, round_trips_cards, round_trips_mail, round_trips_subscriptions, round_trips_usdc,
    round_trips_webhooks, stores, usdc_shop,
};
use axum::body::Body;
use http::{Method, Request, header};
use keywright_btcpay_double::Consent;
use keywright_domain::webhook::event_type::ANNOUNCED_ACTIONS;
use keywright_ports::name;
use keywright_rpc_double::Endpoint;
use keywright_tests::openapi::document;
use keywright_tests::release_file::ReleaseFile;
use keywright_tests::shop::CRON_TOKEN;
use keywright_tests::vendor::Release;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The package of an extension.
const PACKAGE: &str = "/api/v1/licensing/download/listed/1.0.0.zip";

/// A route, a request to it, and its round trips.
pub(crate) type Row = (&'static str, Request<Body>, u64);

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).expect("a request")
}

fn send(method: Method, path: &str, body: &Value) -> Request<Body> {
    signed_in(raw_request(
        method,
        path,
        "application/json",
        body.to_string(),
    ))
}

fn printed<'a>(version: &'a str, bytes: &'a [u8]) -> ReleaseFile<'a> {
    ReleaseFile {
        product: "printed",
        version,
        channel: "stable",
        platform: "any",
        bytes,
    }
}

/// Uploads and publishes a file; answers the id of the release.
async fn published_before(bench: &Bench, file: &ReleaseFile<'_>) -> String {
    let path = "/v1/admin/releases/uploads";
    let begun = bench.operate("POST", path, &file.upload()).await.json();
    if let Some(id) = begun["id"].as_str() {
        let request = Request::put(format!("{path}/{id}?offset=0"));
        let request = request.body(Body::from(file.bytes.to_vec()));
        let stored = bench.send(signed_in(request.expect("a request"))).await;
        assert_eq!(stored.json()["complete"], true, "{stored:?}");
    }
    let path = "/v1/admin/releases";
    let published = bench
        .operate("POST", path, &file.publication())
        .await
        .json();
    let id = published["release"]["id"].as_str();
    id.expect("an id").to_owned()
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table")]
async fn each_route_costs_what_the_table_says() {
    let pay = played_store();
    let git = (name::GIT_URL, "https://git.example/vendor");
    let chain = usdc_shop::chain();
    let endpoints = [Endpoint::start(&chain).expect("an endpoint")];
    let watched = usdc_shop::configuration(&endpoints);
    let watched: Vec<_> = watched.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let zaprite = card_shop::played_zaprite();
    let cards = (name::ZAPRITE_URL, zaprite.base_url());
    let bench = Bench::with(&[&account_of(&pay)[..], &[git, cards], &watched].concat());
    let product_id = bench.product("demo", 50_000).await;
    bench.product("listed", 1).await;
    let listed_key = bench.issue("listed", json!({})).await.text("license_key");
    bench.product("free", 0).await;
    let dollars = json!({ "slug": "dollars", "name": "D", "price_currency": "USD",
                          "price_value": 1 });
    bench.operate("POST", "/v1/admin/products", &dollars).await;
    let attention = "INSERT INTO attention (id, at, kind, object_kind, object_id, details)
                     VALUES ('a1', 1, 'underpaid', 'invoice', 'i1', '{}')";
    bench.sql(attention).await;
    let policy_id = bench.policy("demo", "pro", json!({})).await;
    bench.policy("demo", "default", json!({})).await;
    let issued = bench.issue("demo", json!({ "max_machines": 3 })).await;
    let (key, token) = (issued.text("license_key"), issued.text("token"));
    let license_id = issued.text("license_id");
    let to_erase = json!({ "buyer_email": "round@x.example" });
    bench.issue("demo", to_erase.clone()).await;
    let unsold = bench.product("unsold", 1).await;
    let unused = bench.policy("demo", "unused", json!({})).await;
    bench.machine("m", &license_id).await;
    let (settled, btcpay_id) = order(&bench, "demo").await;
    pay.pay_in_full(&btcpay_id).expect("a payment");
    let delivery = body_of(&pay, "InvoiceSettled", &btcpay_id);
    let (pending, _) = order(&bench, "demo").await;
    let spare_code = bench.code("SPARE", json!({})).await;
    let unused_code = bench.code("UNUSED", json!({})).await;
    bench
        .code(
            "GIFT",
            json!({ "kind": "free_license", "product_slug": "demo" }),
        )
        .await;
    let bought = json!({ "product": "free", "buyer_email": "a@b.example" });
    let bought = bench.post("/v1/purchase", &bought).await;
    let business = bench
        .operate(
            "POST",
            "/v1/admin/merchant-profiles",
            &json!({ "name": "B" }),
        )
        .await
        .text("id");
    let connected = stores::business(&bench, "Connected").await;
    let provider = stores::connect(&bench, &pay, &connected, pay.store_id()).await;
    stores::product_of(&bench, &connected, "theirs").await;
    let (_, theirs) = order(&bench, "theirs").await;
    pay.pay_in_full(&theirs).expect("a payment");
    let [(_, secret)] = stores::webhooks_to(&pay, &provider)
        .try_into()
        .expect("one webhook");
    let to_provider = stores::delivery_to(&pay, &provider, &secret, &theirs);
    let connecting = stores::business(&bench, "Connecting").await;
    let agreed = stores::begin(&bench, &connecting).await;
    let agreed = pay.authorize(&agreed, &Consent::store(pay.store_id()));
    let agreed = stores::posted(&agreed.expect("a key"));
    let api_key = json!({ "label": "CI", "role": "read-only" });
    let api_key_id = bench
        .operate("POST", "/v1/admin/api-keys", &api_key)
        .await
        .text("id");
    bench.product("printed", 1).await;
    let first = printed("1.0.0", b"first");
    let begun = bench
        .operate("POST", "/v1/admin/releases/uploads", &first.upload())
        .await
        .text("id");
    let published = printed("2.0.0", b"second");
    let part = signed_in(
        Request::put(format!("/v1/admin/releases/uploads/{begun}?offset=0"))
            .body(Body::from(first.bytes))
            .expect("a request"),
    );
    let release_id = published_before(&bench, &published).await;
    let post = |path: &str, body: Value| send(Method::POST, path, &body);
    let patch = |path: String, body: Value| send(Method::PATCH, &path, &body);
    let operate = |path: &str| send(Method::GET, path, &json!({}));
    let delete = |path: String| send(Method::DELETE, &path, &json!({}));
    let tick = Request::post("/v1/cron/renew")
        .header(header::AUTHORIZATION, format!("Bearer {CRON_TOKEN}"))
        .body(Body::empty());

    publish(
        &bench,
        &[Release::new("demo", "1.0.0")
            .file(LINUX, "demo-1.0.0.AppImage")
            .file("universal-apple-darwin", "Demo-1.0.0.zip")
            .file("any", "demo-1.0.0.zip")],
    )
    .await;
    let link = Request::post("/v1/downloads/link")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {key}"))
        .body(Body::from(
            json!({ "version": "latest", "platform": LINUX }).to_string(),
        ));

    let rows: Vec<Row> = vec![
        ("/", get("/"), 0),
        ("/healthz", get("/healthz"), 0),
        // The connected stores, and how far the chain was read.
        ("/readyz", get("/readyz"), 3),
        ("/.well-known/jwks.json", get("/.well-known/jwks.json"), 0),
        ("/v1/pubkey", get("/v1/pubkey"), 0),
        ("/v1/issuer/public-key", get("/v1/issuer/public-key"), 0),
        ("/v1/openapi.json", get("/v1/openapi.json"), 0),
        (
            "/v1/validate",
            post(
                "/v1/validate",
                json!({ "key": key, "product_slug": "demo" }),
            ),
            1,
        ),
        // A new machine: finding that it is one, and its seat.
        (
            "/v1/validate",
            post("/v1/validate", json!({ "key": key, "fingerprint": "a" })),
            2,
        ),
        (
            "/v1/validate",
            post("/v1/validate", json!({ "key": key, "fingerprint": "a" })),
            1,
        ),
        (
            "/v1/machines/activate",
            post(
                "/v1/machines/activate",
                json!({ "key": key, "fingerprint": "b" }),
            ),
            2,
        ),
        (
            "/v1/machines/activate",
            post(
                "/v1/machines/activate",
                json!({ "key": key, "fingerprint": "b" }),
            ),
            1,
        ),
        // Every seat is taken: the read says so.
        (
            "/v1/machines/activate",
            post(
                "/v1/machines/activate",
                json!({ "key": key, "fingerprint": "c" }),
            ),
            1,
        ),
        (
            "/v1/machines/heartbeat",
            post(
                "/v1/machines/heartbeat",
                json!({ "key": key, "fingerprint": "b" }),
            ),
            1,
        ),
        (
            "/v1/machines/list",
            post("/v1/machines/list", json!({ "key": key })),
            1,
        ),
        (
            "/v1/machines/deactivate",
            post(
                "/v1/machines/deactivate",
                json!({ "key": key, "fingerprint": "b" }),
            ),
            1,
        ),
        ("/releases", get("/releases/"), 0),
        ("/releases/{product}", get("/releases/demo/"), 0),
        (
            "/releases/{product}/install.sh",
            get("/releases/demo/install.sh"),
            0,
        ),
        (
            "/releases/{product}/channels/{file}",
            get("/releases/listed/channels/stable.json"),
            0,
        ),
        (
            "/releases/{product}/{version}/MANIFEST",
            get("/releases/listed/1.0.0/MANIFEST"),
            0,
        ),
        (
            "/releases/{product}/latest/{platform}",
            get("/releases/listed/latest/any.zip"),
            0,
        ),
        // The state of the license that the token names.
        (
            "/releases/{product}/{version}/{platform}",
            get(&format!("{FILE}?token={token}")),
            1,
        ),
        // A token of old names none.
        (
            "/releases/{product}/{version}/{platform}",
            get(&format!("{FILE}?token={}", old_token("demo"))),
            0,
        ),
        (
            "/releases/{product}/{version}/{platform}",
            get("/releases/open/1.0.0/any"),
            0,
        ),
        (
            "/releases/{product}/{version}/{platform}/{file}",
            get("/releases/open/1.0.0/any/open-1.0.0-any"),
            0,
        ),
        (
            "/api/v1/licensing/download/{product}/{file}",
            get(&format!("{PACKAGE}?dlid={listed_key}")),
            1,
        ),
        // And the seat of a site.
        (
            "/api/v1/licensing/download/{product}/{file}",
            get(&format!("{PACKAGE}?dlid={listed_key}&domain=a.example")),
            2,
        ),
        (
            "/verify-key",
            post(
                "/verify-key",
                json!({ "license_key_b64": token, "product_id": "demo" }),
            ),
            1,
        ),
        ("/verify-key.pub", get("/verify-key.pub"), 0),
        ("/git/{*path}", get("/git/info/refs"), 0),
        // What there is; and with a key, what sign asks for its link.
        (
            "/api/v1/licensing/updates/{product}",
            get("/api/v1/licensing/updates/demo.xml"),
            1,
        ),
        (
            "/api/v1/licensing/updates/{product}",
            get(&format!("/api/v1/licensing/updates/demo.xml?dlid={key}")),
            2,
        ),
        (
            "/api/v1/licensing/updates/{product}/extension.xml",
            get("/api/v1/licensing/updates/demo.xml/extension.xml"),
            1,
        ),
        (
            "/updates/tauri/{product}/{target}/{arch}/{current_version}",
            get("/updates/tauri/demo/linux/x86_64/0.1.0"),
            1,
        ),
        (
            "/updates/tauri/{product}/{target}/{arch}/{current_version}",
            get(&format!(
                "/updates/tauri/demo/linux/x86_64/0.1.0?token={key}"
            )),
            2,
        ),
        (
            "/updates/tauri/{product}/latest.json",
            get("/updates/tauri/demo/latest.json"),
            1,
        ),
        (
            "/updates/sparkle/{product}/appcast.xml",
            get("/updates/sparkle/demo/appcast.xml"),
            1,
        ),
        (
            "/updates/electron/{product}/{file}",
            get("/updates/electron/demo/latest-linux.yml"),
            1,
        ),
        (
            "/updates/electron/{product}/{file}",
            get(&format!(
                "/updates/electron/demo/demo-1.0.0.AppImage?token={key}"
            )),
            2,
        ),
        (
            "/updates/electron/{product}/{version}/{file}",
            get("/updates/electron/demo/1.0.0/demo-1.0.0.AppImage"),
            1,
        ),
        // The limit, the license, what there is, and what sign asks.
        ("/v1/downloads/link", link.expect("a request"), 4),
        ("/v1/products", get("/v1/products"), 1),
        ("/v1/storefront", get("/v1/storefront?product=demo"), 1),
        ("/v1/products/{slug}", get("/v1/products/demo"), 1),
        (
            "/v1/products/{slug}/policies",
            get("/v1/products/demo/policies"),
            3,
        ),
        // The limit, product, policies, and the code.
        (
            "/v1/discount-codes/preview",
            get("/v1/discount-codes/preview?code=SPARE&product=demo"),
            4,
        ),
        // The limit, product, policies, the sale, and the signature.
        (
            "/v1/purchase",
            post("/v1/purchase", json!({ "product": "free" })),
            5,
        ),
        // The limit, product, policies, who sells it, the order, and what the store answered.
        (
            "/v1/purchase",
            post("/v1/purchase", json!({ "product": "demo" })),
            6,
        ),
        // In dollars no more: what the price is in sats is recorded with it.
        (
            "/v1/purchase",
            post("/v1/purchase", json!({ "product": "dollars" })),
            6,
        ),
        // And the code.
        (
            "/v1/purchase",
            post(
                "/v1/purchase",
                json!({ "product": "demo", "code": "SPARE" }),
            ),
            7,
        ),
        // Or the featured ones.
        (
            "/v1/purchase",
            post(
                "/v1/purchase",
                json!({ "product": "demo", "policy_slug": "pro" }),
            ),
            7,
        ),
        // The limits, product, code, policies, the sale, and the signature.
        (
            "/v1/redeem",
            post("/v1/redeem", json!({ "product": "demo", "code": "GIFT" })),
            6,
        ),
        // The limit, the license, and the signature.
        (
            "/v1/licenses/current-key",
            post(
                "/v1/licenses/current-key",
                json!({ "key": bought.text("license_key") }),
            ),
            3,
        ),
        // The limit, the sale, the address, how that is written, the change, the signature.
        (
            "/v1/licenses/replace-key",
            post(
                "/v1/licenses/replace-key",
                json!({ "invoice_id": bought.text("invoice_id"), "email": "a@b.example" }),
            ),
            6,
        ),
        // The limit, the sale, and the signature.
        (
            "/v1/recover",
            post(
                "/v1/recover",
                json!({ "invoice_id": bought.text("invoice_id"), "email": "a@b.example" }),
            ),
            3,
        ),
        (
            "/v1/purchase/{invoice_id}",
            get(&format!("/v1/purchase/{}", bench.opener(&pending))),
            1,
        ),
        // Finding the invoice and settling it.
        ("/v1/btcpay/webhook", delivery_of(delivery), 2),
        // And the store before.
        ("/v1/btcpay/webhook/{provider_id}", to_provider, 3),
        // The state, the row of the store, and that it is connected.
        ("/v1/btcpay/authorize/callback", agreed, 3),
        (
            "/v1/admin/btcpay/connect",
            post(
                "/v1/admin/btcpay/connect",
                json!({ "merchant_profile_id": business }),
            ),
            1,
        ),
        (
            "/v1/admin/btcpay/status",
            operate("/v1/admin/btcpay/status"),
            1,
        ),
        (
            "/v1/admin/btcpay/payment-methods",
            operate(&format!(
                "/v1/admin/btcpay/payment-methods?merchant_profile_id={connected}"
            )),
            1,
        ),
        (
            "/v1/admin/payment-provider/status",
            operate("/v1/admin/payment-provider/status"),
            1,
        ),
        // Which store, and that it is disconnected.
        (
            "/v1/admin/btcpay/disconnect",
            post(
                "/v1/admin/btcpay/disconnect",
                json!({ "merchant_profile_id": connected }),
            ),
            2,
        ),
        (
            "/v1/purchase/{invoice_id}",
            get(&format!("/v1/purchase/{}", bench.opener(&settled))),
            2,
        ),
        // New subscriptions, and when to look at them; nothing new: the turns of the stores, what is listed as paid, what is due, the
        // turns' end, the reservations, the download ids, and the clearing up. Then the
        // first seal: where it stands, whether sign has a key, the entries, the leaves, what
        // sign reads, and the checkpoint.
        ("/v1/cron/renew", tick.expect("a request"), 15),
        (
            "/v1/admin/products",
            post(
                "/v1/admin/products",
                json!({ "slug": "n", "name": "N", "price_sats": 1 }),
            ),
            1,
        ),
        (
            "/v1/admin/products/{id}",
            patch(
                format!("/v1/admin/products/{product_id}"),
                json!({ "price_sats": 2 }),
            ),
            1,
        ),
        (
            "/v1/admin/products/{id}/active",
            patch(
                format!("/v1/admin/products/{product_id}/active"),
                json!({ "active": true }),
            ),
            1,
        ),
        (
            "/v1/admin/policies",
            send(
                Method::GET,
                "/v1/admin/policies?product_slug=demo",
                &json!({}),
            ),
            2,
        ),
        (
            "/v1/admin/policies",
            post(
                "/v1/admin/policies",
                json!({ "product_slug": "demo", "slug": "n", "name": "N" }),
            ),
            2,
        ),
        (
            "/v1/admin/policies/{id}",
            patch(
                format!("/v1/admin/policies/{policy_id}"),
                json!({ "max_machines": 2 }),
            ),
            1,
        ),
        // And what its product's currency is.
        (
            "/v1/admin/policies/{id}",
            patch(
                format!("/v1/admin/policies/{policy_id}"),
                json!({ "price_sats_override": 50_000 }),
            ),
            2,
        ),
        (
            "/v1/admin/discount-codes",
            send(Method::GET, "/v1/admin/discount-codes", &json!({})),
            1,
        ),
        // Product, policies, and the code.
        (
            "/v1/admin/discount-codes",
            post(
                "/v1/admin/discount-codes",
                json!({ "code": "N", "kind": "percent", "amount": 1, "product_slug": "demo",
                        "policy_slug": "pro" }),
            ),
            3,
        ),
        (
            "/v1/admin/discount-codes/{id}",
            send(
                Method::GET,
                &format!("/v1/admin/discount-codes/{spare_code}"),
                &json!({}),
            ),
            1,
        ),
        (
            "/v1/admin/discount-codes/{id}",
            patch(
                format!("/v1/admin/discount-codes/{spare_code}"),
                json!({ "amount": 7 }),
            ),
            2,
        ),
        (
            "/v1/admin/discount-codes/{id}/active",
            patch(
                format!("/v1/admin/discount-codes/{spare_code}/active"),
                json!({ "active": false }),
            ),
            1,
        ),
        (
            "/v1/admin/discount-codes/{id}",
            send(
                Method::DELETE,
                &format!("/v1/admin/discount-codes/{unused_code}"),
                &json!({}),
            ),
            2,
        ),
        // Product, policies, the grant, and the signature.
        (
            "/v1/admin/licenses",
            post(
                "/v1/admin/licenses",
                json!({ "product_slug": "demo", "policy_slug": "pro" }),
            ),
            4,
        ),
        ("/v1/admin/products", operate("/v1/admin/products"), 1),
        (
            "/v1/admin/products/{id}",
            operate(&format!("/v1/admin/products/{product_id}")),
            1,
        ),
        (
            "/v1/admin/products/{id}",
            delete(format!("/v1/admin/products/{unsold}")),
            1,
        ),
        (
            "/v1/admin/policies/{id}",
            operate(&format!("/v1/admin/policies/{policy_id}")),
            1,
        ),
        (
            "/v1/admin/policies/{id}",
            delete(format!("/v1/admin/policies/{unused}")),
            1,
        ),
        (
            "/v1/admin/policies/{id}/active",
            patch(
                format!("/v1/admin/policies/{policy_id}/active"),
                json!({ "active": false }),
            ),
            1,
        ),
        (
            "/v1/admin/policies/{id}/public",
            patch(
                format!("/v1/admin/policies/{policy_id}/public"),
                json!({ "public": false }),
            ),
            1,
        ),
        (
            "/v1/admin/policies/{id}/archived",
            patch(
                format!("/v1/admin/policies/{policy_id}/archived"),
                json!({ "archived": true }),
            ),
            1,
        ),
        ("/v1/admin/licenses", operate("/v1/admin/licenses"), 1),
        (
            "/v1/admin/licenses/search",
            post("/v1/admin/licenses/search", json!({ "key": key })),
            1,
        ),
        (
            "/v1/admin/licenses/summary",
            operate("/v1/admin/licenses/summary"),
            1,
        ),
        (
            "/v1/admin/licenses/{id}",
            operate(&format!("/v1/admin/licenses/{license_id}")),
            1,
        ),
        // The change, and the signature.
        (
            "/v1/admin/licenses/{id}",
            patch(
                format!("/v1/admin/licenses/{license_id}"),
                json!({ "max_machines": 3 }),
            ),
            2,
        ),
        (
            "/v1/admin/licenses/{id}/suspend",
            post(
                &format!("/v1/admin/licenses/{license_id}/suspend"),
                json!({}),
            ),
            1,
        ),
        (
            "/v1/admin/licenses/{id}/unsuspend",
            post(
                &format!("/v1/admin/licenses/{license_id}/unsuspend"),
                json!({}),
            ),
            1,
        ),
        ("/v1/admin/releases", operate("/v1/admin/releases"), 1),
        // Product, an upload of it, old ones, and its row.
        (
            "/v1/admin/releases/uploads",
            post(
                "/v1/admin/releases/uploads",
                printed("3.0.0", b"third").upload(),
            ),
            4,
        ),
        // The upload, and how far it is now.
        ("/v1/admin/releases/uploads/{id}", part, 2),
        // The release keys, the other versions, and the version; then what the storage does not show:
        // gate, versions, this one, that it is written, and what is offered.
        (
            "/v1/admin/releases",
            post("/v1/admin/releases", first.publication()),
            8,
        ),
        // The same again: nothing is to be written.
        (
            "/v1/admin/releases",
            post("/v1/admin/releases", first.publication()),
            6,
        ),
        (
            "/v1/admin/releases/keys/{product}",
            operate("/v1/admin/releases/keys/printed"),
            1,
        ),
        // The product, its files, the keys; then as above.
        (
            "/v1/admin/releases/keys/{product}",
            send(
                Method::PUT,
                "/v1/admin/releases/keys/printed",
                &json!({ "public_keys": [keywright_tests::vendor::release_key()] }),
            ),
            6,
        ),
        (
            "/v1/admin/releases/{id}",
            patch(
                format!("/v1/admin/releases/{release_id}"),
                json!({ "rollout_percent": 5 }),
            ),
            8,
        ),
        // Product and gate; then as above, for the gate.
        (
            "/v1/admin/releases/gate/{product}",
            send(
                Method::PUT,
                "/v1/admin/releases/gate/printed",
                &json!({ "requires_license": false }),
            ),
            7,
        ),
        (
            "/v1/admin/releases/installer/{product}",
            send(
                Method::PUT,
                "/v1/admin/releases/installer/printed",
                &json!({ "script": "#!/bin/sh" }),
            ),
            5,
        ),
        ("/v1/admin/machines", operate("/v1/admin/machines"), 1),
        (
            "/v1/admin/machines/{id}/deactivate",
            post("/v1/admin/machines/m/deactivate", json!({})),
            1,
        ),
        // Whose address it is, how that is written, and the signature.
        (
            "/v1/admin/licenses/{id}/replace-key",
            post(
                &format!("/v1/admin/licenses/{license_id}/replace-key"),
                json!({}),
            ),
            3,
        ),
        (
            "/v1/admin/licenses/{id}/revoke",
            post(
                &format!("/v1/admin/licenses/{license_id}/revoke"),
                json!({}),
            ),
            1,
        ),
        (
            "/v1/admin/licenses/{id}/download-id",
            post(
                &format!("/v1/admin/licenses/{license_id}/download-id"),
                json!({}),
            ),
            1,
        ),
        (
            "/v1/admin/api-keys",
            post(
                "/v1/admin/api-keys",
                json!({ "label": "CI", "role": "read-only" }),
            ),
            1,
        ),
        (
            "/v1/admin/api-keys",
            send(Method::GET, "/v1/admin/api-keys", &json!({})),
            1,
        ),
        (
            "/v1/admin/tier",
            send(Method::GET, "/v1/admin/tier", &json!({})),
            1,
        ),
        (
            "/v1/admin/self-license",
            send(Method::GET, "/v1/admin/self-license", &json!({})),
            0,
        ),
        (
            "/v1/admin/api-keys/current",
            send(Method::GET, "/v1/admin/api-keys/current", &json!({})),
            0,
        ),
        (
            "/v1/admin/api-keys/{id}",
            send(
                Method::DELETE,
                &format!("/v1/admin/api-keys/{api_key_id}"),
                &json!({}),
            ),
            1,
        ),
        (
            "/v1/admin/merchant-profiles",
            operate("/v1/admin/merchant-profiles"),
            1,
        ),
        (
            "/v1/admin/merchant-profiles",
            post("/v1/admin/merchant-profiles", json!({ "name": "N" })),
            1,
        ),
        (
            "/v1/admin/merchant-profiles/{id}",
            operate(&format!("/v1/admin/merchant-profiles/{business}")),
            1,
        ),
        (
            "/v1/admin/merchant-profiles/{id}",
            patch(
                format!("/v1/admin/merchant-profiles/{business}"),
                json!({ "name": "M" }),
            ),
            1,
        ),
        (
            "/v1/admin/merchant-profiles/{id}/rail-preferences/{rail}",
            delete(format!(
                "/v1/admin/merchant-profiles/{business}/rail-preferences/onchain"
            )),
            1,
        ),
        (
            "/v1/admin/merchant-profiles/{id}",
            delete(format!("/v1/admin/merchant-profiles/{business}")),
            1,
        ),
        (
            "/v1/admin/merchant-profiles/{id}/set-default",
            post(
                "/v1/admin/merchant-profiles/00000000-0000-7000-8000-000000000001/set-default",
                json!({}),
            ),
            1,
        ),
        (
            "/v1/admin/attention",
            send(Method::GET, "/v1/admin/attention?state=all", &json!({})),
            1,
        ),
        (
            "/v1/admin/attention/{id}/resolve",
            send(Method::POST, "/v1/admin/attention/a1/resolve", &json!({})),
            1,
        ),
        ("/v1/admin/activity", operate("/v1/admin/activity"), 1),
        (
            "/v1/admin/receipts",
            send(Method::GET, "/v1/admin/receipts", &json!({})),
            1,
        ),
        // The receipts, and their seals where there are any to write.
        (
            "/v1/admin/receipts/seal",
            post(
                "/v1/admin/receipts/seal",
                json!({ "receipts": [{ "id": "x", "digest": "" }] }),
            ),
            1,
        ),
        (
            "/v1/admin/audit",
            send(
                Method::GET,
                "/v1/admin/audit?object_kind=license",
                &json!({}),
            ),
            1,
        ),
        (
            "/v1/admin/audit/checkpoint",
            operate("/v1/admin/audit/checkpoint"),
            1,
        ),
        (
            "/v1/admin/audit/leaves",
            operate("/v1/admin/audit/leaves?limit=10"),
            1,
        ),
        (
            "/v1/admin/validations",
            send(Method::GET, "/v1/admin/validations?result=ok", &json!({})),
            1,
        ),
        // How the address is written, its licenses, what is personal, and its erasure.
        (
            "/v1/admin/licenses/erase-buyer",
            post("/v1/admin/licenses/erase-buyer", to_erase),
            4,
        ),
        // What is personal, and its erasure.
        (
            "/v1/admin/licenses/{id}/erase-buyer",
            post(
                &format!("/v1/admin/licenses/{license_id}/erase-buyer"),
                json!({}),
            ),
            2,
        ),
    ];

    let mut table = round_trips_usdc::rows(&bench, &chain).await;
    table.extend(round_trips_mail::rows(&bench).await);
    table.extend(round_trips_webhooks::rows(&bench).await);
    table.extend(round_trips_subscriptions::rows(&bench).await);
    table.extend(round_trips_cards::rows(&bench, &zaprite).await);
    table.extend(rows);
    let routes: BTreeSet<String> = table
        .iter()
        .map(|(route, ..)| route.replace("{*", "{"))
        .collect();
    let described = document()["paths"].as_object().cloned();
    let described: BTreeSet<String> = described
        .expect("paths")
        .into_iter()
        .map(|(path, _)| path)
        .collect();
    assert_eq!(
        routes, described,
        "the table lacks a route, or has one too many"
    );
    for (route, request, round_trips) in table {
        let what = format!("{} {route}", request.method());
        bench.shop.database.count_anew();
        let answer = bench.send(request).await;
        // Some lead to a download.
        let done = matches!(answer.status, 200 | 302 | 307);
        assert!(done, "{what}: {answer:?}");
        assert_eq!(bench.shop.database.calls(), round_trips, "{what}");
        // What a request of the public notes down is written a while after its
        // answer, and must not count for the next one.
        if round_trips > 0 && !route.starts_with("/v1/admin") {
            written().await;
        }
    }
    // Those two are made in the tests of businesses.
    let elsewhere = ["merchant_profile.prefer", "merchant_profile.set_default"];
    let announced = announced(&bench).await;
    for (action, _) in ANNOUNCED_ACTIONS {
        assert!(
            announced.contains(action) != elsewhere.contains(&action),
            "{action}"
        );
    }
}

#[tokio::test]
async fn a_tick_asks_once_and_settles_at_most_twice_for_each_invoice() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("demo", 50_000).await;
    let (_, btcpay_id) = order(&bench, "demo").await;
    pay.pay_in_full(&btcpay_id).expect("a payment");
    bench.clock.advance(UNTIL_DUE);
    bench.shop.database.count_anew();
    assert_eq!(bench.tick().await.json()["settled"], 1);
    assert_eq!(
        bench.shop.database.calls(),
        15,
        "what is due of subscriptions, the turn, what was paid, what is due, the settling, the end, the reservations, \
         the download ids, the clearing up; and for the first seal where it stands, whether \
         sign has a key, the entries, the leaves, what sign reads, the checkpoint"
    );
}

#[tokio::test]
async fn a_key_that_does_not_verify_costs_nothing() {
    let bench = Bench::new();
    bench.shop.database.count_anew();
    for key in ["", "LIC1-AAAA-AAAA", "nonsense"] {
        let request = json!({ "key": key, "fingerprint": "m" });
        bench.post("/v1/validate", &request).await;
        for verb in ["activate", "heartbeat", "deactivate"] {
            let answer = bench.post(&format!("/v1/machines/{verb}"), &request).await;
            assert_eq!(answer.refusal(), (400, "bad_request".to_owned()));
        }
        let answer = bench
            .post("/v1/machines/list", &json!({ "key": key }))
            .await;
        assert_eq!(answer.refusal(), (400, "bad_request".to_owned()));
    }
    assert_eq!(bench.shop.database.calls(), 0);
}

#[test]
fn sign_only_reads() {
    let bench = Bench::new();
    assert!(bench.shop.sign().0.database().is_err());
}
