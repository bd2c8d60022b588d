//! The platform's cron trigger: what happens between two of them does not wait for the next.

use crate::webhook_receiver::{Reply, Told};
use keywright_deliver::FUNCTION;
use keywright_ports::{Background, BoxFuture, Later, name};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Statements of an invocation on the free plan.
const STATEMENTS: u64 = 50;

/// Waits by the shop's clock; a license is issued during some of the waits.
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
                told.happens().await;
                let statements = told.bench.shop.database.statements() - before;
                own.fetch_add(statements, Ordering::SeqCst);
            }
        })
    }
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
    let told = shop(&[]).await;
    let (waits, statements) = triggered(&told, &[]).await;
    assert!((2..=9).contains(&waits), "{waits}");
    assert!(statements <= STATEMENTS, "{statements}");
    let (_, statements) = triggered(&told, &[0, 1, 2]).await;
    assert!(!told.receiver.taken().is_empty());
    assert!(statements <= STATEMENTS, "{statements}");
    // What it had no statements left for comes with the next.
    triggered(&told, &[]).await;
    let issued = "SELECT count(*) AS n FROM events WHERE event_type = 'license.issued'";
    let issued = told.bench.number(issued).await;
    assert_eq!(
        i64::try_from(told.deliveries("delivered").await.len()),
        Ok(issued)
    );
}
