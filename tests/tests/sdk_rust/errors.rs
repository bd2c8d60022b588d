//! How the SDK tells an application what went wrong.

use crate::{cases, client, licensed, status};
use keysat_licensing_client::{Client, Error, StartPurchaseOptions};
use keywright_tests::hosts::Instance;
use keywright_tests::suite::floor;
use serde_json::json;

cases![
    unknown_things,
    outside_the_contract,
    provider_fails alone,
    no_server,
    no_address,
];

async fn unknown_things(instance: &Instance) {
    let client = client(instance);
    assert_eq!(status(client.poll_purchase("no-such-invoice").await), 404);
    assert_eq!(status(client.poll_purchase("").await), 404);
    assert_eq!(status(client.list_public_policies("no-such").await), 404);
    let nothing = StartPurchaseOptions::default();
    let unknown = client.start_purchase("no-such", &nothing).await;
    let Err(Error::Server { status, body }) = unknown else {
        panic!("not an error of the server: {unknown:?}");
    };
    assert_eq!(status, 404);
    assert!(body.contains("not_found"), "{body}");
}

/// Too much of something is 400, with the member in the message.
async fn outside_the_contract(instance: &Instance) {
    let sold = licensed(instance, "r-limits", json!({})).await;
    let client = client(instance);
    let long = "x".repeat(2_000);
    let asked = client.validate(&sold.key, None, Some(&long)).await;
    let Err(Error::Server { status, body }) = asked else {
        panic!("not an error of the server: {asked:?}");
    };
    assert_eq!(status, 400);
    assert!(body.contains("fingerprint"), "{body}");
}

async fn provider_fails(instance: &Instance) {
    floor::product(instance, "r-upstream", 1_000).await;
    instance.btcpay.fail_next(2, 503);
    let nothing = StartPurchaseOptions::default();
    let failed = client(instance)
        .start_purchase("r-upstream", &nothing)
        .await;
    assert_eq!(status(failed), 502);
    instance.btcpay.clear_faults();
    let bought = client(instance)
        .start_purchase("r-upstream", &nothing)
        .await;
    assert!(bought.is_ok(), "{bought:?}");
}

async fn no_server(_: &Instance) {
    // Port 9 is for discarding, and nobody listens to it.
    let client = Client::new("http://127.0.0.1:9").expect("a client");
    let asked = client.validate("LIC1-A-A", None, None).await;
    assert!(matches!(asked, Err(Error::Http(_))), "{asked:?}");
    let asked = client.fetch_pubkey().await;
    assert!(matches!(asked, Err(Error::Http(_))), "{asked:?}");
}

async fn no_address(_: &Instance) {
    let client = Client::new("licenses.example.com");
    assert!(matches!(client, Err(Error::BadUrl(_))), "{client:?}");
}
