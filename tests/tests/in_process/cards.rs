//! Selling by card: connecting Zaprite, which provider an order is paid at, what settles it,
//! and the reconciler.

use crate::bench::{Bench, UNTIL_DUE, account_of, played_store};
use crate::card_shop::{CardShop, DEFAULT, connect, dollars, path_of, played_zaprite};
use crate::payments::{deliver, issued, poll};
use crate::stores::business;
use bytes::Bytes;
use http::{Request, Response};
use keywright_native_host::HttpFetch;
use keywright_ports::{BoxFuture, Fetch, FetchError, FetchLimits, name};
use keywright_zaprite_double::{API_KEY, ORGANIZATION, Spelling, event};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

#[tokio::test]
async fn a_card_sale_goes_through_once_whatever_spells_its_webhook() {
    for spelling in Spelling::ALL {
        let shop = CardShop::open().await;
        let (bench, zaprite) = (&shop.bench, &shop.zaprite);
        let order = json!({ "product": "demo", "rail": "card", "buyer_email": "ana@example.com" });
        let bought = bench.post("/v1/purchase", &order).await;
        assert_eq!(bought.status, 200, "{bought:?}");
        let (order_id, there) = (bought.text("order_id"), bought.text("btcpay_invoice_id"));
        let made = zaprite.order(&there).expect("an order");
        assert_eq!(bought.json()["checkout_url"], made["checkoutUrl"]);
        assert_eq!(bought.json()["price_value"], 2_500);
        assert_eq!(bought.json()["amount_sats"], 0);
        let sent = zaprite.requests().last().expect("a request").body.clone();
        assert_eq!(
            sent,
            json!({
                "amount": 2_500, "currency": "USD", "externalUniqId": order_id, "label": "demo",
                "metadata": { "orderId": order_id }, "customerData": { "email": "ana@example.com" },
                "redirectUrl": format!("http://shop.test/thank-you?order_id={order_id}"),
            }),
            "no card is saved that nobody asked for"
        );
        // What the webhook says is not believed.
        let told = shop.delivery_of(&event(spelling, &there, "PAID"));
        assert_eq!(bench.send(told).await.status, 200);
        assert_eq!(poll(bench, &order_id).await["status"], "pending");
        zaprite.pay(&there);
        for _ in 0..3 {
            let told = shop.delivery_of(&event(spelling, &there, "PENDING"));
            let answer = bench.send(told).await;
            assert_eq!((answer.status, answer.body.len()), (200, 0), "{spelling:?}");
        }
        let progress = poll(bench, &order_id).await;
        assert_eq!(progress["status"], "settled", "{spelling:?}: {progress}");
        bench.verified(progress["license_key"].as_str().expect("a key"));
        assert_eq!(issued(bench).await, [1; 4]);
        let receipt = &bench
            .sql("SELECT kind, external_ref, amount, currency FROM receipts")
            .await[0];
        assert_eq!(
            json!(receipt),
            json!({ "kind": "zaprite", "external_ref": there, "amount": 2_500, "currency": "USD" })
        );
        let paid = &bench
            .sql("SELECT provider, paid_amount, paid_currency FROM invoices")
            .await[0];
        assert_eq!(
            json!(paid),
            json!({ "provider": "zaprite", "paid_amount": "25.00", "paid_currency": "USD" })
        );
        shop.advance(UNTIL_DUE);
        shop.tick().await;
        assert_eq!(issued(bench).await, [1; 4]);
    }
}

#[tokio::test]
async fn zaprite_is_connected_with_a_key_and_neither_key_nor_token_is_seen_again() {
    let shop = CardShop::open().await;
    let bench = &shop.bench;
    let (_, token) = shop.webhook.split_once("?token=").expect("a token");
    assert_eq!(token.len(), 43);
    let status = "/v1/admin/zaprite/status";
    let status = bench.operate("GET", status, &json!({})).await.json();
    let rails = json!(["card", "lightning", "onchain"]);
    assert_eq!(status["connected"], true, "{status}");
    assert_eq!(status["payment_provider_id"], shop.provider);
    assert_eq!(status["served_rails"], rails);
    assert_eq!(status["problem"], Value::Null);
    let detail = format!("/v1/admin/merchant-profiles/{DEFAULT}");
    let detail = bench.operate("GET", &detail, &json!({})).await.json();
    assert_eq!(detail["providers"][0]["kind"], "zaprite");
    assert_eq!(detail["providers"][0]["served_rails"], rails);
    let overview = "/v1/admin/payment-provider/status";
    let overview = bench.operate("GET", overview, &json!({})).await.json();
    assert_eq!(
        overview["providers"][0]["base_url"],
        shop.zaprite.base_url()
    );
    assert_eq!(bench.get("/readyz").await.status, 200);
    let (order_id, there) = shop.order().await;
    shop.zaprite.pay(&there);
    shop.deliver(&there).await;
    assert_eq!(poll(bench, &order_id).await["status"], "settled");
    let audit = "/v1/admin/audit?limit=1000";
    let audit = bench.operate("GET", audit, &json!({})).await.json();
    assert!(audit.to_string().contains("\"payment_provider.connect\""));
    let events = "/v1/admin/events?limit=1000";
    let events = bench.operate("GET", events, &json!({})).await.json();
    let dump = format!("{:?}", bench.dump().await);
    for place in [
        &dump,
        &bench.log(),
        &audit.to_string(),
        &events.to_string(),
        &status.to_string(),
        &detail.to_string(),
        &overview.to_string(),
    ] {
        assert!(
            !place.contains(API_KEY) && !place.contains(token),
            "{place}"
        );
    }
}

#[tokio::test]
async fn an_organization_without_orders_is_learned_from_the_first_one() {
    let zaprite = played_zaprite();
    let bench = Bench::with(&[(name::ZAPRITE_URL, zaprite.base_url())]);
    dollars(&bench, "demo").await;
    let connected = connect(&bench, None, API_KEY).await;
    assert_eq!(connected.json()["organization_id"], Value::Null);
    let store = || bench.sql("SELECT store_id FROM payment_providers");
    let before = store().await[0]["store_id"].clone();
    assert!(
        before.as_str().is_some_and(|id| id.starts_with("key-")),
        "{before}"
    );
    let order = json!({ "product": "demo" });
    let bought = bench.post("/v1/purchase", &order).await;
    assert_eq!(store().await[0]["store_id"], ORGANIZATION);
    // From then on an order of another organization is none of ours.
    let there = bought.text("btcpay_invoice_id");
    zaprite.pay(&there);
    zaprite.set(&there, &json!({ "orgId": "org_other" }));
    bench.clock.advance(UNTIL_DUE);
    bench.tick().await;
    assert_eq!(issued(&bench).await, [0; 4]);
    assert!(bench.log().contains("another account"), "{}", bench.log());
    zaprite.set(&there, &json!({ "orgId": ORGANIZATION }));
    bench.clock.advance(3_600);
    bench.tick().await;
    assert_eq!(issued(&bench).await, [1; 4]);
    // Connected again once it has orders, it tells the organization at once.
    let other = business(&bench, "Other").await;
    let again = connect(&bench, Some(&other), API_KEY).await;
    assert_eq!(again.json()["organization_id"], ORGANIZATION);
}

#[tokio::test]
async fn what_cannot_be_connected_is_refused_and_leaves_nothing() {
    let zaprite = played_zaprite();
    let url = (name::ZAPRITE_URL, zaprite.base_url());
    let bench = Bench::with(&[url]);
    let refused = async |business: Option<&str>, key: &str, status: u16, says: &str| {
        let answer = connect(&bench, business, key).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.text("message").contains(says), "{answer:?}");
        assert!(
            !answer.text("message").contains("unknown-key"),
            "{answer:?}"
        );
    };
    refused(None, "", 400, "api_key must").await;
    refused(None, "two words", 400, "api_key must").await;
    refused(None, &"k".repeat(501), 400, "api_key must").await;
    refused(
        None,
        "unknown-key",
        400,
        "api_key must be a key that Zaprite takes",
    )
    .await;
    refused(
        Some("00000000-0000-7000-8000-000000000009"),
        API_KEY,
        404,
        "no business",
    )
    .await;
    zaprite.behave(|behavior| behavior.fail = Some((0, 1, 503)));
    refused(None, API_KEY, 502, "nothing is connected").await;
    let rows = "SELECT count(*) FROM payment_providers";
    assert_eq!(bench.number(rows).await, 0);
    for (missing, status) in [(name::CREDENTIALS_KEY, 503), (name::PUBLIC_URL, 503)] {
        let bench = bench.redeployed(&[url, (missing, "")]);
        let answer = connect(&bench, None, API_KEY).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.text("message").contains(missing), "{answer:?}");
    }
    assert_eq!(connect(&bench, None, API_KEY).await.status, 200);
    refused(None, API_KEY, 409, "disconnect it first").await;
}

#[tokio::test]
async fn a_rail_goes_to_who_takes_it_and_to_who_is_preferred() {
    let pay = played_store();
    let shop = CardShop::open_with(&account_of(&pay)).await;
    let bench = &shop.bench;
    let place = async |rail: Option<&str>| {
        let order = json!({ "product": "demo", "rail": rail });
        let answer = bench.post("/v1/purchase", &order).await;
        assert_eq!(answer.status, 200, "{rail:?}: {answer:?}");
        let there = answer.text("btcpay_invoice_id");
        if shop.zaprite.order(&there).is_some() {
            "zaprite"
        } else {
            "btcpay"
        }
    };
    let shown = bench.get("/v1/storefront?product=demo").await.json();
    assert_eq!(shown["rails"], json!(["lightning", "onchain", "card"]));
    // The store of the configuration was there first; it takes no cards.
    for (rail, provider) in [
        (None, "btcpay"),
        (Some("lightning"), "btcpay"),
        (Some("onchain"), "btcpay"),
        (Some("card"), "zaprite"),
    ] {
        assert_eq!(place(rail).await, provider, "{rail:?}");
    }
    let path = format!("/v1/admin/merchant-profiles/{DEFAULT}/rail-preferences/lightning");
    let prefer = json!({ "payment_provider_id": shop.provider });
    let preferred = bench.operate("PUT", &path, &prefer).await;
    assert_eq!(preferred.status, 200, "{preferred:?}");
    assert_eq!(place(Some("lightning")).await, "zaprite");
    assert_eq!(place(Some("onchain")).await, "btcpay");
    // Without a provider for it, a rail is refused.
    let bench = Bench::paid_through(&pay);
    bench.product("demo", 50_000).await;
    let order = json!({ "product": "demo", "rail": "card" });
    let refused = bench.post("/v1/purchase", &order).await;
    assert_eq!(refused.refusal(), (400, "bad_request".to_owned()));
    assert!(refused.text("message").starts_with("rail is not available"));
    let order = json!({ "product": "demo", "rail": "cash" });
    let refused = bench.post("/v1/purchase", &order).await;
    assert!(
        refused.text("message").contains("card or usdc"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_price_in_sats_and_one_in_euros_are_paid_in_their_own_currency() {
    let shop = CardShop::open().await;
    let bench = &shop.bench;
    bench.product("sats", 50_000).await;
    let euros =
        json!({ "slug": "euros", "name": "E", "price_currency": "EUR", "price_value": 990 });
    bench.operate("POST", "/v1/admin/products", &euros).await;
    for (slug, amount, currency, sats, paid) in [
        ("sats", 50_000, "BTC", 50_000, "0.00050000"),
        ("euros", 990, "EUR", 0, "9.90"),
    ] {
        let bought = bench
            .post("/v1/purchase", &json!({ "product": slug }))
            .await;
        assert_eq!(bought.json()["amount_sats"], sats, "{slug}");
        let there = bought.text("btcpay_invoice_id");
        let made = shop.zaprite.order(&there).expect("an order");
        assert_eq!(
            (&made["totalAmount"], &made["currency"]),
            (&json!(amount), &json!(currency))
        );
        shop.zaprite.pay_by_lightning(&there);
        shop.deliver(&there).await;
        let row = format!(
            "SELECT status, paid_amount FROM invoices WHERE provider_invoice_id = '{there}'"
        );
        let row = json!(bench.sql(&row).await[0]);
        assert_eq!(
            row,
            json!({ "status": "settled", "paid_amount": paid }),
            "{slug}"
        );
    }
}

#[tokio::test]
async fn payments_that_nobody_told_of_are_found_on_every_page() {
    for bare in [false, true] {
        let shop = CardShop::open().await;
        shop.zaprite.behave(|behavior| behavior.bare_lists = bare);
        for _ in 0..3 {
            let (_, there) = shop.order().await;
            shop.zaprite.pay(&there);
        }
        // Newer ones, which the vendor sold elsewhere.
        shop.zaprite.sell_elsewhere(250);
        // Their own turns come later, so that only the list tells of them.
        shop.bench
            .sql("UPDATE invoices SET next_check_at = next_check_at + 86400")
            .await;
        for _ in 0..8 {
            shop.advance(60);
            shop.tick().await;
        }
        assert_eq!(issued(&shop.bench).await, [3; 4], "bare: {bare}");
        let pages: BTreeSet<String> = shop
            .zaprite
            .requests()
            .into_iter()
            .map(|request| request.query)
            .collect();
        assert!(
            pages
                .iter()
                .any(|query| query.starts_with("page=3&limit=100&")),
            "{pages:?}"
        );
    }
}

#[tokio::test]
async fn an_order_ends_with_its_time_and_late_money_still_counts() {
    for expires_after in [Some(3_600), None] {
        let shop = CardShop::open().await;
        shop.zaprite
            .behave(|behavior| behavior.expires_after = expires_after);
        let (order_id, there) = shop.order().await;
        shop.advance(3_500);
        shop.tick().await;
        assert_eq!(poll(&shop.bench, &order_id).await["status"], "pending");
        shop.advance(90_000);
        shop.tick().await;
        assert_eq!(poll(&shop.bench, &order_id).await["status"], "expired");
        shop.zaprite.pay(&there);
        shop.deliver(&there).await;
        assert_eq!(poll(&shop.bench, &order_id).await["status"], "settled");
        assert_eq!(issued(&shop.bench).await, [1; 4]);
    }
}

#[tokio::test]
async fn over_under_and_withdrawn_payments_reach_the_operator() {
    let shop = CardShop::open().await;
    let attention = async || {
        let items = shop.bench.sql("SELECT kind FROM attention").await;
        let kinds = items.iter().map(|item| item["kind"].clone());
        kinds.collect::<Vec<_>>()
    };
    let (over, there) = shop.order().await;
    shop.zaprite.pay(&there);
    shop.zaprite.set(&there, &json!({ "status": "OVERPAID" }));
    shop.deliver(&there).await;
    assert_eq!(poll(&shop.bench, &over).await["status"], "settled");
    assert_eq!(attention().await, ["overpaid"]);
    // No longer paid: a chargeback, or the vendor cancelled it.
    shop.zaprite.set(&there, &json!({ "status": "CANCELLED" }));
    shop.deliver(&there).await;
    let progress = poll(&shop.bench, &over).await;
    assert_eq!(
        (&progress["status"], &progress["license_key"]),
        (&json!("invalid"), &Value::Null)
    );
    assert!(attention().await.contains(&json!("withdrawn")));
    let close = "SELECT after FROM audit WHERE action = 'invoice.close'";
    let close = shop.bench.sql(close).await[0]["after"].to_string();
    assert!(close.contains("reported by Zaprite"), "{close}");
    let (under, there) = shop.order().await;
    let part = json!([{ "status": "CONFIRMED", "amountInOrderCurrency": 1_000 }]);
    shop.zaprite.set(
        &there,
        &json!({ "status": "UNDERPAID", "transactions": part }),
    );
    shop.deliver(&there).await;
    let progress = poll(&shop.bench, &under).await;
    assert_eq!(
        (&progress["status"], &progress["payment_state"]),
        (&json!("pending"), &json!("underpaid"))
    );
    shop.advance(90_000);
    shop.tick().await;
    assert!(attention().await.contains(&json!("underpaid")));
}

#[tokio::test]
async fn a_disconnected_organization_is_not_asked_and_comes_back_with_its_orders() {
    let shop = CardShop::open().await;
    let bench = &shop.bench;
    let (order_id, there) = shop.order().await;
    shop.zaprite.pay(&there);
    let path = "/v1/admin/zaprite/disconnect";
    let done = bench.operate("POST", path, &json!({})).await.json();
    assert_eq!(
        (&done["already"], &done["open_orders"]),
        (&json!(false), &json!(1)),
        "{done}"
    );
    assert_eq!(done["payment_provider_id"], shop.provider);
    let again = bench
        .operate("POST", path, &json!({ "confirm": true }))
        .await
        .json();
    assert_eq!(again["already"], true, "{again}");
    let calls = shop.zaprite.requests().len();
    let refused = bench.untouched_by(shop.delivery(&there)).await;
    assert_eq!(refused.refusal(), (401, "unauthorized".to_owned()));
    shop.advance(UNTIL_DUE);
    shop.tick().await;
    assert_eq!(shop.zaprite.requests().len(), calls);
    assert_eq!(bench.get("/readyz").await.status, 503);
    let order = json!({ "product": "demo", "rail": "card" });
    assert_eq!(bench.post("/v1/purchase", &order).await.status, 503);
    // The key of the organization was replaced meanwhile.
    shop.zaprite.set_api_key("another-key");
    let connected = connect(bench, None, "another-key").await;
    assert_eq!(connected.text("payment_provider_id"), shop.provider);
    assert_ne!(
        path_of(&connected),
        shop.webhook,
        "the old address is worth nothing"
    );
    assert_eq!(bench.untouched_by(shop.delivery(&there)).await.status, 401);
    shop.advance(UNTIL_DUE);
    shop.tick().await;
    assert_eq!(poll(bench, &order_id).await["status"], "settled");
}

/// A store whose payment methods a plugin brings: none of their ids begins with `BTC-`.
struct Plugin(HttpFetch);

impl Fetch for Plugin {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: FetchLimits,
    ) -> BoxFuture<'_, Result<Response<Bytes>, FetchError>> {
        Box::pin(async move {
            let (parts, body) = self.0.send(request, limits).await?.into_parts();
            let body = String::from_utf8_lossy(&body).replace("BTC-", "Stripe-");
            Ok(Response::from_parts(parts, Bytes::from(body)))
        })
    }
}

#[tokio::test]
async fn a_btcpay_store_may_take_cards_through_a_plugin() {
    let pay = played_store();
    let fetch = Arc::new(Plugin(HttpFetch::patient()));
    let bench = Bench::with_outbound(&account_of(&pay), fetch);
    dollars(&bench, "demo").await;
    let bought = bench
        .post("/v1/purchase", &json!({ "product": "demo" }))
        .await;
    assert_eq!(
        (bought.status, &bought.json()["amount_sats"]),
        (200, &json!(0)),
        "{bought:?}"
    );
    let there = bought.text("btcpay_invoice_id");
    pay.pay_in_full(&there).expect("a payment");
    deliver(&bench, &pay, "InvoiceSettled", &there).await;
    assert_eq!(
        poll(&bench, &bought.text("order_id")).await["status"],
        "settled"
    );
    assert_eq!(issued(&bench).await, [1; 4]);
    let row = &bench
        .sql("SELECT amount_sats, paid_amount, paid_currency FROM invoices")
        .await[0];
    assert_eq!(
        json!(row),
        json!({ "amount_sats": 0, "paid_amount": "25.00", "paid_currency": "USD" })
    );
}

#[tokio::test]
async fn of_many_connections_at_once_one_is_made() {
    let zaprite = played_zaprite();
    let bench = Bench::with(&[(name::ZAPRITE_URL, zaprite.base_url())]);
    let rush = (0..5).map(|_| connect(&bench, None, API_KEY));
    let answers = futures_util::future::join_all(rush).await;
    let made = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(made, 1, "{answers:?}");
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer.status, 200 | 409))
    );
    let rows = "SELECT count(*) FROM payment_providers";
    assert_eq!(bench.number(rows).await, 1);
}

/// What was connected at one server is never sent to another: an API key least of all.
#[tokio::test]
async fn a_key_goes_to_the_server_that_it_was_connected_at_only() {
    let shop = CardShop::open().await;
    let (order_id, there) = shop.order().await;
    shop.zaprite.pay(&there);
    let calls = shop.zaprite.requests().len();
    let elsewhere = played_zaprite();
    let moved = shop
        .bench
        .redeployed(&[(name::ZAPRITE_URL, elsewhere.base_url())]);
    let order = json!({ "product": "demo", "rail": "card" });
    assert_eq!(moved.post("/v1/purchase", &order).await.status, 503);
    assert_eq!(moved.send(shop.delivery(&there)).await.status, 503);
    shop.advance(UNTIL_DUE);
    assert_eq!(moved.tick().await.json()["stores_failed"], 1);
    let status = "/v1/admin/zaprite/status";
    let status = moved.operate("GET", status, &json!({})).await.json();
    let problem = status["problem"].as_str().expect("a problem");
    assert!(problem.contains(name::ZAPRITE_URL), "{problem}");
    assert_eq!(
        (shop.zaprite.requests().len(), elsewhere.requests().len()),
        (calls, 0)
    );
    shop.tick().await;
    assert_eq!(poll(&shop.bench, &order_id).await["status"], "settled");
}
