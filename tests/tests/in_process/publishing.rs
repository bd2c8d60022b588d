//! Publishing releases: what is recorded, what is in the release storage, and
//! what is refused without a trace.

use crate::bench::{Answer, Bench, NOW, Secrets, signed_in};
use axum::body::Body;
use http::{Method, Request};
use keywright_native_host::{HttpFetch, SetClock};
use keywright_tests::release_file::ReleaseFile;
use keywright_tests::shop::{Setup, Shop};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

pub(crate) const LINUX: &str = "x86_64-unknown-linux-gnu";
pub(crate) const MAC: &str = "aarch64-apple-darwin";

/// A shop with a releases folder of its own, and a product `demo`.
pub(crate) struct Press {
    pub(crate) bench: Bench,
    folder: TempDir,
}

pub(crate) fn demo<'a>(version: &'a str, platform: &'a str, bytes: &'a [u8]) -> ReleaseFile<'a> {
    ReleaseFile {
        product: "demo",
        version,
        channel: "stable",
        platform,
        bytes,
    }
}

impl Press {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(SetClock::at(NOW));
        let setup = Setup {
            config: Vec::new(),
            clock: clock.clone(),
            releases: folder.path().to_owned(),
            without_database: &[],
        };
        let shop = Shop::open_with(setup, Arc::new(HttpFetch::patient()));
        let bench = Bench {
            shop,
            clock,
            secrets: Secrets::default(),
        };
        bench.product("demo", 5).await;
        Self { bench, folder }
    }

    pub(crate) async fn operate(&self, method: &str, path: &str, body: &Value) -> Answer {
        let path = format!("/v1/admin/releases{path}");
        self.bench.operate(method, &path, body).await
    }

    /// Sends one part.
    pub(crate) async fn part(&self, id: &str, offset: usize, bytes: &[u8]) -> Answer {
        let path = format!("/v1/admin/releases/uploads/{id}?offset={offset}");
        let request = Request::builder().method(Method::PUT).uri(path);
        let request = request.body(Body::from(bytes.to_vec())).expect("a request");
        self.bench.send(signed_in(request)).await
    }

    /// Uploads a file that is one part.
    pub(crate) async fn upload(&self, file: &ReleaseFile<'_>) {
        let begun = self.operate("POST", "/uploads", &file.upload()).await;
        assert_eq!(begun.status, 200, "{begun:?}");
        if begun.json()["complete"] == false {
            let stored = self.part(&begun.text("id"), 0, file.bytes).await;
            assert_eq!(stored.json()["complete"], true, "{stored:?}");
        }
    }

    /// Uploads and publishes a file.
    pub(crate) async fn publish(&self, file: &ReleaseFile<'_>) -> Value {
        self.upload(file).await;
        let published = self.operate("POST", "", &file.publication()).await;
        assert_eq!(published.status, 200, "{published:?}");
        published.json()
    }

    pub(crate) fn path(&self, key: &str) -> PathBuf {
        self.folder.path().join(key)
    }

    /// A file of the storage as JSON; null when it is not there.
    pub(crate) fn stored(&self, key: &str) -> Value {
        let bytes = std::fs::read(self.path(key)).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Checks that the storage shows just what is recorded.
    pub(crate) async fn is_in_step(&self) {
        let stale = "SELECT count(*) FROM releases WHERE written_revision <> revision";
        assert_eq!(self.bench.number(stale).await, 0);
        let list = self.operate("GET", "?limit=200", &json!({})).await.json();
        let mut offered: Vec<(&str, &Value)> = Vec::new();
        for release in list["releases"].as_array().expect("a list") {
            let version = release["version"].as_str().expect("a version");
            let manifest = self.stored(&format!("demo/{version}/MANIFEST.json"));
            assert_eq!(manifest["channel"], release["channel"], "{version}");
            assert_eq!(manifest["artifacts"], release["files"], "{version}");
            assert_eq!(
                manifest["rollout_percent"], release["rollout_percent"],
                "{version}"
            );
            let yanked = manifest.get("yanked").map(|yanked| &yanked["reason"]);
            if yanked.is_none() {
                offered.push((version, &release["channel"]));
            }
            let reason = release["yank_reason"].clone();
            assert_eq!(yanked.cloned().unwrap_or_default(), reason, "{version}");
            for file in manifest["artifacts"].as_array().expect("files") {
                let sha256 = file["sha256"].as_str().expect("a digest");
                let path = self.path(&format!("demo/.files/{sha256}"));
                assert!(path.is_file(), "{version} lists what is not there");
            }
        }
        let index = self.stored("demo/INDEX.json");
        let indexed = index["versions"].as_array().expect("versions");
        let mut indexed: Vec<(&str, &Value)> = indexed
            .iter()
            .map(|version| {
                (
                    version["version"].as_str().expect("a text"),
                    &version["channel"],
                )
            })
            .collect();
        offered.sort_by_key(|(version, _)| *version);
        indexed.sort_by_key(|(version, _)| *version);
        assert_eq!(indexed, offered, "the index");
    }
}

#[tokio::test]
async fn a_version_becomes_visible_with_its_manifest() {
    let press = Press::new().await;
    let file = demo("1.2.0", LINUX, b"the program");
    press.upload(&file).await;
    let content = press.path(&format!("demo/.files/{}", file.sha256()));
    assert_eq!(std::fs::read(content).expect("the bytes"), b"the program");
    assert_eq!(press.stored("demo/1.2.0/MANIFEST.json"), Value::Null);

    let mut body = file.publication();
    body["notes"] = json!("What is new");
    body["source_commit"] = json!("abc123");
    body["built_at"] = json!("2026-01-02T03:04:05Z");
    body["requires_entitlement"] = json!("pro");
    body["metadata"] = json!({ "joomla": { "element": "com_demo" } });
    let published = press.operate("POST", "", &body).await;
    assert_eq!(published.status, 200, "{published:?}");
    let published = published.json();
    assert_eq!(published["changed"], true);
    assert_eq!(published["written"], true);
    assert_eq!(published["ignored"], json!([]));
    let expected = json!({
        "format": 1, "product": "demo", "version": "1.2.0", "channel": "stable",
        "built_at_unix": 1_767_323_045, "published_at_unix": NOW,
        "source_commit": "abc123", "notes": "What is new", "requires_entitlement": "pro",
        "rollout_percent": 100, "platform": LINUX, "sha256": file.sha256(), "size_bytes": 11,
        "artifacts": [file.json()], "metadata": { "joomla": { "element": "com_demo" } },
    });
    assert_eq!(press.stored("demo/1.2.0/MANIFEST.json"), expected);
    assert_eq!(published["manifest"], expected);

    // A second platform: what older installers read would be ambiguous now.
    let second = press.publish(&demo("1.2.0", MAC, b"for the mac")).await;
    assert_eq!(second["changed"], true);
    let manifest = press.stored("demo/1.2.0/MANIFEST.json");
    assert_eq!(manifest["artifacts"].as_array().map(Vec::len), Some(2));
    assert_eq!(manifest.get("sha256"), None);
    assert_eq!(manifest["notes"], "What is new");
    press.is_in_step().await;
    let told = "SELECT count(*) FROM events WHERE event_type = 'release.published'";
    assert_eq!(press.bench.number(told).await, 2);
    let told = "SELECT count(*) FROM audit WHERE action = 'release.publish'";
    assert_eq!(press.bench.number(told).await, 2);
}

#[tokio::test]
async fn publishing_the_same_again_changes_nothing() {
    let press = Press::new().await;
    let file = demo("1.2.0", LINUX, b"the program");
    press.publish(&file).await;
    let before = press.bench.dump().await;
    let begun = press.operate("POST", "/uploads", &file.upload()).await;
    let stored = json!({ "id": null, "offset": 11, "part_size": 8_388_608, "complete": true });
    assert_eq!(begun.json(), stored);
    press.bench.clock.advance(60);
    let mut body = file.publication();
    // What was said of the version first stays, and that is told.
    body["notes"] = json!("other");
    body["built_at"] = json!("2020-01-01T00:00:00Z");
    body["rollout_percent"] = json!(5);
    body["metadata"] = json!({ "a": 1 });
    body["source_commit"] = json!("other");
    let again = press.operate("POST", "", &body).await.json();
    assert_eq!(again["changed"], false);
    let ignored = json!([
        "notes",
        "source_commit",
        "rollout_percent",
        "metadata",
        "built_at"
    ]);
    assert_eq!(again["ignored"], ignored);
    assert_eq!(press.bench.dump().await, before);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table")]
async fn what_cannot_be_published_leaves_no_trace() {
    let press = Press::new().await;
    let file = demo("1.2.0", LINUX, b"the program");
    press.publish(&file).await;
    let new = demo("1.3.0", LINUX, b"the next");
    press.upload(&new).await;
    let other = demo("1.2.0", LINUX, b"other bytes");
    press.upload(&other).await;
    let with = |member: &str, value: Value| {
        let mut body = new.publication();
        body[member] = value;
        body
    };
    let with_file = |member: &str, value: Value| {
        let mut body = new.publication();
        body["files"][0][member] = value;
        body
    };
    let mut beta = ReleaseFile {
        channel: "beta",
        ..file
    }
    .publication();
    let mut entitled = file.publication();
    entitled["requires_entitlement"] = json!("pro");
    let pre = demo("2.0.0-rc.1", LINUX, b"the next");
    let elsewhere = ReleaseFile {
        product: "nothing",
        ..new
    };
    let mut mixed = other.publication();
    let zip = demo("1.2.0", "any", b"the next");
    mixed["files"] = json!([zip.json(), other.json()]);
    beta["files"] = json!([ReleaseFile {
        channel: "beta",
        ..file
    }
    .json()]);
    for (what, body, status) in [
        ("other bytes", other.publication(), 409),
        ("other bytes beside a new file", mixed, 409),
        ("another channel", beta, 409),
        ("another entitlement", entitled, 409),
        ("a pre-release as stable", pre.publication(), 400),
        (
            "not uploaded",
            demo("1.4.0", LINUX, b"never sent").publication(),
            409,
        ),
        ("an unknown product", elsewhere.publication(), 404),
        ("a bad product", with("product", json!("No!")), 400),
        ("a bad version", with("version", json!("v1.3.0")), 400),
        ("a bad channel", with("channel", json!("nightly")), 400),
        ("a bad time", with("built_at", json!("yesterday")), 400),
        (
            "a time in milliseconds",
            with("built_at", json!("5138-11-16T09:46:40Z")),
            400,
        ),
        (
            "a bad entitlement",
            with("requires_entitlement", json!("a b")),
            400,
        ),
        ("101 %", with("rollout_percent", json!(101)), 400),
        ("no number", with("rollout_percent", json!(-1)), 422),
        ("long notes", with("notes", json!("x".repeat(50_001))), 400),
        (
            "a long commit",
            with("source_commit", json!("x".repeat(201))),
            400,
        ),
        ("bad metadata", with("metadata", json!([])), 400),
        ("no files", with("files", json!([])), 400),
        (
            "too many files",
            with("files", json!(vec![new.json(); 17])),
            400,
        ),
        (
            "a platform twice",
            with("files", json!([new.json(), new.json()])),
            400,
        ),
        ("a bad platform", with_file("platform", json!("Linux")), 400),
        ("another platform", with_file("platform", json!(MAC)), 400),
        ("a bad name", with_file("file_name", json!("../demo")), 400),
        ("another name", with_file("file_name", json!("demo")), 400),
        ("another size", with_file("size_bytes", json!(9)), 400),
        ("no size", with_file("size_bytes", json!(0)), 400),
        (
            "another digest",
            with_file("sha256", json!(other.sha256())),
            400,
        ),
        ("a bad digest", with_file("sha512", json!("00")), 400),
        ("no signature", with_file("signature", json!("")), 400),
        (
            "the signature of another version",
            with_file("signature", json!(file.signature())),
            400,
        ),
    ] {
        let before = press.bench.dump().await;
        let answer = press.operate("POST", "", &body).await;
        assert_eq!(answer.status, status, "{what}: {answer:?}");
        assert!(!answer.code().is_empty());
        assert_eq!(press.bench.dump().await, before, "{what}");
    }
    assert_eq!(press.stored("demo/1.3.0/MANIFEST.json"), Value::Null);
    press.is_in_step().await;
}

#[tokio::test]
async fn a_version_moves_to_another_channel_under_new_signatures() {
    let press = Press::new().await;
    let beta = |platform| ReleaseFile {
        channel: "beta",
        ..demo("1.2.0", platform, b"the program")
    };
    press.publish(&beta(LINUX)).await;
    let id = press.publish(&beta(MAC)).await["release"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let path = format!("/{id}");
    let stable = |platform| demo("1.2.0", platform, b"the program").signature();
    let before = press.bench.dump().await;
    for (body, status) in [
        (json!({ "channel": "stable" }), 409),
        (
            json!({ "channel": "stable", "signatures": { LINUX: stable(LINUX) } }),
            409,
        ),
        (json!({ "signatures": { LINUX: stable(LINUX) } }), 400),
        (
            json!({ "channel": "stable", "signatures": { LINUX: stable(MAC), MAC: stable(MAC) } }),
            400,
        ),
        (
            json!({ "channel": "rc", "signatures": { LINUX: stable(LINUX), MAC: stable(MAC) } }),
            400,
        ),
        (
            json!({ "channel": "stable", "signatures": { "any": stable(LINUX) } }),
            400,
        ),
        (json!({ "channel": "best" }), 400),
    ] {
        let answer = press.operate("PATCH", &path, &body).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        assert_eq!(press.bench.dump().await, before, "{body}");
    }
    let all =
        json!({ "channel": "stable", "signatures": { LINUX: stable(LINUX), MAC: stable(MAC) } });
    for changed in [true, false] {
        let moved = press.operate("PATCH", &path, &all).await;
        assert_eq!(moved.json()["changed"], changed, "{moved:?}");
        assert_eq!(moved.json()["release"]["channel"], "stable");
    }
    let manifest = press.stored("demo/1.2.0/MANIFEST.json");
    assert_eq!(manifest["artifacts"][1]["signature"], stable(LINUX));
    // The channel it is on needs no signatures.
    let stays = press
        .operate("PATCH", &path, &json!({ "channel": "stable" }))
        .await;
    assert_eq!(stays.json()["changed"], false, "{stays:?}");
    press.is_in_step().await;
    let rows = press
        .bench
        .sql("SELECT before, after FROM audit WHERE action = 'release.change'")
        .await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0]["before"], r#"{"channel":"beta"}"#);
    assert_eq!(rows[0]["after"], r#"{"channel":"stable"}"#);
}

#[tokio::test]
async fn a_version_is_taken_back_rolled_out_and_described() {
    let press = Press::new().await;
    let published = press.publish(&demo("1.2.0", LINUX, b"the program")).await;
    let path = format!("/{}", published["release"]["id"].as_str().expect("an id"));
    let manifest = || press.stored("demo/1.2.0/MANIFEST.json");
    for (body, member, shown) in [
        (
            json!({ "yanked": { "reason": "bad" } }),
            "yanked",
            json!({ "at_unix": NOW, "reason": "bad" }),
        ),
        (
            json!({ "yanked": { "reason": "" } }),
            "yanked",
            json!({ "at_unix": NOW, "reason": "" }),
        ),
        (json!({ "yanked": null }), "yanked", Value::Null),
        (json!({ "rollout_percent": 0 }), "rollout_percent", json!(0)),
        (json!({ "notes": "n" }), "notes", json!("n")),
        (json!({ "notes": null }), "notes", Value::Null),
        (
            json!({ "requires_entitlement": "pro" }),
            "requires_entitlement",
            json!("pro"),
        ),
        (
            json!({ "requires_entitlement": null }),
            "requires_entitlement",
            Value::Null,
        ),
    ] {
        for changed in [true, false] {
            let answer = press.operate("PATCH", &path, &body).await;
            assert_eq!(answer.status, 200, "{body}: {answer:?}");
            assert_eq!(answer.json()["changed"], changed, "{body}");
            assert_eq!(manifest()[member], shown, "{body}");
        }
        press.is_in_step().await;
    }
    let told = "SELECT count(*) FROM audit WHERE action = 'release.change'";
    assert_eq!(press.bench.number(told).await, 8);
    let before = press.bench.dump().await;
    for (body, status) in [
        (json!({ "yanked": {} }), 422),
        (json!({ "yanked": { "reason": "x".repeat(2_001) } }), 400),
        (json!({ "rollout_percent": 101 }), 400),
        (json!({ "notes": "x".repeat(50_001) }), 400),
        (json!({ "requires_entitlement": "" }), 400),
    ] {
        let answer = press.operate("PATCH", &path, &body).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
    }
    let unknown = press.operate("PATCH", "/nobody", &json!({})).await;
    assert_eq!(unknown.refusal(), (404, "not_found".to_owned()));
    assert_eq!(press.bench.dump().await, before);
}

#[tokio::test]
async fn a_product_is_opened_and_closed() {
    let press = Press::new().await;
    let gate = |body: Value| {
        let press = &press;
        async move { press.operate("PUT", "/gate/demo", &body).await }
    };
    for (body, shown) in [
        (
            // What counts without a row, said for the first time.
            json!({ "requires_license": true }),
            json!({ "requires_license": true }),
        ),
        (
            json!({ "requires_license": false }),
            json!({ "requires_license": false }),
        ),
        (
            json!({ "requires_license": true, "requires_entitlement": "pro" }),
            json!({ "requires_license": true, "requires_entitlement": "pro" }),
        ),
    ] {
        for changed in [true, false] {
            let answer = gate(body.clone()).await;
            assert_eq!(answer.json()["changed"], changed, "{body}: {answer:?}");
            assert_eq!(answer.json()["manifest"], shown);
            assert_eq!(press.stored("demo/MANIFEST.json"), shown);
        }
    }
    let told = "SELECT count(*) FROM audit WHERE action = 'release.gate'";
    assert_eq!(press.bench.number(told).await, 3);
    let before = press.bench.dump().await;
    for (path, body, status) in [
        ("demo", json!({}), 422),
        ("demo", json!({ "requires_license": "false" }), 422),
        (
            "demo",
            json!({ "requires_license": false, "requires_entitlement": "pro" }),
            400,
        ),
        (
            "demo",
            json!({ "requires_license": true, "requires_entitlement": "" }),
            400,
        ),
        ("nothing", json!({ "requires_license": false }), 404),
        ("No", json!({ "requires_license": false }), 400),
    ] {
        let answer = press.operate("PUT", &format!("/gate/{path}"), &body).await;
        assert_eq!(answer.status, status, "{path} {body}: {answer:?}");
    }
    assert_eq!(press.bench.dump().await, before);
}

#[tokio::test]
async fn an_install_script_is_published() {
    let press = Press::new().await;
    for script in ["#!/bin/sh\necho 1\n", "#!/bin/sh\necho 2\n"] {
        for changed in [true, false] {
            let body = json!({ "script": script });
            let answer = press.operate("PUT", "/installer/demo", &body).await;
            assert_eq!(answer.json()["changed"], changed, "{answer:?}");
            let there = std::fs::read_to_string(press.path("demo/install.sh"));
            assert_eq!(there.expect("the script"), script);
        }
    }
    let before = press.bench.dump().await;
    for (path, script, status) in [
        ("demo", "echo", 400),
        ("demo", "#!\0", 400),
        ("nothing", "#!/bin/sh", 404),
    ] {
        let body = json!({ "script": script });
        let answer = press
            .operate("PUT", &format!("/installer/{path}"), &body)
            .await;
        assert_eq!(answer.status, status, "{path} {script}: {answer:?}");
    }
    assert_eq!(press.bench.dump().await, before);
}

#[tokio::test]
async fn a_published_product_stays() {
    let press = Press::new().await;
    let rows = press.bench.sql("SELECT id FROM products").await;
    let path = format!(
        "/v1/admin/products/{}?force=true",
        rows[0]["id"].as_str().expect("an id")
    );
    press.publish(&demo("1.2.0", LINUX, b"the program")).await;
    let kept = press.bench.operate("DELETE", &path, &json!({})).await;
    assert_eq!(kept.refusal(), (409, "conflict".to_owned()));
    // One that only has a gate and an upload can go.
    let other = press.bench.product("other", 5).await;
    let body = json!({ "requires_license": false });
    press.operate("PUT", "/gate/other", &body).await;
    let file = ReleaseFile {
        product: "other",
        ..demo("1.0.0", LINUX, b"never sent")
    };
    press.operate("POST", "/uploads", &file.upload()).await;
    let path = format!("/v1/admin/products/{other}");
    let gone = press.bench.operate("DELETE", &path, &json!({})).await;
    assert_eq!(gone.status, 200, "{gone:?}");
}

#[tokio::test]
async fn a_host_that_cannot_write_records_and_answers_the_manifest() {
    let press = Press::new().await;
    let mut host = press.bench.shop.function("ADMIN").0.clone();
    host.release_writer = None;
    let router = (keywright_admin::FUNCTION.router)(&host).expect("a router");
    let ask = |method: &'static str, path: &'static str, body: Value| {
        let request = Request::builder()
            .method(method)
            .uri(format!("/v1/admin/releases{path}"))
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()));
        let request = signed_in(request.expect("a request"));
        let (host, router) = (&host, &router);
        async move {
            let answer = keywright_native_host::serve(host, router, request).await;
            let status = answer.status().as_u16();
            let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await;
            let body: Value = serde_json::from_slice(&body.expect("a body")).expect("json");
            (status, body)
        }
    };
    let file = demo("1.2.0", LINUX, b"the program");
    let (status, refused) = ask("POST", "/uploads", file.upload()).await;
    assert_eq!(
        (status, &refused["error"]),
        (501, &json!("no_release_storage"))
    );
    let (status, refused) = ask("PUT", "/uploads/x?offset=0", json!({})).await;
    assert_eq!(
        (status, &refused["error"]),
        (501, &json!("no_release_storage"))
    );
    for changed in [true, false] {
        let (status, published) = ask("POST", "", file.publication()).await;
        assert_eq!(status, 200, "{published}");
        assert_eq!(published["changed"], changed);
        assert_eq!(published["written"], false);
        assert_eq!(published["manifest"]["artifacts"], json!([file.json()]));
    }
    let (_, gate) = ask("PUT", "/gate/demo", json!({ "requires_license": false })).await;
    assert_eq!(gate["written"], false);
    assert_eq!(gate["manifest"], json!({ "requires_license": false }));
    let script = json!({ "script": "#!/bin/sh" });
    let (_, installer) = ask("PUT", "/installer/demo", script).await;
    assert_eq!(installer["written"], false);
    assert_eq!(press.stored("demo/1.2.0/MANIFEST.json"), Value::Null);
}
