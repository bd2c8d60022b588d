//! The journal: notes written after the answer, many at once, and none lost
//! without being counted.

use crate::bench::Bench;
use crate::holder::written;
use crate::races::at_once;
use axum::Extension;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::get;
use http::Request;
use keywright_native_host::{Fault, serve};
use keywright_ports::Host;
use keywright_ports::{Later, Statement};
use keywright_services::journal::{Journal, MOST_FAILURES, MOST_NOTES};
use std::sync::Arc;
use std::time::Duration;

/// A function whose every answer leaves a note.
struct Noting {
    bench: Bench,
    host: Host,
    router: Router,
    journal: Journal<u64>,
}

/// One statement, however many notes there are.
fn statements(notes: &[u64]) -> Vec<Statement> {
    let notes = serde_json::to_string(notes).expect("JSON");
    vec![Statement::new(
        "INSERT INTO validation_log (at, result) SELECT value, 'ok' FROM json_each(?1)",
        [notes.into()],
    )]
}

impl Noting {
    fn new() -> Arc<Self> {
        let bench = Bench::new();
        let host = bench.shop.native.host(&keywright_admin::FUNCTION);
        let database = host.database().expect("granted");
        let journal = Journal::new(database, host.clock.clone(), host.log.clone(), statements);
        let note = |State(journal): State<Journal<u64>>, Extension(later): Extension<Later>| async move {
            journal.add(&later, 7).await;
            "noted"
        };
        let router = Router::new()
            .route("/", get(note))
            .with_state(journal.clone());
        Arc::new(Self {
            bench,
            host,
            router,
            journal,
        })
    }

    async fn answer(&self) -> u16 {
        let request = Request::get("/").body(Body::empty()).expect("a request");
        let answer = serve(&self.host, &self.router, request).await;
        answer.status().as_u16()
    }

    async fn rows(&self) -> i64 {
        self.bench
            .number("SELECT count(*) FROM validation_log")
            .await
    }
}

#[tokio::test]
async fn notes_of_a_moment_are_one_batch_after_the_answers() {
    let noting = Noting::new();
    noting.bench.shop.database.count_anew();
    for _ in 0..50 {
        assert_eq!(noting.answer().await, 200);
    }
    assert_eq!(noting.bench.shop.database.calls(), 0, "no answer waited");
    written().await;
    assert_eq!(noting.bench.shop.database.calls(), 1);
    assert_eq!(noting.rows().await, 50);
    // A writer that has ended does not keep the next note from being written.
    noting.answer().await;
    written().await;
    assert_eq!(noting.rows().await, 51);
    assert_eq!(noting.journal.counts().written, 51);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_is_bounded_and_every_note_arrives() {
    let noting = Noting::new();
    let many = 5 * MOST_NOTES;
    let answers = (0..many).map(|_| {
        let noting = noting.clone();
        async move { noting.answer().await }
    });
    assert!(at_once(answers).await.iter().all(|status| *status == 200));
    // What is over the bound was written by the answers themselves.
    assert!(noting.journal.counts().written >= (4 * MOST_NOTES) as u64);
    // The rest is written after the answers, on whichever thread gave them.
    let many = i64::try_from(many).expect("a number");
    while noting.rows().await < many {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(noting.rows().await, many);
}

#[tokio::test]
async fn a_database_that_fails_for_a_while_loses_nothing() {
    let noting = Noting::new();
    noting.answer().await;
    for _ in 1..MOST_FAILURES {
        noting.bench.shop.database.break_call(0, Fault::Before);
        noting.journal.write().await;
        noting.bench.shop.database.mend();
        noting.answer().await;
    }
    noting.journal.write().await;
    let counts = noting.journal.counts();
    assert_eq!((counts.written, counts.lost), (u64::from(MOST_FAILURES), 0));
    assert_eq!(noting.rows().await, i64::from(MOST_FAILURES));
}

#[tokio::test]
async fn notes_that_are_given_up_are_counted_and_logged() {
    let noting = Noting::new();
    for _ in 0..MOST_FAILURES {
        noting.answer().await;
        noting.bench.shop.database.break_call(0, Fault::Before);
        noting.journal.write().await;
    }
    noting.bench.shop.database.mend();
    assert_eq!(noting.journal.counts().lost, u64::from(MOST_FAILURES));
    assert!(
        noting.bench.log().contains("5 journal notes lost"),
        "{}",
        noting.bench.log()
    );
    noting.answer().await;
    noting.journal.write().await;
    assert_eq!(noting.journal.counts().written, 1);
}
