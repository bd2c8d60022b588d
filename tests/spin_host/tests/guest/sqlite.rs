//! The database of the application.

use crate::support::{Fixture, get};
use keywright_spin_host::RunningApp;
use serde_json::{Value, json};

async fn sql(app: &RunningApp, statements: Value) -> Value {
    let url = format!("{}/sql", app.base_url());
    let response = reqwest::Client::new()
        .post(url)
        .json(&statements)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

#[tokio::test]
async fn statements_give_rows_and_counts() {
    let fixture = Fixture::new();
    let app = fixture.start().await;
    let results = sql(
        &app,
        json!([
            ["CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, data BLOB, part REAL)"],
            [
                "INSERT INTO t (name, data, part) VALUES (?, ?, ?), ('b', NULL, NULL)",
                "a",
                [0, 255],
                1.5
            ],
            ["SELECT name, data, part FROM t ORDER BY id"],
            ["UPDATE t SET name = 'c' RETURNING id"],
        ]),
    )
    .await;
    assert_eq!(results[1]["changes"], 2);
    assert_eq!(results[1]["last_insert_rowid"], 2);
    assert_eq!(results[2]["columns"], json!(["name", "data", "part"]));
    assert_eq!(
        results[2]["rows"],
        json!([["a", [0, 255], 1.5], ["b", null, null]])
    );
    assert_eq!(results[3]["rows"], json!([[1], [2]]));
}

#[tokio::test]
async fn many_rows_stream() {
    let fixture = Fixture::new();
    let app = fixture.start().await;
    let results = sql(&app, json!([[
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT i FROM n"
    ]]))
    .await;
    let rows = results[0]["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 5000);
    assert_eq!(rows[4999], json!([5000]));
}

#[tokio::test]
async fn errors_have_the_text_of_sqlite() {
    let fixture = Fixture::new();
    let app = fixture.start().await;
    let results = sql(
        &app,
        json!([
            ["CREATE TABLE t (name TEXT UNIQUE)"],
            ["INSERT INTO t VALUES ('a')"],
            ["INSERT INTO t VALUES ('a')"],
            ["SELECT * FROM missing"],
            ["SELECT ?"],
            ["ATTACH 'other.db' AS other"],
            ["SELECT 1; DELETE FROM t"],
            ["SELECT name FROM t"],
        ]),
    )
    .await;
    assert_eq!(results[2]["error"], "UNIQUE constraint failed: t.name");
    let error = |index: usize| results[index]["error"].as_str().unwrap().to_owned();
    assert!(
        error(3).starts_with("no such table: missing"),
        "{}",
        error(3)
    );
    assert!(error(4).contains("parameters"), "{}", error(4));
    assert!(error(5).contains("not authorized"), "{}", error(5));
    assert!(error(6).to_lowercase().contains("multiple"), "{}", error(6));
    assert_eq!(results[7]["rows"], json!([["a"]]));
}

#[tokio::test]
async fn transactions_span_statements_and_end_with_their_connection() {
    let fixture = Fixture::new();
    let app = fixture.start().await;
    let results = sql(
        &app,
        json!([
            ["CREATE TABLE t (n INTEGER)"],
            ["BEGIN IMMEDIATE"],
            ["INSERT INTO t VALUES (1)"],
            ["ROLLBACK"],
            ["BEGIN IMMEDIATE"],
            ["INSERT INTO t VALUES (2)"],
            ["COMMIT"],
            ["BEGIN IMMEDIATE"],
            ["INSERT INTO t VALUES (3)"],
            ["SELECT n FROM t ORDER BY n"],
        ]),
    )
    .await;
    assert_eq!(results[9]["rows"], json!([[2], [3]]));
    // The connection was dropped inside its transaction.
    let results = sql(&app, json!([["SELECT n FROM t"]])).await;
    assert_eq!(results[0]["rows"], json!([[2]]));
}

#[tokio::test]
async fn concurrent_increments_are_not_lost() {
    for reuse in [(128, 16), (1, 1)] {
        let fixture = Fixture::new();
        let app = fixture.app().reuse(reuse.0, reuse.1).start().await.unwrap();
        sql(
            &app,
            json!([
                ["CREATE TABLE counter (n INTEGER)"],
                ["INSERT INTO counter VALUES (0)"]
            ]),
        )
        .await;
        let requests = (0..40).map(|_| get(&app, "/increment"));
        for answer in futures::future::join_all(requests).await {
            assert_eq!(answer, (200, "done".to_owned()));
        }
        let results = sql(&app, json!([["SELECT n FROM counter"]])).await;
        assert_eq!(results[0]["rows"], json!([[40]]), "{reuse:?}");
    }
}

#[tokio::test]
async fn only_granted_databases_open() {
    let fixture = Fixture::new();
    let app = fixture.start().await;
    assert_eq!(get(&app, "/database/default").await.1, "open");
    for path in ["/database/other", "/bare/database/default"] {
        let (_, text) = get(&app, path).await;
        assert!(text.contains("AccessDenied"), "{path}: {text}");
    }
    assert!(!fixture.path("spin.toml").with_file_name(".spin").exists());
}

#[tokio::test]
async fn the_file_outlives_the_application() {
    let fixture = Fixture::new();
    let app = fixture.start().await;
    sql(
        &app,
        json!([["CREATE TABLE t (n)"], ["INSERT INTO t VALUES (7)"]]),
    )
    .await;
    app.stop().await;
    let connection = rusqlite::Connection::open(fixture.path("state/sqlite_db.db")).unwrap();
    let n: i64 = connection
        .query_row("SELECT n FROM t", [], |row| row.get(0))
        .unwrap();
    assert_eq!(n, 7);
    let app = fixture.start().await;
    assert_eq!(
        sql(&app, json!([["SELECT n FROM t"]])).await[0]["rows"],
        json!([[7]])
    );
}
