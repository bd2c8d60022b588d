//! What a stranger can do with Zaprite's webhook, which is not signed, and what a lying
//! Zaprite can: nothing.

use crate::bench::{UNTIL_DUE, json_request};
use crate::card_shop::CardShop;
use crate::payments::{issued, poll};
use crate::stores;
use http::Method;
use keywright_ports::name;
use keywright_zaprite_double::{Spelling, event};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn without_the_token_nobody_makes_us_ask_zaprite() {
    let pay = stores::played_server();
    let shop = CardShop::open_with(&[(name::BTCPAY_URL, pay.base_url())]).await;
    let business = stores::business(&shop.bench, "Bitcoin").await;
    let store = stores::connect(&shop.bench, &pay, &business, stores::SHOP).await;
    let (_, there) = shop.order().await;
    shop.zaprite.pay(&there);
    let calls = shop.zaprite.requests().len();
    let base = format!("/v1/zaprite/webhook/{}", shop.provider);
    let (_, token) = shop.webhook.split_once("token=").expect("a token");
    let body = event(Spelling::Event, &there, "PAID");
    for path in [
        base.clone(),
        format!("{base}?token="),
        format!("{base}?token={}", &token[1..]),
        format!("{base}?token={token}x"),
        format!("{base}?token={}", "A".repeat(43)),
        format!("{base}?token={}", shop.provider),
        format!("{base}?Token={token}"),
        format!("{base}?token=wrong&token={token}"),
        format!("/v1/zaprite/webhook/{store}?token={token}"),
        format!("/v1/zaprite/webhook/none?token={token}"),
        format!("/v1/zaprite/webhook/%ff?token={token}"),
    ] {
        let request = json_request(Method::POST, &path, &body);
        let answer = shop.bench.untouched_by(request).await;
        assert_eq!(answer.refusal(), (401, "unauthorized".to_owned()), "{path}");
    }
    // An organization is no store either.
    let path = format!("/v1/btcpay/webhook/{}", shop.provider);
    let request = json_request(Method::POST, &path, &body);
    assert_eq!(shop.bench.untouched_by(request).await.status, 401);
    assert_eq!(shop.zaprite.requests().len(), calls);
    assert_eq!(issued(&shop.bench).await, [0; 4]);
}

#[tokio::test]
async fn a_body_that_means_no_order_of_ours_is_ignored_without_a_call() {
    let shop = CardShop::open().await;
    let (order_id, there) = shop.order().await;
    let calls = shop.zaprite.requests().len();
    for body in [
        json!(null),
        json!([]),
        json!({}),
        json!({ "event": "order.change" }),
        json!({ "event": "contact.change", "data": { "id": there } }),
        event(Spelling::Event, "od_999999", "PAID"),
        // Ours, which is public: it finds an order only while Zaprite's id is not known.
        event(Spelling::Name, &order_id, "PAID"),
        json!({ "event": "order.change", "id": "x", "externalUniqId": order_id }),
    ] {
        let answer = shop.bench.untouched_by(shop.delivery_of(&body)).await;
        assert_eq!((answer.status, answer.body.len()), (200, 0), "{body}");
    }
    let no_json = crate::bench::raw_request(Method::POST, &shop.webhook, "text/plain", "PAID");
    assert_eq!(shop.bench.untouched_by(no_json).await.status, 200);
    assert_eq!(shop.zaprite.requests().len(), calls);
}

#[tokio::test]
async fn who_has_the_address_has_an_order_read_only_so_often() {
    let shop = CardShop::open().await;
    let (order_id, there) = shop.order().await;
    let route = format!("GET /v1/orders/{there}");
    for _ in 0..20 {
        shop.deliver(&there).await;
    }
    assert_eq!(shop.zaprite.calls(&route), 6);
    // What came too often is looked at by the next tick.
    shop.zaprite.pay(&there);
    shop.deliver(&there).await;
    assert_eq!(shop.zaprite.calls(&route), 6);
    assert_eq!(poll(&shop.bench, &order_id).await["status"], "pending");
    shop.tick().await;
    assert_eq!(poll(&shop.bench, &order_id).await["status"], "settled");
}

#[tokio::test]
async fn a_delivery_that_cannot_be_read_back_is_left_to_the_next_tick() {
    let shop = CardShop::open().await;
    for status in [401, 429, 500, 503] {
        let (order_id, there) = shop.order().await;
        shop.zaprite.pay(&there);
        shop.zaprite
            .behave(|behavior| behavior.fail = Some((0, 1, status)));
        shop.deliver(&there).await;
        assert_eq!(poll(&shop.bench, &order_id).await["status"], "pending");
        shop.tick().await;
        assert_eq!(
            poll(&shop.bench, &order_id).await["status"],
            "settled",
            "{status}"
        );
        shop.advance(60);
    }
}

#[tokio::test]
async fn a_lying_zaprite_settles_nothing() {
    let shop = CardShop::open().await;
    let (order_id, there) = shop.order().await;
    let honest = shop.zaprite.order(&there).expect("an order");
    for lie in [
        json!({ "totalAmount": 1 }),
        json!({ "totalAmount": 2_501 }),
        json!({ "totalAmount": "2500" }),
        json!({ "totalAmount": 2_500.5 }),
        json!({ "currency": "EUR" }),
        json!({ "currency": "BTC" }),
        json!({ "externalUniqId": "another" }),
        json!({ "externalUniqId": null }),
        json!({ "status": "SETTLED" }),
        json!({ "status": "paid" }),
        json!({ "status": null }),
        json!({ "status": ["PAID"] }),
        json!({ "checkoutUrl": "javascript:alert(1)" }),
    ] {
        shop.zaprite.set(&there, &json!({ "status": "PAID" }));
        shop.zaprite.set(&there, &lie);
        shop.deliver(&there).await;
        shop.advance(3_600);
        shop.tick().await;
        assert_eq!(issued(&shop.bench).await, [0; 4], "{lie}");
        assert_eq!(
            poll(&shop.bench, &order_id).await["status"],
            "pending",
            "{lie}"
        );
        let address = "SELECT count(*) FROM invoices WHERE checkout_url LIKE 'javascript:%'";
        assert_eq!(shop.bench.number(address).await, 0);
        shop.zaprite.set(&there, &honest);
    }
    // Under the id of one order, another order that was paid.
    let (other_id, other) = shop.order().await;
    shop.zaprite.pay(&other);
    let paid = shop.zaprite.order(&other).expect("an order");
    shop.zaprite.set(&there, &paid);
    shop.zaprite.set(&there, &json!({ "id": there }));
    shop.deliver(&there).await;
    assert_eq!(poll(&shop.bench, &order_id).await["status"], "pending");
    shop.deliver(&other).await;
    assert_eq!(poll(&shop.bench, &other_id).await["status"], "settled");
    assert_eq!(issued(&shop.bench).await, [1; 4]);
}

/// A page of another program's orders, some of them odd, hides none of ours.
#[tokio::test]
async fn orders_of_other_programs_are_passed_over() {
    let shop = CardShop::open().await;
    let (order_id, there) = shop.order().await;
    shop.zaprite.pay(&there);
    for foreign in 0..3 {
        let (_, other) = shop.order().await;
        shop.zaprite.set(
            &other,
            &json!({
                "externalUniqId": if foreign == 0 { Value::Null } else { json!("a".repeat(300)) },
                "id": if foreign == 1 { json!(7) } else { json!(format!("other-{foreign}")) },
                "status": "PAID", "totalAmount": null,
            }),
        );
    }
    shop.advance(60);
    shop.tick().await;
    assert_eq!(poll(&shop.bench, &order_id).await["status"], "settled");
    assert_eq!(issued(&shop.bench).await, [1; 4]);
}

#[tokio::test]
async fn a_tick_and_many_deliveries_at_once_issue_one_license() {
    let shop = CardShop::open().await;
    let (_, there) = shop.order().await;
    shop.zaprite.pay(&there);
    shop.zaprite
        .behave(|behavior| behavior.slow = Duration::from_millis(30));
    shop.advance(UNTIL_DUE);
    let deliveries = (0..5).map(|_| shop.deliver(&there));
    let ticks = (0..2).map(|_| shop.tick());
    futures_util::future::join(
        futures_util::future::join_all(deliveries),
        futures_util::future::join_all(ticks),
    )
    .await;
    shop.advance(3_600);
    shop.tick().await;
    assert_eq!(issued(&shop.bench).await, [1; 4]);
}
