//! A sale by card: the operator connects Zaprite, a buyer pays there, its webhook settles,
//! and the key is good.

use super::cases;
use super::floor::{poll, text, until, validate};
use crate::hosts::Instance;
use http::Method;
use keywright_zaprite_double::{API_KEY, Spelling, event};
use serde_json::json;

cases![paid_by_card];

async fn paid_by_card(instance: &Instance) {
    let api = &instance.api;
    let business = json!({ "name": "Cards" });
    let business = api
        .admin(Method::POST, "merchant-profiles", &business)
        .await;
    let business = text(&business.ok(), "id");
    let product = json!({ "slug": "by-card", "name": "By card", "price_currency": "USD",
                          "price_value": 2_500, "merchant_profile_id": business });
    api.admin(Method::POST, "products", &product).await.ok();
    let connect = json!({ "merchant_profile_id": business, "api_key": API_KEY });
    let connected = api.admin(Method::POST, "zaprite/connect", &connect).await;
    let connected = connected.ok();
    let url = text(&connected, "webhook_url");
    let webhook = url.strip_prefix(api.base_url()).expect("our address");
    let shown = api.get("/v1/storefront?product=by-card").await.ok();
    assert_eq!(shown["rails"], json!(["lightning", "onchain", "card"]));

    let order = json!({ "product": "by-card", "rail": "card" });
    let bought = api.post("/v1/purchase", &order).await.ok();
    let (invoice, there) = (
        text(&bought, "invoice_id"),
        text(&bought, "btcpay_invoice_id"),
    );
    let made = instance
        .zaprite
        .order(&there)
        .expect("the order at Zaprite");
    assert_eq!(bought["checkout_url"], made["checkoutUrl"]);
    assert_eq!(
        (&made["totalAmount"], &made["currency"]),
        (&json!(2_500), &json!("USD"))
    );
    assert_eq!(made["externalUniqId"], bought["order_id"]);
    let told = event(Spelling::Type, &there, "PAID");
    assert_eq!(api.post(webhook, &told).await.status, 200);
    assert_eq!(poll(instance, &invoice).await["status"], "pending");

    instance.zaprite.pay(&there);
    let forged = webhook.replace("token=", "token=x");
    assert_eq!(api.post(&forged, &told).await.status, 401);
    assert_eq!(api.post(webhook, &told).await.status, 200);
    let settled = until(instance, &invoice, "settled").await;
    let key = text(&settled, "license_key");
    assert_eq!(validate(instance, &key, "by-card").await["ok"], true);

    let disconnect = json!({ "merchant_profile_id": business });
    let done = api
        .admin(Method::POST, "zaprite/disconnect", &disconnect)
        .await;
    assert_eq!(done.ok()["open_orders"], 0);
    assert_eq!(api.post(webhook, &told).await.status, 401);
}
