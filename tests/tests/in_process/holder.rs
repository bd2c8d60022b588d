//! Who holds a key, and what an application does with it on its machines.

use crate::bench::{Answer, Bench};
use keywright_native_host::finished;
use serde_json::{Value, json};

/// A license and its key.
pub(crate) struct Holder<'a> {
    pub(crate) bench: &'a Bench,
    pub(crate) key: String,
    pub(crate) license_id: String,
    pub(crate) product_id: String,
}

impl<'a> Holder<'a> {
    /// A license of a product of its own, with these members.
    pub(crate) async fn new(bench: &'a Bench, product: &str, members: Value) -> Self {
        bench.product(product, 1).await;
        let issued = bench.issue(product, members).await;
        Self {
            bench,
            key: issued.text("license_key"),
            license_id: issued.text("license_id"),
            product_id: issued.text("product_id"),
        }
    }

    /// Sends the key with these members on top.
    pub(crate) async fn send(&self, path: &str, members: Value) -> Answer {
        let mut body = json!({ "key": self.key });
        for (name, value) in members.as_object().expect("members") {
            body[name] = value.clone();
        }
        self.bench.post(path, &body).await
    }

    async fn ok(&self, path: &str, members: Value) -> Value {
        let answer = self.send(path, members).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    pub(crate) async fn validate(&self, fingerprint: &str) -> Value {
        let answer = self
            .ok("/v1/validate", json!({ "fingerprint": fingerprint }))
            .await;
        let members = answer.as_object().expect("an object");
        assert!(members.values().all(|value| !value.is_null()), "{answer}");
        answer
    }

    pub(crate) async fn activate(&self, fingerprint: &str) -> Value {
        let members = json!({ "fingerprint": fingerprint });
        self.ok("/v1/machines/activate", members).await
    }

    pub(crate) async fn heartbeat(&self, fingerprint: &str) -> Value {
        let members = json!({ "fingerprint": fingerprint });
        self.ok("/v1/machines/heartbeat", members).await
    }

    pub(crate) async fn free(&self, fingerprint: &str) -> Value {
        let members = json!({ "fingerprint": fingerprint });
        self.ok("/v1/machines/deactivate", members).await
    }

    pub(crate) async fn list(&self) -> Value {
        self.ok("/v1/machines/list", json!({})).await
    }

    /// Events of a kind about this license.
    pub(crate) async fn events(&self, event_type: &str) -> i64 {
        let sql = format!(
            "SELECT count(*) FROM events
             WHERE event_type = '{event_type}' AND data ->> 'license_id' = '{}'",
            self.license_id
        );
        self.bench.number(&sql).await
    }
}

/// Waits until what is written after an answer is written.
pub(crate) async fn written() {
    finished().await;
}
