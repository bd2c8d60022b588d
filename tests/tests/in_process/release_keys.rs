//! The vendor's release keys: a leaked publishing key publishes, offers and
//! changes nothing that none of them has signed.

use crate::bench::{Answer, json_request};
use crate::publishing::{LINUX, MAC, Press, demo};
use crate::races::at_once;
use http::{Method, header};
use keywright_tests::release_file::ReleaseFile;
use keywright_tests::vendor;
use serde_json::{Value, json};
use std::sync::Arc;

/// Another key, whose signatures name the vendor's.
const STRANGER: [u8; 32] = [0x66; 32];

/// A scoped key with these scopes beside its role; answers its token.
async fn scoped(press: &Press, role: &str, scopes: &[&str]) -> String {
    let body = json!({ "label": "CI", "role": role, "scopes": scopes });
    let made = press.bench.operate("POST", "/v1/admin/api-keys", &body);
    let made = made.await;
    assert_eq!(made.status, 200, "{made:?}");
    made.text("token")
}

async fn with(press: &Press, token: &str, method: Method, path: &str, body: &Value) -> Answer {
    let mut request = json_request(method, &format!("/v1/admin/releases{path}"), body);
    let bearer = format!("Bearer {token}").parse().expect("a header");
    request.headers_mut().insert(header::AUTHORIZATION, bearer);
    press.bench.send(request).await
}

async fn set_keys(press: &Press, keys: &[String]) -> Value {
    let body = json!({ "public_keys": keys });
    let set = press.operate("PUT", "/keys/demo", &body).await;
    assert_eq!(set.status, 200, "{set:?}");
    set.json()
}

/// The publication with this in place of the signature.
fn signed(file: &ReleaseFile<'_>, signature: &str) -> Value {
    let mut body = file.publication();
    body["files"][0]["signature"] = json!(signature);
    body
}

/// Replaces a line of a signature file by base64 of what `change` makes of it.
fn line(signature: &str, at: usize, change: impl Fn(&mut Vec<u8>)) -> String {
    let base64 = data_encoding::BASE64;
    let lines = signature.lines().enumerate().map(|(number, line)| {
        if number != at {
            return line.to_owned();
        }
        let mut bytes = base64.decode(line.as_bytes()).expect("base64");
        change(&mut bytes);
        base64.encode(&bytes)
    });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

/// Where each feed, `latest` and the channel's JSON lead for Linux: the versions
/// that are named anywhere in the answers.
async fn offered(press: &Press, version: &str) -> Vec<&'static str> {
    // What the gate keeps for a few seconds is over.
    press.bench.clock.advance(4);
    let mut offering = Vec::new();
    for (name, path) in [
        ("joomla", "/api/v1/licensing/updates/demo.xml"),
        ("electron", "/updates/electron/demo/latest-linux.yml"),
        ("tauri", "/updates/tauri/demo/linux/x86_64/0.0.1"),
        ("tauri static", "/updates/tauri/demo/latest.json"),
        ("sparkle", "/updates/sparkle/demo/appcast.xml"),
        ("channel", "/releases/demo/channels/stable.json"),
        ("latest", "/releases/demo/latest/x86_64-unknown-linux-gnu"),
        ("latest manifest", "/releases/demo/latest/MANIFEST"),
    ] {
        let answer = press.bench.get(path).await;
        let location = answer.headers.get(header::LOCATION);
        let location = location.map_or("", |value| value.to_str().expect("text"));
        let said = format!("{location} {}", String::from_utf8_lossy(&answer.body));
        if said.contains(version) {
            offering.push(name);
        }
    }
    offering
}

const EVERYWHERE: [&str; 8] = [
    "joomla",
    "electron",
    "tauri",
    "tauri static",
    "sparkle",
    "channel",
    "latest",
    "latest manifest",
];

/// A version with a file for every feed.
async fn publish_for_all(press: &Press, version: &str, seed: [u8; 32]) {
    let platforms = [LINUX, "any", "universal-apple-darwin"];
    let files: Vec<ReleaseFile<'_>> = platforms
        .iter()
        .map(|platform| demo(version, platform, b"the program"))
        .collect();
    press.upload(&files[0]).await;
    let mut body = files[0].publication();
    let json = files.iter().map(|file| {
        let mut json = file.json();
        json["signature"] = json!(file.signature_by(seed));
        json
    });
    body["files"] = json.collect();
    let published = press.operate("POST", "", &body).await;
    assert_eq!(published.status, 200, "{published:?}");
}

#[expect(clippy::too_many_lines, reason = "a table of signatures")]
#[tokio::test]
async fn nothing_is_published_that_no_release_key_has_signed() {
    let press = Press::new().await;
    press.publish(&demo("1.0.0", LINUX, b"genuine")).await;
    let token = scoped(&press, "read-only", &["releases:write"]).await;
    let new = demo("99.0.0", LINUX, b"malware");
    press.upload(&new).await;
    let good = new.signature();
    let zero = |bytes: &mut Vec<u8>| bytes.fill(0);
    let of = |version: &'static str, channel: &'static str, platform: &'static str, bytes| {
        ReleaseFile {
            channel,
            ..demo(version, platform, bytes)
        }
        .signature()
    };
    let other_product = ReleaseFile {
        product: "other",
        ..new
    };
    // A genuine signature that is given the statement of the new file.
    let stolen = demo("1.0.0", LINUX, b"genuine").signature();
    let comment = |text: &str| text.lines().nth(2).expect("a comment").to_owned();
    let restated = stolen.replace(&comment(&stolen), &comment(&good));
    let (untrusted, bad) = ((422, "untrusted_signature"), (400, "bad_request"));
    for (what, signature, (status, code)) in [
        (
            "all zero bytes",
            line(&line(&good, 1, |bytes| bytes[2..].fill(0)), 3, zero),
            untrusted,
        ),
        (
            "zero signatures under the right key's id",
            line(&line(&good, 1, |bytes| bytes[10..].fill(0)), 3, zero),
            untrusted,
        ),
        ("no global signature", line(&good, 3, zero), untrusted),
        (
            "one bit of the global signature",
            line(&good, 3, |bytes| bytes[5] ^= 1),
            untrusted,
        ),
        (
            "another signature of the file",
            line(&good, 1, |bytes| bytes[20] ^= 1),
            untrusted,
        ),
        ("another key", new.signature_by(STRANGER), untrusted),
        (
            "another key's id",
            line(&good, 1, |bytes| bytes[2] ^= 1),
            untrusted,
        ),
        ("a statement of other bytes", restated, untrusted),
        (
            "a later time in the statement",
            good.replace("timestamp:1700000000", "timestamp:1700000001"),
            untrusted,
        ),
        (
            "more at the end of the statement",
            good.replace(&comment(&good), &format!("{}\tmore:1", comment(&good))),
            untrusted,
        ),
        (
            "another version",
            of("98.0.0", "stable", LINUX, b"malware"),
            bad,
        ),
        (
            "another channel",
            of("99.0.0", "beta", LINUX, b"malware"),
            bad,
        ),
        (
            "another platform",
            of("99.0.0", "stable", MAC, b"malware"),
            bad,
        ),
        (
            "another size",
            of("99.0.0", "stable", LINUX, b"malwares"),
            bad,
        ),
        (
            "another digest",
            of("99.0.0", "stable", LINUX, b"genuine"),
            bad,
        ),
        ("another product", other_product.signature(), bad),
        ("nothing", String::new(), bad),
    ] {
        let before = press.bench.dump().await;
        let mut body = signed(&new, &signature);
        // A scoped key brings no key along.
        body["release_key"] = json!(vendor::release_key_of(STRANGER));
        for who in ["the build machine", "the operator"] {
            let answer = match who {
                "the operator" => press.operate("POST", "", &body).await,
                _ => with(&press, &token, Method::POST, "", &body).await,
            };
            assert_eq!(answer.refusal(), (status, code.to_owned()), "{what}, {who}");
        }
        let mut after = press.bench.dump().await;
        // When the key was used last is noted.
        after.insert("api_keys".to_owned(), before["api_keys"].clone());
        assert_eq!(after, before, "{what}");
        assert_eq!(press.stored("demo/99.0.0/MANIFEST.json"), Value::Null);
    }
    assert!(offered(&press, "99.0.0").await.is_empty());
    let genuine = with(&press, &token, Method::POST, "", &new.publication()).await;
    assert_eq!(genuine.status, 200, "{genuine:?}");
    press.is_in_step().await;
}

#[tokio::test]
async fn a_product_without_keys_takes_its_first_from_the_operator_only() {
    let press = Press::new().await;
    let token = scoped(&press, "full-admin", &["releases:write"]).await;
    let first = demo("1.0.0", LINUX, b"first");
    press.upload(&first).await;
    let mut alone = first.publication();
    alone.as_object_mut().expect("a body").remove("release_key");
    let missing = (409, "no_release_key".to_owned());
    for (who, body) in [
        ("a scoped key that brings one", first.publication()),
        ("a scoped key", alone.clone()),
    ] {
        let refused = with(&press, &token, Method::POST, "", &body).await;
        assert_eq!(refused.refusal(), missing, "{who}");
        // It says which call sets one.
        let message = refused.text("message");
        assert!(
            message.contains("PUT /v1/admin/releases/keys/demo"),
            "{message}"
        );
    }
    let refused = press.operate("POST", "", &alone).await;
    assert_eq!(refused.refusal(), missing, "the operator, who brings none");
    for (key, status) in [
        (json!(vendor::release_key_of(STRANGER)), 422),
        (json!("RWQ"), 400),
        // A key of small order, which would accept anything.
        (
            json!(data_encoding::BASE64.encode(&[b"Ed".as_slice(), &[0; 40]].concat())),
            400,
        ),
    ] {
        let mut body = alone.clone();
        body["release_key"] = key.clone();
        let refused = press.operate("POST", "", &body).await;
        assert_eq!(refused.status, status, "{key}: {refused:?}");
    }
    let keys = "SELECT count(*) FROM release_keys";
    assert_eq!(
        press.bench.number(keys).await,
        0,
        "what is refused sets none"
    );
    press.publish(&first).await;
    let shown = press.operate("GET", "/keys/demo", &json!({})).await.json();
    let expected = json!({ "product": "demo", "public_keys": [vendor::release_key()] });
    assert_eq!(shown, expected);
    let entry = "SELECT actor, before, after FROM audit WHERE action = 'release.keys'";
    let entries = press.bench.sql(entry).await;
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(entries[0]["actor"], "operator");
    assert_eq!(entries[0]["before"], r#"{"keys":[]}"#);
    let after = json!({ "keys": [vendor::release_key()] }).to_string();
    assert_eq!(entries[0]["after"], after);
    // From then on the build machine publishes, and nobody brings another key.
    let second = demo("1.1.0", LINUX, b"second");
    press.upload(&second).await;
    let published = with(&press, &token, Method::POST, "", &second.publication()).await;
    assert_eq!(published.status, 200, "{published:?}");
    let third = demo("1.2.0", LINUX, b"third");
    press.upload(&third).await;
    let mut body = signed(&third, &third.signature_by(STRANGER));
    body["release_key"] = json!(vendor::release_key_of(STRANGER));
    let refused = press.operate("POST", "", &body).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    assert_eq!(press.bench.number(keys).await, 1);
}

#[tokio::test]
async fn a_publishing_key_decides_nothing_but_what_it_publishes() {
    let press = Press::new().await;
    let published = press.publish(&demo("1.0.0", LINUX, b"first")).await;
    let path = format!("/{}", published["release"]["id"].as_str().expect("an id"));
    let beta = ReleaseFile {
        channel: "beta",
        ..demo("1.0.0", LINUX, b"first")
    };
    let promote = json!({ "channel": "beta", "signatures": { LINUX: beta.signature() } });
    let keys = json!({ "public_keys": [vendor::release_key_of(STRANGER)] });
    let asks = [
        (
            Method::PATCH,
            path.as_str(),
            json!({ "yanked": { "reason": "" } }),
            "release_offers:write",
        ),
        (
            Method::PATCH,
            &path,
            json!({ "rollout_percent": 0 }),
            "release_offers:write",
        ),
        (Method::PATCH, &path, promote, "release_offers:write"),
        (
            Method::PATCH,
            &path,
            json!({ "requires_entitlement": "pro" }),
            "release_offers:write",
        ),
        (
            Method::PUT,
            "/gate/demo",
            json!({ "requires_license": false }),
            "release_gates:write",
        ),
        (
            Method::PUT,
            "/installer/demo",
            json!({ "script": "#!/bin/sh\n" }),
            "release_installers:write",
        ),
        (Method::PUT, "/keys/demo", keys, "master"),
    ];
    let publishes = scoped(&press, "read-only", &["releases:write"]).await;
    let before = press.bench.dump().await;
    for (method, path, body, scope) in &asks {
        let refused = with(&press, &publishes, method.clone(), path, body).await;
        assert_eq!(
            refused.refusal(),
            (403, "forbidden".to_owned()),
            "{path} {body}"
        );
        let message = refused.text("message");
        let named = *scope == "master" || message.contains(scope);
        assert!(named, "{path}: {message}");
    }
    let mut after = press.bench.dump().await;
    after.insert("api_keys".to_owned(), before["api_keys"].clone());
    assert_eq!(after, before);
    // Each scope opens its own, and the keys are the operator's alone.
    let all = [
        "releases:write",
        "release_offers:write",
        "release_gates:write",
        "release_installers:write",
        "payment_providers:write",
    ];
    for (method, path, body, scope) in &asks {
        let scopes = if *scope == "master" {
            &all[..]
        } else {
            &[*scope]
        };
        let token = scoped(&press, "read-only", scopes).await;
        let answer = with(&press, &token, method.clone(), path, body).await;
        let takes_two = body.get("requires_entitlement").is_some();
        let status = if *scope == "master" || takes_two {
            403
        } else {
            200
        };
        assert_eq!(answer.status, status, "{path} {body}: {answer:?}");
    }
    let both = ["release_offers:write", "release_gates:write"];
    let token = scoped(&press, "read-only", &both).await;
    let entitlement = json!({ "requires_entitlement": "pro" });
    let answer = with(&press, &token, Method::PATCH, &path, &entitlement).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    // A full admin offers and opens, and replaces no script that customers run.
    let token = scoped(&press, "full-admin", &[]).await;
    for (method, path, body, scope) in &asks {
        let answer = with(&press, &token, method.clone(), path, body).await;
        let refused = matches!(*scope, "master" | "release_installers:write");
        assert_eq!(answer.status == 403, refused, "{path} {body}: {answer:?}");
    }
}

#[tokio::test]
async fn a_channel_changes_under_the_signature_of_a_key_that_stands() {
    let press = Press::new().await;
    let published = press.publish(&demo("1.0.0", LINUX, b"first")).await;
    let path = format!("/{}", published["release"]["id"].as_str().expect("an id"));
    let rc = ReleaseFile {
        channel: "rc",
        ..demo("1.0.0", LINUX, b"first")
    };
    let to_rc = |signature: String| json!({ "channel": "rc", "signatures": { LINUX: signature } });
    let before = press.bench.dump().await;
    for signature in [
        rc.signature_by(STRANGER),
        line(&rc.signature(), 3, |bytes| bytes.fill(0)),
        line(&rc.signature(), 1, |bytes| bytes[2..].fill(0)),
    ] {
        let refused = press.operate("PATCH", &path, &to_rc(signature)).await;
        assert_eq!(refused.refusal(), (422, "untrusted_signature".to_owned()));
        assert_eq!(press.bench.dump().await, before);
    }
    // The key that made a good signature is taken away.
    set_keys(&press, &[vendor::release_key_of(STRANGER)]).await;
    let refused = press.operate("PATCH", &path, &to_rc(rc.signature())).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    let moved = press
        .operate("PATCH", &path, &to_rc(rc.signature_by(STRANGER)))
        .await;
    assert_eq!(moved.status, 200, "{moved:?}");
    let verified = "SELECT verified_by FROM release_files";
    let verified = press.bench.sql(verified).await;
    assert_eq!(verified[0]["verified_by"], vendor::release_key_of(STRANGER));
}

#[tokio::test]
async fn keys_rotate_with_overlap_and_feeds_offer_what_a_standing_key_has_signed() {
    let press = Press::new().await;
    let (old, new) = (vendor::release_key(), vendor::release_key_of(STRANGER));
    publish_for_all(&press, "1.0.0", vendor::SEED).await;
    assert_eq!(offered(&press, "1.0.0").await, EVERYWHERE);
    let both = set_keys(&press, &[old.clone(), new.clone()]).await;
    assert_eq!(
        (&both["changed"], &both["not_offered_count"]),
        (&json!(true), &json!(0))
    );
    publish_for_all(&press, "2.0.0", STRANGER).await;
    assert_eq!(offered(&press, "2.0.0").await, EVERYWHERE);
    // The new key alone: what only the old one has signed is offered no more, and
    // is still there by its version.
    let alone = set_keys(&press, std::slice::from_ref(&new)).await;
    assert_eq!(alone["not_offered_count"], 3, "{alone}");
    let named = alone["not_offered"].as_array().expect("files");
    assert!(
        named.iter().all(|file| file["version"] == "1.0.0"),
        "{alone}"
    );
    assert_eq!(offered(&press, "2.0.0").await, EVERYWHERE);
    assert!(offered(&press, "1.0.0").await.is_empty());
    let manifest = press.bench.get("/releases/demo/1.0.0/MANIFEST").await;
    assert_eq!(manifest.status, 200);
    // The same bytes, signed with the new key, are offered again.
    let file = demo("1.0.0", LINUX, b"the program");
    let again = signed(&file, &file.signature_by(STRANGER));
    let again = press.operate("POST", "", &again).await;
    assert_eq!(again.json()["changed"], true, "{again:?}");
    let electron = press.bench.get("/updates/electron/demo/demo-1.0.0").await;
    assert_eq!(electron.status, 302, "{electron:?}");
    press.is_in_step().await;
    // And the old key brings all of it back.
    let back = set_keys(&press, &[new, old]).await;
    assert_eq!(back["not_offered_count"], 0, "{back}");
    let same = [vendor::release_key_of(STRANGER), vendor::release_key()];
    let repeated = set_keys(&press, &same).await;
    assert_eq!(repeated["changed"], false);
    let told = "SELECT count(*) FROM audit WHERE action = 'release.keys'";
    assert_eq!(press.bench.number(told).await, 4);
    for (body, status) in [
        (json!({ "public_keys": [] }), 400),
        (json!({ "public_keys": ["RWQ"] }), 400),
        (
            json!({ "public_keys": vec![vendor::release_key(); 9] }),
            400,
        ),
        (json!({}), 422),
    ] {
        let refused = press.operate("PUT", "/keys/demo", &body).await;
        assert_eq!(refused.status, status, "{body}: {refused:?}");
    }
    let unknown = json!({ "public_keys": [vendor::release_key()] });
    for method in ["GET", "PUT"] {
        let refused = press.operate(method, "/keys/nobody", &unknown).await;
        assert_eq!(refused.status, 404, "{refused:?}");
    }
}

/// Rows that were recorded before there were keys.
#[tokio::test]
async fn what_was_published_before_stays_offered_until_keys_are_set_and_then_if_it_verifies() {
    let press = Press::new().await;
    publish_for_all(&press, "1.0.0", vendor::SEED).await;
    publish_for_all(&press, "2.0.0", vendor::SEED).await;
    // As an older server left them; one of them was published by a stranger.
    press
        .bench
        .sql("UPDATE release_files SET verified_by = NULL")
        .await;
    press.bench.sql("DELETE FROM release_keys").await;
    let forged = demo("2.0.0", LINUX, b"the program").signature_by(STRANGER);
    press
        .bench
        .sql(&format!(
            "UPDATE release_files SET signature = '{forged}'
             WHERE release_id = (SELECT id FROM releases WHERE version = '2.0.0')"
        ))
        .await;
    assert_eq!(offered(&press, "2.0.0").await, EVERYWHERE);
    let set = set_keys(&press, &[vendor::release_key()]).await;
    assert_eq!(
        (&set["verified"], &set["not_offered_count"]),
        (&json!(3), &json!(3))
    );
    assert!(offered(&press, "2.0.0").await.is_empty());
    assert_eq!(offered(&press, "1.0.0").await, EVERYWHERE);
    // Publishing the same files again, signed, replaces the signatures.
    publish_for_all(&press, "2.0.0", vendor::SEED).await;
    assert_eq!(offered(&press, "2.0.0").await, EVERYWHERE);
    let shown = press.stored("demo/2.0.0/MANIFEST.json");
    let signature = shown["artifacts"][0]["signature"].as_str().expect("one");
    assert_ne!(signature, forged);
    // Once a key stands behind it, it stays.
    let told = "SELECT count(*) FROM audit WHERE action = 'release.publish'";
    let before = press.bench.number(told).await;
    publish_for_all(&press, "2.0.0", vendor::SEED).await;
    assert_eq!(press.bench.number(told).await, before);
}

/// A publication and a change of the keys at once: whichever comes first, nothing
/// is offered under a key that does not stand.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_publication_never_outlives_its_key() {
    let press = Arc::new(Press::new().await);
    press.publish(&demo("1.0.0", LINUX, b"first")).await;
    let (old, new) = (vendor::release_key(), vendor::release_key_of(STRANGER));
    for round in 0..20 {
        set_keys(&press, std::slice::from_ref(&old)).await;
        let version = format!("2.0.{round}");
        let file = demo(&version, LINUX, b"second");
        press.upload(&file).await;
        let requests = [
            ("POST", "", file.publication()),
            ("PUT", "/keys/demo", json!({ "public_keys": [&new] })),
        ];
        press.bench.shop.database.gather(2);
        let requests = requests.into_iter().map(|(method, path, body)| {
            let press = press.clone();
            async move { press.operate(method, path, &body).await.status }
        });
        let statuses = at_once(requests).await;
        assert!(
            statuses
                .iter()
                .all(|status| matches!(status, 200 | 409 | 422)),
            "{version}: {statuses:?}"
        );
        assert!(offered(&press, &version).await.is_empty(), "{version}");
        let index = press.stored("demo/INDEX.json");
        assert_eq!(index["versions"], json!([]), "{version}");
    }
}
