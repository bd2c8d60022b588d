//! What a token opens, by what the manifests require; and what is served of a
//! version that has a manifest.

use crate::bench::NOW;
use crate::gatehouse::{House, LINUX, claims, refusal, token};
use http::header;
use keywright_license::Date;
use keywright_ports::name;
use keywright_tests::published::{BUILT_AT, Published, release, sha256};
use serde_json::json;

const FILE: &str = "/releases/demo/1.2.0/x86_64-unknown-linux-gnu";

fn demo() -> Published {
    release("demo", "1.2.0").file(LINUX, "demo-1.2.0-linux", b"the program")
}

#[tokio::test]
async fn a_version_with_a_manifest_has_exactly_its_files() {
    let two = demo().file("any.deb", "demo (1.2).deb", b"a package");
    let house = House::alone(std::slice::from_ref(&two));
    // Beside the manifest: left over from an older server.
    house.put("demo/1.2.0/stray", b"never published");
    house.put("demo/1.2.0/x86_64-unknown-linux-gnu", b"overwritten");
    let token = token(&claims("demo"));
    let answer = house.get_with(FILE, &token).await;
    assert_eq!(
        (answer.status, &answer.body[..]),
        (200, &b"the program"[..])
    );
    let digest = sha256(b"the program");
    assert_eq!(answer.headers[header::ETAG], format!("\"{digest}\""));
    assert_eq!(
        answer.headers[header::CONTENT_DISPOSITION],
        "attachment; filename=\"demo-1.2.0-linux\""
    );
    assert_eq!(answer.headers[header::CACHE_CONTROL], "private, no-cache");
    let package = house.get_with("/releases/demo/1.2.0/any.deb", &token).await;
    assert_eq!(&package.body[..], b"a package");
    let signature = house.get(&format!("{FILE}.sig")).await;
    assert_eq!(&signature.body[..], b"the signature of demo-1.2.0-linux\n");
    let manifest = house.get("/releases/demo/1.2.0/MANIFEST").await;
    assert_eq!(&manifest.json(), two.manifest());
    assert_eq!(manifest.headers[header::CONTENT_TYPE], "application/json");
    for path in ["stray", "stray.sig", "any", "MANIFEST.json"] {
        let answer = house
            .get_with(&format!("/releases/demo/1.2.0/{path}"), &token)
            .await;
        assert_eq!(
            refusal(&answer),
            (404, "binary not found".to_owned()),
            "{path}"
        );
    }
    // Bytes have no address of their own.
    let by_digest = house
        .get_with(&format!("/releases/demo/.files/{digest}"), &token)
        .await;
    assert_eq!(by_digest.status, 400);
    let deeper = format!("/releases/demo/.files/{digest}/x");
    assert_eq!(house.get_with(&deeper, &token).await.status, 400);
    let as_version = format!("/releases/demo/.files/{digest}/");
    assert_ne!(house.get_with(&as_version, &token).await.status, 200);
}

#[tokio::test]
async fn what_is_not_stored_as_published_is_not_served_and_is_logged() {
    let house = House::alone(&[demo()]);
    let token = token(&claims("demo"));
    let stored = format!("demo/.files/{}", sha256(b"the program"));
    house.put(&stored, b"the program and more");
    let answer = house.get_with(FILE, &token).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    std::fs::remove_file(house.folder.path().join(&stored)).expect("a file");
    let answer = house.get_with(FILE, &token).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    house.put("demo/2.0.0/MANIFEST.json", b"{\"format\":1}");
    house.put("demo/2.0.0/x86_64-unknown-linux-gnu", b"whatever");
    let damaged = "/releases/demo/2.0.0/x86_64-unknown-linux-gnu";
    assert_eq!(house.get_with(damaged, &token).await.status, 503);
    // Who may not have it is told nothing of that.
    assert_eq!(house.get(damaged).await.status, 401);
    let log = house.bench.shop.native.log.lines();
    for what in [
        "not what was published",
        "published and not stored",
        "2.0.0/MANIFEST.json",
    ] {
        assert!(
            log.iter().any(|line| line.contains(what)),
            "{what}: {log:?}"
        );
    }
    let path = house.folder.path().display().to_string();
    let shown = String::from_utf8_lossy(&answer.body);
    assert!(
        !shown.contains(&path) && !shown.contains(".files"),
        "{shown}"
    );
}

#[tokio::test]
async fn each_rule_refuses_with_its_code() {
    let house = House::alone(&[
        demo(),
        release("demo", "2.0.0")
            .file(LINUX, "demo", b"for professionals")
            .with("requires_entitlement", json!("pro")),
        release("demo", "3.0.0")
            .file(LINUX, "demo", b"built late")
            .with("built_at_unix", json!(NOW)),
        release("team", "1.0.0").file(LINUX, "team", b"for teams"),
    ]);
    house.put(
        "team/MANIFEST.json",
        br#"{"requires_license":true,"requires_entitlement":"team"}"#,
    );
    house.put("demo/0.9/x86_64-unknown-linux-gnu", b"of old");
    house.put(
        "demo/0.8/MANIFEST.json",
        json!({ "built_at_unix": BUILT_AT }).to_string().as_bytes(),
    );
    house.put("demo/0.8/x86_64-unknown-linux-gnu", b"of old");
    house.put("demo/beta/x86_64-unknown-linux-gnu", b"of old");
    let built = Date::from_unix(BUILT_AT);
    let before = Date::from_unix(BUILT_AT - 86_400);
    let today = Date::from_unix(i64::try_from(NOW).expect("a time"));
    let (missing, floor, late) = (
        Some("entitlement-missing"),
        Some("version-below-floor"),
        Some("maintenance-expired"),
    );
    for (path, entitlements, version_floor, maintenance_until, code) in [
        ("demo/1.2.0", &[][..], None, None, None),
        ("demo/2.0.0", &[], None, None, missing),
        ("demo/2.0.0", &["Pro", "team"], None, None, missing),
        ("demo/2.0.0", &["x", "pro"], None, None, None),
        ("team/1.0.0", &["pro"], None, None, missing),
        ("team/1.0.0", &["team"], None, None, None),
        ("demo/1.2.0", &[], Some("1.2.0"), None, None),
        ("demo/1.2.0", &[], Some("1.2.1"), None, floor),
        ("demo/1.2.0", &[], Some("1.10"), None, floor),
        ("demo/beta", &[], Some("0.1"), None, floor),
        ("demo/beta", &[], None, None, None),
        ("demo/1.2.0", &[], None, Some(built), None),
        ("demo/1.2.0", &[], None, Some(before), late),
        ("demo/3.0.0", &[], None, Some(before), late),
        ("demo/3.0.0", &[], None, Some(today), None),
        // An older layout: built when its manifest says, and without one nobody
        // knows.
        ("demo/0.8", &[], None, Some(built), None),
        ("demo/0.8", &[], None, Some(before), late),
        ("demo/0.9", &[], None, Some(today), late),
        ("demo/0.9", &[], None, None, None),
        // The first of several.
        ("demo/2.0.0", &[], Some("9"), Some(before), missing),
        ("demo/1.2.0", &[], Some("9"), Some(before), floor),
    ] {
        let (product, _) = path.split_once('/').expect("a product");
        let mut claims = claims(product);
        claims.entitlements = entitlements.iter().map(|text| (*text).to_owned()).collect();
        claims.version_floor = version_floor.map(str::to_owned);
        claims.maintenance_until = maintenance_until;
        let answer = house
            .get_with(&format!("/releases/{path}/{LINUX}"), &token(&claims))
            .await;
        match code {
            None => assert_eq!(answer.status, 200, "{path} {claims:?}: {answer:?}"),
            Some(code) => {
                assert_eq!(
                    refusal(&answer),
                    (403, code.to_owned()),
                    "{path} {claims:?}"
                );
                assert!(!answer.text("note").is_empty());
            }
        }
    }
}

#[tokio::test]
async fn an_open_product_may_have_a_version_for_some() {
    let house = House::alone(&[
        release("open", "1.0.0").file(LINUX, "open", b"for everybody"),
        release("open", "2.0.0-beta")
            .file(LINUX, "open", b"for testers")
            .with("requires_entitlement", json!("tester")),
    ]);
    house.put("open/MANIFEST.json", br#"{"requires_license":false}"#);
    let answer = house.get(&format!("/releases/open/1.0.0/{LINUX}")).await;
    assert_eq!(
        (answer.status, &answer.body[..]),
        (200, &b"for everybody"[..])
    );
    assert_eq!(answer.headers[header::CACHE_CONTROL], "public, max-age=60");
    let gated = format!("/releases/open/2.0.0-beta/{LINUX}");
    assert_eq!(house.get(&gated).await.status, 401);
    let mut tester = claims("open");
    assert_eq!(house.get_with(&gated, &token(&tester)).await.status, 403);
    tester.entitlements = vec!["tester".to_owned()];
    assert_eq!(house.get_with(&gated, &token(&tester)).await.status, 200);
}

#[tokio::test]
async fn a_change_of_the_gate_counts_after_a_few_seconds() {
    let house = House::alone(&[demo()]);
    assert_eq!(house.get(FILE).await.status, 401);
    house.put("demo/MANIFEST.json", br#"{"requires_license":false}"#);
    house.bench.clock.advance(3);
    assert_eq!(house.get(FILE).await.status, 200);
    house.put("demo/MANIFEST.json", br#"{"requires_license":true}"#);
    house.bench.clock.advance(3);
    assert_eq!(house.get(FILE).await.status, 401);
    // A file that is published later is there at once.
    let token = token(&claims("demo"));
    let deb = "/releases/demo/1.2.0/any.deb";
    assert_eq!(house.get_with(deb, &token).await.status, 404);
    let more = demo().file("any.deb", "demo.deb", b"a package");
    more.write(house.folder.path()).expect("a release");
    assert_eq!(house.get_with(deb, &token).await.status, 200);
}

#[tokio::test]
async fn every_route_takes_a_slash_at_its_end_and_has_the_headers() {
    let git = (name::GIT_URL, "https://git.example/vendor/");
    for (public_url, hsts) in [
        ("http://shop.example", None),
        (
            "https://shop.example",
            Some("max-age=63072000; includeSubDomains"),
        ),
    ] {
        let house = House::with(&[demo()], &[git, (name::PUBLIC_URL, public_url)], false);
        house.put("demo/install.sh", b"#!/bin/sh\n");
        let token = token(&claims("demo"));
        for (path, status) in [
            ("/releases", 200),
            ("/releases/demo", 200),
            ("/releases/nothing", 404),
            ("/releases/demo/install.sh", 200),
            ("/releases/other/install.sh", 404),
            ("/releases/demo/1.2.0/MANIFEST", 200),
            ("/releases/demo/9.9.9/MANIFEST", 404),
            ("/releases/demo/latest/x86_64-unknown-linux-gnu", 307),
            ("/releases/demo/channels/stable.json", 200),
            ("/releases/demo/channels/stable", 404),
            ("/releases/demo/channels/nightly.json", 404),
            (FILE, 200),
            ("/releases/demo/1.2.0", 404),
            ("/verify-key.pub", 200),
            ("/verify-key", 405),
            ("/git/demo.git/info/refs", 307),
            ("/git", 404),
            ("/api/v1/licensing/download/demo/1.2.0.zip", 200),
            ("/api/v1/licensing/download/demo", 404),
        ] {
            for path in [path.to_owned(), format!("{path}/")] {
                let answer = house.get_with(&path, &token).await;
                assert_eq!(answer.status, status, "{path}: {answer:?}");
                for (header, value) in [
                    ("x-content-type-options", "nosniff"),
                    ("x-frame-options", "DENY"),
                    ("referrer-policy", "strict-origin-when-cross-origin"),
                ] {
                    assert_eq!(answer.headers[header], value, "{path}");
                }
                let sent = answer.headers.get("strict-transport-security");
                assert_eq!(
                    sent.map(|value| value.to_str().expect("text")),
                    hsts,
                    "{path}"
                );
            }
        }
        let head = house.head("/releases/demo/1.2.0/MANIFEST/").await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        let script = house.get("/releases/demo/install.sh/").await;
        assert_eq!(script.headers[header::CONTENT_TYPE], "text/x-shellscript");
        let key = house.get("/verify-key.pub").await;
        assert_eq!(
            &key.body[..],
            b"0d7550754e0800a5d237eef5826035766b9b3e5a15868a940ab289958788e3b0"
        );
        assert_eq!(
            key.headers[header::CONTENT_TYPE],
            "text/plain; charset=utf-8"
        );
    }
}

#[tokio::test]
async fn git_leads_to_the_public_repository() {
    let git = (name::GIT_URL, "https://git.example/vendor");
    let house = House::with(&[], &[git], false);
    let location = |answer: &crate::bench::Answer| {
        assert_eq!(answer.status, 307, "{answer:?}");
        answer.headers[header::LOCATION]
            .to_str()
            .expect("text")
            .to_owned()
    };
    let refs = "/git/demo.git/info/refs?service=git-upload-pack";
    assert_eq!(
        location(&house.get(refs).await),
        "https://git.example/vendor/demo.git/info/refs?service=git-upload-pack"
    );
    let pack = house
        .bench
        .post("/git/demo.git/git-upload-pack", &json!({}))
        .await;
    assert_eq!(
        location(&pack),
        "https://git.example/vendor/demo.git/git-upload-pack"
    );
    for path in [
        "/git/../other/x",
        "/git/a/%2e%2e/%2E%2e/x",
        "/git/a/..%2fx",
        "/git/%5c..%5c",
    ] {
        let answer = house.get(path).await;
        assert_eq!(refusal(&answer), (400, "bad path".to_owned()), "{path}");
    }
    let none = House::alone(&[]);
    let answer = none.get(refs).await;
    assert_eq!(
        refusal(&answer),
        (503, "no public repository is configured".to_owned())
    );
    let bad = House::with(&[], &[(name::GIT_URL, "git@git.example:vendor")], false);
    assert_eq!(bad.get(refs).await.status, 503);
    let log = bad.bench.shop.native.log.lines();
    assert!(log.iter().any(|line| line.contains("GIT_URL")), "{log:?}");
}
