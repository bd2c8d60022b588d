//! Connecting a store of which one step breaks: every call to the database, and
//! every request to `BTCPay`. Beginning anew always ends at one connected
//! store, one webhook, and a secret that fits.

use crate::bench::{Bench, account_of};
use crate::breaking::{BreakingFetch, BrokenRequest, break_every_call, break_every_request};
use crate::payments::order;
use crate::stores::{
    SHOP, begin, business, connect, delivery_to, played_server, posted, product_of, provider_of,
    webhooks_to,
};
use keywright_btcpay_double::{BtcPay, Consent};
use serde_json::json;
use std::sync::Arc;

/// After whatever happened: the operator begins anew where nothing is
/// connected, and then a sale goes through, told of by the store's webhook.
async fn ends_connected(bench: &Bench, pay: &BtcPay, business: &str, case: &str) {
    let provider = match provider_of(bench, business).await {
        Some(provider) => provider,
        None => connect(bench, pay, business, SHOP).await,
    };
    let [(webhook, secret)] = webhooks_to(pay, &provider)
        .try_into()
        .unwrap_or_else(|found| panic!("{case}: one webhook: {found:?}"));
    let row = bench.sql("SELECT webhook_id FROM payment_providers").await;
    assert_eq!(row.len(), 1, "{case}: one row for one store");
    assert_eq!(row[0]["webhook_id"], webhook, "{case}");
    product_of(bench, business, "theirs").await;
    let (_, remote) = order(bench, "theirs").await;
    assert_eq!(
        pay.invoice(&remote).expect("an invoice").store_id,
        SHOP,
        "{case}"
    );
    pay.pay_in_full(&remote).expect("a payment");
    let told = bench
        .send(delivery_to(pay, &provider, &secret, &remote))
        .await;
    assert_eq!(told.status, 200, "{case}");
    let settled = "SELECT count(*) FROM invoices WHERE status = 'settled'";
    assert_eq!(bench.number(settled).await, 1, "{case}");
    let entries = "SELECT count(*) FROM audit WHERE action = 'payment_provider.connect'";
    assert_eq!(bench.number(entries).await, 1, "{case}");
    assert!(
        pay.violations().is_empty(),
        "{case}: {:?}",
        pay.violations()
    );
}

#[tokio::test]
async fn whatever_database_call_of_connecting_breaks_beginning_anew_repairs_it() {
    break_every_call(3, async |call, fault| {
        let pay = played_server();
        let bench = Bench::with(&account_of(&pay));
        let business = business(&bench, "B").await;
        let url = begin(&bench, &business).await;
        let callback = pay.authorize(&url, &Consent::store(SHOP)).expect("a key");
        bench.shop.database.break_call(call, fault);
        let page = bench.send(posted(&callback)).await;
        let made = bench.shop.database.mend();
        if made <= call {
            assert_eq!(page.status, 200, "nothing broke: {page:?}");
            return false;
        }
        let case = format!("call {call}, {fault:?}");
        assert!(page.status == 200 || page.status == 500, "{case}: {page:?}");
        ends_connected(&bench, &pay, &business, &case).await;
        true
    })
    .await;
}

#[tokio::test]
async fn whatever_request_of_connecting_breaks_beginning_anew_repairs_it() {
    break_every_request(4, async |request, fault| {
        let pay = Arc::new(played_server());
        let breaking = Arc::new(BreakingFetch::new(&pay, request, fault));
        let bench = Bench::with_outbound(&account_of(&pay), breaking.clone());
        let business = business(&bench, "B").await;
        let url = begin(&bench, &business).await;
        let callback = pay.authorize(&url, &Consent::store(SHOP)).expect("a key");
        let page = bench.send(posted(&callback)).await;
        if breaking.sent() <= request {
            assert_eq!(page.status, 200, "nothing broke: {page:?}");
            return false;
        }
        let case = format!("request {request}, {fault:?}");
        assert!(page.status == 200 || page.status == 502, "{case}: {page:?}");
        ends_connected(&bench, &pay, &business, &case).await;
        true
    })
    .await;
}

#[tokio::test]
async fn whatever_of_disconnecting_breaks_repeating_it_repairs_it() {
    let body = |business: &str| json!({ "merchant_profile_id": business });
    let path = "/v1/admin/btcpay/disconnect";
    break_every_call(2, async |call, fault| {
        let pay = played_server();
        let bench = Bench::with(&account_of(&pay));
        let business = business(&bench, "B").await;
        let provider = connect(&bench, &pay, &business, SHOP).await;
        bench.shop.database.break_call(call, fault);
        bench.operate("POST", path, &body(&business)).await;
        if bench.shop.database.mend() <= call {
            return false;
        }
        let again = bench.operate("POST", path, &body(&business)).await;
        assert_eq!(again.status, 200, "{again:?}");
        assert_eq!(provider_of(&bench, &business).await, None);
        assert_eq!(webhooks_to(&pay, &provider), []);
        let entries = "SELECT count(*) FROM audit WHERE action = 'payment_provider.disconnect'";
        assert_eq!(bench.number(entries).await, 1, "call {call}, {fault:?}");
        true
    })
    .await;
    for fault in [
        BrokenRequest::Unwell,
        BrokenRequest::Cut,
        BrokenRequest::AnswerLost,
    ] {
        for request in 0..2 {
            let pay = Arc::new(played_server());
            let whole = Bench::with(&account_of(&pay));
            let business = business(&whole, "B").await;
            let provider = connect(&whole, &pay, &business, SHOP).await;
            let breaking = Arc::new(BreakingFetch::new(&pay, request, fault));
            let bench = Bench::over_outbound(&whole, &account_of(&pay), breaking);
            let done = bench.operate("POST", path, &body(&business)).await.json();
            assert_eq!(done["ok"], true);
            let told = [&done["webhook_removed"], &done["api_key_revoked"]];
            assert_eq!(
                told.iter().filter(|one| ***one == json!(false)).count(),
                1,
                "{done}"
            );
            assert_eq!(provider_of(&whole, &business).await, None);
            // What is left there is taken over or harmless.
            assert_eq!(connect(&whole, &pay, &business, SHOP).await, provider);
            assert_eq!(webhooks_to(&pay, &provider).len(), 1);
        }
    }
}
