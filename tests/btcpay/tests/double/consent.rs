//! The page on which a key is given, and what the browser brings back.

use crate::common::{Client, shop};
use keywright_btcpay_double::permission::{CREATE_INVOICE, VIEW_STORE_SETTINGS};
use keywright_btcpay_double::{BtcPay, Consent, ControlError};
use reqwest::Method;
use serde_json::json;

fn page(pay: &BtcPay, more: &str) -> String {
    format!(
        "{}/api-keys/authorize?permissions={CREATE_INVOICE}&permissions={VIEW_STORE_SETTINGS}\
         &applicationName=App&strict=true&redirect=https%3A%2F%2Fa.example%2Fback%3Fstate%3D1{more}",
        pay.base_url()
    )
}

#[tokio::test]
async fn a_key_is_scoped_to_what_was_chosen() {
    let pay = shop().store("T").strict().start().unwrap();
    let url = page(&pay, "&selectiveStores=true");
    let one = pay.authorize(&url, &Consent::store("T")).unwrap();
    assert_eq!(one.redirect, "https://a.example/back?state=1");
    let fields: Vec<(String, String)> = form_urlencoded::parse(one.form.as_bytes())
        .into_owned()
        .collect();
    assert_eq!(fields[0], ("apiKey".to_owned(), one.api_key.clone()));
    let scoped = |name: &str| ("permissions[]".to_owned(), format!("{name}:T"));
    assert!(fields.contains(&scoped(CREATE_INVOICE)), "{fields:?}");
    let client = Client::with_key(&pay, &one.api_key);
    let (_, key) = client.get("/api/v1/api-keys/current").await;
    assert_eq!(key["label"], "App");
    assert_eq!(key["permissions"][0], format!("{CREATE_INVOICE}:T"));
    let (_, stores) = client.get("/api/v1/stores").await;
    assert_eq!(stores.as_array().map(Vec::len), Some(1));
    assert_eq!(stores[0]["id"], "T");
    let (status, methods) = client.get("/api/v1/stores/T/payment-methods").await;
    assert_eq!(
        (status, &methods[0]["paymentMethodId"]),
        (200, &json!("BTC-CHAIN"))
    );
    assert_eq!(client.get("/api/v1/stores/S/payment-methods").await.0, 403);

    let all = pay.authorize(&url, &Consent::Everything).unwrap();
    let (_, stores) = Client::with_key(&pay, &all.api_key)
        .get("/api/v1/stores")
        .await;
    assert_eq!(stores.as_array().map(Vec::len), Some(2));
    let (status, _) = client.delete("/api/v1/api-keys/current").await;
    assert_eq!(status, 200);
    assert!(!pay.api_keys().contains(&one.api_key));
}

#[tokio::test]
async fn what_the_page_does_not_know_is_refused() {
    let pay = shop().start().unwrap();
    for (url, consent) in [
        (page(&pay, "&scope=all"), Consent::Everything),
        // Choosing has to be offered.
        (page(&pay, ""), Consent::store("S")),
        (
            format!("{}/api-keys/new?permissions=x", pay.base_url()),
            Consent::Everything,
        ),
        (
            format!(
                "{}/api-keys/authorize?permissions=x&redirect=nowhere",
                pay.base_url()
            ),
            Consent::Everything,
        ),
    ] {
        let refused = pay.authorize(&url, &consent);
        assert!(
            matches!(refused, Err(ControlError::NotPossible(_))),
            "{url}: {refused:?}"
        );
    }
    let url = page(&pay, "&selectiveStores=true");
    let unknown = pay.authorize(&url, &Consent::store("X"));
    assert_eq!(unknown, Err(ControlError::UnknownStore("X".to_owned())));
    assert_eq!(pay.violations().len(), 1, "{:?}", pay.violations());
}

/// As a browser sees it: a page to agree on, then one whose form goes back.
#[tokio::test]
async fn the_page_posts_a_form_back() {
    let pay = shop().start().unwrap();
    let url = page(&pay, "&selectiveStores=true");
    let path = url.strip_prefix(pay.base_url()).unwrap();
    let client = Client::with_header(&pay, None);
    let shown = client.request(Method::GET, path).send().await.unwrap();
    let shown = shown.text().await.unwrap();
    assert!(
        shown.contains("App asks for a key") && shown.contains(CREATE_INVOICE),
        "{shown}"
    );
    let agreed = client.request(Method::POST, path).body("store=S");
    let agreed = agreed.send().await.unwrap().text().await.unwrap();
    let form = "<form method=\"post\" action=\"https://a.example/back?state=1\">";
    assert!(agreed.contains(form), "{agreed}");
    assert!(agreed.contains(&format!("{CREATE_INVOICE}:S")), "{agreed}");
}
