//! D1. Its `batch` is one transaction.

use keywright_ports::BoxFuture;
use keywright_ports::{DatabaseError, DatabasePort, Row, Statement, Value};
use send_wrapper::SendWrapper;
use worker::wasm_bindgen::JsValue;
use worker::{D1Database, D1PreparedStatement, D1Result};

pub(super) struct D1(SendWrapper<D1Database>);

impl D1 {
    pub(super) fn new(database: D1Database) -> Self {
        Self(SendWrapper::new(database))
    }

    fn prepare(&self, statement: &Statement) -> Result<D1PreparedStatement, DatabaseError> {
        let params: Vec<JsValue> = statement.params.iter().map(js_value).collect();
        self.0.prepare(statement.sql).bind(&params).map_err(failed)
    }
}

impl DatabasePort for D1 {
    fn batch(
        &self,
        statements: Vec<Statement>,
    ) -> BoxFuture<'_, Result<Vec<Vec<Row>>, DatabaseError>> {
        Box::pin(SendWrapper::new(async move {
            let prepared: Vec<_> = statements
                .iter()
                .map(|statement| self.prepare(statement))
                .collect::<Result<_, _>>()?;
            let results = self.0.batch(prepared).await.map_err(failed)?;
            results.iter().map(rows).collect()
        }))
    }

    fn query(&self, statement: Statement) -> BoxFuture<'_, Result<Vec<Row>, DatabaseError>> {
        Box::pin(SendWrapper::new(async move {
            rows(&self.prepare(&statement)?.all().await.map_err(failed)?)
        }))
    }
}

/// D1 takes numbers as JavaScript ones, exact up to 2^53; every number stored
/// is checked to be below that.
#[expect(clippy::cast_precision_loss, reason = "values stay below 2^53")]
fn js_value(value: &Value) -> JsValue {
    match value {
        Value::Null => JsValue::NULL,
        Value::Integer(number) => JsValue::from_f64(*number as f64),
        Value::Text(text) => JsValue::from_str(text),
    }
}

fn rows(result: &D1Result) -> Result<Vec<Row>, DatabaseError> {
    if let Some(message) = result.error() {
        return Err(DatabaseError::from_message(message));
    }
    result.results().map_err(failed)
}

#[expect(clippy::needless_pass_by_value, reason = "used as map_err(failed)")]
fn failed(error: worker::Error) -> DatabaseError {
    DatabaseError::from_message(error.to_string())
}
