//! The application's `SQLite` file.

use crate::bindings::sqlite::Value;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::{Value as SqliteValue, ValueRef};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where Spin keeps the `default` database inside the state folder.
const FILE_NAME: &str = "sqlite_db.db";

/// The path of the `default` database.
pub(crate) fn default_file(state_folder: &Path) -> PathBuf {
    state_folder.join(FILE_NAME)
}

/// One connection of one guest: opened at its first use, closed (and rolled
/// back) when the guest drops it or goes away itself.
///
/// As in Spin it is set up by nothing but the library's defaults, so journal
/// mode and the like are for the guest to choose; attaching files is denied.
#[derive(Debug, Clone)]
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Connection {
    file: PathBuf,
    inner: Arc<Mutex<Option<rusqlite::Connection>>>,
}

/// What a statement gives back, in this order: its columns, then its rows.
pub(crate) trait Receiver {
    /// Takes the names of the columns.
    fn columns(&mut self, names: Vec<String>);

    /// Takes a row and says whether there is still somebody to read more.
    fn row(&mut self, values: Vec<Value>) -> bool;
}

impl Connection {
    pub(crate) fn new(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            inner: Arc::default(),
        }
    }

    /// Runs one statement. Blocks: for a thread of its own.
    ///
    /// The connection is taken until the last row is read, so a second
    /// statement waits for the first one's reader.
    ///
    /// # Errors
    ///
    /// `SQLite`'s own message.
    pub(crate) fn run(
        &self,
        statement: &str,
        parameters: Vec<Value>,
        receiver: &mut impl Receiver,
    ) -> Result<(), String> {
        self.with(|connection| {
            let mut statement = connection.prepare_cached(statement)?;
            receiver.columns(statement.column_names().map(str::to_owned).collect());
            let width = statement.column_count();
            let mut rows =
                statement.query(rusqlite::params_from_iter(parameters.into_iter().map(bind)))?;
            while let Some(row) = rows.next()? {
                let values = (0..width)
                    .map(|index| row.get_ref(index).and_then(|value| read(index, value)))
                    .collect::<rusqlite::Result<_>>()?;
                if !receiver.row(values) {
                    break;
                }
            }
            Ok(())
        })
    }

    /// The row id of the last successful INSERT, 0 before the first.
    pub(crate) fn last_insert_rowid(&self) -> Result<i64, String> {
        self.with(|connection| Ok(connection.last_insert_rowid()))
    }

    /// How many rows the last INSERT, UPDATE or DELETE touched.
    pub(crate) fn changes(&self) -> Result<u64, String> {
        self.with(|connection| Ok(connection.changes()))
    }

    fn with<T>(
        &self,
        work: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T>,
    ) -> Result<T, String> {
        let mut slot: MutexGuard<'_, Option<rusqlite::Connection>> =
            self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = match &mut *slot {
            Some(connection) => connection,
            empty => empty.insert(open(&self.file).map_err(|error| error.to_string())?),
        };
        work(connection).map_err(|error| error.to_string())
    }
}

fn open(file: &Path) -> rusqlite::Result<rusqlite::Connection> {
    let mut connection = rusqlite::Connection::open(file)?;
    connection.authorizer(Some(|context: AuthContext<'_>| match context.action {
        // VACUUM attaches a nameless temporary file.
        AuthAction::Attach { filename } if !matches!(filename, "" | ":memory:") => {
            Authorization::Deny
        }
        // A name that is not written in the statement. Spin lets it pass.
        AuthAction::Unknown {
            code: rusqlite::ffi::SQLITE_ATTACH,
            ..
        } => Authorization::Deny,
        _ => Authorization::Allow,
    }))?;
    Ok(connection)
}

fn bind(value: Value) -> SqliteValue {
    match value {
        Value::Integer(number) => SqliteValue::Integer(number),
        Value::Real(number) => SqliteValue::Real(number),
        Value::Text(text) => SqliteValue::Text(text),
        Value::Blob(bytes) => SqliteValue::Blob(bytes),
        Value::Null => SqliteValue::Null,
    }
}

fn read(index: usize, value: ValueRef<'_>) -> rusqlite::Result<Value> {
    Ok(match value {
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(error) => return Err(rusqlite::Error::Utf8Error(index, error)),
        },
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
        ValueRef::Null => Value::Null,
    })
}

#[cfg(test)]
mod tests {
    use super::{Connection, Receiver, default_file};
    use crate::bindings::sqlite::Value;

    #[derive(Default)]
    struct Rows(Vec<String>, Vec<Vec<Value>>);

    impl Receiver for Rows {
        fn columns(&mut self, names: Vec<String>) {
            self.0 = names;
        }

        fn row(&mut self, values: Vec<Value>) -> bool {
            self.1.push(values);
            true
        }
    }

    fn run(
        connection: &Connection,
        statement: &str,
        parameters: Vec<Value>,
    ) -> Result<Rows, String> {
        let mut rows = Rows::default();
        connection.run(statement, parameters, &mut rows)?;
        Ok(rows)
    }

    #[test]
    fn statements_run_and_fail_with_the_message_of_sqlite() {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::new(&default_file(folder.path()));
        run(
            &connection,
            "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE, data BLOB)",
            vec![],
        )
        .unwrap();
        let insert = "INSERT INTO t (name, data) VALUES (?, ?)";
        let row = || vec![Value::Text("a".to_owned()), Value::Blob(vec![0, 255])];
        run(&connection, insert, row()).unwrap();
        assert_eq!(connection.last_insert_rowid(), Ok(1));
        assert_eq!(connection.changes(), Ok(1));
        assert_eq!(
            run(&connection, insert, row()).err().as_deref(),
            Some("UNIQUE constraint failed: t.name")
        );
        let rows = run(
            &connection,
            "SELECT id, name, data, NULL AS n, 1.5 AS r FROM t",
            vec![],
        )
        .unwrap();
        assert_eq!(rows.0, ["id", "name", "data", "n", "r"]);
        assert!(matches!(
            rows.1[0].as_slice(),
            [Value::Integer(1), Value::Text(name), Value::Blob(data), Value::Null, Value::Real(real)]
                if name == "a" && data == &[0, 255] && (real - 1.5).abs() < f64::EPSILON
        ));
        assert!(run(&connection, "SELECT ?", vec![]).is_err());
        assert!(run(&connection, "SELEC 1", vec![]).is_err());
    }

    #[test]
    fn files_cannot_be_attached() {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::new(&default_file(folder.path()));
        let other = folder.path().join("other.db");
        let attach = "ATTACH ? AS other";
        let path = other.to_string_lossy().into_owned();
        assert_eq!(
            run(&connection, &format!("ATTACH '{path}' AS other"), vec![])
                .err()
                .as_deref(),
            Some("not authorized")
        );
        assert!(run(&connection, attach, vec![Value::Text(path)]).is_err());
        run(&connection, "VACUUM", vec![]).unwrap();
        assert!(!other.exists());
    }
}
