//! A database with one license, and what happens to its machines.

use keywright_native_host::SqliteDatabase;
use keywright_ports::AddressHeader;
use keywright_ports::function::Access;
use keywright_ports::{
    Clock, Config, Database, DatabasePort, Level, Log, LogSink, Random, Row, Statement, Value,
};
use keywright_ports::{Grants, Host};
use keywright_store::MIGRATIONS;
use keywright_store::seats::activations::{self, Count, LookUp, NewMachine, OnMachine};
use keywright_store::seats::machines::{self, Deactivation, MachineSelector};
use std::cell::Cell;
use std::sync::Arc;

pub(crate) const LICENSE: &str = "l";
pub(crate) const START: i64 = 1_800_000_000;

/// A database with one license.
pub(crate) struct Desk {
    pub(crate) port: Arc<SqliteDatabase>,
    pub(crate) database: Database,
    ids: Cell<u64>,
}

struct Unused;

impl Clock for Unused {
    fn unix_millis(&self) -> u64 {
        0
    }
}

impl Random for Unused {
    fn fill(&self, _: &mut [u8]) {}
}

impl LogSink for Unused {
    fn write(&self, _: Level, _: &str) {}
}

/// The handle that functions have, over this port.
pub(crate) fn opened(port: Arc<dyn DatabasePort>) -> Database {
    let host = Host {
        function: "test",
        grants: Grants {
            database: Access::ReadWrite,
            ..Grants::NONE
        },
        database: Some(port),
        sign: None,
        outbound: None,
        mail_binding: None,
        releases: None,
        release_writer: None,
        pages: None,
        clock: Arc::new(Unused),
        random: Arc::new(Unused),
        config: Config::default(),
        log: Log::new("test", Arc::new(Unused)),
        address_header: AddressHeader::Missing,
    };
    host.database().expect("the database")
}

impl Desk {
    pub(crate) async fn new(
        max_machines: i64,
        of_license: Option<i64>,
        of_policy: Option<i64>,
    ) -> Self {
        let port = Arc::new(SqliteDatabase::in_memory(MIGRATIONS).expect("a database"));
        let desk = Self {
            database: opened(port.clone()),
            port,
            ids: Cell::new(0),
        };
        desk.run(
            "INSERT INTO products (id, slug, name, description, price_amount, price_currency,
                                   active, metadata, created_at, updated_at)
             VALUES ('p', 'demo', 'P', '', 1, 'SAT', 1, '{}', 1, 1)",
            [],
        )
        .await;
        desk.run(
            "INSERT INTO policies (id, product_id, slug, name, duration_seconds, grace_seconds,
                                   max_machines, entitlements, is_trial, active, public, metadata,
                                   created_at, updated_at, max_activations_per_day)
             VALUES ('t', 'p', 'tier', 'T', 0, 0, 1, '[]', 0, 1, 1, '{}', 1, 1, ?1)",
            [of_policy.into()],
        )
        .await;
        desk.run(
            "INSERT INTO receipts (id, kind, external_ref, product_id, amount, currency,
                                   received_at)
             VALUES ('r', 'grant', 'x', 'p', 0, 'SAT', 1)",
            [],
        )
        .await;
        desk.run(
            "INSERT INTO licenses (id, receipt_id, product_id, policy_id, status, issued_at,
                                   grace_seconds, max_machines, entitlements, is_trial,
                                   updated_at, max_activations_per_day)
             VALUES ('l', 'r', 'p', 't', 'active', 1, 0, ?1, '[\"a\"]', 0, 1, ?2)",
            [max_machines.into(), of_license.into()],
        )
        .await;
        desk
    }

    pub(crate) async fn run<const N: usize>(
        &self,
        sql: &'static str,
        params: [Value; N],
    ) -> Vec<Row> {
        let answer = self.port.query(Statement::new(sql, params)).await;
        answer.expect("a statement")
    }

    pub(crate) async fn number(&self, sql: &'static str) -> i64 {
        let rows = self.run(sql, []).await;
        rows[0]
            .values()
            .next()
            .and_then(serde_json::Value::as_i64)
            .expect("a number")
    }

    pub(crate) fn id(&self) -> String {
        self.ids.set(self.ids.get() + 1);
        format!("id-{:06}", self.ids.get())
    }

    pub(crate) async fn look_up(&self, machine: &str, now: i64) -> OnMachine {
        let asked = LookUp {
            license_id: LICENSE,
            issued_at: START,
            fingerprint_hash: Some(machine),
            now,
            count: Count::WhereNeeded,
            bucket: None,
        };
        let found = activations::look_up(&self.database, asked);
        found.await.expect("an answer").expect("the license")
    }

    /// Answers the new id and what was found afterwards.
    pub(crate) async fn activate(&self, machine: &str, now: i64) -> (String, OnMachine) {
        let (id, event_id) = (self.id(), self.id());
        let new = NewMachine {
            id: &id,
            event_id: &event_id,
            license_id: LICENSE,
            key_issued_at: Some(START),
            fingerprint_hash: machine,
            hostname: None,
            platform: None,
        };
        let after = activations::activate(&self.database, new, now).await;
        (id.clone(), after.expect("an answer").expect("the license"))
    }

    pub(crate) async fn free(&self, machine: &str, now: i64) -> bool {
        let event_id = self.id();
        let which = MachineSelector::Fingerprint(machine);
        let freed =
            machines::deactivate(&self.database, LICENSE, START, which, "r", &event_id, now);
        freed.await.expect("an answer") == Deactivation::Free
    }

    pub(crate) async fn events(&self) -> (i64, i64) {
        (
            self.number("SELECT count(*) FROM events WHERE event_type = 'machine.activated'")
                .await,
            self.number("SELECT count(*) FROM events WHERE event_type = 'machine.deactivated'")
                .await,
        )
    }
}
