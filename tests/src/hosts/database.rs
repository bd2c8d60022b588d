//! The instance's database, past its HTTP interface: to count what is recorded,
//! and to set up what takes two minutes or another function to come about.

use keywright_native_host::SqliteDatabase;
use keywright_ports::{DatabasePort, Row, Statement, Value};
use std::path::PathBuf;
use std::sync::Arc;

tokio::task_local! {
    /// Whether the case of this task runs alone; the suite sets it.
    pub(crate) static RUNS_ALONE: bool;
}

/// Where the database of an instance is.
pub enum Database {
    /// In this process.
    Here(Arc<dyn DatabasePort>),
    /// A file that another process has open too.
    File(PathBuf),
}

#[expect(
    clippy::expect_used,
    reason = "a test cannot go on without its database"
)]
impl Database {
    fn open(&self) -> Arc<dyn DatabasePort> {
        match self {
            Self::Here(port) => port.clone(),
            Self::File(path) => {
                Arc::new(SqliteDatabase::open(path, &[]).expect("the database file"))
            }
        }
    }

    /// The rows that a statement selects. Disturbs nobody.
    ///
    /// # Panics
    /// When the database refuses: then the test is wrong.
    pub async fn rows(&self, sql: &'static str, params: &[&str]) -> Vec<Row> {
        self.open()
            .query(statement(sql, params))
            .await
            .expect("rows")
    }

    /// The number that a statement selects as `n`.
    ///
    /// # Panics
    /// When it selects none.
    pub async fn count(&self, sql: &'static str, params: &[&str]) -> i64 {
        let rows = self.rows(sql, params).await;
        rows.first()
            .and_then(|row| row.get("n")?.as_i64())
            .expect("a number as n")
    }

    /// Changes rows. For cases that run alone: D1 does not wait for the lock of
    /// a stranger, so a case beside this one would fail now and then.
    ///
    /// # Panics
    /// When the database refuses, or the case does not run alone.
    pub async fn change(&self, sql: &'static str, params: &[&str]) {
        let beside_others = RUNS_ALONE.try_with(|alone| !alone).unwrap_or(false);
        assert!(!beside_others, "mark this case `alone`: it changes rows");
        self.open()
            .batch(vec![statement(sql, params)])
            .await
            .expect("a change");
    }
}

fn statement(sql: &'static str, params: &[&str]) -> Statement {
    Statement::new(sql, params.iter().map(|text| Value::from(*text)))
}
