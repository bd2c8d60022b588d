//! Authentication, permissions, error bodies, and the server itself.

use keywright_btcpay_double::permission::{VIEW_INVOICES, VIEW_STORE_SETTINGS, VIEW_WALLET};
use keywright_btcpay_double::{BtcPay, Network};
use reqwest::Method;
use serde_json::{Value, json};

use crate::common::{Client, INVOICES, names, paths, shop};

#[tokio::test]
async fn a_known_key_is_needed() {
    let pay = shop().start().unwrap();
    for header in [
        None,
        Some("token wrong"),
        Some("Basic Sw=="),
        Some("K"),
        Some("token"),
    ] {
        let (status, body) = Client::with_header(&pay, header).get(INVOICES).await;
        assert_eq!(status, 401, "{header:?}");
        assert_eq!(names(&body), ["code", "message"].into());
        assert_eq!(body["code"], "unauthenticated");
    }
    for header in ["token K", "Token K", "TOKEN  K", "bearer K", "Bearer K"] {
        let (status, _) = Client::with_header(&pay, Some(header)).get(INVOICES).await;
        assert_eq!(status, 200, "{header}");
    }
    let logged: Vec<bool> = pay
        .requests()
        .iter()
        .map(|request| request.authorized)
        .collect();
    assert_eq!(logged, [[false; 5], [true; 5]].concat());
}

#[tokio::test]
async fn permissions_are_checked_by_store() {
    let pay = BtcPay::builder()
        .store("S")
        .store("OTHER")
        .api_key_with("viewer", &[VIEW_INVOICES])
        .api_key_with("elsewhere", &["btcpay.store.canviewinvoices:OTHER"])
        .api_key_with("all", &["unrestricted"])
        .start()
        .unwrap();
    let viewer = Client::with_key(&pay, "viewer");
    assert_eq!(viewer.get(INVOICES).await.0, 200);
    let (status, body) = viewer.post(INVOICES, &json!({"amount": "1"})).await;
    assert_eq!(status, 403);
    assert_eq!(
        names(&body),
        ["code", "message", "missingPermission"].into()
    );
    assert_eq!(body["code"], "missing-permission");
    assert_eq!(body["missingPermission"], "btcpay.store.cancreateinvoice");

    let elsewhere = Client::with_key(&pay, "elsewhere");
    assert_eq!(elsewhere.get(INVOICES).await.0, 403);
    assert_eq!(elsewhere.get("/api/v1/stores/OTHER/invoices").await.0, 200);

    // A store that does not exist looks like one that is not yours.
    let all = Client::with_key(&pay, "all");
    assert_eq!(all.get("/api/v1/stores/NONE/invoices").await.0, 403);
    assert_eq!(all.post(INVOICES, &json!({"amount": "1"})).await.0, 200);
}

#[tokio::test]
async fn the_server_tells_about_itself() {
    let pay = BtcPay::builder()
        .store("S")
        .store("OTHER")
        .api_key("K")
        .api_key_with("owner", &[VIEW_STORE_SETTINGS])
        .api_key_with("one", &["btcpay.store.canmodifystoresettings:OTHER"])
        .start()
        .unwrap();
    let nobody = Client::with_header(&pay, None);
    assert_eq!(
        nobody.get("/api/v1/health").await,
        (200, json!({"synchronized": true}))
    );
    assert_eq!(nobody.get("/api/v1/server/info").await.0, 401);

    let client = Client::of(&pay);
    let (status, info) = client.get("/api/v1/server/info").await;
    assert_eq!(status, 200);
    assert_eq!(
        names(&info),
        [
            "version",
            "onion",
            "supportedPaymentMethods",
            "fullySynched",
            "syncStatus"
        ]
        .into()
    );
    assert_eq!(info["version"], "2.4.1");

    let (status, key) = client.get("/api/v1/api-keys/current").await;
    assert_eq!(status, 200);
    assert_eq!(names(&key), ["apiKey", "label", "permissions"].into());
    assert_eq!(key["apiKey"], "K");
    assert_eq!(key["permissions"].as_array().unwrap().len(), 3);

    // Listing stores takes more than a shop's key has.
    let (status, body) = client.get("/api/v1/stores").await;
    assert_eq!(
        (status, &body["missingPermission"]),
        (403, &json!("btcpay.store.canviewstoresettings"))
    );
    let ids = |stores: Value| -> Vec<String> {
        let stores = stores.as_array().unwrap().clone().into_iter();
        stores
            .map(|store| store["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let owner = Client::with_key(&pay, "owner");
    assert_eq!(ids(owner.get("/api/v1/stores").await.1), ["S", "OTHER"]);
    assert_eq!(owner.get("/api/v1/stores/S").await.1["id"], "S");
    let one = Client::with_key(&pay, "one");
    assert_eq!(ids(one.get("/api/v1/stores").await.1), ["OTHER"]);

    // A key can give itself up.
    assert_eq!(client.delete("/api/v1/api-keys/current").await.0, 200);
    assert_eq!(client.get("/api/v1/api-keys/current").await.0, 401);
}

#[tokio::test]
async fn faulty_fields_are_listed() {
    let pay = shop().start().unwrap();
    let client = Client::of(&pay);
    for (request, expected) in [
        (json!({"amount": "-1"}), vec!["Amount"]),
        (json!({"amount": "18446744073709551616"}), vec!["Amount"]),
        (json!({"amount": "five"}), vec!["amount"]),
        (json!({"amount": [1]}), vec!["amount"]),
        (json!({"amount": "1", "metadata": "text"}), vec!["metadata"]),
        (
            json!({"amount": "1", "checkout": {"expirationMinutes": 0}}),
            vec!["Checkout.Expiration"],
        ),
        (
            json!({"amount": "1", "checkout": {"expirationMinutes": 1.5}}),
            vec!["checkout.expirationMinutes"],
        ),
        (
            json!({"amount": "1", "checkout": {"paymentTolerance": 101, "defaultLanguage": "?"}}),
            vec!["Checkout.PaymentTolerance", "Checkout.DefaultLanguage"],
        ),
        (
            json!({"amount": "1", "checkout": {"paymentMethods": ["BTC-LN", "DOGE"]}}),
            vec!["Checkout.PaymentMethods[1]"],
        ),
        (
            json!({"amount": "1", "checkout": {"speedPolicy": "Warp"}}),
            vec!["checkout.speedPolicy"],
        ),
    ] {
        let (status, body) = client.post(INVOICES, &request).await;
        assert_eq!(status, 422, "{request}");
        assert_eq!(paths(&body), expected, "{request}");
        assert_eq!(names(&body[0]), ["path", "message"].into());
    }
    let post = |body: &'static str, kind: &str| {
        client
            .request(Method::POST, INVOICES)
            .header("content-type", kind)
            .body(body)
    };
    let (status, body) = client.send(post("{", "application/json")).await;
    assert_eq!((status, body.is_array()), (422, true));
    assert_eq!(client.send(post("[]", "application/json")).await.0, 422);
    assert_eq!(client.send(post("", "application/json")).await.0, 422);
    assert_eq!(
        client
            .send(post("amount=1", "application/x-www-form-urlencoded"))
            .await
            .0,
        415
    );

    // Valid, but impossible: another form of error.
    for request in [
        json!({"amount": "1", "currency": "XXX"}),
        json!({"amount": "1", "checkout": {"paymentMethods": ["BTC-LNURL"]}}),
    ] {
        let (status, body) = client.post(INVOICES, &request).await;
        assert_eq!(status, 400);
        assert_eq!(names(&body), ["code", "message"].into());
        assert_eq!(body["code"], "generic-error");
    }
    assert_eq!(pay.invoices().len(), 0);
}

#[tokio::test]
async fn unknown_fields_are_noted_and_refused_when_strict() {
    let request = json!({
        "amount": "1", "orderId": "top level", "checkout": {"redirectUrl": "https://x.example"},
    });
    let tolerant = shop().start().unwrap();
    assert_eq!(Client::of(&tolerant).post(INVOICES, &request).await.0, 200);
    let noted = [
        format!("POST {INVOICES}: unknown body field checkout.redirectUrl"),
        format!("POST {INVOICES}: unknown body field orderId"),
    ];
    assert_eq!(tolerant.violations(), noted);

    let strict = shop().strict().start().unwrap();
    let client = Client::of(&strict);
    let (status, body) = client.post(INVOICES, &request).await;
    assert_eq!((status, strict.invoices().len()), (422, 0));
    assert_eq!(body.as_array().unwrap().len(), 1);
    assert_eq!(strict.violations(), noted);
    assert_eq!(client.get(&format!("{INVOICES}?order_id=1")).await.0, 422);
    assert_eq!(client.get("/api/v1/store/S/invoices").await.0, 404);
    assert_eq!(
        client
            .post(&format!("{INVOICES}?dry=1"), &json!({}))
            .await
            .0,
        422
    );
    assert_eq!(strict.violations().len(), 5);
    strict.clear_logs();
    assert_eq!(strict.violations(), [""; 0]);
}

#[tokio::test]
async fn a_wallet_shows_its_network() {
    for (network, prefix) in [
        (Network::Mainnet, "bc1q"),
        (Network::Testnet, "tb1q"),
        (Network::Regtest, "bcrt1q"),
    ] {
        let pay = BtcPay::builder()
            .store("S")
            .api_key_with("K", &[VIEW_WALLET])
            .api_key("shop")
            .network(network)
            .start()
            .unwrap();
        let wallet = "/api/v1/stores/S/payment-methods/BTC-CHAIN/wallet";
        let client = Client::of(&pay);
        let (status, shown) = client
            .get(&format!("{wallet}/address?forceGenerate=false"))
            .await;
        assert_eq!(status, 200);
        assert_eq!(names(&shown), ["address", "keyPath", "paymentLink"].into());
        assert!(shown["address"].as_str().unwrap().starts_with(prefix));
        let (_, preview) = client
            .get(&format!("{wallet}/preview?offset=0&count=1"))
            .await;
        assert_eq!(preview["addresses"][0]["address"], shown["address"]);
        assert_eq!(preview["addresses"].as_array().unwrap().len(), 1);
        let refused = Client::with_key(&pay, "shop")
            .get(&format!("{wallet}/address"))
            .await;
        assert_eq!(refused.1["missingPermission"], VIEW_WALLET);
    }
}
