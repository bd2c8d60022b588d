//! Spin's `SQLite`. Connections are kept per instance, which about doubles
//! reads; each batch has one to itself, so batches of two requests in the same
//! instance never mix.

use super::send;
use crate::BoxFuture;
use crate::ports::{DatabaseError, DatabasePort, Migration, Row, Statement, Value};
use spin_sdk::sqlite::{Connection, Error, Value as SpinValue};
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

impl SpinDatabase {
    async fn take(&self) -> Result<Connection, DatabaseError> {
        if let Some(connection) = IDLE.with_borrow_mut(Vec::pop) {
            return Ok(connection);
        }
        let connection = Connection::open_default().await.map_err(failed)?;
        for pragma in PRAGMAS {
            run(&connection, pragma, &[]).await?;
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
    let rows = run(connection, "PRAGMA journal_mode", &[]).await?;
    let mode = rows.first().and_then(|row| row.get("journal_mode"));
    if mode.is_none_or(|mode| mode != "wal") {
        // Another connection has it in hand, or the next one tries again.
        run(connection, "PRAGMA journal_mode = WAL", &[]).await.ok();
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
    if level(connection).await? >= newest {
        return Ok(());
    }
    run(connection, "BEGIN IMMEDIATE", &[]).await?;
    let reached = level(connection).await?;
    for migration in migrations
        .iter()
        .filter(|migration| migration.level > reached)
    {
        for statement in migration.statements() {
            run(connection, &statement, &[]).await?;
        }
    }
    if reached < newest {
        run(connection, &format!("PRAGMA user_version = {newest}"), &[]).await?;
    }
    run(connection, "COMMIT", &[]).await.map(drop)
}

async fn level(connection: &Connection) -> Result<u32, DatabaseError> {
    let rows = run(connection, "PRAGMA user_version", &[]).await?;
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
            run(&connection, "BEGIN IMMEDIATE", &[]).await?;
            let mut answers = Vec::with_capacity(statements.len());
            for statement in &statements {
                match run(&connection, statement.sql, &statement.params).await {
                    Ok(rows) => answers.push(rows),
                    Err(error) => {
                        run(&connection, "ROLLBACK", &[]).await?;
                        give_back(connection);
                        return Err(error);
                    }
                }
            }
            run(&connection, "COMMIT", &[]).await?;
            give_back(connection);
            Ok(answers)
        }))
    }

    fn query(&self, statement: Statement) -> BoxFuture<'_, Result<Vec<Row>, DatabaseError>> {
        Box::pin(send(async move {
            let connection = self.take().await?;
            let rows = run(&connection, statement.sql, &statement.params).await?;
            give_back(connection);
            Ok(rows)
        }))
    }
}

async fn run(
    connection: &Connection,
    sql: &str,
    params: &[Value],
) -> Result<Vec<Row>, DatabaseError> {
    let params: Vec<SpinValue> = params
        .iter()
        .map(|value| match value {
            Value::Null => SpinValue::Null,
            Value::Integer(number) => SpinValue::Integer(*number),
            Value::Text(text) => SpinValue::Text(text.clone()),
        })
        .collect();
    let mut result = connection.execute(sql, params).await.map_err(failed)?;
    let columns = result.columns().to_vec();
    let mut rows = Vec::new();
    while let Some(found) = result.next().await {
        let mut row = Row::new();
        for (name, value) in columns.iter().zip(found.values) {
            let value = match value {
                SpinValue::Null => serde_json::Value::Null,
                SpinValue::Integer(number) => number.into(),
                SpinValue::Real(number) => number.into(),
                SpinValue::Text(text) => text.into(),
                SpinValue::Blob(_) => return Err(DatabaseError::Row(format!("{name} is a blob"))),
            };
            row.insert(name.clone(), value);
        }
        rows.push(row);
    }
    result.result().await.map_err(failed)?;
    Ok(rows)
}

fn failed(error: Error) -> DatabaseError {
    match error {
        Error::Io(message) => DatabaseError::from_message(message),
        other => DatabaseError::Unavailable(other.to_string()),
    }
}
