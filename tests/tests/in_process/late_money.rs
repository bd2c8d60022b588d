//! Money that comes too late, too little or too much, and sales that are taken
//! back: what the buyer sees, what the license does, and what the operator is
//! told.

use crate::bench::{Bench, UNTIL_DUE, played_store};
use crate::payments::{deliver, issued, order, poll};
use keywright_btcpay_double::{BtcPay, MarkAs};
use serde_json::{Value, json};

async fn shop() -> (BtcPay, Bench) {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    bench.product("demo", 50_000).await;
    (pay, bench)
}

async fn operate(bench: &Bench, method: &str, path: &str) -> Value {
    let answer = bench.operate(method, path, &json!({})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// What is open: kind and invoice.
async fn open(bench: &Bench) -> Vec<(String, String)> {
    let list = operate(bench, "GET", "/v1/admin/attention").await;
    let items = list["attention"].as_array().expect("a list").clone();
    let text = |item: &Value, member: &str| item[member].as_str().expect(member).to_owned();
    items
        .iter()
        .map(|item| (text(item, "kind"), text(item, "object_id")))
        .collect()
}

async fn license_of(bench: &Bench) -> Value {
    bench
        .sql("SELECT status, status_reason FROM licenses")
        .await
        .into_iter()
        .next()
        .map_or(Value::Null, |row| {
            json!([row["status"], row["status_reason"]])
        })
}

#[tokio::test]
async fn too_little_is_told_and_nothing_is_issued() {
    let (pay, bench) = shop().await;
    let (invoice_id, btcpay_id) = order(&bench, "demo").await;
    pay.pay_partially(&btcpay_id).expect("a payment");
    pay.expire(&btcpay_id).expect("an expiry");
    deliver(&bench, &pay, "InvoiceExpired", &btcpay_id).await;
    let progress = poll(&bench, &invoice_id).await;
    assert_eq!(progress["status"], "expired");
    assert_eq!(progress["payment_state"], "underpaid");
    assert_eq!(open(&bench).await, [("underpaid".to_owned(), invoice_id)]);
    assert_eq!(issued(&bench).await, [0; 4]);
}

#[tokio::test]
async fn money_that_comes_late_is_found_without_a_delivery() {
    let (pay, bench) = shop().await;
    let (invoice_id, btcpay_id) = order(&bench, "demo").await;
    pay.expire(&btcpay_id).expect("an expiry");
    bench.clock.advance(UNTIL_DUE);
    bench.tick().await;
    assert_eq!(poll(&bench, &invoice_id).await["status"], "expired");
    assert_eq!(open(&bench).await, []);
    pay.pay_late(&btcpay_id).expect("a payment");
    bench.clock.advance(3_600);
    bench.tick().await;
    assert_eq!(
        poll(&bench, &invoice_id).await["payment_state"],
        "paid_late"
    );
    assert_eq!(
        open(&bench).await,
        [("paid_late".to_owned(), invoice_id.clone())]
    );
    // The merchant accepts it, and no delivery says so.
    pay.mark(&btcpay_id, MarkAs::Settled).expect("a mark");
    bench.clock.advance(3_600);
    bench.tick().await;
    let progress = poll(&bench, &invoice_id).await;
    assert_eq!(progress["status"], "settled");
    assert_eq!(open(&bench).await, [], "it needs nobody any more");
    bench.verified(progress["license_key"].as_str().expect("a key"));
    assert_eq!(issued(&bench).await, [1; 4]);
}

/// Too little in time and the rest too late: the newest item says where it stands.
#[tokio::test]
async fn an_order_has_one_open_item() {
    let (pay, bench) = shop().await;
    let (invoice_id, btcpay_id) = order(&bench, "demo").await;
    pay.pay_partially(&btcpay_id).expect("a payment");
    pay.expire(&btcpay_id).expect("an expiry");
    deliver(&bench, &pay, "InvoiceExpired", &btcpay_id).await;
    assert_eq!(
        open(&bench).await,
        [("underpaid".to_owned(), invoice_id.clone())]
    );
    pay.pay_late(&btcpay_id).expect("a payment");
    bench.clock.advance(3_600);
    bench.tick().await;
    assert_eq!(open(&bench).await, [("paid_late".to_owned(), invoice_id)]);
}

#[tokio::test]
async fn an_expired_order_is_asked_for_as_long_as_the_store_watches() {
    let (pay, bench) = shop().await;
    let (_, btcpay_id) = order(&bench, "demo").await;
    pay.expire(&btcpay_id).expect("an expiry");
    bench.clock.advance(UNTIL_DUE);
    bench.tick().await;
    let mut asked = 0;
    for _ in 0..72 {
        bench.clock.advance(3_600);
        asked += bench.tick().await.json()["checked"]
            .as_u64()
            .expect("a number");
    }
    // A day of questions, in the end four hours apart, and then none.
    assert!((8..=14).contains(&asked), "{asked} questions");
    let next = "SELECT count(*) FROM invoices WHERE next_check_at IS NOT NULL";
    assert_eq!(bench.number(next).await, 0);
}

#[tokio::test]
async fn too_much_is_sold_and_told() {
    let (pay, bench) = shop().await;
    let (invoice_id, btcpay_id) = order(&bench, "demo").await;
    pay.pay_over(&btcpay_id).expect("a payment");
    deliver(&bench, &pay, "InvoiceSettled", &btcpay_id).await;
    let progress = poll(&bench, &invoice_id).await;
    assert_eq!(progress["status"], "settled");
    assert_eq!(progress["payment_state"], "overpaid");
    assert_eq!(open(&bench).await, [("overpaid".to_owned(), invoice_id)]);
    assert_eq!(issued(&bench).await, [1; 4]);
}

/// `BTCPay` lets a merchant take back what was marked as settled.
#[tokio::test]
async fn a_sale_that_is_taken_back_suspends_its_license_and_may_return() {
    let (pay, bench) = shop().await;
    let (invoice_id, btcpay_id) = order(&bench, "demo").await;
    pay.mark(&btcpay_id, MarkAs::Settled).expect("a mark");
    deliver(&bench, &pay, "InvoiceSettled", &btcpay_id).await;
    let key = poll(&bench, &invoice_id).await["license_key"].clone();
    let validate = json!({ "key": key, "product_slug": "demo" });

    pay.mark(&btcpay_id, MarkAs::Invalid).expect("a mark");
    deliver(&bench, &pay, "InvoiceInvalid", &btcpay_id).await;
    let progress = poll(&bench, &invoice_id).await;
    assert_eq!(progress["status"], "invalid");
    assert!(progress["license_key"].is_null(), "{progress}");
    let license = license_of(&bench).await;
    assert_eq!(license[0], "suspended");
    assert!(
        license[1]
            .as_str()
            .is_some_and(|why| why.contains("withdrawn")),
        "{license}"
    );
    let answer = bench.post("/v1/validate", &validate).await.json();
    assert_eq!(
        (&answer["ok"], &answer["reason"]),
        (&json!(false), &json!("suspended"))
    );
    assert_eq!(
        open(&bench).await,
        [("withdrawn".to_owned(), invoice_id.clone())]
    );
    let before = bench.dump().await;
    deliver(&bench, &pay, "InvoiceInvalid", &btcpay_id).await;
    assert_eq!(bench.dump().await, before, "told twice");

    pay.mark(&btcpay_id, MarkAs::Settled).expect("a mark");
    deliver(&bench, &pay, "InvoiceSettled", &btcpay_id).await;
    assert_eq!(poll(&bench, &invoice_id).await["license_key"], key);
    assert_eq!(license_of(&bench).await, json!(["active", null]));
    assert_eq!(issued(&bench).await, [1; 4], "still one of each");
    for (action, event) in [
        ("license.suspend", "license.suspended"),
        ("license.unsuspend", "license.unsuspended"),
    ] {
        let entries = format!("SELECT count(*) FROM audit WHERE action = '{action}'");
        assert_eq!(bench.number(&entries).await, 1, "{action}");
        let events = format!("SELECT count(*) FROM events WHERE event_type = '{event}'");
        assert_eq!(bench.number(&events).await, 1, "{event}");
    }
}

#[tokio::test]
async fn what_the_operator_suspended_or_revoked_stays_so() {
    for (route, status) in [("suspend", "suspended"), ("revoke", "revoked")] {
        let (pay, bench) = shop().await;
        let (invoice_id, btcpay_id) = order(&bench, "demo").await;
        pay.mark(&btcpay_id, MarkAs::Settled).expect("a mark");
        deliver(&bench, &pay, "InvoiceSettled", &btcpay_id).await;
        let license_id = poll(&bench, &invoice_id).await["license_id"].clone();
        let path = format!(
            "/v1/admin/licenses/{}/{route}",
            license_id.as_str().expect("an id")
        );
        let reason = json!({ "reason": "abuse" });
        assert_eq!(bench.operate("POST", &path, &reason).await.status, 200);
        pay.mark(&btcpay_id, MarkAs::Invalid).expect("a mark");
        deliver(&bench, &pay, "InvoiceInvalid", &btcpay_id).await;
        pay.mark(&btcpay_id, MarkAs::Settled).expect("a mark");
        deliver(&bench, &pay, "InvoiceSettled", &btcpay_id).await;
        assert_eq!(
            license_of(&bench).await,
            json!([status, "abuse"]),
            "{route}"
        );
    }
}

#[tokio::test]
async fn what_is_done_is_out_of_the_list_until_it_happens_again() {
    let (pay, bench) = shop().await;
    let (invoice_id, btcpay_id) = order(&bench, "demo").await;
    pay.mark(&btcpay_id, MarkAs::Settled).expect("a mark");
    deliver(&bench, &pay, "InvoiceSettled", &btcpay_id).await;
    pay.mark(&btcpay_id, MarkAs::Invalid).expect("a mark");
    deliver(&bench, &pay, "InvoiceInvalid", &btcpay_id).await;
    let list = operate(&bench, "GET", "/v1/admin/attention").await;
    let id = list["attention"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let path = format!("/v1/admin/attention/{id}/resolve");
    for _ in 0..2 {
        let done = operate(&bench, "POST", &path).await;
        assert_eq!(done["resolved_by"], "operator");
    }
    let entries = "SELECT count(*) FROM audit WHERE action = 'attention.resolve'";
    assert_eq!(bench.number(entries).await, 1);
    assert_eq!(open(&bench).await, []);
    let all = operate(&bench, "GET", "/v1/admin/attention?state=all").await;
    assert_eq!(all["attention"].as_array().map(Vec::len), Some(1));
    // The other way and back: it is open again, and is the same item.
    for (mark, kind) in [
        (MarkAs::Settled, "InvoiceSettled"),
        (MarkAs::Invalid, "InvoiceInvalid"),
    ] {
        pay.mark(&btcpay_id, mark).expect("a mark");
        deliver(&bench, &pay, kind, &btcpay_id).await;
    }
    assert_eq!(open(&bench).await, [("withdrawn".to_owned(), invoice_id)]);
}
