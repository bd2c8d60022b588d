//! Finding invoices: filters, pages, archives.

use keywright_btcpay_double::permission::MODIFY_INVOICES;
use keywright_btcpay_double::{BtcPay, NewInvoice};
use serde_json::{Value, json};

use crate::common::{Client, INVOICES, START, create, paths, shop};

#[tokio::test]
async fn a_repeated_create_makes_a_second_invoice_and_both_are_found_by_order() {
    let pay = shop().start().unwrap();
    let client = Client::of(&pay);
    let request = json!({"amount": "1", "currency": "USD", "metadata": {"orderId": "o/1 & more"}});
    let first = create(&client, request.clone()).await;
    let second = create(&client, request).await;
    assert_ne!(first["id"], second["id"]);
    pay.create_invoice(NewInvoice::of("1", "USD").order("o-2"))
        .unwrap();
    let (_, found) = client
        .get(&format!("{INVOICES}?orderId=o%2F1%20%26%20more"))
        .await;
    let ids: Vec<&Value> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["id"])
        .collect();
    assert_eq!(ids, [&second["id"], &first["id"]]);
    let (_, found) = client
        .get(&format!("{INVOICES}?orderId=o-2&orderId=o%2F1+%26+more"))
        .await;
    assert_eq!(found.as_array().unwrap().len(), 3);
    let (_, found) = client.get(&format!("{INVOICES}?orderId=o")).await;
    assert_eq!(found, json!([]));
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let pay = BtcPay::builder()
        .store("S")
        .store("OTHER")
        .api_key_with("K", &[MODIFY_INVOICES])
        .frozen_clock(START)
        .start()
        .unwrap();
    let client = Client::of(&pay);
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(
            pay.create_invoice(NewInvoice::of("1", "USD").order(&format!("o-{number}")))
                .unwrap(),
        );
        pay.advance(std::time::Duration::from_secs(10));
    }
    pay.create_invoice(NewInvoice::of("1", "USD").store("OTHER"))
        .unwrap();
    pay.pay_in_full(&ids[1]).unwrap();
    pay.pay_on_chain(&ids[2]).unwrap();

    let found = |query: &str| {
        let path = format!("{INVOICES}?{query}");
        let client = &client;
        let ids = &ids;
        async move {
            let (status, found) = client.get(&path).await;
            assert_eq!(status, 200, "{path}: {found}");
            let found = found.as_array().unwrap().clone().into_iter();
            found
                .map(|one| ids.iter().position(|id| one["id"] == **id).unwrap())
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(found("").await, [4, 3, 2, 1, 0]);
    assert_eq!(found("skip=1&take=2").await, [3, 2]);
    assert_eq!(found("skip=9").await, [0; 0]);
    assert_eq!(found("take=0").await, [0; 0]);
    assert_eq!(found("status=Settled").await, [1]);
    assert_eq!(found("status=settled&status=Processing").await, [2, 1]);
    let (from, to) = (START + 10, START + 20);
    assert_eq!(
        found(&format!("startDate={from}&endDate={to}")).await,
        [2, 1]
    );
    assert_eq!(found("textSearch=o-3").await, [3]);
    assert_eq!(found(&format!("textSearch={}", &ids[4][..8])).await, [4]);

    let (status, body) = client
        .get(&format!("{INVOICES}?startDate={to}&endDate={from}"))
        .await;
    assert_eq!((status, paths(&body)), (422, vec!["startDate", "endDate"]));
    assert_eq!(client.get(&format!("{INVOICES}?take=many")).await.0, 422);

    let path = format!("{INVOICES}/{}", ids[4]);
    assert_eq!(client.delete(&path).await.0, 200);
    assert_eq!(found("").await, [3, 2, 1, 0]);
    assert_eq!(found("includeArchived=true").await, [4, 3, 2, 1, 0]);
    assert_eq!(client.get(&path).await.1["archived"], true);
    let (status, back) = client.post(&format!("{path}/unarchive"), &json!({})).await;
    assert_eq!((status, &back["archived"]), (200, &json!(false)));
    let (status, body) = client.post(&format!("{path}/unarchive"), &json!({})).await;
    assert_eq!((status, &body["code"]), (400, &json!("already-unarchived")));
}
