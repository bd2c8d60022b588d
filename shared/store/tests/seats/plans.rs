//! How the database carries the statements out.

use crate::desk::{Desk, LICENSE, START, opened};
use keywright_native_host::SqliteDatabase;
use keywright_ports::BoxFuture;
use keywright_ports::{DatabaseError, DatabasePort, Row, Statement};
use keywright_store::seats::activations::{self, Count, LookUp, NewMachine};
use keywright_store::seats::machines::{self, LastSeen, MachineSelector};
use std::sync::{Arc, Mutex};

/// What the hot path costs must not grow with what is recorded.
#[tokio::test]
async fn nothing_is_read_row_by_row() {
    let desk = Desk::new(3, None, None).await;
    desk.activate("a", START).await;
    let plans = Arc::new(Mutex::new(Vec::new()));
    let spy = Spy {
        inner: desk.port.clone(),
        plans: plans.clone(),
    };
    let database = opened(Arc::new(spy));
    for machine in [None, Some("a"), Some("b")] {
        let asked = LookUp {
            license_id: LICENSE,
            issued_at: START,
            fingerprint_hash: machine,
            now: START,
            count: Count::Always,
            bucket: Some("bucket"),
        };
        let found = activations::look_up(&database, asked).await;
        found.expect("an answer");
    }
    machines::find_active(&database, LICENSE, "a", "bucket")
        .await
        .expect("an answer");
    machines::of_license(&database, LICENSE)
        .await
        .expect("an answer");
    let new = NewMachine {
        id: "new",
        event_id: "event",
        license_id: LICENSE,
        key_issued_at: Some(START),
        fingerprint_hash: "b",
        hostname: None,
        platform: None,
    };
    activations::activate(&database, new, START)
        .await
        .expect("an answer");
    let which = MachineSelector::Id("new");
    machines::deactivate(&database, LICENSE, START, which, "r", "freed", START)
        .await
        .expect("an answer");
    let sign = LastSeen {
        machine_id: "new".to_owned(),
        hostname: None,
        platform: None,
        at: START + 1,
    };
    database
        .batch(vec![machines::refresh(&[&sign])])
        .await
        .expect("an answer");
    let plans = plans.lock().expect("the plans");
    assert!(plans.len() > 20, "{plans:?}");
    // Machines that were freed long ago are not walked through.
    let counts = plans.iter().filter(|step| {
        step.starts_with("SEARCH machines USING INDEX machines_active (license_id=?)")
    });
    assert_eq!(counts.count(), 6, "{plans:#?}");
    for step in plans.iter() {
        let harmless = [
            "SCAN CONSTANT ROW",
            "SCAN sign VIRTUAL TABLE INDEX 1:",
            "SCAN (subquery-3)",
        ]
        .contains(&step.as_str());
        assert!(
            !step.starts_with("SCAN") || harmless,
            "{step} in {plans:#?}"
        );
    }
}

/// A database that also writes down how each statement is carried out.
struct Spy {
    inner: Arc<SqliteDatabase>,
    plans: Arc<Mutex<Vec<String>>>,
}

impl Spy {
    async fn explain(&self, statement: &Statement) {
        let sql = String::leak(format!("EXPLAIN QUERY PLAN {}", statement.sql));
        let plan = Statement::new(sql, statement.params.clone());
        let steps = self.inner.query(plan).await.expect("a plan");
        let steps = steps.iter().filter_map(|step| step["detail"].as_str());
        let mut plans = self.plans.lock().expect("the plans");
        plans.extend(steps.map(str::to_owned));
    }
}

impl DatabasePort for Spy {
    fn batch(
        &self,
        statements: Vec<Statement>,
    ) -> BoxFuture<'_, Result<Vec<Vec<Row>>, DatabaseError>> {
        Box::pin(async move {
            for statement in &statements {
                self.explain(statement).await;
            }
            self.inner.batch(statements).await
        })
    }

    fn query(&self, statement: Statement) -> BoxFuture<'_, Result<Vec<Row>, DatabaseError>> {
        Box::pin(async move {
            self.explain(&statement).await;
            self.inner.query(statement).await
        })
    }
}
