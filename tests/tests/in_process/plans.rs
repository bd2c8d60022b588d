//! How the database looks up what the operator asks for: by an index, so that
//! a page costs the same however long the records are.

use crate::bench::{Bench, json_request, signed_in};
use axum::body::Body;
use http::{Method, Request, header};
use keywright_ports::BoxFuture;
use keywright_ports::{DatabaseError, DatabasePort, Row, Statement};
use serde_json::json;
use std::sync::{Arc, Mutex};

/// A database that keeps what it was asked.
struct Spy {
    inner: Arc<dyn DatabasePort>,
    asked: Mutex<Vec<Statement>>,
}

impl DatabasePort for Spy {
    fn batch(
        &self,
        statements: Vec<Statement>,
    ) -> BoxFuture<'_, Result<Vec<Vec<Row>>, DatabaseError>> {
        self.inner.batch(statements)
    }

    fn query(&self, statement: Statement) -> BoxFuture<'_, Result<Vec<Row>, DatabaseError>> {
        self.asked.lock().expect("the list").push(statement.clone());
        self.inner.query(statement)
    }
}

/// The steps of what a request reads.
async fn steps(bench: &Bench, request: Request<Body>) -> Vec<String> {
    let spy = Arc::new(Spy {
        inner: bench.shop.database.clone(),
        asked: Mutex::default(),
    });
    let mut host = bench.shop.function("ADMIN").0.clone();
    host.database = Some(spy.clone());
    let router = (keywright_admin::FUNCTION.router)(&host).expect("a router");
    let answer = keywright_native_host::serve(&host, &router, request).await;
    assert_eq!(answer.status(), 200);
    let asked = std::mem::take(&mut *spy.asked.lock().expect("the list"));
    let mut steps = Vec::new();
    for statement in asked {
        let sql = String::leak(format!("EXPLAIN QUERY PLAN {}", statement.sql));
        let plan = Statement::new(sql, statement.params);
        let plan = bench.shop.database.query(plan).await.expect("a plan");
        let plan = plan.iter().filter_map(|step| step["detail"].as_str());
        steps.extend(plan.map(str::to_owned));
    }
    steps
}

#[tokio::test]
async fn records_are_found_by_an_index() {
    let bench = Bench::new();
    let by_time = "SEARCH audit USING INDEX audit_by_time";
    let by_object = "SEARCH audit USING INDEX audit_by_object (object_kind=? AND object_id=?)";
    let by_claim = "SEARCH wallet_claims USING INDEX wallet_claims_by_time";
    let by_number = "SEARCH validation_log USING INTEGER PRIMARY KEY (rowid<?)";
    let by_license = "SEARCH validation_log USING INDEX validation_log_of_license \
                      (license_id=? AND id<?)";
    let span = "from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z";
    for (path, expected, sorts) in [
        ("audit".to_owned(), by_time, false),
        ("audit?action=product.create".to_owned(), by_time, false),
        (format!("audit?{span}"), by_time, false),
        (
            "audit?object_kind=product&object_id=x".to_owned(),
            by_object,
            true,
        ),
        ("claims".to_owned(), by_claim, false),
        ("claims?binary_sha256=x".to_owned(), by_claim, false),
        ("validations".to_owned(), by_number, false),
        (format!("validations?product_id=x&{span}"), by_number, false),
        (
            "validations?license_id=x&result=ok".to_owned(),
            by_license,
            false,
        ),
    ] {
        let path = format!("/v1/admin/{path}");
        let request = signed_in(json_request(Method::GET, &path, &json!({})));
        let steps = steps(&bench, request).await;
        assert!(steps[0].starts_with(expected), "{path}: {steps:?}");
        assert_eq!(steps.len(), 1 + usize::from(sorts), "{path}: {steps:?}");
    }
}

#[tokio::test]
async fn a_scoped_key_is_found_by_its_hash() {
    let bench = Bench::new();
    let new = json!({ "label": "a key", "role": "read-only" });
    let made = bench.operate("POST", "/v1/admin/api-keys", &new).await;
    let request = Request::get("/v1/admin/audit")
        .header(
            header::AUTHORIZATION,
            format!("Bearer {}", made.text("token")),
        )
        .body(Body::empty());
    let steps = steps(&bench, request.expect("a request")).await;
    let first = &steps[0];
    assert!(first.starts_with("SEARCH api_keys USING INDEX"), "{first}");
    assert!(first.ends_with("(token_hash=?)"), "{first}");
}
