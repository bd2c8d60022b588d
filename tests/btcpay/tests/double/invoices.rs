//! The invoice endpoints, field by field.

use keywright_btcpay_double::permission::MODIFY_INVOICES;
use keywright_btcpay_double::{BtcPay, NewInvoice, StoreConfig};
use serde_json::json;

use crate::common::{Client, INVOICES, START, create, names, paths, shop};

#[tokio::test]
async fn an_invoice_has_all_fields_and_the_stores_defaults() {
    let pay = shop().frozen_clock(START).start().unwrap();
    let metadata = json!({"orderId": "o-1", "itemDesc": "License", "deep": {"a": [1, null]}});
    let request = json!({"amount": "25.00", "currency": "USD", "metadata": metadata});
    let invoice = create(&Client::of(&pay), request).await;
    let id = invoice["id"].as_str().unwrap();
    assert!((20..=22).contains(&id.len()) && id.chars().all(|c| c.is_ascii_alphanumeric()));
    let expected = json!({
        "id": id,
        "storeId": "S",
        "amount": "25.00",
        "paidAmount": "0",
        "currency": "USD",
        "type": "Standard",
        "checkoutLink": format!("{}/i/{id}", pay.base_url()),
        "createdTime": START,
        "expirationTime": START + 15 * 60,
        "monitoringExpiration": START + 15 * 60 + 1440 * 60,
        "status": "New",
        "additionalStatus": "None",
        "availableStatusesForManualMarking": ["Settled", "Invalid"],
        "archived": false,
        "metadata": metadata,
        "checkout": {
            "speedPolicy": "MediumSpeed",
            "paymentMethods": ["BTC-CHAIN", "BTC-LN"],
            "defaultPaymentMethod": null,
            "expirationMinutes": 15,
            "monitoringMinutes": 1440,
            "paymentTolerance": 0.0,
            "redirectURL": null,
            "redirectAutomatically": false,
            "defaultLanguage": null,
            "lazyPaymentMethods": null,
        },
        "receipt": {"enabled": true, "showQR": true, "showPayments": true},
        "paymentMethods": [],
    });
    assert_eq!(invoice, expected);
    let (status, again) = Client::of(&pay).get(&format!("{INVOICES}/{id}")).await;
    assert_eq!((status, again), (200, expected));
}

#[tokio::test]
async fn an_invoice_takes_all_settings() {
    let pay = shop().frozen_clock(START).strict().start().unwrap();
    let client = Client::of(&pay);
    let invoice = create(
        &client,
        json!({
            "amount": 0.0005, "currency": "btc",
            "checkout": {
                "speedPolicy": "LowMediumSpeed", "paymentMethods": ["BTC-LN"],
                "defaultPaymentMethod": "BTC-LN", "lazyPaymentMethods": true,
                "expirationMinutes": 60, "monitoringMinutes": 120, "paymentTolerance": 2.5,
                "redirectURL": " https://shop.example/thanks?i={InvoiceId} ",
                "redirectAutomatically": true, "defaultLanguage": "fr-FR",
            },
            "receipt": {"enabled": false, "showQR": null, "showPayments": false},
            "additionalSearchTerms": ["needle"],
        }),
    )
    .await;
    assert_eq!(invoice["amount"], "0.0005");
    assert_eq!(invoice["currency"], "BTC");
    assert_eq!(invoice["expirationTime"], START + 3600);
    assert_eq!(invoice["monitoringExpiration"], START + 3600 + 7200);
    let checkout = &invoice["checkout"];
    assert_eq!(checkout["speedPolicy"], "LowMediumSpeed");
    assert_eq!(checkout["paymentMethods"], json!(["BTC-LN"]));
    assert_eq!(checkout["paymentTolerance"], 2.5);
    assert_eq!(
        checkout["redirectURL"],
        "https://shop.example/thanks?i={InvoiceId}"
    );
    assert_eq!(checkout["redirectAutomatically"], true);
    assert_eq!(checkout["defaultLanguage"], "fr-FR");
    assert_eq!(
        invoice["receipt"],
        json!({"enabled": false, "showQR": true, "showPayments": false})
    );
    let (_, found) = client.get(&format!("{INVOICES}?textSearch=need")).await;
    assert_eq!(found[0]["id"], invoice["id"]);
    assert_eq!(pay.violations(), [""; 0]);
}

#[tokio::test]
async fn amounts_and_currencies() {
    let pay = BtcPay::builder()
        .store_with(StoreConfig::new("S").default_currency("EUR"))
        .api_key("K")
        .start()
        .unwrap();
    let client = Client::of(&pay);
    for (request, amount, currency, kind) in [
        (json!({"amount": "5"}), "5", "EUR", "Standard"),
        (
            json!({"amount": 19.99, "currency": "usd"}),
            "19.99",
            "USD",
            "Standard",
        ),
        (
            json!({"amount": "10.005", "currency": "USD"}),
            "10.01",
            "USD",
            "Standard",
        ),
        (
            json!({"amount": "25000", "currency": "SATS"}),
            "25000",
            "SATS",
            "Standard",
        ),
        (
            json!({"amount": null, "currency": "USD"}),
            "0",
            "USD",
            "TopUp",
        ),
        (json!({}), "0", "EUR", "TopUp"),
    ] {
        let invoice = create(&client, request).await;
        assert_eq!(
            (&invoice["amount"], &invoice["currency"], &invoice["type"]),
            (&json!(amount), &json!(currency), &json!(kind))
        );
    }
}

#[tokio::test]
async fn an_invoice_is_only_seen_through_its_store() {
    let pay = BtcPay::builder()
        .store("S")
        .store("OTHER")
        .api_key("K")
        .start()
        .unwrap();
    let client = Client::of(&pay);
    let own = pay.create_invoice(NewInvoice::of("1", "USD")).unwrap();
    let other = pay
        .create_invoice(NewInvoice::of("1", "USD").store("OTHER"))
        .unwrap();
    assert_eq!(client.get(&format!("{INVOICES}/{own}")).await.0, 200);
    let (status, body) = client.get(&format!("{INVOICES}/{other}")).await;
    assert_eq!((status, &body["code"]), (403, &json!("missing-permission")));
    let (status, body) = client.get(&format!("{INVOICES}/unknown")).await;
    assert_eq!((status, &body["code"]), (404, &json!("invoice-not-found")));
    // The short form knows the store by itself, and refuses what it does not know.
    assert_eq!(
        client.get(&format!("/api/v1/invoices/{other}")).await.1["storeId"],
        "OTHER"
    );
    assert_eq!(client.get("/api/v1/invoices/unknown").await.0, 403);
}

#[tokio::test]
async fn payment_methods_show_what_is_due_and_what_came_in() {
    let pay = shop().frozen_clock(START).start().unwrap();
    let client = Client::of(&pay);
    let id = pay.create_invoice(NewInvoice::of("25.00", "USD")).unwrap();
    pay.pay_partially(&id).unwrap();
    let (status, methods) = client
        .get(&format!("{INVOICES}/{id}/payment-methods"))
        .await;
    assert_eq!(status, 200);
    let chain = &methods[0];
    assert_eq!(
        names(chain),
        [
            "activated",
            "destination",
            "paymentLink",
            "rate",
            "paymentMethodPaid",
            "totalPaid",
            "due",
            "amount",
            "paymentMethodFee",
            "payments",
            "paymentMethodId",
            "additionalData",
            "currency",
        ]
        .into()
    );
    assert_eq!(chain["paymentMethodId"], "BTC-CHAIN");
    assert_eq!(
        (&chain["currency"], &chain["rate"]),
        (&json!("BTC"), &json!("50000"))
    );
    // 25 USD at 50000 USD a coin; half of it is paid.
    assert_eq!(
        (&chain["amount"], &chain["due"]),
        (&json!("0.0005"), &json!("0.00025"))
    );
    assert_eq!(chain["totalPaid"], "0.00025");
    assert_eq!(chain["paymentMethodPaid"], "0.00025");
    let payment = &chain["payments"][0];
    assert_eq!(
        names(payment),
        [
            "id",
            "receivedDate",
            "value",
            "fee",
            "status",
            "destination"
        ]
        .into()
    );
    assert_eq!(
        (&payment["value"], &payment["status"]),
        (&json!("0.00025"), &json!("Settled"))
    );
    assert_eq!(payment["receivedDate"], START);
    assert_eq!(payment["destination"], chain["destination"]);
    let lightning = &methods[1];
    assert_eq!(lightning["paymentMethodId"], "BTC-LN");
    assert_eq!(lightning["paymentMethodPaid"], "0");
    assert_eq!(
        (&lightning["due"], &lightning["payments"]),
        (&json!("0.00025"), &json!([]))
    );
    assert!(
        lightning["destination"]
            .as_str()
            .unwrap()
            .starts_with("lnbcrt")
    );

    let (_, invoice) = client
        .get(&format!("{INVOICES}/{id}?includePaymentMethods=true"))
        .await;
    assert_eq!(invoice["paymentMethods"], methods);
    let (_, list) = client
        .get(&format!("{INVOICES}?includePaymentMethods=true"))
        .await;
    assert_eq!(list[0]["paymentMethods"], methods);
    let sensitive = format!("{INVOICES}/{id}/payment-methods?includeSensitive=true");
    let (status, body) = client.get(&sensitive).await;
    assert_eq!(
        (status, &body["missingPermission"]),
        (403, &json!("btcpay.store.canmodifystoresettings"))
    );
}

#[tokio::test]
async fn marking_by_hand_follows_the_rules() {
    let pay = BtcPay::builder()
        .store("S")
        .api_key_with("K", &[MODIFY_INVOICES])
        .api_key("shop")
        .start()
        .unwrap();
    let client = Client::of(&pay);
    let id = pay.create_invoice(NewInvoice::of("1.00", "USD")).unwrap();
    let path = format!("{INVOICES}/{id}/status");
    let mark = |status: &str| {
        let body = json!({"status": status});
        let (client, path) = (&client, &path);
        async move { client.post(path, &body).await }
    };
    let shop = Client::with_key(&pay, "shop");
    assert_eq!(shop.post(&path, &json!({"status": "Settled"})).await.0, 403);
    for wrong in ["New", "Expired", "Processing"] {
        let (status, body) = mark(wrong).await;
        assert_eq!((status, paths(&body)), (422, vec!["Status"]), "{wrong}");
    }
    let (status, body) = mark("Paid").await;
    assert_eq!((status, paths(&body)), (422, vec!["status"]));

    let (status, invoice) = mark("Settled").await;
    assert_eq!(status, 200);
    assert_eq!(
        (
            &invoice["status"],
            &invoice["additionalStatus"],
            &invoice["paidAmount"]
        ),
        (&json!("Settled"), &json!("Marked"), &json!("0"))
    );
    assert_eq!(
        invoice["availableStatusesForManualMarking"],
        json!(["Invalid"])
    );
    assert_eq!(mark("Settled").await.0, 422);
    let (_, invoice) = mark("Invalid").await;
    assert_eq!(invoice["status"], "Invalid");
    assert_eq!(
        invoice["availableStatusesForManualMarking"],
        json!(["Settled"])
    );
    assert_eq!(mark("Invalid").await.0, 422);
    assert_eq!(mark("Settled").await.0, 200);

    // What was really paid cannot be marked invalid.
    let paid = pay.create_invoice(NewInvoice::of("1.00", "USD")).unwrap();
    pay.pay_in_full(&paid).unwrap();
    let (status, _) = client
        .post(
            &format!("{INVOICES}/{paid}/status"),
            &json!({"status": "Invalid"}),
        )
        .await;
    assert_eq!(status, 422);
}

#[tokio::test]
async fn metadata_can_be_replaced() {
    let pay = BtcPay::builder()
        .store("S")
        .api_key_with("K", &[MODIFY_INVOICES])
        .start()
        .unwrap();
    let client = Client::of(&pay);
    let id = pay
        .create_invoice(NewInvoice::of("1", "USD").order("before"))
        .unwrap();
    let (status, invoice) = client
        .put(
            &format!("{INVOICES}/{id}"),
            &json!({"metadata": {"orderId": "after"}}),
        )
        .await;
    assert_eq!(
        (status, &invoice["metadata"]),
        (200, &json!({"orderId": "after"}))
    );
    assert_eq!(pay.invoice_by_order("after").unwrap().id, id);
}
