//! A release gate over a folder of its own, with or without its database.

use crate::bench::{Answer, Bench, NOW, Secrets};
use axum::body::Body;
use http::{Method, Request, header};
use keywright_license::{Date, DownloadLink, SigningKey, TokenClaims};
use keywright_native_host::{HttpFetch, SetClock};
use keywright_ports::name;
use keywright_tests::published::{Published, put};
use keywright_tests::shop::{SIGNING_KEY, Setup, Shop};
use serde_json::Value;
use std::sync::Arc;
use tempfile::TempDir;

/// The platform of most files.
pub(crate) const LINUX: &str = "x86_64-unknown-linux-gnu";

/// A shop with releases of its own.
pub(crate) struct House {
    pub(crate) bench: Bench,
    pub(crate) folder: TempDir,
}

impl House {
    /// With a database for the gate, and these releases.
    pub(crate) fn new(releases: &[Published]) -> Self {
        Self::with(releases, &[], true)
    }

    /// Without one.
    pub(crate) fn alone(releases: &[Published]) -> Self {
        Self::with(releases, &[], false)
    }

    pub(crate) fn with(
        releases: &[Published],
        config: &[(&'static str, &str)],
        with_database: bool,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for release in releases {
            release.write(folder.path()).expect("a release");
        }
        let clock = Arc::new(SetClock::at(NOW));
        let no_log = [name::VALIDATION_LOG_DAYS, name::DOWNLOAD_LOG_DAYS].map(|name| (name, "0"));
        let config = no_log.iter().chain(config);
        let setup = Setup {
            config: config
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect(),
            clock: clock.clone(),
            releases: folder.path().to_owned(),
            without_database: if with_database { &[] } else { &["download"] },
        };
        Self {
            bench: Bench {
                shop: Shop::open_with(setup, Arc::new(HttpFetch::patient())),
                clock,
                secrets: Secrets::default(),
            },
            folder,
        }
    }

    /// Writes a file of the releases folder.
    pub(crate) fn put(&self, key: &str, bytes: &[u8]) {
        put(self.folder.path(), key, bytes).expect("a file");
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.bench.get(path).await
    }

    pub(crate) async fn get_with(&self, path: &str, token: &str) -> Answer {
        let request = Request::get(path)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(Body::empty());
        self.bench.send(request.expect("a request")).await
    }

    pub(crate) async fn head(&self, path: &str) -> Answer {
        let request = Request::builder().method(Method::HEAD).uri(path);
        let request = request.body(Body::empty()).expect("a request");
        self.bench.send(request).await
    }

    /// A license with these members; answers its id, key and token.
    pub(crate) async fn license(&self, product: &str, members: Value) -> [String; 3] {
        let issued = self.bench.issue(product, members).await;
        ["license_id", "license_key", "token"].map(|member| issued.text(member))
    }

    /// Gives a license this download id.
    pub(crate) async fn give_download_id(&self, license_id: &str, download_id: &str) {
        let sql = format!(
            "INSERT OR REPLACE INTO download_ids (license_id, download_id, created_at)
             VALUES ('{license_id}', '{download_id}', 0)"
        );
        self.bench.sql(&sql).await;
    }

    /// The download log, oldest first, each `result product version platform
    /// license site`.
    pub(crate) async fn log(&self) -> Vec<String> {
        crate::holder::written().await;
        let rows = self
            .bench
            .sql("SELECT * FROM download_log ORDER BY id")
            .await;
        let rows = rows.iter().map(|row| {
            let text = |member: &str| row[member].as_str().unwrap_or("-");
            [
                "result",
                "product",
                "version",
                "platform",
                "license_id",
                "site",
            ]
            .map(text)
            .join(" ")
        });
        rows.collect()
    }
}

/// The key that the shop signs with.
pub(crate) fn signing_key() -> SigningKey {
    SigningKey::from_seed_base64(SIGNING_KEY).expect("a seed")
}

/// What a token of today claims where a test does not care.
pub(crate) fn claims(product: &str) -> TokenClaims {
    TokenClaims {
        product: product.to_owned(),
        channel_expiry: Date::MAX,
        entitlements: Vec::new(),
        version_floor: None,
        license: None,
        maintenance_until: None,
        issued_at: None,
    }
}

/// A token of these claims.
pub(crate) fn token(claims: &TokenClaims) -> String {
    signing_key().sign_token(claims).expect("a token")
}

/// The query of a link that is good for so many seconds from the start of the
/// clock.
pub(crate) fn link(product: &str, version: &str, download_id: &str, seconds: i64) -> String {
    let expires = i64::try_from(NOW).expect("a time") + seconds;
    let link = DownloadLink::new(product, version, download_id, expires).expect("a link");
    let token = signing_key().sign_link(&link);
    format!("token={token}&expires={expires}&dlid={download_id}")
}

/// Status and code of an error.
pub(crate) fn refusal(answer: &Answer) -> (u16, String) {
    (answer.status, answer.text("error"))
}
