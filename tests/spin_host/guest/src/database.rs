//! Statements on the `default` database.

use serde_json::{Value as Json, json};
use spin_sdk::sqlite::{Connection, Error, Value};

/// Runs statements in order on one new connection, each `[sql, parameter…]`,
/// and answers with one result each: its rows, or the error.
pub(crate) async fn run(statements: &[Vec<Json>]) -> Result<Json, Error> {
    let connection = Connection::open_default().await?;
    let mut results = Vec::new();
    for statement in statements {
        results.push(match execute(&connection, statement).await {
            Ok(result) => result,
            Err(Error::Io(message)) => json!({ "error": message }),
            Err(other) => return Err(other),
        });
    }
    Ok(Json::Array(results))
}

async fn execute(connection: &Connection, statement: &[Json]) -> Result<Json, Error> {
    let Some((Json::String(sql), parameters)) = statement.split_first() else {
        return Err(Error::Io("a statement starts with its text".to_owned()));
    };
    let mut query = connection.execute(sql, parameters.iter().map(bind)).await?;
    let columns = query.columns().to_vec();
    let mut rows = Vec::new();
    while let Some(row) = query.next().await {
        rows.push(Json::Array(row.values.iter().map(read).collect()));
    }
    // Only here does a failed statement say so.
    query.result().await?;
    Ok(json!({
        "columns": columns,
        "rows": rows,
        "changes": connection.changes().await,
        "last_insert_rowid": connection.last_insert_rowid().await,
    }))
}

/// Adds one to a counter the way that loses updates without its transaction.
pub(crate) async fn increment() -> Result<(), Error> {
    let connection = Connection::open_default().await?;
    run_one(&connection, "BEGIN IMMEDIATE", &[]).await?;
    let mut query = connection.execute("SELECT n FROM counter", []).await?;
    let n: i64 = query
        .next()
        .await
        .and_then(|row| row.get(0))
        .unwrap_or_default();
    // The connection is taken until its rows are read to the end.
    query.collect().await?;
    run_one(
        &connection,
        "UPDATE counter SET n = ?",
        &[Value::Integer(n + 1)],
    )
    .await?;
    run_one(&connection, "COMMIT", &[]).await
}

async fn run_one(connection: &Connection, sql: &str, parameters: &[Value]) -> Result<(), Error> {
    let query = connection.execute(sql, parameters.iter().cloned()).await?;
    query.collect().await.map(drop)
}

/// Opens a database by its label and says how that went.
pub(crate) async fn open(label: &str) -> String {
    match Connection::open(label).await {
        Ok(_) => "open".to_owned(),
        Err(error) => format!("{error:?}"),
    }
}

fn bind(value: &Json) -> Value {
    match value {
        Json::Bool(truth) => Value::Integer(i64::from(*truth)),
        Json::Number(number) => number.as_i64().map_or_else(
            || Value::Real(number.as_f64().unwrap_or_default()),
            Value::Integer,
        ),
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(bytes) => Value::Blob(
            bytes
                .iter()
                .filter_map(|byte| u8::try_from(byte.as_u64()?).ok())
                .collect(),
        ),
        Json::Null | Json::Object(_) => Value::Null,
    }
}

fn read(value: &Value) -> Json {
    match value {
        Value::Integer(number) => json!(number),
        Value::Real(number) => json!(number),
        Value::Text(text) => json!(text),
        Value::Blob(bytes) => json!(bytes),
        Value::Null => Json::Null,
    }
}
