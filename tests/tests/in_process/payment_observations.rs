//! A payment observation leaves the same rows, whether a delivery or a tick brings it.

use crate::bench::{Bench, UNTIL_DUE, played_store};
use crate::payments::deliver;
use keywright_btcpay_double::{BtcPay, ControlError, MarkAs};
use keywright_ports::Row;
use serde_json::json;

/// What happens at the store, the delivery that it sends, and the seconds until then.
type StoreEvent = (
    fn(&BtcPay, &str) -> Result<(), ControlError>,
    &'static str,
    u64,
);

const PAID: StoreEvent = (
    |pay, id| pay.pay_in_full(id).map(drop),
    "InvoiceSettled",
    UNTIL_DUE,
);
const PAID_ON_CHAIN: StoreEvent = (
    |pay, id| pay.pay_on_chain(id).map(drop),
    "InvoiceProcessing",
    UNTIL_DUE,
);
const CONFIRMED: StoreEvent = (|pay, id| pay.confirm(id), "InvoiceSettled", 14_401);
const PAID_IN_PART: StoreEvent = (
    |pay, id| pay.pay_partially(id).map(drop),
    "InvoiceReceivedPayment",
    UNTIL_DUE,
);
const PAID_OVER: StoreEvent = (
    |pay, id| pay.pay_over(id).map(drop),
    "InvoiceSettled",
    UNTIL_DUE,
);
const PAID_LATE: StoreEvent = (
    |pay, id| pay.pay_late(id).map(drop),
    "InvoiceReceivedPayment",
    14_401,
);
const EXPIRED: StoreEvent = (|pay, id| pay.expire(id), "InvoiceExpired", 14_401);
const MARKED_SETTLED: StoreEvent = (
    |pay, id| pay.mark(id, MarkAs::Settled),
    "InvoiceSettled",
    14_401,
);
const MARKED_INVALID: StoreEvent = (
    |pay, id| pay.mark(id, MarkAs::Invalid),
    "InvoiceInvalid",
    14_401,
);
/// A settled order is checked again only when the store stops watching for payments.
const WITHDRAWN: StoreEvent = (
    |pay, id| pay.mark(id, MarkAs::Invalid),
    "InvoiceInvalid",
    2 * 86_400,
);

const HISTORIES: [&[StoreEvent]; 8] = [
    &[PAID],
    &[PAID_ON_CHAIN, CONFIRMED],
    &[PAID_OVER],
    &[PAID_IN_PART, EXPIRED],
    &[EXPIRED, PAID_LATE, MARKED_SETTLED],
    &[MARKED_INVALID],
    &[PAID_ON_CHAIN, MARKED_INVALID],
    &[MARKED_SETTLED, WITHDRAWN],
];

/// All that an observation may write, without ids and without who wrote it.
async fn rows(bench: &Bench) -> Vec<Vec<Row>> {
    let mut rows = Vec::new();
    for sql in [
        "SELECT status, payment_state, paid_amount, paid_currency, settled_at, watch_until,
                amount_sats, base_price_sats FROM invoices",
        "SELECT r.kind, r.amount, r.currency, r.received_at,
                r.external_ref = i.provider_invoice_id AS is_of_invoice, r.seal_key_id
         FROM receipts r JOIN invoices i ON i.id = r.invoice_id",
        "SELECT status, status_reason, issued_at, updated_at FROM licenses",
        "SELECT count(*) AS number FROM download_ids",
        "SELECT at, action, object_kind, before,
                json_remove(after, '$.invoice_id', '$.product_id') AS after
         FROM audit WHERE actor IN ('btcpay', 'renew') ORDER BY at, action",
        "SELECT at, event_type FROM events ORDER BY at, event_type",
        "SELECT at, kind, object_kind, resolved_at FROM attention ORDER BY at, kind",
        "SELECT state, ended_at FROM redemptions",
        "SELECT used_count FROM discount_codes",
    ] {
        rows.push(bench.sql(sql).await);
    }
    rows
}

#[tokio::test]
async fn a_delivery_and_a_tick_leave_the_same_rows() {
    for history in HISTORIES {
        let mut shops = Vec::new();
        for _ in 0..2 {
            let pay = played_store();
            let bench = Bench::paid_through(&pay);
            bench.product("demo", 50_000).await;
            let members = json!({ "kind": "percent", "amount": 1_000, "max_uses": 5 });
            bench.code("TEN", members).await;
            let order = json!({ "product": "demo", "code": "TEN" });
            let answer = bench.post("/v1/purchase", &order).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            shops.push((pay, bench, answer.text("btcpay_invoice_id")));
        }
        let [(pay, delivered, id), (other_pay, ticked, other_id)] =
            shops.try_into().unwrap_or_else(|_| panic!("two shops"));
        let before = rows(&delivered).await;
        assert_eq!(before, rows(&ticked).await);
        for (number, (happen, event, wait)) in history.iter().enumerate() {
            happen(&pay, &id).expect("an event");
            happen(&other_pay, &other_id).expect("an event");
            delivered.clock.advance(*wait);
            ticked.clock.advance(*wait);
            let answer = deliver(&delivered, &pay, event, &id).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            let report = ticked.tick().await.json();
            assert_eq!(report["checked"], 1, "{event} {number}: {report}");
            assert_eq!(report["failed"], 0, "{event} {number}: {report}");
            let left = rows(&delivered).await;
            assert_ne!(left, before, "{event} {number}");
            assert_eq!(left, rows(&ticked).await, "{event} {number}");
        }
    }
}
