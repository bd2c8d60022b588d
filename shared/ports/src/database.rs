//! The database: D1 on Workers, `SQLite` on Spin and native. A mutation is one
//! atomic batch, because D1 has no interactive transaction.

use super::attempt::Attempt;
use crate::BoxFuture;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A parameter of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// A whole number; D1 carries those up to 2^53 exactly.
    Integer(i64),
    /// UTF-8 text.
    Text(String),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Integer(i64::from(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One SQL statement with numbered parameters (`?1`, `?2`, …; D1 allows 100).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The SQL text; never built from input.
    pub sql: &'static str,
    /// The values of `?1`, `?2`, ….
    pub params: Vec<Value>,
}

impl Statement {
    /// A statement with its parameters in order.
    #[must_use]
    pub fn new(sql: &'static str, params: impl IntoIterator<Item = Value>) -> Self {
        Self {
            sql,
            params: params.into_iter().collect(),
        }
    }
}

/// One row: column name to value (a number, text or null).
pub type Row = serde_json::Map<String, serde_json::Value>;

/// One file of `migrations/`: its number and its SQL.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// The number in the file's name; numbers run 1, 2, 3, ….
    pub level: u32,
    /// The statements, each ending in `;` at the end of a line.
    pub sql: &'static str,
}

impl Migration {
    /// The single statements. Comments go; a `;` inside a line does not split.
    pub fn statements(&self) -> impl Iterator<Item = String> {
        let code: Vec<&str> = self
            .sql
            .lines()
            .filter(|line| !line.trim_start().starts_with("--"))
            .collect();
        let code = code.join("\n");
        let parts: Vec<String> = code
            .split(";\n")
            .map(|part| part.trim().trim_end_matches(';').to_owned())
            .collect();
        parts.into_iter().filter(|part| !part.is_empty())
    }
}

/// Why the database did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseError {
    /// A UNIQUE, CHECK or FOREIGN KEY constraint said no; nothing was written.
    #[error("constraint: {0}")]
    Constraint(String),
    /// The database could not be reached or is out of order.
    #[error("database: {0}")]
    Unavailable(String),
    /// A row does not hold what the code expects.
    #[error("unexpected row: {0}")]
    Row(String),
}

impl DatabaseError {
    /// Sorts a host's message: every host passes `SQLite`'s own text on.
    #[must_use]
    pub fn from_message(message: String) -> Self {
        if message.contains("constraint failed") {
            Self::Constraint(message)
        } else {
            Self::Unavailable(message)
        }
    }

    /// Whether a UNIQUE constraint on `column` (`table.column`) refused it.
    #[must_use]
    pub fn is_unique_violation(&self, column: &str) -> bool {
        matches!(self, Self::Constraint(text) if text.contains("UNIQUE") && text.contains(column))
    }
}

/// What a host implements.
pub trait DatabasePort: Send + Sync {
    /// Runs the statements as one atomic batch, in order: all or nothing.
    /// Answers the rows of each.
    fn batch(
        &self,
        statements: Vec<Statement>,
    ) -> BoxFuture<'_, Result<Vec<Vec<Row>>, DatabaseError>>;

    /// Runs one reading statement.
    fn query(&self, statement: Statement) -> BoxFuture<'_, Result<Vec<Row>, DatabaseError>>;
}

/// The database for reading only: it has no way to write a batch.
#[derive(Clone)]
pub struct Reader {
    port: Arc<dyn DatabasePort>,
    round_trips: Arc<AtomicU64>,
}

impl Reader {
    pub(crate) fn new(port: Arc<dyn DatabasePort>) -> Self {
        Self {
            port,
            round_trips: Arc::new(AtomicU64::new(0)),
        }
    }

    /// Runs one reading statement and decodes its rows: one round trip.
    ///
    /// # Errors
    /// [`DatabaseError`], also when a row does not decode.
    pub async fn query<T: DeserializeOwned>(
        &self,
        statement: Statement,
    ) -> Result<Vec<T>, DatabaseError> {
        self.round_trips.fetch_add(1, Ordering::Relaxed);
        decode(self.port.query(statement).await?)
    }

    /// The first row, where there is one.
    ///
    /// # Errors
    /// As [`Self::query`].
    pub async fn first<T: DeserializeOwned>(
        &self,
        statement: Statement,
    ) -> Result<Option<T>, DatabaseError> {
        Ok(self.query(statement).await?.into_iter().next())
    }

    /// Round trips made through this handle and its clones.
    #[must_use]
    pub fn round_trips(&self) -> u64 {
        self.round_trips.load(Ordering::Relaxed)
    }
}

/// The database for reading and writing.
#[derive(Clone)]
pub struct Database {
    reader: Reader,
    /// The attempt that its batches belong to.
    attempt: Option<Arc<Attempt>>,
}

impl Database {
    pub(crate) fn new(port: Arc<dyn DatabasePort>) -> Self {
        Self {
            reader: Reader::new(port),
            attempt: None,
        }
    }

    /// The same database for one attempt at a request with an `Idempotency-Key`: the
    /// first batch that changes anything also claims the key.
    #[must_use]
    pub fn within(&self, attempt: Arc<Attempt>) -> Self {
        Self {
            reader: self.reader.clone(),
            attempt: Some(attempt),
        }
    }

    /// The same database, for reading.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Runs one atomic batch: one round trip. Answers the rows of each
    /// statement (those with `RETURNING`, or a closing SELECT), as many answers as
    /// statements; a [`Batch`](crate::Batch) reads them by handle. [`Self::within`]
    /// an attempt, the same batch claims the key if it changes anything.
    ///
    /// # Errors
    /// [`DatabaseError`]; after an error nothing of the batch was written,
    /// unless the connection was lost after the commit.
    pub async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, DatabaseError> {
        let Some(attempt) = &self.attempt else {
            return self.aside(statements).await;
        };
        let outcome = self.aside(attempt.around(statements)).await;
        attempt.outcome(outcome)
    }

    /// As [`Self::batch`], for what goes on beside a request: logs, rate
    /// limits. It never counts as the request's own change. Without statements nothing is
    /// asked, because D1 refuses that.
    ///
    /// # Errors
    /// As [`Self::batch`].
    pub async fn aside(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, DatabaseError> {
        if statements.is_empty() {
            return Ok(Vec::new());
        }
        self.reader.round_trips.fetch_add(1, Ordering::Relaxed);
        let count = statements.len();
        let answers = self.reader.port.batch(statements).await?;
        if answers.len() == count {
            return Ok(answers);
        }
        let answers = answers.len();
        Err(DatabaseError::Row(format!(
            "{count} statements have {answers} answers"
        )))
    }
}

impl std::ops::Deref for Database {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.reader
    }
}

/// Decodes rows into a type.
///
/// # Errors
/// [`DatabaseError::Row`] when a column is missing or of another type.
pub fn decode<T: DeserializeOwned>(rows: Vec<Row>) -> Result<Vec<T>, DatabaseError> {
    rows.into_iter()
        .map(|row| serde_json::from_value(serde_json::Value::Object(row)))
        .collect::<Result<_, _>>()
        .map_err(|error| DatabaseError::Row(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_split_at_line_ends_only() {
        let migration = Migration {
            level: 1,
            sql: "-- a comment; with a semicolon\nCREATE TABLE a (\n  b TEXT DEFAULT ';x'\n);\n\nCREATE INDEX c ON a (b);\n",
        };
        let statements: Vec<_> = migration.statements().collect();
        assert_eq!(
            statements,
            [
                "CREATE TABLE a (\n  b TEXT DEFAULT ';x'\n)",
                "CREATE INDEX c ON a (b)"
            ]
        );
    }

    struct Empty;

    impl DatabasePort for Empty {
        fn batch(
            &self,
            statements: Vec<Statement>,
        ) -> BoxFuture<'_, Result<Vec<Vec<Row>>, DatabaseError>> {
            Box::pin(async move { Ok(vec![Vec::new(); statements.len()]) })
        }

        fn query(&self, _: Statement) -> BoxFuture<'_, Result<Vec<Row>, DatabaseError>> {
            Box::pin(async { Ok(Vec::new()) })
        }
    }

    #[tokio::test]
    async fn a_batch_and_a_query_are_one_round_trip_each() {
        let database = Database::new(Arc::new(Empty));
        let one = || Statement::new("SELECT 1", []);
        database
            .batch(vec![one(), one(), one()])
            .await
            .expect("rows");
        assert_eq!(database.round_trips(), 1);
        let found: Vec<Row> = database.reader().clone().query(one()).await.expect("rows");
        assert!(found.is_empty());
        assert_eq!(database.round_trips(), 2, "clones count together");
    }

    #[test]
    fn constraint_messages_are_told_apart() {
        let unique = DatabaseError::from_message(
            "D1_ERROR: UNIQUE constraint failed: products.slug: SQLITE_CONSTRAINT".to_owned(),
        );
        assert!(unique.is_unique_violation("products.slug"));
        assert!(!unique.is_unique_violation("policies.slug"));
        let lost = DatabaseError::from_message("network connection lost".to_owned());
        assert_eq!(
            lost,
            DatabaseError::Unavailable("network connection lost".to_owned())
        );
    }
}
