//! A database that an earlier release wrote, through a sale, a release and orders in USDC:
//! it opens under this code, loses no row, and is served.

use crate::bench::{Bench, NOW, account_of, played_store};
use crate::payments::{deliver, order, poll};
use crate::usdc_shop::{Market, chain, configuration};
use axum::body::Body;
use http::{Method, Request};
use keywright_native_host::SqliteDatabase;
use keywright_ports::{Migration, name};
use keywright_rpc_double::Endpoint;
use keywright_store::MIGRATIONS;
use keywright_tests::hosts::root;
use keywright_tests::release_file::ReleaseFile;
use serde_json::{Value, json};
use std::fmt::Write;
use std::sync::Arc;

/// The database as SQL, written by the release with six levels.
const DATABASE: &str = include_str!("../../fixtures/level_6.sql");

/// What buyers and machines of it remember.
const REMEMBERED: &str = include_str!("../../fixtures/level_6.json");

/// The level of its schema.
const LEVEL: usize = 6;

/// The migrations of a database that was dumped, and of the levels since.
fn migrations() -> Vec<Migration> {
    let dumped = Migration {
        level: u32::try_from(LEVEL).expect("a level"),
        sql: DATABASE,
    };
    let later = MIGRATIONS[LEVEL..].iter().map(|migration| Migration {
        level: migration.level,
        sql: migration.sql,
    });
    std::iter::once(dumped).chain(later).collect()
}

fn reopened() -> Bench {
    let database = SqliteDatabase::in_memory(&migrations()).expect("the database");
    Bench::over(Arc::new(database), &[])
}

#[tokio::test]
async fn a_database_of_the_release_before_is_served() {
    let bench = reopened();
    bench.clock.advance(600);
    let remembered: Value = serde_json::from_str(REMEMBERED).expect("JSON");
    let text = |member: &str| remembered[member].as_str().expect("a text").to_owned();
    let broken = bench.sql("PRAGMA foreign_key_check").await;
    assert_eq!(broken, []);

    // The sale: its page still shows the same key, and the machine validates with it.
    let page = bench
        .get(&format!("/v1/purchase/{}", text("sale_secret")))
        .await;
    assert_eq!(page.status, 200, "{page:?}");
    assert_eq!(page.text("license_key"), text("license_key"));
    let body = json!({
        "key": text("license_key"), "product_slug": "demo", "fingerprint": "machine-1",
    });
    let validated = bench.post("/v1/validate", &body).await.json();
    assert_eq!(validated["ok"], true, "{validated}");
    assert_eq!(bench.number("SELECT count(*) FROM machines").await, 1);

    // The orders in USDC: the paid one has its key, the open one still waits.
    let paid = bench
        .get(&format!("/v1/purchase/{}", text("paid_usdc_secret")))
        .await;
    assert_eq!(paid.text("license_key"), text("usdc_license_key"));
    let open = bench
        .get(&format!("/v1/purchase/{}", text("open_usdc_secret")))
        .await;
    assert_eq!(open.json()["usdc"]["status"], "waiting", "{open:?}");

    // The release is offered, every list can be read, and new sales are made.
    let feed = bench.get("/updates/joomla/demo.xml").await;
    assert!(feed.status < 500, "{feed:?}");
    for list in [
        "products",
        "licenses",
        "machines",
        "receipts",
        "transfers",
        "releases",
        "audit",
        "discount-codes",
        "attention",
        "transactions",
        "chain",
    ] {
        let path = format!("/v1/admin/{list}");
        let listed = bench.operate("GET", &path, &Value::Null).await;
        assert_eq!(listed.status, 200, "{list}: {listed:?}");
    }
    let releases = bench
        .operate("GET", "/v1/admin/releases", &Value::Null)
        .await;
    assert_eq!(releases.json()["releases"][0]["version"], "1.0.0");
    bench.issue("demo", json!({})).await;
    let ticked = bench.tick().await;
    assert_eq!(ticked.status, 200, "{ticked:?}");
}

/// Writes the fixture anew, with the code of now: for the release that is to be upgraded
/// from next. `KEYWRIGHT_WRITE_FIXTURE=1` with this test's name.
#[tokio::test]
async fn the_fixture_is_written_on_request() {
    if std::env::var_os("KEYWRIGHT_WRITE_FIXTURE").is_none() {
        return;
    }
    let pay = played_store();
    let chain = chain();
    let endpoints = vec![Endpoint::start(&chain).expect("an endpoint")];
    let usdc = configuration(&endpoints);
    let mut config: Vec<(&'static str, &str)> = account_of(&pay).to_vec();
    config.extend(usdc.iter().map(|(name, value)| (*name, value.as_str())));
    config.push((name::VALIDATION_LOG_DAYS, "30"));
    let market = Market {
        bench: Bench::with(&config),
        chain,
        endpoints,
    };
    let bench = &market.bench;
    crate::usdc_shop::priced(bench, "demo", 1_900).await;
    bench.code("LAUNCH", json!({ "max_uses": 5 })).await;
    market.tick().await;

    let (sale, at_store) = order(bench, "demo").await;
    pay.pay_in_full(&at_store).expect("a payment");
    deliver(bench, &pay, "InvoiceSettled", &at_store).await;
    let license_key = poll(bench, &sale).await["license_key"].clone();
    let body = json!({
        "key": license_key, "product_slug": "demo", "fingerprint": "machine-1",
    });
    assert_eq!(bench.post("/v1/validate", &body).await.json()["ok"], true);

    let paid = market.order().await;
    market.pay_order(&paid);
    market.minute().await;
    let open = market.order().await;
    bench.issue("demo", json!({})).await;
    release(bench).await;
    keywright_native_host::finished().await;

    let remembered = json!({
        "sale_secret": bench.opener(&sale), "license_key": license_key,
        "paid_usdc_secret": bench.opener(&paid.id),
        "usdc_license_key": poll(bench, &paid.id).await["license_key"],
        "open_usdc_secret": bench.opener(&open.id),
    });
    assert!(remembered["usdc_license_key"].is_string(), "{remembered}");
    let folder = root().join("tests/fixtures");
    let file = |ending: &str| folder.join(format!("level_{}.{ending}", MIGRATIONS.len()));
    std::fs::create_dir_all(&folder).expect("the folder");
    std::fs::write(file("sql"), dump(bench).await).expect("the database");
    std::fs::write(file("json"), format!("{remembered:#}\n")).expect("what is remembered");
}

/// Uploads and publishes a file.
async fn release(bench: &Bench) {
    let file = ReleaseFile {
        product: "demo",
        version: "1.0.0",
        channel: "stable",
        platform: "x86_64-unknown-linux-gnu",
        bytes: b"the program",
    };
    let operate = |path: &'static str, body: Value| async move {
        let answer = bench.operate("POST", path, &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    };
    let begun = operate("/v1/admin/releases/uploads", file.upload()).await;
    if begun.json()["complete"] == false {
        let path = format!("/v1/admin/releases/uploads/{}?offset=0", begun.text("id"));
        let request = Request::builder().method(Method::PUT).uri(path);
        let request = request.body(Body::from(file.bytes.to_vec()));
        let request = crate::bench::signed_in(request.expect("a request"));
        assert_eq!(bench.send(request).await.json()["complete"], true);
    }
    operate("/v1/admin/releases", file.publication()).await;
}

/// The whole database as SQL: the schema, then every row.
async fn dump(bench: &Bench) -> String {
    let mut sql = format!(
        "-- A database of level {}, written by the release before at {NOW} of its test clock.\n\
         PRAGMA defer_foreign_keys = on;\n",
        MIGRATIONS.len()
    );
    let schema = "SELECT type, name, sql FROM sqlite_schema
                  WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'
                  ORDER BY type <> 'table', rowid";
    let schema = bench.sql(schema).await;
    for row in &schema {
        let _ = writeln!(sql, "{};", row["sql"].as_str().expect("SQL"));
    }
    for row in schema.iter().filter(|row| row["type"] == "table") {
        let table = row["name"].as_str().expect("a name");
        for row in bench
            .sql(&format!("SELECT * FROM {table} ORDER BY 1, 2"))
            .await
        {
            let names: Vec<&str> = row.keys().map(String::as_str).collect();
            let values: Vec<String> = row.values().map(literal).collect();
            let _ = writeln!(
                sql,
                "INSERT INTO {table} ({}) VALUES ({});",
                names.join(", "),
                values.join(", ")
            );
        }
    }
    sql
}

fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        // The loader splits statements at the ends of lines.
        Value::String(text) => format!(
            "'{}'",
            text.replace('\'', "''").replace('\n', "' || char(10) || '")
        ),
        number => number.to_string(),
    }
}
