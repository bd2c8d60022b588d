//! Managing webhooks over the API.

use keywright_btcpay_double::{BtcPay, Event, NewInvoice};
use serde_json::json;

use crate::common::{Client, Receiver, a_moment, names, paths, shop};

const WEBHOOKS: &str = "/api/v1/stores/S/webhooks";

#[tokio::test]
async fn the_secret_is_shown_once() {
    let pay = shop().start().unwrap();
    let client = Client::of(&pay);
    let (status, made) = client
        .post(WEBHOOKS, &json!({"url": "http://127.0.0.1:1/x"}))
        .await;
    assert_eq!(status, 200);
    let fields = [
        "id",
        "enabled",
        "automaticRedelivery",
        "url",
        "authorizedEvents",
    ];
    let mut with_secret: Vec<_> = fields.to_vec();
    with_secret.push("secret");
    assert_eq!(names(&made), with_secret.into_iter().collect());
    assert_eq!(
        (&made["enabled"], &made["automaticRedelivery"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(
        made["authorizedEvents"],
        json!({"everything": true, "specificEvents": []})
    );
    // Generated: nobody gave one.
    assert!(made["secret"].as_str().unwrap().len() >= 20);

    let path = format!("{WEBHOOKS}/{}", made["id"].as_str().unwrap());
    for (status, shown) in [
        client.get(&path).await,
        client.get(&path.replace("/stores/S", "")).await,
        (200, client.get(WEBHOOKS).await.1[0].clone()),
    ] {
        assert_eq!(status, 200);
        assert_eq!(names(&shown), fields.into());
    }
    let (_, given) = client
        .post(
            WEBHOOKS,
            &json!({"url": "http://a.example/", "secret": "mine"}),
        )
        .await;
    assert_eq!(given["secret"], "mine");
}

#[tokio::test]
async fn an_update_without_secret_keeps_the_old_one() {
    let receiver = Receiver::start().await;
    let pay = shop().start().unwrap();
    let client = Client::of(&pay);
    let (_, made) = client
        .post(
            WEBHOOKS,
            &json!({"url": "http://127.0.0.1:1/x", "secret": "mine"}),
        )
        .await;
    let id = made["id"].as_str().unwrap();
    let path = format!("{WEBHOOKS}/{id}");
    let (status, updated) = client
        .put(&path, &json!({"url": receiver.url, "secret": ""}))
        .await;
    assert_eq!((status, &updated["url"]), (200, &json!(receiver.url)));
    assert_eq!(updated.get("secret"), None);
    pay.announce(Event::new("InvoiceCreated")).unwrap();
    pay.idle().await.unwrap();
    let arrived = &receiver.received()[0];
    let expected = keywright_btcpay_double::sign("mine", &arrived.body);
    assert_eq!(arrived.header("btcpay-sig"), expected);
}

#[tokio::test]
async fn faulty_and_unknown_webhooks() {
    let pay = BtcPay::builder()
        .store("S")
        .store("OTHER")
        .api_key("K")
        .api_key_with("viewer", &["btcpay.store.canviewinvoices"])
        .api_key_with("settings", &["btcpay.store.canmodifystoresettings"])
        .start()
        .unwrap();
    let client = Client::of(&pay);
    for url in [json!("/relative"), json!(""), json!(null)] {
        let (status, body) = client.post(WEBHOOKS, &json!({"url": url})).await;
        assert_eq!((status, paths(&body)), (422, vec!["Url"]));
    }
    let (status, body) = client.get(&format!("{WEBHOOKS}/none")).await;
    assert_eq!((status, &body["code"]), (404, &json!("webhook-not-found")));
    assert_eq!(client.delete(&format!("{WEBHOOKS}/none")).await.0, 404);
    let (status, body) = client
        .get(&format!("{WEBHOOKS}/none/deliveries/none"))
        .await;
    assert_eq!(
        (status, &body["code"]),
        (404, &json!("webhookdelivery-not-found"))
    );

    let viewer = Client::with_key(&pay, "viewer");
    let (status, body) = viewer.get(WEBHOOKS).await;
    assert_eq!(
        (status, &body["missingPermission"]),
        (403, &json!("btcpay.store.webhooks.canmodifywebhooks"))
    );
    let settings = Client::with_key(&pay, "settings");
    let (status, made) = settings
        .post(WEBHOOKS, &json!({"url": "http://a.example/"}))
        .await;
    assert_eq!(status, 200);
    let elsewhere = format!(
        "/api/v1/stores/OTHER/webhooks/{}",
        made["id"].as_str().unwrap()
    );
    assert_eq!(settings.get(&elsewhere).await.0, 403);
}

#[tokio::test]
async fn only_events_asked_for_are_delivered_while_enabled() {
    let receiver = Receiver::start().await;
    let pay = shop().start().unwrap();
    let client = Client::of(&pay);
    let wanted = json!({
        "url": receiver.url,
        "authorizedEvents": {"everything": false, "specificEvents": ["InvoiceSettled"]},
    });
    let (_, made) = client.post(WEBHOOKS, &wanted).await;
    let path = format!("{WEBHOOKS}/{}", made["id"].as_str().unwrap());
    let paid = || {
        let id = pay.create_invoice(NewInvoice::of("1", "USD")).unwrap();
        pay.pay_in_full(&id).unwrap();
    };
    paid();
    pay.idle().await.unwrap();
    assert_eq!(receiver.types(), ["InvoiceSettled"]);

    assert_eq!(
        client
            .put(&path, &json!({"url": receiver.url, "enabled": false}))
            .await
            .0,
        200
    );
    paid();
    pay.idle().await.unwrap();
    assert_eq!(receiver.received().len(), 1);

    assert_eq!(
        client.put(&path, &json!({"url": receiver.url})).await.0,
        200
    );
    paid();
    pay.idle().await.unwrap();
    assert_eq!(receiver.received().len(), 6);

    assert_eq!(client.delete(&path).await.0, 200);
    paid();
    a_moment().await;
    assert_eq!(receiver.received().len(), 6);
    assert_eq!(client.get(WEBHOOKS).await.1, json!([]));
}

#[tokio::test]
async fn every_webhook_of_a_store_is_told_and_no_other() {
    let (first, second, other) = (
        Receiver::start().await,
        Receiver::start().await,
        Receiver::start().await,
    );
    let pay = BtcPay::builder()
        .store("S")
        .webhook(&first.url, "one")
        .webhook(&second.url, "two")
        .store("OTHER")
        .webhook(&other.url, "three")
        .start()
        .unwrap();
    pay.create_invoice(NewInvoice::of("1", "USD")).unwrap();
    pay.idle().await.unwrap();
    let (one, two) = (first.received()[0].json(), second.received()[0].json());
    assert_ne!(one["deliveryId"], two["deliveryId"]);
    assert_ne!(one["webhookId"], two["webhookId"]);
    assert_eq!(one["invoiceId"], two["invoiceId"]);
    assert_eq!(other.received().len(), 0);
    assert_eq!(pay.webhooks().len(), 3);
}

#[tokio::test]
async fn a_webhook_without_address_waits_for_one() {
    let receiver = Receiver::start().await;
    let pay = shop().webhook_later("secret").start().unwrap();
    pay.create_invoice(NewInvoice::of("1", "USD")).unwrap();
    pay.idle().await.unwrap();
    assert_eq!(pay.attempts().len(), 0);
    pay.set_webhook_url(&receiver.url);
    pay.create_invoice(NewInvoice::of("1", "USD")).unwrap();
    pay.idle().await.unwrap();
    assert_eq!(receiver.types(), ["InvoiceCreated"]);
    assert_eq!(pay.webhook_secret(), "secret");
}
