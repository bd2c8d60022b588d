//! Every way a payment can go, told in every way a delivery can: in the end
//! each payment that the store counts has one receipt and one license, no other
//! has any, and what needs somebody is on the list. The table of
//! docs/reliability.md is made of this run.

use crate::bench::{Bench, played_store};
use crate::payments::{deliver, order, poll};
use keywright_btcpay_double::{ApiState, BtcPay, MarkAs};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;

/// What happens to an invoice, and what the store tells of it.
#[derive(Clone, Copy)]
enum Step {
    Lightning,
    OnChain,
    Confirm,
    Vanish,
    Half,
    Twice,
    Expire,
    Late,
    EndOfWatch,
    MarkSettled,
    MarkInvalid,
}

impl Step {
    fn happen(self, pay: &BtcPay, id: &str) {
        let done = match self {
            Self::Lightning => pay.pay_in_full(id).map(drop),
            Self::OnChain => pay.pay_on_chain(id).map(drop),
            Self::Confirm => pay.confirm(id),
            Self::Vanish => pay.vanish(id),
            Self::Half => pay.pay_partially(id).map(drop),
            Self::Twice => pay.pay_over(id).map(drop),
            Self::Expire => pay.expire(id),
            Self::Late => pay.pay_late(id).map(drop),
            Self::EndOfWatch => pay.end_monitoring(id),
            Self::MarkSettled => pay.mark(id, MarkAs::Settled),
            Self::MarkInvalid => pay.mark(id, MarkAs::Invalid),
        };
        done.expect("a step that the store allows");
    }

    /// The deliveries of it. A payment that vanishes has none.
    fn events(self) -> &'static [&'static str] {
        match self {
            Self::Lightning | Self::Twice => &[
                "InvoiceReceivedPayment",
                "InvoiceProcessing",
                "InvoicePaymentSettled",
                "InvoiceSettled",
            ],
            Self::OnChain => &["InvoiceReceivedPayment", "InvoiceProcessing"],
            Self::Confirm => &["InvoicePaymentSettled", "InvoiceSettled"],
            Self::Vanish => &[],
            Self::Half => &["InvoiceReceivedPayment", "InvoicePaymentSettled"],
            Self::Expire => &["InvoiceExpired", "InvoiceExpiredPaidPartial"],
            Self::Late => &["InvoiceReceivedPayment", "InvoicePaidAfterExpiration"],
            Self::EndOfWatch | Self::MarkInvalid => &["InvoiceInvalid"],
            Self::MarkSettled => &["InvoiceSettled"],
        }
    }
}

/// A payment, what it ends as, and what the operator is told of.
struct Payment {
    name: &'static str,
    steps: &'static [Step],
    status: &'static str,
    /// Receipts, and licenses in force.
    sold: (i64, i64),
    attention: &'static [&'static str],
}

use Step::{
    Confirm, EndOfWatch, Expire, Half, Late, Lightning, MarkInvalid, MarkSettled, OnChain, Twice,
    Vanish,
};

#[rustfmt::skip]
const PAYMENTS: &[Payment] = &[
    Payment { name: "Lightning", steps: &[Lightning], status: "settled", sold: (1, 1), attention: &[] },
    Payment { name: "on chain, confirmed later", steps: &[OnChain, Confirm], status: "settled", sold: (1, 1), attention: &[] },
    Payment { name: "on chain, replaced, then paid", steps: &[OnChain, Vanish, Lightning], status: "settled", sold: (1, 1), attention: &[] },
    Payment { name: "on chain, never confirmed", steps: &[OnChain, EndOfWatch], status: "invalid", sold: (0, 0), attention: &["paid_invalid"] },
    Payment { name: "never paid", steps: &[Expire], status: "expired", sold: (0, 0), attention: &[] },
    Payment { name: "half paid", steps: &[Half, Expire], status: "expired", sold: (0, 0), attention: &["underpaid"] },
    Payment { name: "paid twice over", steps: &[Twice], status: "settled", sold: (1, 1), attention: &["overpaid"] },
    Payment { name: "paid too late", steps: &[Expire, Late], status: "expired", sold: (0, 0), attention: &["paid_late"] },
    Payment { name: "paid too late, accepted", steps: &[Expire, Late, MarkSettled], status: "settled", sold: (1, 1), attention: &[] },
    Payment { name: "marked as settled", steps: &[MarkSettled], status: "settled", sold: (1, 1), attention: &[] },
    Payment { name: "marked as settled, then as invalid", steps: &[MarkSettled, MarkInvalid], status: "invalid", sold: (1, 0), attention: &[] },
    Payment { name: "marked as invalid, then as settled", steps: &[MarkInvalid, MarkSettled], status: "settled", sold: (1, 1), attention: &[] },
];

/// How the deliveries reach us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Telling {
    OnTime,
    Lost,
    EverySecondLost,
    Twice,
    AtTheEnd,
    Backwards,
    /// The store's API is away for an hour from the first step on.
    ApiAway,
    /// The store's API shows what was before the first step, whatever the
    /// deliveries say, and the truth an hour later.
    ApiStale,
    /// The answer to making the invoice is lost, and what is told comes on time.
    CreateLost,
}

const TELLINGS: &[(Telling, &str)] = &[
    (Telling::OnTime, "on time"),
    (Telling::Lost, "all lost"),
    (Telling::EverySecondLost, "every second lost"),
    (Telling::Twice, "each twice, and all again at the end"),
    (Telling::AtTheEnd, "late, all at the end"),
    (Telling::Backwards, "late, in reverse order"),
    (Telling::ApiAway, "on time, the API away for an hour"),
    (Telling::ApiStale, "on time, the API an hour behind"),
    (Telling::CreateLost, "on time, the answer to creating lost"),
];

/// The price in sats, or the same at the played store's rate.
#[derive(Clone, Copy)]
enum Priced {
    InSats,
    InDollars,
}

impl Priced {
    fn product(self) -> Value {
        match self {
            Self::InSats => json!({ "slug": "demo", "name": "demo", "price_sats": 50_000 }),
            Self::InDollars => json!({ "slug": "demo", "name": "demo", "price_currency": "USD",
                                       "price_value": 2_500 }),
        }
    }
}

async fn run(payment: &Payment, telling: Telling, priced: Priced) -> (Bench, BtcPay, String) {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    let made = bench
        .operate("POST", "/v1/admin/products", &priced.product())
        .await;
    assert_eq!(made.status, 200, "{made:?}");
    if telling == Telling::CreateLost {
        pay.lose_create_answers(1);
    }
    let (invoice_id, id) = order(&bench, "demo").await;
    match telling {
        Telling::ApiAway => pay.api(ApiState::Refused),
        Telling::ApiStale => pay.freeze_answers(&id).expect("an invoice"),
        _ => {}
    }
    let mut told = Vec::new();
    for step in payment.steps {
        step.happen(&pay, &id);
        for kind in step.events() {
            let times = match telling {
                Telling::OnTime | Telling::ApiAway | Telling::ApiStale | Telling::CreateLost => 1,
                Telling::Lost | Telling::AtTheEnd | Telling::Backwards => 0,
                Telling::EverySecondLost => told.len() % 2,
                Telling::Twice => 2,
            };
            for _ in 0..times {
                let status = deliver(&bench, &pay, kind, &id).await.status;
                // The store sends again what was not taken for a fault of ours.
                let expected = if telling == Telling::ApiAway {
                    503
                } else {
                    200
                };
                assert_eq!(status, expected, "{kind}");
            }
            told.push(*kind);
        }
        bench.clock.advance(60);
    }
    if telling == Telling::Backwards {
        told.reverse();
    }
    if matches!(
        telling,
        Telling::Twice | Telling::AtTheEnd | Telling::Backwards
    ) {
        for kind in told {
            assert_eq!(deliver(&bench, &pay, kind, &id).await.status, 200);
        }
    }
    for hour in 0..30 {
        if hour == 1 {
            pay.api(ApiState::Up);
            pay.thaw_answers(&id);
        }
        bench.clock.advance(3_600);
        assert_eq!(bench.tick().await.status, 200);
    }
    (bench, pay, invoice_id)
}

async fn assert_true(bench: &Bench, payment: &Payment, invoice_id: &str, case: &str) {
    let progress = poll(bench, invoice_id).await;
    assert_eq!(progress["status"], payment.status, "{case}: {progress}");
    let count = |sql: &'static str| bench.number(sql);
    let receipts = count("SELECT count(*) FROM receipts").await;
    let licenses = count("SELECT count(*) FROM licenses").await;
    let in_force = count("SELECT count(*) FROM licenses WHERE status = 'active'").await;
    assert_eq!(licenses, receipts, "{case}");
    assert_eq!((receipts, in_force), sold_by(payment, receipts), "{case}");
    assert_eq!(
        progress["license_key"].is_string(),
        in_force == 1,
        "{case}: {progress}"
    );
    let open = bench
        .sql("SELECT kind FROM attention WHERE resolved_at IS NULL")
        .await;
    let open: Vec<&Value> = open.iter().map(|row| &row["kind"]).collect();
    let expected = match payment.sold {
        // Taken back: told of where it had been sold.
        (1, 0) if receipts == 1 => &["withdrawn"],
        _ => payment.attention,
    };
    assert_eq!(open, expected, "{case}");
    let next = "SELECT count(*) FROM invoices WHERE next_check_at IS NOT NULL";
    assert_eq!(count(next).await, 0, "{case}: asked for without end");
    let issued = "SELECT count(*) FROM events WHERE event_type = 'license.issued'";
    assert_eq!(count(issued).await, receipts, "{case}");
}

/// A sale that is taken back before we heard of it was never made: no receipt
/// then, else one whose license is suspended. Anything else is as it stands.
fn sold_by(payment: &Payment, receipts: i64) -> (i64, i64) {
    match payment.sold {
        (1, 0) => (receipts.min(1), 0),
        sold => sold,
    }
}

#[tokio::test]
async fn every_payment_told_in_every_way_ends_as_the_store_says() {
    let mut table = String::from("| payment | ends as |");
    for (_, name) in TELLINGS {
        let _ = write!(table, " {name} |");
    }
    table.push_str("\n|---|---|");
    table.push_str(&"---|".repeat(TELLINGS.len()));
    table.push('\n');
    let mut runs = 0;
    for payment in PAYMENTS {
        let _ = write!(table, "| {} | {} |", payment.name, payment.status);
        for (telling, name) in TELLINGS {
            let case = format!("{}, {name}", payment.name);
            let (bench, pay, invoice_id) = run(payment, *telling, Priced::InSats).await;
            assert_true(&bench, payment, &invoice_id, &case).await;
            assert!(
                pay.violations().is_empty(),
                "{case}: {:?}",
                pay.violations()
            );
            let receipts = bench.number("SELECT count(*) FROM receipts").await;
            let in_force = "SELECT count(*) FROM licenses WHERE status = 'active'";
            let in_force = bench.number(in_force).await;
            let _ = write!(table, " {receipts} / {in_force} |");
            runs += 1;
        }
        table.push('\n');
    }
    let _ = write!(table, "\n{runs} runs.\n");
    compare(&table);
}

/// What the store makes of dollars changes nothing about who gets a license;
/// and what was quoted is what the receipt says.
#[tokio::test]
async fn an_order_in_dollars_ends_as_one_in_sats() {
    for payment in PAYMENTS {
        for (telling, name) in TELLINGS {
            let case = format!("{} in dollars, {name}", payment.name);
            let (bench, pay, invoice_id) = run(payment, *telling, Priced::InDollars).await;
            assert_true(&bench, payment, &invoice_id, &case).await;
            assert!(
                pay.violations().is_empty(),
                "{case}: {:?}",
                pay.violations()
            );
            let progress = poll(&bench, &invoice_id).await;
            assert_eq!(progress["amount_sats"], 50_000, "{case}: {progress}");
            assert_eq!(progress["price_value"], 2_500, "{case}: {progress}");
            for receipt in bench.sql("SELECT amount, currency FROM receipts").await {
                let quoted = (&receipt["amount"], &receipt["currency"]);
                assert_eq!(quoted, (&json!(2_500), &json!("USD")), "{case}");
            }
            let details = "SELECT details FROM attention";
            for row in bench.sql(details).await {
                let details = row["details"].as_str().expect("text");
                let details: Value = serde_json::from_str(details).expect("JSON");
                let quoted = (&details["price_currency"], &details["price_value"]);
                assert_eq!(quoted, (&json!("USD"), &json!(2_500)), "{case}: {details}");
            }
        }
    }
}

/// `KEYWRIGHT_WRITE_RELIABILITY=1` writes the table anew.
fn compare(table: &str) {
    const BEGIN: &str = "<!-- table: begin -->\n";
    const END: &str = "<!-- table: end -->";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reliability.md");
    let text = std::fs::read_to_string(&path).expect("docs/reliability.md");
    let (before, rest) = text.split_once(BEGIN).expect("the mark before the table");
    let (kept, after) = rest.split_once(END).expect("the mark after the table");
    if std::env::var_os("KEYWRIGHT_WRITE_RELIABILITY").is_some() {
        let new = format!("{before}{BEGIN}{table}{END}{after}");
        std::fs::write(&path, new).expect("docs/reliability.md");
        return;
    }
    assert_eq!(
        kept, table,
        "docs/reliability.md does not show this run; write it anew and look"
    );
}
