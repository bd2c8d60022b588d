//! The checkout page.

use keywright_btcpay_double::{BtcPay, Status, StoreConfig};
use serde_json::json;

use crate::common::{Client, INVOICES, shop};

/// Status, `Location`, and text of a page.
async fn page(request: reqwest::RequestBuilder) -> (u16, String, String) {
    let answer = request.send().await.unwrap();
    let location = answer.headers().get("location");
    let location = location
        .map(|to| to.to_str().unwrap().to_owned())
        .unwrap_or_default();
    (
        answer.status().as_u16(),
        location,
        answer.text().await.unwrap(),
    )
}

#[tokio::test]
async fn a_payer_can_pay_on_the_checkout_page() {
    let pay = shop().start().unwrap();
    let client = Client::of(&pay);
    let browser = Client::with_header(&pay, None);
    let get = |path: String| page(browser.request(reqwest::Method::GET, &path));
    let post = |path: String| page(browser.request(reqwest::Method::POST, &path));
    let redirect = "https://shop.example/thanks?i={InvoiceId}&o={OrderId}";
    let make = async |automatic: bool| {
        let request = json!({
            "amount": "7.50", "currency": "USD", "metadata": {"orderId": "o 1&2"},
            "checkout": {"redirectURL": redirect, "redirectAutomatically": automatic},
        });
        let made = client.post(INVOICES, &request).await.1;
        let link = made["checkoutLink"].as_str().unwrap();
        link.strip_prefix(pay.base_url()).unwrap().to_owned()
    };

    let link = make(false).await;
    let id = link.strip_prefix("/i/").unwrap();
    let (status, _, text) = get(link.clone()).await;
    assert_eq!(status, 200);
    assert!(
        text.contains("7.50 USD") && text.contains("Waiting for payment"),
        "{text}"
    );
    assert!(text.contains(&format!("action=\"/i/{id}/pay\"")), "{text}");
    assert!(!text.contains("shop.example"));
    let (status, location, _) = post(format!("{link}/pay")).await;
    assert_eq!((status, location.as_str()), (303, link.as_str()));
    assert_eq!(pay.invoice(id).unwrap().status, Status::Settled);
    let (_, _, text) = get(link.clone()).await;
    let back = format!("https://shop.example/thanks?i={id}&amp;o=o+1%262");
    assert!(text.contains("Paid") && text.contains(&back), "{text}");
    // Pressed twice: nothing happens.
    assert_eq!(post(format!("{link}/pay")).await.0, 303);
    assert_eq!(pay.invoice(id).unwrap().payments.len(), 1);

    let link = make(true).await;
    let (status, location, _) = post(format!("{link}/pay")).await;
    assert_eq!(status, 303);
    assert!(
        location.starts_with("https://shop.example/thanks?i="),
        "{location}"
    );

    let link = make(true).await;
    post(format!("{link}/pay-half")).await;
    assert!(get(link.clone()).await.2.contains("Partly paid"));
    post(format!("{link}/expire")).await;
    assert!(get(link.clone()).await.2.contains("Expired"));
    let (_, location, _) = post(format!("{link}/pay-late")).await;
    assert_eq!(location, link);
    assert!(get(link).await.2.contains("Paid too late"));

    assert_eq!(get("/i/none".to_owned()).await.0, 404);
    assert_eq!(post(format!("/i/{id}/steal")).await.0, 404);
}

#[tokio::test]
async fn what_a_shop_enters_is_escaped_on_the_page() {
    let store = StoreConfig::new("S").name("<script>alert(1)</script>");
    let pay = BtcPay::builder()
        .store_with(store)
        .api_key("K")
        .start()
        .unwrap();
    let client = Client::of(&pay);
    let request = json!({"amount": "1", "checkout": {"redirectURL": "javascript:alert(1)"}});
    let made = client.post(INVOICES, &request).await.1;
    let id = made["id"].as_str().unwrap();
    pay.pay_in_full(id).unwrap();
    let (_, _, text) = page(client.request(reqwest::Method::GET, &format!("/i/{id}"))).await;
    assert!(
        !text.contains("<script>") && !text.contains("javascript:"),
        "{text}"
    );
}
