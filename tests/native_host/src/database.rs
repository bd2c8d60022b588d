//! A real `SQLite` file or memory database, one connection behind a lock: a
//! batch is one transaction, as it is on D1 and Spin.

use keywright_ports::BoxFuture;
use keywright_ports::{DatabaseError, DatabasePort, Migration, Row, Statement, Value};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, StatementStatus, ToSql, TransactionBehavior};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The database of a native instance.
pub struct SqliteDatabase {
    connection: Mutex<Connection>,
    work: Mutex<BTreeMap<&'static str, i64>>,
}

impl SqliteDatabase {
    /// A database in memory with every migration applied.
    ///
    /// # Errors
    /// [`DatabaseError`] when a migration fails.
    pub fn in_memory(migrations: &[Migration]) -> Result<Self, DatabaseError> {
        Self::prepared(Connection::open_in_memory().map_err(failed)?, migrations)
    }

    /// A database file; missing migrations are applied.
    ///
    /// # Errors
    /// [`DatabaseError`] when it cannot be opened or a migration fails.
    pub fn open(path: &Path, migrations: &[Migration]) -> Result<Self, DatabaseError> {
        Self::prepared(Connection::open(path).map_err(failed)?, migrations)
    }

    fn prepared(
        mut connection: Connection,
        migrations: &[Migration],
    ) -> Result<Self, DatabaseError> {
        connection
            .pragma_update(None, "foreign_keys", true)
            .map_err(failed)?;
        let level: u32 = connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .map_err(failed)?;
        for migration in migrations
            .iter()
            .filter(|migration| migration.level > level)
        {
            let transaction = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(failed)?;
            for statement in migration.statements() {
                transaction.execute_batch(&statement).map_err(failed)?;
            }
            transaction
                .pragma_update(None, "user_version", migration.level)
                .map_err(failed)?;
            transaction.commit().map_err(failed)?;
        }
        Ok(Self {
            connection: Mutex::new(connection),
            work: Mutex::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// How many steps of `SQLite`'s virtual machine each statement took since the last time.
    pub fn work(&self) -> BTreeMap<&'static str, i64> {
        std::mem::take(&mut self.work.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn run(
        &self,
        connection: &Connection,
        statement: &Statement,
    ) -> Result<Vec<Row>, DatabaseError> {
        let mut prepared = connection.prepare_cached(statement.sql).map_err(failed)?;
        let found = run(&mut prepared, statement)?;
        let steps = prepared.reset_status(StatementStatus::VmStep);
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        *work.entry(statement.sql).or_default() += i64::from(steps);
        Ok(found)
    }
}

impl DatabasePort for SqliteDatabase {
    fn batch(
        &self,
        statements: Vec<Statement>,
    ) -> BoxFuture<'_, Result<Vec<Vec<Row>>, DatabaseError>> {
        Box::pin(async move {
            // As D1 does.
            if statements.is_empty() {
                return Err(DatabaseError::Row("a batch of nothing".to_owned()));
            }
            let mut connection = self.lock();
            let transaction = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(failed)?;
            let rows = statements
                .iter()
                .map(|statement| self.run(&transaction, statement))
                .collect::<Result<_, _>>()?;
            transaction.commit().map_err(failed)?;
            Ok(rows)
        })
    }

    fn query(&self, statement: Statement) -> BoxFuture<'_, Result<Vec<Row>, DatabaseError>> {
        Box::pin(async move { self.run(&self.lock(), &statement) })
    }
}

fn run(
    prepared: &mut rusqlite::Statement<'_>,
    statement: &Statement,
) -> Result<Vec<Row>, DatabaseError> {
    let names: Vec<String> = prepared.column_names().map(str::to_owned).collect();
    let params = rusqlite::params_from_iter(statement.params.iter().map(Param));
    let mut rows = prepared.query(params).map_err(failed)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let mut members = Row::new();
        for (index, name) in names.iter().enumerate() {
            let value = match row.get_ref(index).map_err(failed)? {
                ValueRef::Null => serde_json::Value::Null,
                ValueRef::Integer(number) => number.into(),
                ValueRef::Real(number) => number.into(),
                ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned().into(),
                ValueRef::Blob(_) => return Err(DatabaseError::Row(format!("{name} is a blob"))),
            };
            members.insert(name.clone(), value);
        }
        found.push(members);
    }
    Ok(found)
}

struct Param<'a>(&'a Value);

impl ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Integer(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "used as map_err(failed)")]
fn failed(error: rusqlite::Error) -> DatabaseError {
    DatabaseError::from_message(error.to_string())
}
