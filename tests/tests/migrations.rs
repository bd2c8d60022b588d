//! A migration never loses a row, on any host, although some rebuild tables that other
//! rows refer to. And the release before it keeps working on the new schema until the next
//! deploy: what it reads is still there, and what it inserts is still accepted.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use keywright_native_host::SqliteDatabase;
use keywright_ports::{DatabasePort, Migration, Row, Statement};
use keywright_spin_host::SpinApp;
use keywright_store::MIGRATIONS;
use keywright_tests::hosts::{root, tool};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A sale, a grant, a pending order and a code's use, as the first levels could
/// have them.
const ROWS: &[(usize, &str)] = &[
    (
        1,
        "INSERT INTO products (id, slug, name, description, price_amount, price_currency, active,
                               metadata, created_at, updated_at)
         VALUES ('p', 'p', 'P', '', 1, 'SAT', 1, '{}', 1, 1)",
    ),
    (
        1,
        "INSERT INTO policies (id, product_id, slug, name, duration_seconds, grace_seconds,
                               max_machines, entitlements, is_trial, active, public, metadata,
                               created_at, updated_at)
         VALUES ('y', 'p', 'y', 'Y', 0, 0, 1, '[]', 0, 1, 1, '{}', 1, 1)",
    ),
    (
        1,
        "INSERT INTO invoices (id, product_id, policy_id, provider, provider_invoice_id,
                               checkout_url, status, amount_sats, base_price_sats,
                               duration_seconds, grace_seconds, max_machines, entitlements,
                               is_trial, buyer_email, buyer_note, created_at, settled_at,
                               next_check_at, checks)
         VALUES ('sold', 'p', 'y', 'btcpay', 'b1', 'https://c', 'settled', 5, 9, 1, 2, 3,
                 '[\"a\"]', 1, 'a@b', 'n; m', 10, 20, NULL, 4),
                ('open', 'p', NULL, 'btcpay', NULL, '', 'pending', 5, 5, 0, 0, 1, '[]', 0, NULL,
                 NULL, 11, NULL, 99, 0),
                ('gift', 'p', NULL, 'free', 'free-gift', '', 'settled', 0, 0, 0, 0, 1, '[]', 0,
                 NULL, NULL, 12, 12, NULL, 0)",
    ),
    (
        1,
        "INSERT INTO receipts (id, kind, external_ref, invoice_id, product_id, amount, currency,
                               received_at)
         VALUES ('r1', 'btcpay', 'b1', 'sold', 'p', 5, 'SAT', 20),
                ('r2', 'free', 'free-gift', 'gift', 'p', 0, 'SAT', 12),
                ('r3', 'grant', 'l3', NULL, 'p', 0, 'SAT', 13)",
    ),
    (
        1,
        "INSERT INTO licenses (id, receipt_id, product_id, status, issued_at, grace_seconds,
                               max_machines, entitlements, is_trial, updated_at)
         SELECT 'l' || substr(id, 2), id, product_id, 'active', received_at, 0, 1, '[]', 0, 1
         FROM receipts",
    ),
    (
        1,
        "INSERT INTO audit (id, at, actor, action, object_kind, object_id, before, after,
                            request_id)
         VALUES ('e2', 21, 'btcpay', 'license.issue', 'license', 'l1', NULL, '{}', ''),
                ('e1', 20, 'operator', 'product.change', 'product', 'p', '{\"a\":1}', '{\"a\":2}',
                 'r')",
    ),
    (
        2,
        "INSERT INTO discount_codes (id, code, kind, amount, currency, used_count, active,
                                     featured, description, created_at, updated_at)
         VALUES ('c', 'C', 'percent', 1, 'SAT', 1, 1, 0, '', 1, 1)",
    ),
    (
        2,
        "INSERT INTO redemptions (id, code_id, invoice_id, state, discount_sats, reserved_at)
         VALUES ('d', 'c', 'sold', 'used', 4, 10)",
    ),
    (
        2,
        "INSERT INTO api_keys (id, label, role, scopes, token_hash, created_at, last_used_at,
                               revoked_at)
         VALUES ('k1', 'CI', 'read-only', '[\"releases:write\"]', 'h1', 3, 4, NULL),
                ('k2', 'gone', 'full-admin', '[]', 'h2', 5, NULL, 6)",
    ),
    (
        3,
        "UPDATE invoices SET maintenance_seconds = 86400 WHERE id = 'sold'",
    ),
    (
        4,
        "UPDATE invoices SET price_currency = 'USD', price_amount = 100, base_price_amount = 120,
                             payment_state = 'paid', paid_amount = '1.00', paid_currency = 'USD',
                             step_id = 's', watch_until = 77
         WHERE id = 'sold'",
    ),
];

/// The columns of each table of a level.
type Columns = BTreeMap<String, Vec<Column>>;

/// A column, as `PRAGMA table_info` describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Column {
    name: String,
    kind: String,
    is_required: bool,
}

/// Tables of the hosts, which are none of ours.
const HOST_TABLES: [&str; 3] = ["_cf_", "d1_", "sqlite_"];

fn rows_of(level: usize) -> impl Iterator<Item = &'static str> {
    let rows = ROWS.iter().filter(move |(since, _)| *since <= level);
    rows.map(|(_, sql)| *sql)
}

async fn query(database: &SqliteDatabase, sql: &str) -> Vec<Row> {
    // Statements hold constants only, so that none is built from input; a test may leak
    // a few.
    let leaked: &'static str = String::leak(sql.to_owned());
    database.query(Statement::new(leaked, [])).await.expect(sql)
}

async fn columns(database: &SqliteDatabase) -> Columns {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let tables = query(
        database,
        "SELECT name FROM sqlite_schema WHERE type = 'table'",
    )
    .await;
    let mut columns = Columns::new();
    for table in tables.iter().map(|row| text(&row["name"])) {
        if HOST_TABLES.iter().any(|prefix| table.starts_with(prefix)) {
            continue;
        }
        let info = query(
            database,
            &format!("SELECT * FROM pragma_table_info('{table}')"),
        )
        .await;
        let column = |row: &Row| Column {
            name: text(&row["name"]),
            kind: text(&row["type"]),
            is_required: row["notnull"] == 1 && row["dflt_value"].is_null() && row["pk"] == 0,
        };
        columns.insert(table, info.iter().map(column).collect());
    }
    columns
}

/// Every row of these tables, in these columns.
async fn rows(database: &SqliteDatabase, columns: &Columns) -> Vec<Vec<Row>> {
    let mut all = Vec::new();
    for (table, columns) in columns {
        let names: Vec<&str> = columns.iter().map(|column| &*column.name).collect();
        let sql = format!("SELECT {} FROM {table} ORDER BY 1, 2", names.join(", "));
        all.push(query(database, &sql).await);
    }
    all
}

/// Every row of a database, and the columns that they were read in.
struct Before {
    columns: Columns,
    rows: Vec<Vec<Row>>,
}

impl Before {
    async fn of(database: &SqliteDatabase) -> Self {
        let columns = columns(database).await;
        let rows = rows(database, &columns).await;
        assert!(rows.iter().map(Vec::len).sum::<usize>() >= 10);
        Self { columns, rows }
    }
}

/// A file of this level with the rows; answers what must be the same afterwards.
async fn filled(path: &Path, level: usize) -> Before {
    let database = SqliteDatabase::open(path, &MIGRATIONS[..level]).expect("a database");
    for sql in rows_of(level) {
        query(&database, sql).await;
    }
    Before::of(&database).await
}

async fn assert_whole(database: &SqliteDatabase, level: usize, before: &Before) {
    let after = rows(database, &before.columns).await;
    for ((table, before), after) in before.columns.keys().zip(&before.rows).zip(&after) {
        assert_eq!(after, before, "{table} of level {level}");
    }
    let broken = query(database, "PRAGMA foreign_key_check").await;
    assert_eq!(broken, [], "level {level}");
    let left = "SELECT name FROM sqlite_schema WHERE name LIKE '%_aside'";
    assert_eq!(query(database, left).await, [], "level {level}");
    // What refers to what is as it was.
    for sql in [
        "DELETE FROM receipts WHERE id = 'r1'",
        "DELETE FROM invoices WHERE id = 'sold'",
    ] {
        let refused = database.query(Statement::new(sql, [])).await;
        let refused = refused.expect_err(sql).to_string();
        assert!(refused.contains("FOREIGN KEY"), "level {level}: {refused}");
    }
    for column in ["receipts.external_ref", "invoices.provider_invoice_id"] {
        let (table, _) = column.split_once('.').expect("a column");
        let sql = match table {
            "receipts" => "UPDATE receipts SET kind = 'btcpay', external_ref = 'b1'",
            _ => "UPDATE invoices SET provider = 'btcpay', provider_invoice_id = 'b1'",
        };
        let refused = database.query(Statement::new(sql, [])).await;
        let refused = refused.expect_err(sql);
        assert!(
            refused.is_unique_violation(column),
            "level {level}: {refused}"
        );
    }
}

fn folder() -> tempfile::TempDir {
    let mut folder = tempfile::Builder::new();
    folder
        .prefix("keywright-migrations-")
        .tempdir()
        .expect("a folder")
}

#[tokio::test]
async fn sqlite_keeps_every_sale_from_every_level() {
    let folder = folder();
    for level in 1..MIGRATIONS.len() {
        let path = folder.path().join(format!("{level}.sqlite"));
        let before = filled(&path, level).await;
        let database = SqliteDatabase::open(&path, MIGRATIONS).expect("the newest level");
        assert_whole(&database, level, &before).await;
        for (provider, kind) in [("polygon", "polygon"), ("zaprite", "zaprite")] {
            let sql = match provider {
                "polygon" => "UPDATE invoices SET provider = 'polygon' WHERE id = 'open'",
                _ => "UPDATE invoices SET provider = 'zaprite' WHERE id = 'open'",
            };
            query(&database, sql).await;
            let sql = match kind {
                "polygon" => "UPDATE receipts SET kind = 'polygon' WHERE id = 'r3'",
                _ => "UPDATE receipts SET kind = 'zaprite' WHERE id = 'r3'",
            };
            query(&database, sql).await;
        }
    }
}

/// The release before a migration runs on its schema between `migrations apply` and the
/// next deploy. What its statements name is still there, of the same type, and a row that
/// it inserts lacks no required column.
#[tokio::test]
async fn what_the_release_before_reads_and_inserts_is_still_accepted() {
    for level in 1..MIGRATIONS.len() {
        let of = |level: usize| SqliteDatabase::in_memory(&MIGRATIONS[..level]).expect("a level");
        let (before, after) = (columns(&of(level)).await, columns(&of(level + 1)).await);
        for (table, before) in &before {
            let after = &after[table];
            for column in before {
                let same = after.iter().find(|after| after.name == column.name);
                let same = same.unwrap_or_else(|| panic!("{table}.{} is gone", column.name));
                assert_eq!(same.kind, column.kind, "{table}.{}", column.name);
                assert!(
                    column.is_required || !same.is_required,
                    "{table}.{} is required since level {}",
                    column.name,
                    level + 1
                );
            }
            let new = after
                .iter()
                .filter(|after| before.iter().all(|column| column.name != after.name));
            for column in new {
                assert!(!column.is_required, "{table}.{} is new", column.name);
            }
        }
    }
}

/// The rows above are written by statements as earlier releases wrote them: each level's
/// are accepted by every later schema, CHECKs and foreign keys included.
#[tokio::test]
async fn rows_of_earlier_levels_are_accepted_by_every_later_schema() {
    for schema in 1..=MIGRATIONS.len() {
        for level in 1..=schema {
            let database = SqliteDatabase::in_memory(&MIGRATIONS[..schema]).expect("a level");
            for sql in rows_of(level) {
                query(&database, sql).await;
            }
            let broken = query(&database, "PRAGMA foreign_key_check").await;
            assert_eq!(broken, [], "level {level} on {schema}");
        }
    }
}

#[tokio::test]
async fn spin_keeps_every_sale_from_every_level() {
    for level in 1..MIGRATIONS.len() {
        let folder = folder();
        let state = folder.path().join("state");
        std::fs::create_dir_all(&state).expect("a folder");
        let path = state.join("sqlite_db.db");
        let before = filled(&path, level).await;
        let manifest = folder.path().join("spin.toml");
        std::fs::copy(root().join("spin.toml"), &manifest).expect("the manifest");
        let modules = std::env::var_os("KEYWRIGHT_TEST_SPIN_MODULES").map(PathBuf::from);
        let modules = modules.unwrap_or_else(|| root().join("build/spin"));
        std::fs::create_dir_all(folder.path().join("build")).expect("a folder");
        let link = std::os::unix::fs::symlink::<PathBuf, PathBuf>;
        link(modules, folder.path().join("build/spin")).expect("a link");
        let pages = root().join("static").canonicalize().expect("the pages");
        link(pages, folder.path().join("static")).expect("a link");
        std::fs::create_dir_all(folder.path().join("releases")).expect("a folder");
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("a port").port();
        drop(listener);
        let app = SpinApp::from_manifest(&manifest).expect("the manifest");
        let running = app.listen(port).state_dir(&state).start().await;
        let running = running.expect("a running application");
        let url = format!("http://127.0.0.1:{port}/v1/products");
        let answer = reqwest::get(url).await.expect("an answer");
        assert_eq!(answer.status(), 200, "level {level}");
        drop(running);
        let database = SqliteDatabase::open(&path, &[]).expect("the database");
        let reached = query(&database, "PRAGMA user_version").await;
        assert_eq!(
            reached[0]["user_version"],
            MIGRATIONS.len(),
            "level {level}"
        );
        assert_whole(&database, level, &before).await;
    }
}

/// `wrangler` with a local D1 in a folder.
struct D1(tempfile::TempDir);

impl D1 {
    fn new() -> Self {
        let folder = folder();
        std::fs::create_dir_all(folder.path().join("migrations")).expect("a folder");
        let config = r#"{ "name": "levels", "compatibility_date": "2026-09-01",
            "d1_databases": [{ "binding": "DB", "database_name": "keywright",
                               "database_id": "keywright", "migrations_dir": "migrations" }] }"#;
        std::fs::write(folder.path().join("wrangler.json"), config).expect("the configuration");
        Self(folder)
    }

    fn wrangler(&self, args: &[&str]) {
        let node = tool("KEYWRIGHT_TEST_NODE", "the node that set-up installed");
        let modules = tool("KEYWRIGHT_TEST_NODE_MODULES", "set-up's npm packages");
        let wrangler =
            PathBuf::from(modules.expect("the packages")).join("wrangler/bin/wrangler.js");
        let done = Command::new(node.expect("node"))
            .arg(wrangler)
            .args(args)
            .args(["--local", "--persist-to", "state", "-c", "wrangler.json"])
            .current_dir(self.0.path())
            .envs([
                ("CI", "1"),
                ("NO_COLOR", "1"),
                ("WRANGLER_SEND_METRICS", "false"),
            ])
            .env("WRANGLER_LOG_PATH", self.0.path())
            .output()
            .expect("wrangler");
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            done.status.success(),
            "{args:?}: {}{}",
            said(&done.stdout),
            said(&done.stderr)
        );
    }

    fn apply(&self, migrations: &[Migration]) {
        for migration in migrations {
            let name = format!("migrations/{:04}_level.sql", migration.level);
            std::fs::write(self.0.path().join(name), migration.sql).expect("a migration");
        }
        self.wrangler(&["d1", "migrations", "apply", "keywright"]);
    }

    fn database(&self) -> SqliteDatabase {
        let folder = self.0.path().join("state/v3/d1/miniflare-D1DatabaseObject");
        let files = std::fs::read_dir(folder).expect("the local D1");
        let path = files
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|ending| ending == "sqlite"))
            .find(|path| path.file_stem().is_some_and(|name| name != "metadata"));
        SqliteDatabase::open(&path.expect("a database"), &[]).expect("the database")
    }
}

#[tokio::test]
async fn d1_keeps_every_sale_from_every_level() {
    for level in 1..MIGRATIONS.len() {
        let d1 = D1::new();
        d1.apply(&MIGRATIONS[..level]);
        let sql: String = rows_of(level).flat_map(|sql| [sql, ";\n"]).collect();
        std::fs::write(d1.0.path().join("rows.sql"), sql).expect("the rows");
        d1.wrangler(&["d1", "execute", "keywright", "--file", "rows.sql"]);
        let before = Before::of(&d1.database()).await;
        d1.apply(&MIGRATIONS[level..]);
        assert_whole(&d1.database(), level, &before).await;
    }
}
