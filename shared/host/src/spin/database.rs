//! Spin's `SQLite`. Connections are kept per instance, which about doubles
//! reads; each batch has one to itself, so batches of two requests in the same
//! instance never mix.
//!
//! A statement that waits for nobody is called synchronously: the host answers it
//! in one step, where the asynchronous call takes a dozen. In WAL mode that is
//! every read, and every write of a transaction that has begun. What may wait
//! for another instance or for the disk lets the requests beside it go on.

use super::send;
use keywright_ports::BoxFuture;
use keywright_ports::{DatabaseError, DatabasePort, Migration, Row, Statement, Value};
use spin_sdk::sqlite::wit::sqlite::Connection;
use spin_sdk::sqlite::{Error, Value as SpinValue};
use std::cell::RefCell;

/// Set on every connection: Spin sets none of these. A writer waits for others
/// for most of the time that a request may take: `SQLite` serves them in no
/// order, and of two hundred at once on a busy machine some wait for more than
/// five seconds.
const PRAGMAS: [&str; 2] = ["PRAGMA busy_timeout = 20000", "PRAGMA foreign_keys = ON"];

thread_local! {
    static IDLE: RefCell<Vec<Connection>> = const { RefCell::new(Vec::new()) };
}

pub(super) struct SpinDatabase {
    pub(super) migrations: &'static [Migration],
}

/// Whether the manifest grants this component no database. One that is out of
/// order is not left out: what asks it has to fail.
pub(super) fn is_left_out() -> bool {
    matches!(Connection::open("default"), Err(Error::AccessDenied))
}

impl SpinDatabase {
    async fn take(&self) -> Result<Connection, DatabaseError> {
        if let Some(connection) = IDLE.with_borrow_mut(Vec::pop) {
            return Ok(connection);
        }
        let connection = Connection::open("default").map_err(failed)?;
        for pragma in PRAGMAS {
            run(&connection, pragma, &[])?;
        }
        use_wal(&connection).await?;
        migrate(&connection, self.migrations).await?;
        Ok(connection)
    }
}

/// WAL lets readers go on beside a writer. It is a property of the file: once it
/// is set, setting it again would only wait for a lock. Of connections that
/// open a new file together one sets it, and the others are told at once, not
/// after the busy timeout, that the file is locked; they go on without.
async fn use_wal(connection: &Connection) -> Result<(), DatabaseError> {
    let rows = run(connection, "PRAGMA journal_mode", &[])?;
    let mode = rows.first().and_then(|row| row.get("journal_mode"));
    if mode.is_none_or(|mode| mode != "wal") {
        // Another connection has it in hand, or the next one tries again.
        wait_for(connection, "PRAGMA journal_mode = WAL").await.ok();
    }
    Ok(())
}

/// Only after success: a connection of a broken request is closed, which rolls
/// its transaction back.
fn give_back(connection: Connection) {
    IDLE.with_borrow_mut(|idle| idle.push(connection));
}

/// Applies what is missing, once: the level is read again under the write
/// lock, so two instances that start together do not both apply it.
async fn migrate(connection: &Connection, migrations: &[Migration]) -> Result<(), DatabaseError> {
    let newest = migrations.last().map_or(0, |migration| migration.level);
    if level(connection)? >= newest {
        return Ok(());
    }
    wait_for(connection, "BEGIN IMMEDIATE").await?;
    let reached = level(connection)?;
    for migration in migrations
        .iter()
        .filter(|migration| migration.level > reached)
    {
        for statement in migration.statements() {
            run(connection, &statement, &[])?;
        }
    }
    if reached < newest {
        run(connection, &format!("PRAGMA user_version = {newest}"), &[])?;
    }
    wait_for(connection, "COMMIT").await
}

fn level(connection: &Connection) -> Result<u32, DatabaseError> {
    let rows = run(connection, "PRAGMA user_version", &[])?;
    let level = rows
        .first()
        .and_then(|row| row.get("user_version")?.as_u64());
    level
        .and_then(|level| u32::try_from(level).ok())
        .ok_or_else(|| DatabaseError::Row("user_version is no number".to_owned()))
}

impl DatabasePort for SpinDatabase {
    fn batch(
        &self,
        statements: Vec<Statement>,
    ) -> BoxFuture<'_, Result<Vec<Vec<Row>>, DatabaseError>> {
        Box::pin(send(async move {
            let connection = self.take().await?;
            wait_for(&connection, "BEGIN IMMEDIATE").await?;
            let answers: Result<_, _> = statements
                .iter()
                .map(|statement| run(&connection, statement.sql, &statement.params))
                .collect();
            match answers {
                Ok(_) => wait_for(&connection, "COMMIT").await?,
                Err(_) => run(&connection, "ROLLBACK", &[]).map(drop)?,
            }
            give_back(connection);
            answers
        }))
    }

    fn query(&self, statement: Statement) -> BoxFuture<'_, Result<Vec<Row>, DatabaseError>> {
        Box::pin(send(async move {
            let connection = self.take().await?;
            let rows = run(&connection, statement.sql, &statement.params)?;
            give_back(connection);
            Ok(rows)
        }))
    }
}

/// Runs a statement without rows that may wait, for the lock of another writer
/// or for the disk.
async fn wait_for(connection: &Connection, sql: &str) -> Result<(), DatabaseError> {
    let begun = connection.execute_async(sql.to_owned(), Vec::new()).await;
    let (_, _rows, end) = begun.map_err(failed)?;
    end.await.map_err(failed)
}

/// Runs a statement that waits for nobody.
fn run(connection: &Connection, sql: &str, params: &[Value]) -> Result<Vec<Row>, DatabaseError> {
    let params: Vec<SpinValue> = params
        .iter()
        .map(|value| match value {
            Value::Null => SpinValue::Null,
            Value::Integer(number) => SpinValue::Integer(*number),
            Value::Text(text) => SpinValue::Text(text.clone()),
        })
        .collect();
    let result = connection.execute(sql, &params).map_err(failed)?;
    let columns = &result.columns;
    let row = |values: Vec<SpinValue>| columns.iter().zip(values).map(member).collect();
    let rows = result.rows.into_iter();
    rows.map(|found| row(found.values)).collect()
}

fn member(
    (name, value): (&String, SpinValue),
) -> Result<(String, serde_json::Value), DatabaseError> {
    let value = match value {
        SpinValue::Null => serde_json::Value::Null,
        SpinValue::Integer(number) => number.into(),
        SpinValue::Real(number) => number.into(),
        SpinValue::Text(text) => text.into(),
        SpinValue::Blob(_) => return Err(DatabaseError::Row(format!("{name} is a blob"))),
    };
    Ok((name.clone(), value))
}

fn failed(error: Error) -> DatabaseError {
    match error {
        Error::Io(message) => DatabaseError::from_message(message),
        other => DatabaseError::Unavailable(other.to_string()),
    }
}
