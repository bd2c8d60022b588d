// license.rs
use keysat_licensing_client::{Client, PublicKeyPem, ValidateRequest, Verifier};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// How long the last "ok" of the server counts while it cannot be reached.
const TRUST: Duration = Duration::from_secs(14 * 86_400);

pub struct License {
    pub server: String,
    pub public_key_pem: String, // pinned: compiled into the application
    pub product_id: String,
    pub product_slug: String,
    pub key: String,
    pub fingerprint: String,
    pub cache: PathBuf,
}

#[derive(Debug, PartialEq)]
pub enum Standing {
    /// Continue, with these entitlements.
    Licensed(Vec<String>),
    /// Show the reason, offer to buy or to free a seat, and keep the user's work safe.
    Unlicensed(String),
}

impl License {
    /// At start: no network, no waiting.
    pub fn at_start(&self, now: SystemTime) -> Standing {
        let unlicensed = |why: &str| Standing::Unlicensed(why.to_owned());
        let Ok(pem) = PublicKeyPem::from_str(&self.public_key_pem) else {
            return unlicensed("bad_public_key");
        };
        let key = match Verifier::new(pem).verify(&self.key) {
            Ok(key) if key.product_id == self.product_id => key,
            Ok(_) => return unlicensed("product_mismatch"),
            Err(_) => return unlicensed("bad_signature"),
        };
        let now = unix_seconds(now);
        let last = self.last_answer();
        if last["ok"] == false {
            return unlicensed(last["reason"].as_str().unwrap_or("refused"));
        }
        let asked_at = last["asked_at"].as_u64().unwrap_or(0);
        if last["ok"] == true && now.abs_diff(asked_at) < TRUST.as_secs() {
            let granted = last["entitlements"].as_array().into_iter().flatten();
            let granted = granted.filter_map(|name| name.as_str().map(str::to_owned));
            return Standing::Licensed(granted.collect());
        }
        // Never checked online, or too long ago: use the key's own terms.
        if key.is_expired_at(now.cast_signed()) {
            return unlicensed("expired");
        }
        Standing::Licensed(key.payload.entitlements)
    }

    /// From time to time, in the background. A failed request changes nothing:
    /// only an answer about the key counts.
    pub async fn check_online(&self, now: SystemTime) -> Standing {
        let asked = ValidateRequest {
            key: &self.key,
            product_slug: Some(&self.product_slug),
            fingerprint: Some(&self.fingerprint),
            hostname: None,
            platform: Some(std::env::consts::OS),
        };
        let answer = match Client::new(&self.server) {
            Ok(client) => client.validate_full(asked).await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(answer) if answer.reason.as_deref() == Some("rate_limited") => {}
            Ok(answer) => self.remember(&json!({
                "key": self.key, "asked_at": unix_seconds(now), "ok": answer.ok,
                "reason": answer.reason, "entitlements": answer.entitlements,
            })),
            Err(_) => {}
        }
        self.at_start(now)
    }

    /// The last answer about this key; null if there is none.
    fn last_answer(&self) -> Value {
        let text = std::fs::read_to_string(&self.cache).unwrap_or_default();
        let last: Value = serde_json::from_str(&text).unwrap_or_default();
        if last["key"] == self.key {
            last
        } else {
            Value::Null
        }
    }

    fn remember(&self, answer: &Value) {
        // A full disk is no reason to stop the user either.
        let _ = std::fs::write(&self.cache, answer.to_string());
    }
}

/// Runs as long as the application; `every` is an hour.
pub async fn watch(license: &License, every: Duration, mut tell: impl FnMut(Standing)) {
    loop {
        tell(license.check_online(SystemTime::now()).await);
        tokio::time::sleep(every).await;
    }
}

fn unix_seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
