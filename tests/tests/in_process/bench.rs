//! What every test stands on: a shop with its clock, requests and answers, and
//! a look into its database.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use keywright_btcpay_double::BtcPay;
use keywright_license::{VerifiedLicense, VerifyKeys, verify_license};
use keywright_native_host::{HttpFetch, SetClock, hold_background_waits};
use keywright_ports::{DatabasePort, Fetch, Row, Statement, name};
use keywright_tests::published::release;
use keywright_tests::shop::{
    ADMIN_KEY, CLIENT_ADDRESS_HEADER, CRON_TOKEN, Setup, Shop, WEBHOOK_SECRET, configuration,
    new_address,
};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

/// 2027-01-15T08:00:00Z, where every clock starts.
pub(crate) const NOW: u64 = 1_800_000_000;

/// The file of the release gate.
pub(crate) const FILE: &str = "/releases/demo/1.0.0/x86_64-unknown-linux-gnu";

/// Seconds until an order is first asked for, and a little more.
pub(crate) const UNTIL_DUE: u64 = 121;

/// A shop, its clock, and the way to talk to it.
pub(crate) struct Bench {
    pub(crate) shop: Shop,
    pub(crate) clock: Arc<SetClock>,
    pub(crate) secrets: Secrets,
}

/// The secrets of the orders that were made, by their ids: what a buyer remembers.
pub(crate) type Secrets = Arc<Mutex<BTreeMap<String, String>>>;

/// An answer with its body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Every table with its rows.
pub(crate) type Dump = BTreeMap<String, Vec<Row>>;

impl Answer {
    /// The body; null when it is not JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A text member of the body.
    pub(crate) fn text(&self, member: &str) -> String {
        let json = self.json();
        let text = json[member].as_str();
        text.unwrap_or_else(|| panic!("{} has no text {member}: {json}", self.status))
            .to_owned()
    }

    /// The code of an error in the envelope, which has these three members.
    pub(crate) fn code(&self) -> String {
        let json = self.json();
        let members: Vec<&String> = json.as_object().expect("the envelope").keys().collect();
        assert_eq!(members, ["error", "message", "ok"], "{json}");
        assert_eq!(json["ok"], false);
        assert!(
            json["message"]
                .as_str()
                .is_some_and(|message| !message.is_empty()),
            "{json}"
        );
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/json");
        self.text("error")
    }

    /// Status and code, for a comparison.
    pub(crate) fn refusal(&self) -> (u16, String) {
        (self.status, self.code())
    }
}

impl Bench {
    /// A shop without a payment provider.
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// A shop with this configuration on top; an empty value removes one.
    pub(crate) fn with(config: &[(&'static str, &str)]) -> Self {
        Self::with_outbound(config, Arc::new(HttpFetch::patient()))
    }

    /// A shop that sells through this store.
    pub(crate) fn paid_through(pay: &BtcPay) -> Self {
        Self::with(&account_of(pay))
    }

    pub(crate) fn with_outbound(config: &[(&'static str, &str)], outbound: Arc<dyn Fetch>) -> Self {
        // What is written after an answer is written when the test says so.
        hold_background_waits();
        let clock = Arc::new(SetClock::at(NOW));
        Self {
            shop: Shop::open_with(setup(config, &clock), outbound),
            clock,
            secrets: Secrets::default(),
        }
    }

    /// A shop over a database that exists.
    pub(crate) fn over(database: Arc<dyn DatabasePort>, config: &[(&'static str, &str)]) -> Self {
        let clock = Arc::new(SetClock::at(NOW));
        let outbound = Arc::new(HttpFetch::patient());
        Self {
            shop: Shop::open_over(setup(config, &clock), outbound, database),
            clock,
            secrets: Secrets::default(),
        }
    }

    /// This shop deployed anew with another configuration: what it recorded
    /// stays, and so does its clock.
    pub(crate) fn redeployed(&self, config: &[(&'static str, &str)]) -> Self {
        let outbound = Arc::new(HttpFetch::patient());
        let database = self.shop.native.database.clone();
        Self {
            shop: Shop::open_over(setup(config, &self.clock), outbound, database),
            clock: self.clock.clone(),
            secrets: self.secrets.clone(),
        }
    }

    /// As [`Self::redeployed`], with another way out.
    pub(crate) fn over_outbound(
        before: &Self,
        config: &[(&'static str, &str)],
        outbound: Arc<dyn Fetch>,
    ) -> Self {
        let database = before.shop.native.database.clone();
        Self {
            shop: Shop::open_over(setup(config, &before.clock), outbound, database),
            clock: before.clock.clone(),
            secrets: before.secrets.clone(),
        }
    }

    /// Sends a request; one that names no address is of a caller whom no limit
    /// has counted before.
    pub(crate) async fn send(&self, mut request: Request<Body>) -> Answer {
        let address = new_address().parse().expect("a header");
        let headers = request.headers_mut();
        headers.entry(CLIENT_ADDRESS_HEADER).or_insert(address);
        let is_order = matches!(request.uri().path(), "/v1/purchase" | "/v1/redeem");
        let (parts, body) = self.shop.call(request).await.into_parts();
        let answer = Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        };
        if is_order {
            let json = answer.json();
            if let (Some(id), Some(secret)) =
                (json["order_id"].as_str(), json["invoice_id"].as_str())
            {
                let mut secrets = self.secrets.lock().expect("the orders");
                secrets.insert(id.to_owned(), secret.to_owned());
            }
        }
        answer
    }

    /// What opens an order that was made here; anything else as it is.
    pub(crate) fn opener<'a>(&self, order: &'a str) -> Cow<'a, str> {
        let secrets = self.secrets.lock().expect("the orders");
        secrets
            .get(order)
            .map_or(order.into(), |secret| secret.clone().into())
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).expect("a request"))
            .await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(json_request(Method::POST, path, body)).await
    }

    /// As the operator.
    pub(crate) async fn operate(&self, method: &str, path: &str, body: &Value) -> Answer {
        let method = method.parse().expect("a method");
        self.send(signed_in(json_request(method, path, body))).await
    }

    /// One tick of the cron function; answers its report.
    pub(crate) async fn tick(&self) -> Answer {
        let request = Request::post("/v1/cron/renew")
            .header(header::AUTHORIZATION, format!("Bearer {CRON_TOKEN}"))
            .body(Body::empty());
        self.send(request.expect("a request")).await
    }

    /// A new product; answers its id.
    pub(crate) async fn product(&self, slug: &str, price_sats: i64) -> String {
        let body = json!({ "slug": slug, "name": slug, "price_sats": price_sats });
        let answer = self.operate("POST", "/v1/admin/products", &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.text("id")
    }

    /// A new policy of a product, with these members on top; answers its id.
    pub(crate) async fn policy(&self, product: &str, slug: &str, members: Value) -> String {
        let mut body = json!({ "product_slug": product, "slug": slug, "name": slug });
        for (name, value) in members.as_object().expect("members") {
            body[name] = value.clone();
        }
        let answer = self.operate("POST", "/v1/admin/policies", &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.text("id")
    }

    /// A new discount code of 10 %, with these members on top; answers its id.
    pub(crate) async fn code(&self, code: &str, members: Value) -> String {
        let mut body = json!({ "code": code, "kind": "percent", "amount": 1_000 });
        for (name, value) in members.as_object().expect("members") {
            body[name] = value.clone();
        }
        let answer = self
            .operate("POST", "/v1/admin/discount-codes", &body)
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.text("id")
    }

    /// A license by the operator's hand, with these members on top.
    pub(crate) async fn issue(&self, product: &str, members: Value) -> Answer {
        let mut body = json!({ "product_slug": product });
        for (name, value) in members.as_object().expect("members") {
            body[name] = value.clone();
        }
        let answer = self.operate("POST", "/v1/admin/licenses", &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    /// A machine that holds a seat of a license, as if it had been activated.
    pub(crate) async fn machine(&self, id: &str, license_id: &str) {
        let sql = "INSERT INTO machines (id, license_id, fingerprint_hash, hostname, platform,
                                         activated_at, last_seen_at)
                   VALUES (?1, ?2, 'hash of ' || ?1, 'host', NULL, ?3, ?3)";
        let at = i64::try_from(NOW).expect("a time");
        let statement = Statement::new(sql, [id.into(), license_id.into(), at.into()]);
        let port = &self.shop.database;
        port.query(statement).await.expect("a machine");
    }

    /// Runs one statement outside a batch: tampering, looking, a pragma.
    pub(crate) async fn sql(&self, sql: &str) -> Vec<Row> {
        // Statements hold constants only, so that none is built from input; a
        // test may leak a few.
        let sql: &'static str = String::leak(sql.to_owned());
        self.shop
            .database
            .query(Statement::new(sql, []))
            .await
            .expect("a statement")
    }

    /// The one number that a statement answers.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let rows = self.sql(sql).await;
        rows[0]
            .values()
            .next()
            .and_then(Value::as_i64)
            .expect("a number")
    }

    /// All that is stored.
    pub(crate) async fn dump(&self) -> Dump {
        let tables = self
            .sql("SELECT name FROM sqlite_schema WHERE type = 'table'")
            .await;
        let mut dump = Dump::new();
        for table in tables {
            let table = table["name"].as_str().expect("a name").to_owned();
            let rows = self
                .sql(&format!("SELECT * FROM {table} ORDER BY 1, 2"))
                .await;
            dump.insert(table, rows);
        }
        assert!(dump.len() >= 7, "{:?}", dump.keys());
        dump
    }

    /// As [`Self::dump`], without what is written of a request that was refused: that
    /// it was, and how often.
    pub(crate) async fn changes(&self) -> Dump {
        let mut dump = self.dump().await;
        dump.remove("rate_limits");
        dump.remove("hourly_counts");
        // The numbers of entries, which refusals take from too.
        dump.remove("sqlite_sequence");
        if let Some(audit) = dump.get_mut("audit") {
            let refusals = ["credential.refuse", "recovery.refuse"];
            audit.retain(|entry| refusals.iter().all(|refusal| entry["action"] != *refusal));
        }
        dump
    }

    /// Sends a request that must change nothing in the database.
    pub(crate) async fn untouched_by(&self, request: Request<Body>) -> Answer {
        let before = self.changes().await;
        let what = format!("{} {}", request.method(), request.uri());
        let answer = self.send(request).await;
        let after = self.changes().await;
        assert_eq!(after, before, "{what} changed what is stored");
        answer
    }

    /// What the log holds.
    pub(crate) fn log(&self) -> String {
        self.shop.native.log.lines().join("\n")
    }

    /// Verifies a key against this shop's public keys.
    pub(crate) fn verified(&self, key: &str) -> VerifiedLicense {
        let keys: VerifyKeys = self.shop.native.config[name::VERIFY_KEYS]
            .parse()
            .expect("public keys");
        verify_license(key, &keys).unwrap_or_else(|error| panic!("{key}: {error}"))
    }
}

fn setup(config: &[(&'static str, &str)], clock: &Arc<SetClock>) -> Setup {
    // Off where a test does not ask for it: it is written a while after the
    // answer, into the middle of whatever a test looks at.
    let no_log =
        [name::VALIDATION_LOG_DAYS, name::DOWNLOAD_LOG_DAYS].map(|name| (name, "0".to_owned()));
    let config = config
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()));
    Setup {
        config: no_log.into_iter().chain(config).collect(),
        clock: clock.clone(),
        releases: releases(),
        without_database: &[],
    }
}

/// A played store; its clock stands where the shop's starts.
pub(crate) fn played_store() -> BtcPay {
    let now = i64::try_from(NOW).expect("a time");
    BtcPay::builder()
        .store("STORE")
        .api_key("KEY")
        .webhook_later(WEBHOOK_SECRET)
        .frozen_clock(now)
        .strict()
        .start()
        .expect("a played BTCPay")
}

/// The configuration that connects a shop to this store.
pub(crate) fn account_of(pay: &BtcPay) -> [(&'static str, &str); 4] {
    [
        (name::BTCPAY_URL, pay.base_url()),
        (name::BTCPAY_STORE_ID, pay.store_id()),
        (name::BTCPAY_API_KEY, pay.api_key()),
        (name::BTCPAY_WEBHOOK_SECRET, WEBHOOK_SECRET),
    ]
}

pub(crate) fn json_request(method: Method, path: &str, body: &Value) -> Request<Body> {
    raw_request(method, path, "application/json", body.to_string())
}

pub(crate) fn raw_request(
    method: Method,
    path: &str,
    content_type: &str,
    body: impl Into<Body>,
) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, content_type)
        .body(body.into())
        .expect("a request")
}

/// The request with the operator's key.
pub(crate) fn signed_in(mut request: Request<Body>) -> Request<Body> {
    let key = format!("Bearer {ADMIN_KEY}").parse().expect("a header");
    request.headers_mut().insert(header::AUTHORIZATION, key);
    request
}

/// The public keys of a shop of the usual configuration.
pub(crate) fn public_key() -> String {
    configuration("")[name::VERIFY_KEYS].clone()
}

/// A folder of releases: `demo` is licensed, `open` is not, and beside the
/// folder lies a file that no request may reach.
pub(crate) fn releases() -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let top = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("in_process-{}", std::process::id()));
        for (path, content) in [
            ("secret", "never served"),
            (
                "releases/demo/1.0.0/x86_64-unknown-linux-gnu",
                "the program",
            ),
            (
                "releases/demo/1.0.0/x86_64-unknown-linux-gnu.sig",
                "its signature",
            ),
            ("releases/demo/secret-notes/plan", "licensed too"),
            (
                "releases/open/MANIFEST.json",
                "{\"requires_license\":false}",
            ),
            ("releases/open/1.0.0/any", "for everybody"),
            ("releases/demo/install.sh", "#!/bin/sh\n"),
            ("releases/demo/1.0.0/MANIFEST.json", "{}"),
        ] {
            let path = top.join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, content).expect("a file");
        }
        release("listed", "1.0.0")
            .file("any.zip", "listed.zip", b"a package")
            .write(&top.join("releases"))
            .expect("a release");
        top.join("releases")
    });
    folder.clone()
}
