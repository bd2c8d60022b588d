//! The platform's cron trigger: what happens between two of them does not wait for the next.

use crate::mail_api::WITH_KEYS;
use crate::webhook_receiver::{Reply, Told};
use keywright_deliver::FUNCTION;
use keywright_ports::{Background, BoxFuture, Later, name};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Statements of an invocation on the free plan.
const STATEMENTS: u64 = 50;

/// Waits by the shop's clock; a license is bought during some of the waits.
struct Waits {
    told: Arc<Told>,
    happens_in: &'static [u64],
    count: AtomicU64,
    /// Statements of what happened, which are not the trigger's.
    own: Arc<AtomicU64>,
}

impl Background for Waits {
    fn start(&self, _: BoxFuture<'static, ()>) {}

    fn sleep(&self, millis: u64) -> BoxFuture<'static, ()> {
        self.told.bench.clock.advance(millis / 1_000);
        let wait = self.count.fetch_add(1, Ordering::SeqCst);
        let happens = self.happens_in.contains(&wait);
        let (told, own) = (self.told.clone(), self.own.clone());
        Box::pin(async move {
            if happens {
                let before = told.bench.shop.database.statements();
                buy(&told, wait).await;
                let statements = told.bench.shop.database.statements() - before;
                own.fetch_add(statements, Ordering::SeqCst);
            }
        })
    }
}

/// A free license, which is mailed where mail is on.
async fn buy(told: &Told, number: u64) {
    let email = format!("buyer{number}@x.example");
    let order = json!({ "product": "demo", "buyer_email": email });
    let bought = told.bench.post("/v1/purchase", &order).await;
    assert_eq!(bought.status, 200, "{bought:?}");
}

/// How many webhooks and mails arrived since the last time.
fn arrived(told: &Told) -> (usize, usize) {
    let arrived = told.receiver.taken();
    let of = |host: &str| arrived.iter().filter(|one| one.host == host).count();
    (of("hooks.example.com"), of("mail.example.com"))
}

/// Runs the trigger. Answers its waits and its statements.
async fn triggered(told: &Arc<Told>, happens_in: &'static [u64]) -> (u64, u64) {
    let waits = Arc::new(Waits {
        told: told.clone(),
        happens_in,
        count: AtomicU64::new(0),
        own: Arc::default(),
    });
    let run = FUNCTION.tick.expect("a tick");
    let host = told.bench.shop.function("DELIVER").0.clone();
    told.bench.shop.database.count_anew();
    run(host, Later::new(waits.clone())).await.expect("a run");
    let statements = told.bench.shop.database.statements();
    let own = waits.own.load(Ordering::SeqCst);
    (waits.count.load(Ordering::SeqCst), statements - own)
}

async fn shop(config: &[(&'static str, &str)]) -> Arc<Told> {
    let told = Told::with(config);
    told.bench.product("demo", 0).await;
    let licenses = json!({ "event_types": ["license.*"] });
    told.endpoint("hooks.example.com", licenses).await;
    told.tick().await;
    Arc::new(told)
}

#[tokio::test]
async fn what_happens_in_the_minute_is_sent_within_seconds() {
    let told = shop(&[(name::WEBHOOKS_PER_TICK, "450")]).await;
    let (waits, _) = triggered(&told, &[]).await;
    assert_eq!((waits, told.receiver.taken().len()), (9, 0));
    let (waits, _) = triggered(&told, &[1, 4]).await;
    assert_eq!((waits, told.receiver.taken().len()), (9, 2));
    // The next attempt comes when it is due, and not a minute later.
    told.receiver.reply(
        "hooks.example.com",
        [Reply::Status(500), Reply::Status(500)],
    );
    triggered(&told, &[0]).await;
    assert_eq!(
        told.receiver.taken().len(),
        3,
        "at once, after 5 s, after 10 s"
    );
}

#[tokio::test]
async fn on_the_free_plan_it_stays_within_the_statements_of_an_invocation() {
    for (config, mails) in [(&[][..], 0), (WITH_KEYS, 3)] {
        let told = shop(config).await;
        let (waits, statements) = triggered(&told, &[]).await;
        assert_eq!(waits, 9, "to the end of the minute");
        assert!(statements <= STATEMENTS / 2, "{statements}");
        let (_, statements) = triggered(&told, &[1]).await;
        assert!(statements <= STATEMENTS, "{statements}");
        assert_eq!(arrived(&told), (1, mails.min(1)), "in the same minute");
        let (_, statements) = triggered(&told, &[0, 1, 2]).await;
        assert!(statements <= STATEMENTS, "{statements}");
        // What it had no statements left for comes with the next.
        triggered(&told, &[]).await;
        assert_eq!(arrived(&told), (3, mails));
    }
}

#[tokio::test]
async fn on_the_free_plan_five_endpoints_are_served_at_once_beside_mail() {
    let told = shop(WITH_KEYS).await;
    for n in 0..4 {
        let host = format!("h{n}.example.com");
        told.endpoint(&host, json!({})).await;
    }
    told.tick().await;
    for number in 0..5 {
        buy(&told, number).await;
    }
    told.bench.shop.database.count_anew();
    let arrived = told.tick().await;
    let statements = told.bench.shop.database.statements();
    assert!(statements <= STATEMENTS, "{statements}");
    let hosts: BTreeSet<&str> = arrived.iter().map(|one| one.host.as_str()).collect();
    assert_eq!(hosts.len(), 6, "{hosts:?}");
}

#[tokio::test]
async fn mails_that_wait_for_the_daily_cap_do_not_end_the_minute() {
    let told = shop(&[WITH_KEYS, &[(name::MAIL_PER_DAY, "2")]].concat()).await;
    for number in 0..3 {
        buy(&told, number).await;
    }
    let (waits, statements) = triggered(&told, &[7]).await;
    assert_eq!((waits, arrived(&told)), (9, (4, 1)));
    assert!(statements <= STATEMENTS, "{statements}");
}
