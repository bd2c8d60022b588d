//! A shop with very many deliveries on their way, and some endpoints that are dead: what a
//! tick costs, and how soon the others have everything.
//!
//! `KEYWRIGHT_PENDING_DELIVERIES=100000 cargo test --workspace --test in_process crowd --
//! --nocapture` is the large one.

use crate::webhook_receiver::{Reply, Told};
use keywright_ports::{FetchError, name};
use serde_json::json;
use std::time::{Duration, Instant};

const ENDPOINTS: i64 = 50;
const DEAD: i64 = 3;
/// What `WEBHOOKS_PER_TICK` is on a paid plan of Workers, at most.
const PER_TICK: usize = 450;
/// Statements that an invocation may have on that plan.
const STATEMENTS: u64 = 1_000;

fn host(n: i64) -> String {
    format!("h{n}.example.com")
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "it measures real time")]
async fn a_crowd_of_deliveries_is_sent_at_the_rate_of_the_endpoints() {
    let pending = std::env::var("KEYWRIGHT_PENDING_DELIVERIES");
    let pending = pending.map_or(5_000, |text| text.parse().expect("a number"));
    let events: i64 = pending / ENDPOINTS;
    let told = Told::with(&[(name::WEBHOOKS_PER_TICK, &PER_TICK.to_string())]);
    for n in 0..ENDPOINTS {
        told.endpoint(&host(n), json!({ "event_types": ["license.*"] }))
            .await;
        if n < DEAD {
            let late = FetchError::TimedOut(Duration::from_secs(10));
            told.receiver.always(&host(n), Reply::Fails(late));
        }
    }
    let events = format!(
        "INSERT INTO events (id, at, event_type, data)
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {events})
         SELECT format('01a3185c-5000-7792-841b-%012d', i), unixepoch(), 'license.suspended',
                json_object('license_id', 'l' || i, 'reason', '')
         FROM n"
    );
    told.bench.sql(&events).await;
    let healthy = pending / ENDPOINTS * (ENDPOINTS - DEAD);
    let delivered = "SELECT count(*) AS n FROM webhook_deliveries WHERE state = 'delivered'";
    let (mut ticks, mut most_statements, mut most_requests) = (0, 0, 0);
    let mut busy = Duration::ZERO;
    // With no dead endpoint a tick is full, apart from what planning has not come to yet.
    let allowed = usize::try_from(healthy).expect("a count") / PER_TICK * 5 / 4 + 20;
    while told.bench.number(delivered).await < healthy {
        told.bench.shop.database.count_anew();
        let began = Instant::now();
        let requests = told.tick_after(60).await.len();
        busy += began.elapsed();
        ticks += 1;
        most_statements = most_statements.max(told.bench.shop.database.statements());
        most_requests = most_requests.max(requests);
        assert!(ticks <= allowed, "not sent after {ticks} ticks");
    }
    println!(
        "{pending} deliveries over {ENDPOINTS} endpoints, {DEAD} of them dead: {healthy} delivered \
         after {ticks} ticks; a tick has at most {most_statements} statements and \
         {most_requests} requests, and takes {} ms",
        busy.as_millis() / u128::try_from(ticks).expect("a count")
    );
    assert!(
        most_statements <= STATEMENTS,
        "{most_statements} statements"
    );
    assert!(most_requests <= PER_TICK, "{most_requests} requests");
}
