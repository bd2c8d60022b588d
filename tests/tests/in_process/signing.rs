//! The sign function signs what is recorded and entitled, with the right key,
//! and nothing else holds that key.

use crate::bench::{Answer, Bench, json_request, played_store};
use crate::payments::{deliver, order};
use http::{Method, Request};
use keywright_native_host::serve;
use keywright_ports::Grants;
use keywright_ports::function::{Access, OutboundAccess};
use keywright_ports::name;
use keywright_tests::shop::{FUNCTIONS, SIGNING_KEY};
use serde_json::{Value, json};

/// Asks the sign function, which no path leads to.
async fn sign(bench: &Bench, body: &Value) -> Answer {
    sign_at(bench, "/license", body).await
}

/// The same at one of its other routes.
pub(crate) async fn sign_at(bench: &Bench, path: &str, body: &Value) -> Answer {
    let (host, router) = bench.shop.sign();
    let request = json_request(Method::POST, path, body);
    let (parts, body) = serve(host, router, request).await.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body,
    }
}

pub(crate) async fn sign_license(bench: &Bench, license_id: &str) -> Answer {
    sign(bench, &json!({ "license_id": license_id })).await
}

/// A shop with one license of each kind of receipt: bought, free and granted.
async fn three_licenses() -> (Bench, [String; 3]) {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("demo", 50_000).await;
    bench.product("free", 0).await;
    let (invoice_id, btcpay_id) = order(&bench, "demo").await;
    pay.pay_in_full(&btcpay_id).expect("a payment");
    deliver(&bench, &pay, "InvoiceSettled", &btcpay_id).await;
    let bought = bench
        .get(&format!("/v1/purchase/{}", bench.opener(&invoice_id)))
        .await
        .text("license_id");
    let free = bench
        .post("/v1/purchase", &json!({ "product": "free" }))
        .await
        .text("license_id");
    let granted = bench.issue("demo", json!({})).await.text("license_id");
    (bench, [bought, free, granted])
}

#[tokio::test]
async fn every_kind_of_receipt_entitles_and_gives_the_same_key_every_time() {
    let (bench, licenses) = three_licenses().await;
    for license_id in licenses {
        let first = sign_license(&bench, &license_id).await;
        assert_eq!(first.status, 200, "{first:?}");
        let key = first.text("license_key");
        assert_eq!(
            bench.verified(&key).payload().license_id().to_string(),
            license_id
        );
        bench.clock.advance(86_400);
        assert_eq!(sign_license(&bench, &license_id).await.body, first.body);
    }
}

#[tokio::test]
async fn a_record_that_entitles_to_nothing_is_not_signed() {
    let no_receipt = "UPDATE licenses SET receipt_id = 'none-' || receipt_id";
    let other_product = "UPDATE receipts SET product_id =
        (SELECT id FROM products WHERE id <> receipts.product_id)";
    for (tampering, kinds, reason) in [
        (no_receipt, [true, true, true], "the license has no receipt"),
        (
            other_product,
            [true, true, true],
            "the receipt is for another product",
        ),
        (
            "UPDATE invoices SET status = 'pending'",
            [true, true, false],
            "the receipt's invoice is not settled",
        ),
        (
            "UPDATE invoices SET status = 'invalid'",
            [true, true, false],
            "the receipt's invoice is not settled",
        ),
        (
            "UPDATE receipts SET invoice_id = NULL",
            [true, true, false],
            "the receipt, its license or its seal was changed in the database",
        ),
        (
            "UPDATE licenses SET status = 'suspended'",
            [true, true, true],
            "the license is not active",
        ),
        (
            "UPDATE licenses SET status = 'revoked'",
            [true, true, true],
            "the license is not active",
        ),
    ] {
        let (bench, licenses) = three_licenses().await;
        bench.sql("PRAGMA foreign_keys = OFF").await;
        bench.sql(tampering).await;
        for (license_id, refused) in licenses.iter().zip(kinds) {
            let answer = sign_license(&bench, license_id).await;
            if refused {
                assert_eq!(answer.status, 409, "{tampering}: {answer:?}");
                assert_eq!(answer.text("error"), "not_entitled");
                assert_eq!(answer.text("message"), reason, "{tampering}");
                assert!(
                    bench.log().contains(reason),
                    "{tampering} is not in the log"
                );
            } else {
                assert_eq!(answer.status, 200, "{tampering}: {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn only_a_recorded_id_is_signed() {
    let (bench, [license_id, ..]) = three_licenses().await;
    let product_id = bench.get("/v1/products/demo").await.text("id");
    for unknown in [
        "",
        "x",
        "%",
        "' OR 1=1 --",
        &product_id,
        &license_id.to_uppercase(),
    ] {
        let answer = sign_license(&bench, unknown).await;
        assert_eq!(answer.status, 404, "{unknown}: {answer:?}");
        assert_eq!(answer.text("error"), "unknown_license");
    }
    for no_question in [
        json!({}),
        json!({ "license_id": 1 }),
        json!(null),
        json!([license_id]),
    ] {
        let answer = sign(&bench, &no_question).await;
        assert_eq!(answer.status, 422, "{no_question}: {answer:?}");
        assert_eq!(answer.text("error"), "bad_request");
    }
    // Claims beside the id count for nothing.
    let claims = json!({ "license_id": license_id, "entitlements": ["all"], "expires_at": null });
    assert_eq!(
        sign(&bench, &claims).await.body,
        sign_license(&bench, &license_id).await.body
    );
}

#[tokio::test]
async fn a_key_that_cannot_be_used_signs_nothing_and_stays_out_of_the_log() {
    let other_public = "197f6b23e16c8532c6abc838facd5ea789be0c76b2920334039bfa8b3d368d61";
    let zero = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let hex = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";
    let old_first = format!("{other_public},{}", crate::bench::public_key());
    for (config, reason) in [
        ((name::SIGNING_KEY, ""), "SIGNING_KEY is not configured"),
        (
            (name::SIGNING_KEY, "not base64!"),
            "SIGNING_KEY cannot be used",
        ),
        (
            (name::SIGNING_KEY, &SIGNING_KEY[..40]),
            "SIGNING_KEY cannot be used",
        ),
        ((name::SIGNING_KEY, hex), "SIGNING_KEY cannot be used"),
        ((name::SIGNING_KEY, zero), "SIGNING_KEY cannot be used"),
        ((name::VERIFY_KEYS, ""), "VERIFY_KEYS is not configured"),
        ((name::VERIFY_KEYS, "zz"), "VERIFY_KEYS cannot be read"),
        (
            (name::VERIFY_KEYS, other_public),
            "does not belong to the first of VERIFY_KEYS",
        ),
        (
            (name::VERIFY_KEYS, &old_first),
            "does not belong to the first of VERIFY_KEYS",
        ),
    ] {
        let bench = Bench::with(&[config]);
        bench.product("free", 0).await;
        let bought = bench
            .post("/v1/purchase", &json!({ "product": "free" }))
            .await;
        assert_eq!(bought.status, 200, "sold is sold: {bought:?}");
        assert!(bought.json()["license_key"].is_null(), "{bought:?}");
        let answer = sign_license(&bench, &bought.text("license_id")).await;
        assert_eq!(answer.status, 503, "{config:?}: {answer:?}");
        assert_eq!(answer.text("error"), "no_signing_key");
        let log = bench.log();
        assert!(log.contains(reason), "{config:?} is not explained: {log}");
        for secret in [
            SIGNING_KEY,
            &SIGNING_KEY[..16],
            "5a5a5a5a",
            zero,
            "not base64!",
        ] {
            assert!(
                !log.contains(secret),
                "{config:?}: the log holds {secret}: {log}"
            );
        }
    }
}

#[tokio::test]
async fn a_rotated_key_signs_while_the_old_one_still_verifies() {
    let old = "197f6b23e16c8532c6abc838facd5ea789be0c76b2920334039bfa8b3d368d61";
    let keys = format!("{}, {old}", crate::bench::public_key());
    let bench = Bench::with(&[(name::VERIFY_KEYS, &keys)]);
    bench.product("demo", 1).await;
    let key = bench.issue("demo", json!({})).await.text("license_key");
    let answer = bench.post("/v1/validate", &json!({ "key": key })).await;
    assert_eq!(answer.json()["ok"], true);
    let jwks = bench.get("/.well-known/jwks.json").await.json();
    assert_eq!(jwks["keys"].as_array().map(Vec::len), Some(2));
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn no_function_is_granted_more_than_its_row_of_the_table() {
    let payment = OutboundAccess::PaymentProviders;
    let and_issuer = OutboundAccess::PaymentProvidersAndIssuer;
    let account = [
        name::BTCPAY_URL,
        name::BTCPAY_API_KEY,
        name::BTCPAY_STORE_ID,
    ];
    let row = |database, sign, outbound, releases| Grants {
        database,
        database_optional: false,
        sign,
        outbound,
        releases,
        pages: false,
        mail_binding: false,
        config: &[],
    };
    let nowhere = OutboundAccess::None;
    let none = Access::None;
    for (function, expected, config) in [
        (
            &keywright_sign::FUNCTION,
            row(Access::Read, false, nowhere, none),
            vec![
                name::SIGNING_KEY,
                name::VERIFY_KEYS,
                name::RECEIPT_KEYS,
                name::SEAL_KEY,
            ],
        ),
        (
            &keywright_validate::FUNCTION,
            row(Access::ReadWrite, false, nowhere, none),
            vec![
                name::CLIENT_ADDRESS_HEADER,
                name::PUBLIC_URL,
                name::VERIFY_KEYS,
                name::OPERATOR_NAME,
                name::VALIDATION_LOG_DAYS,
            ],
        ),
        (
            &keywright_pages::FUNCTION,
            Grants {
                pages: true,
                ..Grants::NONE
            },
            vec![name::PUBLIC_URL],
        ),
        (
            &keywright_download::FUNCTION,
            Grants {
                database_optional: true,
                ..row(Access::ReadWrite, false, nowhere, Access::Read)
            },
            vec![
                name::CLIENT_ADDRESS_HEADER,
                name::VERIFY_KEYS,
                name::PUBLIC_URL,
                name::GIT_URL,
                name::RELEASES_SENDFILE,
                name::DOWNLOAD_LOG_DAYS,
            ],
        ),
        (
            &keywright_purchase::FUNCTION,
            row(Access::ReadWrite, true, payment, none),
            [
                &[
                    name::CLIENT_ADDRESS_HEADER,
                    name::PUBLIC_URL,
                    name::VERIFY_KEYS,
                    name::OPERATOR_NAME,
                ],
                &account[..],
                &[
                    name::BTCPAY_BROWSER_URL,
                    name::ZAPRITE_URL,
                    name::CREDENTIALS_KEY,
                    name::RECEIPT_KEYS,
                    name::POLYGON_CHAIN_ID,
                    name::USDC_ADDRESS,
                    name::WALLET_ADDRESS,
                    name::WALLET_XPUB,
                    name::USDC_ORDER_MINUTES,
                    name::USDC_AMOUNT_SPREAD,
                    name::USDC_INSTANCE,
                ],
            ]
            .concat(),
        ),
        (
            &keywright_updates::FUNCTION,
            row(Access::Read, true, nowhere, none),
            vec![name::PUBLIC_URL, name::VERIFY_KEYS],
        ),
        (
            &keywright_webhook::FUNCTION,
            row(Access::ReadWrite, false, payment, none),
            [
                &[name::PUBLIC_URL],
                &account[..],
                &[
                    name::BTCPAY_WEBHOOK_SECRET,
                    name::ZAPRITE_URL,
                    name::CREDENTIALS_KEY,
                    name::RECEIPT_KEYS,
                ],
            ]
            .concat(),
        ),
        (
            &keywright_admin::FUNCTION,
            row(Access::ReadWrite, true, and_issuer, Access::ReadWrite),
            [
                &[
                    name::CLIENT_ADDRESS_HEADER,
                    name::ADMIN_KEY,
                    name::PUBLIC_URL,
                ],
                &account[..],
                &[
                    name::BTCPAY_BROWSER_URL,
                    name::ZAPRITE_URL,
                    name::CREDENTIALS_KEY,
                    name::RECEIPT_KEYS,
                    name::RECEIPT_SEALING_UNTIL,
                    name::SANDBOX_MODE,
                    name::INSTANCE_ISSUER_KEY,
                    name::INSTANCE_ISSUER_URL,
                    name::INSTANCE_PRODUCT_SLUG,
                    name::INSTANCE_PRODUCT_ID,
                    name::INSTANCE_LICENSE,
                    name::WEBHOOK_KEY,
                    name::WEBHOOK_HOSTS,
                    name::WEBHOOK_PRIVATE,
                ],
            ]
            .concat(),
        ),
        (
            &keywright_deliver::FUNCTION,
            Grants {
                mail_binding: true,
                ..row(
                    Access::ReadWrite,
                    false,
                    OutboundAccess::WebhookEndpoints,
                    none,
                )
            },
            vec![
                name::CLIENT_ADDRESS_HEADER,
                name::PUBLIC_URL,
                name::WEBHOOK_KEY,
                name::WEBHOOK_HOSTS,
                name::WEBHOOK_PRIVATE,
                name::WEBHOOKS_PER_TICK,
                name::WEBHOOK_HOLD_DAYS,
                name::OPERATOR_NAME,
                name::MAIL_TRANSPORT,
                name::MAIL_URL,
                name::MAIL_API_KEY,
                name::MAIL_HEADERS,
                name::MAIL_TEMPLATE,
                name::MAIL_FORMAT,
                name::MAIL_IDEMPOTENCY_HEADER,
                name::MAIL_SUCCESS,
                name::MAIL_FROM,
                name::MAIL_OPERATOR,
                name::MAIL_KEY,
                name::MAIL_LANGUAGE,
                name::MAIL_PER_DAY,
                name::MAIL_HOLD_MINUTES,
                name::CRON_TOKEN,
            ],
        ),
        (
            &keywright_renew::FUNCTION,
            row(Access::ReadWrite, true, and_issuer, none),
            [
                &[name::CLIENT_ADDRESS_HEADER, name::PUBLIC_URL],
                &account[..],
                &[
                    name::ZAPRITE_URL,
                    name::CREDENTIALS_KEY,
                    name::RECEIPT_KEYS,
                    name::CRON_TOKEN,
                    name::VALIDATION_LOG_DAYS,
                    name::DOWNLOAD_LOG_DAYS,
                    name::ABANDONED_ORDER_DAYS,
                    name::EVENT_DAYS,
                    name::AUDIT_DAYS,
                    name::INSTANCE_ISSUER_KEY,
                    name::INSTANCE_ISSUER_URL,
                    name::INSTANCE_PRODUCT_SLUG,
                    name::INSTANCE_PRODUCT_ID,
                    name::INSTANCE_LICENSE,
                ],
            ]
            .concat(),
        ),
        (
            &keywright_watch::FUNCTION,
            row(Access::ReadWrite, true, OutboundAccess::PolygonRpc, none),
            vec![
                name::CLIENT_ADDRESS_HEADER,
                name::PUBLIC_URL,
                name::POLYGON_RPC_URLS,
                name::POLYGON_CHAIN_ID,
                name::USDC_ADDRESS,
                name::WALLET_ADDRESS,
                name::USDC_INSTANCE,
                name::POLYGON_CONFIRMATIONS,
                name::POLYGON_START_BLOCK,
                name::LEGACY_TX_CLAIMS,
                name::CRON_TOKEN,
                name::RECEIPT_KEYS,
            ],
        ),
    ] {
        assert_eq!(
            Grants {
                config: &[],
                ..function.grants
            },
            expected,
            "{}",
            function.name
        );
        assert_eq!(function.grants.config, config, "{}", function.name);
    }
}

#[test]
fn nothing_but_sign_is_handed_the_signing_key_or_reached_by_a_path() {
    let bench = Bench::new();
    assert_eq!(
        bench.shop.sign().0.config.get(name::SIGNING_KEY),
        Some(SIGNING_KEY)
    );
    for (binding, function) in FUNCTIONS {
        let (host, _) = bench.shop.function(binding);
        assert_eq!(
            host.config.get(name::SIGNING_KEY),
            None,
            "{}",
            function.name
        );
        assert_eq!(
            host.sign.is_some(),
            function.grants.sign,
            "{}",
            function.name
        );
        assert_ne!(function.name, "sign");
    }
}

#[tokio::test]
async fn no_path_of_the_instance_signs() {
    let (bench, [license_id, ..]) = three_licenses().await;
    let body = json!({ "license_id": license_id });
    for path in [
        "/license",
        "/sign/license",
        "/v1/license",
        "/v1/sign",
        "/v1/sign/license",
        "/v1/admin/license",
        "//license",
        "/v1/purchase/license",
        "/releases/license",
    ] {
        let answer = bench
            .untouched_by(json_request(Method::POST, path, &body))
            .await;
        assert!(
            matches!(answer.status, 401 | 404 | 405),
            "{path}: {answer:?}"
        );
        assert!(
            !String::from_utf8_lossy(&answer.body).contains("LIC1-"),
            "{path}"
        );
    }
    // Naming the internal host changes nothing either.
    let request = Request::post("http://sign.spin.internal/license")
        .header("content-type", "application/json")
        .header("host", "sign.spin.internal")
        .body(axum::body::Body::from(body.to_string()))
        .expect("a request");
    assert_eq!(bench.untouched_by(request).await.status, 404);
}
