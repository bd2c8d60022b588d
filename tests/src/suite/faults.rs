//! What goes wrong between the store and us, on the host itself: rows of the
//! table in docs/reliability.md, with the played store's own deliveries. Time is
//! not waited for: an order's turn is made due.

use super::cases;
use super::deliveries::answered;
use super::floor::{eventually, licenses_of, nothing_due, poll, text, tick};
use crate::hosts::Instance;
use http::Method;
use keywright_btcpay_double::{ApiState, ControlError, Fault, MarkAs, Release};
use serde_json::json;
use std::time::Duration;

cases![
    all_lost alone,
    each_twice alone,
    late_in_order alone,
    late_in_reverse_order alone,
    api_away_for_an_hour alone,
];

/// What happens to an invoice.
#[derive(Debug, Clone, Copy)]
enum Step {
    Lightning,
    OnChain,
    Confirm,
    Half,
    Twice,
    Expire,
    Late,
    MarkSettled,
    MarkInvalid,
}

impl Step {
    fn happen(self, instance: &Instance, remote: &str) -> Result<(), ControlError> {
        let pay = &instance.btcpay;
        match self {
            Self::Lightning => pay.pay_in_full(remote).map(drop),
            Self::OnChain => pay.pay_on_chain(remote).map(drop),
            Self::Confirm => pay.confirm(remote),
            Self::Half => pay.pay_partially(remote).map(drop),
            Self::Twice => pay.pay_over(remote).map(drop),
            Self::Expire => pay.expire(remote),
            Self::Late => pay.pay_late(remote).map(drop),
            Self::MarkSettled => pay.mark(remote, MarkAs::Settled),
            Self::MarkInvalid => pay.mark(remote, MarkAs::Invalid),
        }
    }
}

/// A payment, in dollars or in sats, and what it ends as.
struct Payment {
    name: &'static str,
    in_dollars: bool,
    steps: &'static [Step],
    status: &'static str,
    /// Licenses in force.
    in_force: i64,
    /// What is open for the operator, whoever heard of what; `None` where that
    /// depends on it.
    attention: Option<&'static str>,
}

#[rustfmt::skip]
const PAYMENTS: &[Payment] = &[
    Payment { name: "lightning", in_dollars: false, steps: &[Step::Lightning], status: "settled", in_force: 1, attention: None },
    Payment { name: "dollars", in_dollars: true, steps: &[Step::Lightning], status: "settled", in_force: 1, attention: None },
    Payment { name: "confirmed", in_dollars: false, steps: &[Step::OnChain, Step::Confirm], status: "settled", in_force: 1, attention: None },
    Payment { name: "half", in_dollars: true, steps: &[Step::Half, Step::Expire], status: "expired", in_force: 0, attention: Some("underpaid") },
    Payment { name: "twice", in_dollars: true, steps: &[Step::Twice], status: "settled", in_force: 1, attention: Some("overpaid") },
    Payment { name: "late", in_dollars: false, steps: &[Step::Expire, Step::Late], status: "expired", in_force: 0, attention: Some("paid_late") },
    Payment { name: "accepted", in_dollars: true, steps: &[Step::Expire, Step::Late, Step::MarkSettled], status: "settled", in_force: 1, attention: None },
    Payment { name: "taken-back", in_dollars: false, steps: &[Step::MarkSettled, Step::MarkInvalid], status: "invalid", in_force: 0, attention: None },
];

/// An order at the played store: our id and the store's.
async fn ordered(instance: &Instance, slug: &str, in_dollars: bool) -> (String, String) {
    let product = if in_dollars {
        json!({ "slug": slug, "name": slug, "price_currency": "USD", "price_value": 2_500 })
    } else {
        json!({ "slug": slug, "name": slug, "price_sats": 50_000 })
    };
    let made = instance.api.admin(Method::POST, "products", &product);
    made.await.ok();
    let bought = super::floor::buy(instance, slug).await;
    assert_eq!(bought["amount_sats"], 50_000, "{bought}");
    (
        text(&bought, "invoice_id"),
        text(&bought, "btcpay_invoice_id"),
    )
}

async fn happen(instance: &Instance, payment: &Payment, remote: &str) {
    for step in payment.steps {
        let done = step.happen(instance, remote);
        done.unwrap_or_else(|error| panic!("{} {step:?}: {error}", payment.name));
        // Not all at once, as no payer is that fast.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn quiet(instance: &Instance) {
    let idle = instance.btcpay.idle().await;
    idle.expect("nothing in flight");
}

/// The order's turn has come, and the cron function ticks.
async fn turn(instance: &Instance, invoice: &str) {
    let due = "UPDATE invoices SET next_check_at = 0 WHERE id = ?1";
    let id = super::floor::order_id(instance, invoice).await;
    instance.database.change(due, &[&id]).await;
    // A store that did not answer is paused for minutes; turns are further apart.
    let over = "UPDATE store_turns SET leased_until = 0";
    instance.database.change(over, &[]).await;
    tick(instance).await.ok();
}

/// Whatever was told and lost: after a few turns it stands as the store says.
async fn stands(instance: &Instance, payment: &Payment, invoice: &str, told: &str) {
    let case = format!("{}, {told}", payment.name);
    for _ in 0..3 {
        turn(instance, invoice).await;
    }
    let progress = poll(instance, invoice).await;
    assert_eq!(progress["status"], payment.status, "{case}: {progress}");
    assert_eq!(
        progress["license_key"].is_string(),
        payment.in_force == 1,
        "{case}: {progress}"
    );
    let issued = licenses_of(instance, invoice).await;
    let id = text(&progress, "order_id");
    let invoice = id.as_str();
    // One that was taken back was sold before, where that was heard of.
    let sold = payment.in_force
        ..=payment
            .in_force
            .max(i64::from(payment.name == "taken-back"));
    assert!(sold.contains(&issued), "{case}: {issued} licenses");
    let in_force = "SELECT count(*) AS n FROM licenses l JOIN receipts r ON r.id = l.receipt_id
                    WHERE r.invoice_id = ?1 AND l.status = 'active'";
    let in_force = instance.database.count(in_force, &[invoice]).await;
    assert_eq!(in_force, payment.in_force, "{case}");
    let told_of = "SELECT count(*) AS n FROM events
                   WHERE event_type = 'license.issued' AND data ->> 'invoice_id' = ?1";
    let told_of = instance.database.count(told_of, &[invoice]).await;
    assert_eq!(told_of, issued, "{case}: told once of each license");
    if let Some(kind) = payment.attention {
        let open = "SELECT count(*) AS n FROM attention
                    WHERE object_id = ?1 AND kind = ?2 AND resolved_at IS NULL";
        let open = instance.database.count(open, &[invoice, kind]).await;
        assert_eq!(open, 1, "{case}: the operator is told");
    }
}

async fn all_lost(instance: &Instance) {
    nothing_due(instance).await;
    for payment in PAYMENTS {
        let slug = format!("lost-{}", payment.name);
        let (invoice, remote) = ordered(instance, &slug, payment.in_dollars).await;
        quiet(instance).await;
        instance.btcpay.on_delivery(Fault::lose());
        happen(instance, payment, &remote).await;
        quiet(instance).await;
        instance.btcpay.clear_faults();
        let waiting = poll(instance, &invoice).await;
        assert_eq!(waiting["status"], "pending", "nobody told: {waiting}");
        stands(instance, payment, &invoice, "all lost").await;
    }
}

/// The very same bytes twice at the same moment, and all of them again at the
/// end.
async fn each_twice(instance: &Instance) {
    nothing_due(instance).await;
    for payment in PAYMENTS {
        let slug = format!("doubled-{}", payment.name);
        let (invoice, remote) = ordered(instance, &slug, payment.in_dollars).await;
        quiet(instance).await;
        instance.btcpay.on_delivery(Fault::duplicate(1));
        happen(instance, payment, &remote).await;
        quiet(instance).await;
        instance.btcpay.clear_faults();
        let before = poll(instance, &invoice).await;
        assert_eq!(before["status"], payment.status, "told in time: {before}");
        for attempt in instance.btcpay.attempts() {
            if attempt.invoice_id.as_deref() == Some(&remote) {
                let again = instance.btcpay.redeliver(&attempt.delivery_id);
                again.expect("a delivery to send again");
            }
        }
        quiet(instance).await;
        assert_eq!(poll(instance, &invoice).await, before, "{slug}");
        stands(instance, payment, &invoice, "each twice").await;
    }
}

async fn late_in_order(instance: &Instance) {
    late(instance, Release::InOrder, "in-order").await;
}

async fn late_in_reverse_order(instance: &Instance) {
    late(instance, Release::Reversed, "reversed-all").await;
}

/// Everything is told at the end, when the store has moved on.
async fn late(instance: &Instance, order: Release, name: &str) {
    nothing_due(instance).await;
    for payment in PAYMENTS {
        let slug = format!("{name}-{}", payment.name);
        let (invoice, remote) = ordered(instance, &slug, payment.in_dollars).await;
        quiet(instance).await;
        instance.btcpay.on_delivery(Fault::hold());
        happen(instance, payment, &remote).await;
        // Those of the last step come a moment later; one that misses the release is
        // delivered by itself.
        let look = || async { instance.btcpay.held().len() };
        eventually(look, |held| *held > 0, "a delivery is held").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let waiting = poll(instance, &invoice).await;
        assert_eq!(waiting["status"], "pending", "{slug}: {waiting}");
        instance.btcpay.clear_faults();
        assert!(instance.btcpay.release(order) > 0, "{slug}");
        quiet(instance).await;
        stands(instance, payment, &invoice, name).await;
    }
}

/// The store's API refuses connections while its deliveries arrive: they are
/// answered so that it sends them again, which a restart of the store prevents.
/// An hour has seven turns.
async fn api_away_for_an_hour(instance: &Instance) {
    nothing_due(instance).await;
    for payment in PAYMENTS {
        let slug = format!("away-{}", payment.name);
        let (invoice, remote) = ordered(instance, &slug, payment.in_dollars).await;
        quiet(instance).await;
        instance.btcpay.api(ApiState::Refused);
        happen(instance, payment, &remote).await;
        let refused = |answers: &[(String, u16)]| answers.iter().any(|(_, status)| *status == 503);
        let answers = answered(instance, &remote, refused).await;
        let after = answers
            .iter()
            .filter(|(event, _)| event != "InvoiceCreated");
        let taken = after.filter(|(_, status)| *status == 200).count();
        assert_eq!(taken, 0, "{slug}: nothing is believed: {answers:?}");
        for _ in 0..7 {
            turn(instance, &invoice).await;
        }
        let waiting = poll(instance, &invoice).await;
        assert_eq!(waiting["status"], "pending", "{slug}: {waiting}");
        assert_eq!(licenses_of(instance, &invoice).await, 0, "{slug}");
        instance.btcpay.drop_pending();
        instance.btcpay.clear_faults();
        stands(instance, payment, &invoice, "API away").await;
    }
}
