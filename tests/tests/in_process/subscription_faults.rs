//! Subscriptions of which one step breaks, and many of whose steps come at once: in the end
//! every paid cycle extends the license once, and nothing that was not paid does.

use crate::bench::json_request;
use crate::breaking::break_every_call;
use crate::payments::{body_of, deliver, delivery_of};
use crate::races::at_once;
use crate::subscriptions::{Club, Member, on};
use http::Method;
use serde_json::json;
use std::sync::Arc;

/// How often a license was extended, by every witness of it.
async fn renewals(club: &Club) -> Vec<i64> {
    let mut counts = Vec::new();
    for sql in [
        "SELECT count(*) FROM subscription_cycles WHERE state = 'paid' AND number > 1",
        "SELECT count(*) FROM events WHERE event_type = 'subscription.renewed'",
        "SELECT count(*) FROM audit WHERE action = 'subscription.renew'",
    ] {
        counts.push(club.bench.number(sql).await);
    }
    counts
}

async fn paid_until(club: &Club, member: &Member) -> String {
    club.stands(member).await.1
}

/// The payment of a cycle that is told once, with every call broken: the next ticks record
/// what is missing, and record nothing twice.
#[tokio::test]
async fn whatever_call_of_a_renewal_breaks_it_extends_once() {
    break_every_call(8, async |call, fault| {
        let club = Club::open(json!({})).await;
        let member = club.member(json!({})).await;
        club.bench.shop.database.break_call(call, fault);
        let body = json!({ "license_key": member.key });
        club.bench.post("/v1/subscriptions/pay", &body).await;
        for invoice in club.pay.invoices() {
            // The first one is paid already.
            if club.pay.pay_in_full(&invoice.id).is_ok() {
                deliver(&club.bench, &club.pay, "InvoiceSettled", &invoice.id).await;
            }
        }
        let was_broken = club.bench.shop.database.calls() > call;
        club.bench.shop.database.break_call(u64::MAX, fault);
        for _ in 0..3 {
            club.bench.clock.advance(3_600);
            club.bench.tick().await;
        }
        let sql = "SELECT count(*) FROM invoices WHERE cycle_id IS NOT NULL AND status = 'settled'";
        let paid = club.bench.number(sql).await;
        let case = format!("{call} {fault:?}");
        assert!(paid <= 1, "{case}");
        assert_eq!(renewals(&club).await, [paid; 3], "{case}");
        let until = if paid == 1 { on(60) } else { on(30) };
        assert_eq!(paid_until(&club, &member).await, until, "{case}");
        was_broken
    })
    .await;
}

/// Every call of the ticks that open a cycle, begin the grace and let it lapse: the next
/// tick does what is missing, and each is told once.
#[tokio::test]
async fn whatever_call_of_a_tick_breaks_each_step_is_told_once() {
    break_every_call(4, async |call, fault| {
        let club = Club::open(json!({ "grace_period_days": 7 })).await;
        club.member(json!({})).await;
        club.until(26).await;
        let mut was_broken = true;
        for day in [28, 31, 38] {
            club.sleep_until(day);
            club.as_if_ticked().await;
            club.bench.shop.database.count_anew();
            club.bench.shop.database.break_call(call, fault);
            club.bench.tick().await;
            was_broken &= club.bench.shop.database.calls() > call;
            club.bench.shop.database.break_call(u64::MAX, fault);
            club.tick().await;
            club.tick().await;
        }
        let told = ["started", "renewal_pending", "past_due", "lapsed"];
        assert_eq!(club.events().await, told, "{call} {fault:?}");
        was_broken
    })
    .await;
}

/// Cancelling and resuming with every call broken: after it is asked again, it is done,
/// and told once.
#[tokio::test]
async fn whatever_call_of_a_cancellation_breaks_it_is_done_once() {
    break_every_call(3, async |call, fault| {
        let club = Club::open(json!({})).await;
        let member = club.member(json!({})).await;
        club.until(28).await;
        club.next_order(&member).await;
        let body = json!({ "license_key": member.key });
        let mut was_broken = false;
        for route in ["cancel", "resume"] {
            club.bench.shop.database.count_anew();
            club.bench.shop.database.break_call(call, fault);
            let path = format!("/v1/subscriptions/{route}");
            club.bench.post(&path, &body).await;
            was_broken |= club.bench.shop.database.calls() > call;
            club.bench.shop.database.break_call(u64::MAX, fault);
            let again = club.bench.post(&path, &body).await;
            assert_eq!(again.status, 200, "{call} {fault:?} {again:?}");
        }
        let told = ["started", "renewal_pending", "cancelled", "resumed"];
        assert_eq!(club.events().await, told, "{call} {fault:?}");
        let pending = "SELECT count(*) FROM invoices WHERE status = 'pending'";
        assert_eq!(club.bench.number(pending).await, 0, "{call} {fault:?}");
        was_broken
    })
    .await;
}

/// 200 at once: the same payment is reported, its buyer cancels, and the tick comes round.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rush_of_reports_cancellations_and_ticks_extends_once() {
    let club = Arc::new(Club::open(json!({})).await);
    let member = club.member(json!({})).await;
    club.until(28).await;
    let id = club.next_order(&member).await;
    club.pay.pay_in_full(&id).expect("a payment");
    let requests: Vec<_> = (0..200)
        .map(|number| {
            let club = club.clone();
            let body = json!({ "license_key": member.key });
            let told = body_of(&club.pay, "InvoiceSettled", &id);
            async move {
                match number % 4 {
                    0 => {
                        let path = "/v1/subscriptions/cancel";
                        let request = json_request(Method::POST, path, &body);
                        club.bench.send(request).await.status
                    }
                    1 => club.bench.tick().await.status,
                    _ => club.bench.send(delivery_of(told)).await.status,
                }
            }
        })
        .collect();
    let statuses = at_once(requests.into_iter()).await;
    for status in statuses {
        // A cancellation that lost to two others says so.
        assert!(matches!(status, 200 | 409), "{status}");
    }
    assert_eq!(renewals(&club).await, [1; 3]);
    assert_eq!(club.stands(&member).await, ("cancelled".to_owned(), on(60)));
    let cancelled = "SELECT count(*) FROM events WHERE event_type = 'subscription.cancelled'";
    assert_eq!(club.bench.number(cancelled).await, 1);
}

/// 50 buyers open the same link at once: one order is open, and one payment extends.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rush_for_the_link_leaves_one_open_order() {
    let club = Arc::new(Club::open(json!({})).await);
    let member = club.member(json!({})).await;
    let requests: Vec<_> = (0..50)
        .map(|_| {
            let club = club.clone();
            let body = json!({ "license_key": member.key });
            let request = json_request(Method::POST, "/v1/subscriptions/pay", &body);
            async move { club.bench.send(request).await.status }
        })
        .collect();
    let statuses = at_once(requests.into_iter()).await;
    assert!(
        statuses.iter().all(|status| matches!(status, 200 | 409)),
        "{statuses:?}"
    );
    let open = "SELECT count(*) FROM invoices WHERE cycle_id IS NOT NULL AND status = 'pending'";
    assert_eq!(club.bench.number(open).await, 1);
    let cycles = "SELECT count(*) FROM subscription_cycles";
    assert_eq!(club.bench.number(cycles).await, 2);
}

/// Trials of one buyer at once: one is free.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rush_for_a_trial_gives_one() {
    let club = Arc::new(Club::open(json!({ "trial_days": 14 })).await);
    let requests: Vec<_> = (0..30)
        .map(|_| {
            let club = club.clone();
            let order = json!({ "product": "demo", "policy_slug": "basic",
                                "buyer_email": "ana@example.com" });
            let request = json_request(Method::POST, "/v1/purchase", &order);
            async move {
                let answer = club.bench.send(request).await;
                assert_eq!(answer.status, 200, "{answer:?}");
                u16::from(answer.json()["price_value"] == 0)
            }
        })
        .collect();
    let free: u16 = at_once(requests.into_iter()).await.iter().sum();
    assert_eq!(free, 1);
}
