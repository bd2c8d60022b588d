//! The instance's database, past its HTTP interface: to count what is recorded,
//! and to set up what takes two minutes or another function to come about.

use keywright_edge::host::native::SqliteDatabase;
use keywright_edge::ports::{DatabasePort, Row, Statement, Value};
use std::path::PathBuf;
use std::sync::Arc;

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
    /// a stranger.
    ///
    /// # Panics
    /// When the database refuses.
    pub async fn change(&self, sql: &'static str, params: &[&str]) {
        self.open()
            .batch(vec![statement(sql, params)])
            .await
            .expect("a change");
    }
}

fn statement(sql: &'static str, params: &[&str]) -> Statement {
    Statement::new(sql, params.iter().map(|text| Value::from(*text)))
}
