//! Schemathesis against workerd: requests made up from the served OpenAPI
//! document find no server error, no status and no body that it does not
//! describe, and no way round a key. `schemathesis.toml` says which checks run.

// compatibility: Readers of the OpenAPI document | Schemathesis | pip:schemathesis | `make test` | thousands of requests made up from the document: what fits is accepted, what does not is refused, and links are followed; workerd

#![expect(clippy::expect_used, reason = "a case fails by panicking")]

use keywright_license::{NewLicense, hash_fingerprint};
use keywright_tests::hosts::{Host, Instance};
use keywright_tests::shop;
use keywright_tests::suite::floor::{self, text};
use keywright_tests::suite::{Case, run};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use uuid::Uuid;

/// How Schemathesis runs, but for what a running instance knows.
const CONFIGURATION: &str = include_str!("../schemathesis.toml");

/// Which members of a request go together.
const HOOKS: &str = "python/schemathesis_hooks.py";

fn main() -> ExitCode {
    let cases = [Case::new(module_path!(), "schemathesis", |instance| {
        Box::pin(schemathesis(instance))
    })];
    run(Host::Workerd, cases.into_iter())
}

async fn schemathesis(instance: &Instance) {
    let known = Known::seed(instance).await;
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = folder.path().join("schemathesis.toml");
    std::fs::write(&configuration, known.configuration()).expect("the configuration");
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(program())
        .arg("--config-file")
        .arg(&configuration)
        .args(["run", "--no-color"])
        .arg(format!("{}/v1/openapi.json", instance.api.base_url()))
        .current_dir(folder.path())
        // The instance is on this machine, whatever proxy the machine uses.
        .env("NO_PROXY", "*")
        .env("KEYWRIGHT_ADMIN_KEY", shop::ADMIN_KEY)
        .env("KEYWRIGHT_CRON_TOKEN", shop::CRON_TOKEN)
        .env("KEYWRIGHT_SCHEMATHESIS_HOOKS", tests.join(HOOKS))
        .output()
        .expect("Schemathesis");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    if let Some(report) = std::env::var_os("KEYWRIGHT_SCHEMATHESIS_REPORT") {
        std::fs::write(report, said.as_bytes()).expect("the report");
    }
    assert!(output.status.success(), "{said}{errors}");
    // It leaves out the document's own address.
    let operations = known.operations - 1;
    let all = format!("Selected: {operations}/{operations}");
    let tested = format!("Tested: {operations}");
    assert!(said.contains(&all) && said.contains(&tested), "{said}");
    // What was asked of the payment provider was always in order.
    assert_eq!(instance.btcpay.violations(), Vec::<String>::new());
}

/// Beside the Python that set-up installed.
fn program() -> PathBuf {
    let python = std::env::var_os("KEYWRIGHT_TEST_PYTHON");
    let python = python.expect("KEYWRIGHT_TEST_PYTHON: run these tests through `make test`");
    Path::new(&python).with_file_name("schemathesis")
}

/// What there is on the instance, so that made-up requests find something.
struct Known {
    /// Endpoints in the document.
    operations: usize,
    /// Texts by the dictionary's name.
    dictionaries: BTreeMap<&'static str, Vec<String>>,
}

impl Known {
    async fn seed(instance: &Instance) -> Self {
        let document = instance.api.get("/v1/openapi.json").await.ok();
        let methods = document["paths"].as_object().expect("paths").values();
        let operations = methods
            .filter_map(Value::as_object)
            .map(serde_json::Map::len);
        let mut known = Self {
            operations: operations.sum(),
            dictionaries: BTreeMap::new(),
        };
        known.catalogue(instance).await;
        known.licenses(instance).await;
        known.purchases(instance).await;
        let page = instance
            .api
            .request(http::Method::GET, "/v1/admin/licenses?limit=1");
        let page = instance
            .api
            .send(page.bearer_auth(shop::ADMIN_KEY))
            .await
            .ok();
        known.add("cursors", [text(&page, "next_cursor")]);
        known
    }

    fn add(&mut self, dictionary: &'static str, texts: impl IntoIterator<Item = String>) {
        self.dictionaries
            .entry(dictionary)
            .or_default()
            .extend(texts);
    }

    async fn catalogue(&mut self, instance: &Instance) {
        for (slug, price) in [("demo", 1_000), ("free", 0), ("other", 25), ("unsold", 7)] {
            let product = floor::product(instance, slug, price).await;
            self.add("products", [slug.to_owned()]);
            self.add("product_ids", [text(&product, "id")]);
        }
        for (product, slug, members) in [
            (
                "demo",
                "pro",
                json!({ "max_machines": 3, "entitlements": ["pro"] }),
            ),
            (
                "demo",
                "team",
                json!({ "max_machines": 0, "price_sats_override": 0 }),
            ),
            (
                "free",
                "pro",
                json!({ "is_trial": true, "duration_seconds": 1_000 }),
            ),
            ("other", "hidden", json!({ "public": false })),
        ] {
            let policy = floor::policy(instance, product, slug, members).await;
            self.add("policies", [slug.to_owned()]);
            self.add("policy_ids", [text(&policy, "id")]);
        }
        for code in [
            json!({ "code": "LAUNCH", "kind": "percent", "amount": 2_500 }),
            json!({ "code": "GIFT", "kind": "free_license", "product_slug": "demo" }),
            json!({ "code": "OFFER", "kind": "fixed_sats", "amount": 10, "featured": true }),
            json!({ "code": "ONCE", "kind": "set_price", "amount": 5, "max_uses": 1 }),
        ] {
            let code = floor::discount_code(instance, code).await;
            self.add(
                "codes",
                [text(&code, "code"), text(&code, "code").to_lowercase()],
            );
            self.add("code_ids", [text(&code, "id")]);
        }
        for label in ["CI", "helpdesk", "back office"] {
            let key = json!({ "label": label, "role": "support" });
            let key = instance
                .api
                .admin(http::Method::POST, "api-keys", &key)
                .await
                .ok();
            self.add("api_key_ids", [text(&key, "id")]);
        }
    }

    async fn licenses(&mut self, instance: &Instance) {
        let products = self.dictionaries["product_ids"].clone();
        for (number, members) in [
            json!({ "max_machines": 0, "entitlements": ["pro"], "buyer_email": "a@b.example" }),
            json!({ "max_machines": 2 }),
            json!({}),
            json!({ "expires_at": "2020-01-01T00:00:00Z" }),
            json!({ "expires_at": "2020-01-01T00:00:00Z", "grace_seconds": 3_000_000_000i64 }),
            json!({ "is_trial": true }),
        ]
        .into_iter()
        .enumerate()
        {
            let issued = floor::issue(instance, "demo", members).await;
            let (key, id) = (text(&issued, "license_key"), text(&issued, "license_id"));
            for machine in ["a", "b"].iter().take(number % 3) {
                let body = json!({ "key": key, "fingerprint": machine, "hostname": "h" });
                let seat = instance.api.post("/v1/machines/activate", &body).await.ok();
                self.add(
                    "machine_ids",
                    seat["machine_id"].as_str().map(str::to_owned),
                );
            }
            self.add("license_ids", [id]);
            self.add("keys", [key]);
        }
        for end in ["suspend", "revoke"] {
            let issued = floor::issue(instance, "other", json!({})).await;
            floor::standing(instance, &text(&issued, "license_id"), end).await;
            self.add("license_ids", [text(&issued, "license_id")]);
            self.add("keys", [text(&issued, "license_key")]);
        }
        for product in ["listed", "extension"] {
            floor::product(instance, product, 1).await;
            let members = json!({ "entitlements": ["pro"], "max_machines": 2 });
            let issued = floor::issue(instance, product, members).await;
            self.add("tokens", [text(&issued, "token")]);
            self.add("keys", [text(&issued, "license_key")]);
        }
        let unrecorded = NewLicense {
            product_id: Uuid::parse_str(&products[0]).expect("an id"),
            license_id: Uuid::from_u128(1),
            issued_at: 1_700_000_000,
            expires_at: None,
            trial: false,
            fingerprint_hash: Some(hash_fingerprint("a")),
            entitlements: Vec::new(),
        };
        let unrecorded = instance
            .signing_key
            .sign_license(&unrecorded)
            .expect("a key");
        self.add("keys", [unrecorded, "LIC1-AAAA-BBBB".to_owned()]);
    }

    async fn purchases(&mut self, instance: &Instance) {
        let order = |product| {
            // Of several policies one has to be named.
            let policy = (product == "demo").then_some("pro");
            json!({ "product": product, "policy_slug": policy, "buyer_email": "a@b.example" })
        };
        for (product, paid) in [("demo", true), ("free", false), ("demo", false)] {
            let bought = instance.api.post("/v1/purchase", &order(product)).await;
            let bought = bought.ok();
            let id = text(&bought, "invoice_id");
            if paid {
                let there = text(&bought, "btcpay_invoice_id");
                instance.btcpay.pay_in_full(&there).expect("a payment");
            }
            if paid || product == "free" {
                let settled = floor::until(instance, &id, "settled").await;
                self.add("keys", [text(&settled, "license_key")]);
                self.add("license_ids", [text(&settled, "license_id")]);
            }
            self.add("invoices", [id]);
        }
    }

    /// Lists of strings are written alike in TOML and in JSON.
    fn configuration(&self) -> String {
        let mut all = CONFIGURATION.to_owned();
        for (name, texts) in &self.dictionaries {
            let added = write!(all, "\n[dictionaries.{name}]\nvalues = {}\n", json!(texts));
            added.expect("text");
        }
        all
    }
}
