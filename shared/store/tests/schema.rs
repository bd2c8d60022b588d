//! The schema: every level of it can be brought up to the newest, and it
//! refuses what the code must never write.

use keywright_native_host::SqliteDatabase;
use keywright_ports::{DatabaseError, DatabasePort, Row, Statement};
use keywright_store::MIGRATIONS;
use std::path::PathBuf;

/// An empty place for a database file of this test.
fn file(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_file(&path);
    path
}

async fn rows(database: &SqliteDatabase, sql: &'static str) -> Result<Vec<Row>, DatabaseError> {
    database.query(Statement::new(sql, [])).await
}

/// Tables and indexes as the schema holds them; those `SQLite` makes by itself
/// have no text.
const OBJECTS: &str = "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name";

#[test]
fn every_migration_file_is_listed_in_order() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let mut files: Vec<String> = std::fs::read_dir(&folder)
        .expect("the migrations")
        .map(|entry| {
            entry
                .expect("a file")
                .file_name()
                .into_string()
                .expect("a name")
        })
        .collect();
    files.sort();
    assert_eq!(files.len(), MIGRATIONS.len(), "{files:?}");
    for (index, (file, migration)) in files.iter().zip(MIGRATIONS).enumerate() {
        assert_eq!(migration.level as usize, index + 1);
        assert!(file.starts_with(&format!("{:04}_", index + 1)), "{file}");
        let sql = std::fs::read_to_string(folder.join(file)).expect("a migration");
        assert_eq!(sql, migration.sql, "{file}");
    }
}

#[tokio::test]
async fn a_migration_splits_into_its_statements() {
    let statements: Vec<String> = MIGRATIONS[0].statements().collect();
    assert_eq!(statements.len(), 11, "7 tables and 4 indexes");
    assert!(
        statements
            .iter()
            .all(|statement| statement.starts_with("CREATE ")),
        "{statements:?}"
    );
    let database = SqliteDatabase::in_memory(&MIGRATIONS[..1]).expect("a database");
    assert_eq!(
        rows(&database, OBJECTS).await.expect("the schema").len(),
        statements.len()
    );
}

#[tokio::test]
async fn every_earlier_level_is_brought_up_to_the_newest() {
    let newest = SqliteDatabase::in_memory(MIGRATIONS).expect("a database");
    let schema = rows(&newest, OBJECTS).await.expect("the schema");
    assert!(!schema.is_empty());
    for level in 0..=MIGRATIONS.len() {
        let path = file(&format!("level-{level}.sqlite"));
        let earlier = SqliteDatabase::open(&path, &MIGRATIONS[..level]).expect("a database");
        if level > 0 {
            let kept = "INSERT INTO events (id, at, event_type, data) VALUES ('e', 1, 't', '{}')";
            rows(&earlier, kept).await.expect("an event");
        }
        drop(earlier);
        // Opened twice: what is there is neither made again nor lost.
        for _ in 0..2 {
            let database = SqliteDatabase::open(&path, MIGRATIONS).expect("a database");
            assert_eq!(rows(&database, OBJECTS).await.expect("the schema"), schema);
            let events = rows(&database, "SELECT id FROM events")
                .await
                .expect("the events");
            assert_eq!(events.len(), usize::from(level > 0));
        }
    }
}

#[tokio::test]
async fn a_migration_that_fails_leaves_the_level_before_it() {
    let path = file("half.sqlite");
    let broken = keywright_ports::Migration {
        level: 2,
        sql: "CREATE TABLE half (id TEXT);\nCREATE TABLE products (id TEXT);\n",
    };
    let both = [MIGRATIONS[0], broken];
    assert!(
        SqliteDatabase::open(&path, &both).is_err(),
        "products exist already"
    );
    let database = SqliteDatabase::open(&path, &MIGRATIONS[..1]).expect("level 1");
    let half = rows(
        &database,
        "SELECT name FROM sqlite_schema WHERE name = 'half'",
    )
    .await;
    assert_eq!(half.expect("the schema"), []);
    let level = rows(&database, "PRAGMA user_version")
        .await
        .expect("a level");
    assert_eq!(level[0]["user_version"], 1);
}

#[tokio::test]
async fn every_table_is_strict() {
    let database = SqliteDatabase::in_memory(MIGRATIONS).expect("a database");
    let list = "SELECT name, strict FROM pragma_table_list
                WHERE schema = 'main' AND name NOT LIKE 'sqlite_%'";
    let tables = rows(&database, list).await.expect("the tables");
    assert!(tables.len() >= 7, "{tables:?}");
    for table in tables {
        assert_eq!(table["strict"], 1, "{table:?}");
    }
}

#[tokio::test]
async fn wrong_types_and_values_are_refused() {
    let database = SqliteDatabase::in_memory(MIGRATIONS).expect("a database");
    let product = "INSERT INTO products (id, slug, name, description, price_amount, price_currency,
                                         active, metadata, created_at, updated_at)
                   VALUES ('p', 'p', 'P', '', 1, 'SAT', 1, '{}', 1, 1)";
    rows(&database, product).await.expect("a product");
    for (refused, why) in [
        ("UPDATE products SET price_amount = 'a lot'", "cannot store TEXT value in INTEGER"),
        ("UPDATE products SET price_amount = 1.5", "cannot store REAL value in INTEGER"),
        ("UPDATE products SET name = x'00'", "cannot store BLOB value in TEXT"),
        ("UPDATE products SET price_amount = -1", "CHECK constraint failed"),
        ("UPDATE products SET active = 2", "CHECK constraint failed"),
        ("UPDATE products SET slug = NULL", "NOT NULL constraint failed"),
        (
            "INSERT INTO products (id, slug, name, description, price_amount, price_currency,
                                   active, metadata, created_at, updated_at)
             SELECT 'q', slug, name, description, price_amount, price_currency, active, metadata,
                    1, 1 FROM products",
            "UNIQUE constraint failed: products.slug",
        ),
        (
            "INSERT INTO receipts (id, kind, external_ref, product_id, amount, currency, received_at)
             VALUES ('r', 'grant', 'x', 'no product', 0, 'SAT', 1)",
            "FOREIGN KEY constraint failed",
        ),
        (
            "INSERT INTO receipts (id, kind, external_ref, product_id, amount, currency, received_at)
             VALUES ('r', 'present', 'x', 'p', 0, 'SAT', 1)",
            "CHECK constraint failed",
        ),
    ] {
        let error = rows(&database, refused).await.expect_err(refused);
        assert!(error.to_string().contains(why), "{refused}: {error}");
    }
}

#[tokio::test]
async fn one_receipt_has_one_license_and_one_payment_one_receipt() {
    let database = SqliteDatabase::in_memory(MIGRATIONS).expect("a database");
    let product = "INSERT INTO products (id, slug, name, description, price_amount, price_currency,
                                         active, metadata, created_at, updated_at)
                   VALUES ('p', 'p', 'P', '', 1, 'SAT', 1, '{}', 1, 1)";
    let receipt = "INSERT INTO receipts (id, kind, external_ref, product_id, amount, currency,
                                         received_at)
                   VALUES (?1, 'btcpay', 'paid', 'p', 1, 'SAT', 1)";
    let license = "INSERT INTO licenses (id, receipt_id, product_id, status, issued_at,
                                         grace_seconds, max_machines, entitlements, is_trial,
                                         updated_at)
                   VALUES (?1, 'r1', 'p', 'active', 1, 0, 1, '[]', 0, 1)";
    rows(&database, product).await.expect("a product");
    for (sql, first, second, column) in [
        (receipt, "r1", "r2", "receipts.external_ref"),
        (license, "l1", "l2", "licenses.receipt_id"),
    ] {
        database
            .query(Statement::new(sql, [first.into()]))
            .await
            .expect("the first");
        let error = database.query(Statement::new(sql, [second.into()])).await;
        let error = error.expect_err("a second");
        assert!(error.is_unique_violation(column), "{error}");
    }
}
