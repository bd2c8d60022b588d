//! Publishing releases over HTTP: in parts into the release storage where the
//! host can write, else recorded, with the manifest in the answer.

use super::cases;
use super::floor::{api_key, product, text};
use crate::hosts::{Answer, Instance};
use crate::release_file::ReleaseFile;
use crate::shop::ADMIN_KEY;
use crate::vendor::release_key;
use bytes::Bytes;
use http::Method;
use keywright_domain::access::Role;
use serde_json::{Value, json};

cases![
    published_in_parts,
    refused,
    changed_and_listed,
    with_a_key_for_build_machines,
    at_once alone,
];

const LINUX: &str = "x86_64-unknown-linux-gnu";
const MAC: &str = "aarch64-apple-darwin";

fn file<'a>(
    product: &'a str,
    version: &'a str,
    platform: &'a str,
    bytes: &'a [u8],
) -> ReleaseFile<'a> {
    ReleaseFile {
        product,
        version,
        channel: "stable",
        platform,
        bytes,
    }
}

async fn ask(instance: &Instance, method: Method, path: &str, body: &Value) -> Answer {
    let path = format!("releases{path}");
    instance.api.admin(method, &path, body).await
}

async fn begin(instance: &Instance, file: &ReleaseFile<'_>) -> Answer {
    ask(instance, Method::POST, "/uploads", &file.upload()).await
}

async fn part(instance: &Instance, id: &str, offset: u64, bytes: &[u8]) -> Answer {
    let path = format!("/v1/admin/releases/uploads/{id}?offset={offset}");
    let request = instance.api.request(Method::PUT, &path);
    let request = request
        .bearer_auth(ADMIN_KEY)
        .body(Bytes::copy_from_slice(bytes));
    instance.api.send(request).await
}

/// Uploads a file; `false` where the host cannot store any.
async fn upload(instance: &Instance, file: &ReleaseFile<'_>) -> bool {
    let begun = begin(instance, file).await;
    if begun.status == 501 {
        begun.is_error(501, "no_release_storage");
        return false;
    }
    let mut state = begun.ok();
    while state["complete"] == false {
        let offset = state["offset"].as_u64().expect("an offset");
        let part_size = state["part_size"].as_u64().expect("a size");
        let at = usize::try_from(offset).expect("a number");
        let end = usize::try_from(offset + part_size).expect("a number");
        let bytes = &file.bytes[at..end.min(file.bytes.len())];
        state = part(instance, &text(&state, "id"), offset, bytes)
            .await
            .ok();
    }
    true
}

async fn publish(instance: &Instance, file: &ReleaseFile<'_>) -> Answer {
    upload(instance, file).await;
    ask(instance, Method::POST, "", &file.publication()).await
}

async fn published_in_parts(instance: &Instance) {
    product(instance, "release-parts", 1).await;
    // Two whole parts and a small one.
    let bytes: Vec<u8> = (0..4_200_000_u32).flat_map(u32::to_le_bytes).collect();
    let large = file("release-parts", "1.0.0", LINUX, &bytes);
    let begun = begin(instance, &large).await;
    let writes = begun.status != 501;
    if writes {
        let state = begun.ok();
        assert_eq!(
            (&state["offset"], &state["complete"]),
            (&json!(0), &json!(false))
        );
        let id = text(&state, "id");
        let size = state["part_size"].as_u64().expect("a size");
        let at = usize::try_from(size).expect("a number");
        let ahead = part(instance, &id, size, &bytes[at..2 * at]).await.ok();
        assert_eq!(ahead["offset"], 0, "{ahead}");
        let first = part(instance, &id, 0, &bytes[..at]).await.ok();
        assert_eq!(first["offset"], size, "{first}");
        let again = part(instance, &id, 0, &bytes[..at]).await.ok();
        assert_eq!(again["offset"], size, "{again}");
        let short = part(instance, &id, size, &bytes[at..2 * at - 1]).await;
        short.is_error(400, "bad_request");
        let long = part(instance, &id, size, &bytes[at..=2 * at]).await;
        long.is_error(413, "payload_too_large");
        assert!(upload(instance, &large).await);
        let done = begin(instance, &large).await.ok();
        assert_eq!(
            (&done["id"], &done["complete"]),
            (&Value::Null, &json!(true))
        );
        // Not what was said.
        let small = file("release-parts", "1.0.0", MAC, b"small");
        let id = text(&begin(instance, &small).await.ok(), "id");
        let wrong = part(instance, &id, 0, b"smell").await;
        wrong.is_error(422, "digest_mismatch");
        let gone = part(instance, &id, 0, b"small").await;
        gone.is_error(404, "not_found");
    }
    let published = ask(instance, Method::POST, "", &large.publication())
        .await
        .ok();
    assert_eq!(published["changed"], true);
    assert_eq!(published["written"], writes);
    assert_eq!(published["manifest"]["artifacts"], json!([large.json()]));
    assert_eq!(published["manifest"]["sha256"], large.sha256());
    let again = ask(instance, Method::POST, "", &large.publication())
        .await
        .ok();
    assert_eq!(again["changed"], false);
    assert_eq!(again["written"], writes);
    assert_eq!(again["manifest"], published["manifest"]);
    let other = publish(instance, &file("release-parts", "1.0.0", LINUX, b"other")).await;
    other.is_error(409, "conflict");
}

async fn refused(instance: &Instance) {
    product(instance, "release-refused", 1).await;
    let good = file("release-refused", "1.0.0", LINUX, b"good");
    let writes = upload(instance, &good).await;
    let pre = file("release-refused", "2.0.0-rc.1", LINUX, b"good");
    let refusal = ask(instance, Method::POST, "", &pre.publication()).await;
    refusal.is_error(400, "bad_request");
    let unsigned = file("release-refused", "1.0.0", MAC, b"good").json();
    let mut mistaken = good.publication();
    mistaken["files"][0]["signature"] = unsigned["signature"].clone();
    let refusal = ask(instance, Method::POST, "", &mistaken).await;
    refusal.is_error(400, "bad_request");
    assert!(refusal.text().contains("platform"), "{refusal:?}");
    let unknown = file("nobody-sells-this", "1.0.0", LINUX, b"good");
    let refusal = ask(instance, Method::POST, "", &unknown.publication()).await;
    refusal.is_error(404, "not_found");
    let mut forged = good.publication();
    let zero = data_encoding::BASE64.encode(&[0; 64]);
    let signature = good.signature();
    let last = signature.lines().last().expect("a line");
    forged["files"][0]["signature"] = json!(signature.replace(last, &zero));
    let refusal = ask(instance, Method::POST, "", &forged).await;
    refusal.is_error(422, "untrusted_signature");
    let mut keyless = good.publication();
    keyless
        .as_object_mut()
        .expect("a body")
        .remove("release_key");
    let refusal = ask(instance, Method::POST, "", &keyless).await;
    refusal.is_error(409, "no_release_key");
    if writes {
        let refusal = begin(instance, &unknown).await;
        refusal.is_error(404, "not_found");
        let sent = file("release-refused", "1.0.0", LINUX, b"never sent");
        let refusal = ask(instance, Method::POST, "", &sent.publication()).await;
        refusal.is_error(409, "conflict");
    }
    let refusal = ask(instance, Method::PATCH, "/nobody", &json!({})).await;
    refusal.is_error(404, "not_found");
    let gate = json!({ "requires_license": false });
    let refusal = ask(instance, Method::PUT, "/gate/nobody-sells-this", &gate).await;
    refusal.is_error(404, "not_found");
    let script = json!({ "script": "echo" });
    let refusal = ask(instance, Method::PUT, "/installer/release-refused", &script).await;
    refusal.is_error(400, "bad_request");
}

async fn changed_and_listed(instance: &Instance) {
    product(instance, "release-listed", 1).await;
    let beta = |platform| ReleaseFile {
        channel: "beta",
        ..file("release-listed", "1.0.0", platform, b"program")
    };
    let release = publish(instance, &beta(LINUX)).await.ok()["release"].clone();
    publish(instance, &file("release-listed", "0.9.0", LINUX, b"older"))
        .await
        .ok();
    let path = format!("/{}", text(&release, "id"));
    let stable = file("release-listed", "1.0.0", LINUX, b"program");
    let promote = json!({ "channel": "stable" });
    let unsigned = ask(instance, Method::PATCH, &path, &promote).await;
    unsigned.is_error(409, "conflict");
    let change = json!({
        "channel": "stable", "signatures": { LINUX: stable.signature() },
        "yanked": { "reason": "bad" }, "rollout_percent": 10, "notes": "n",
    });
    for changed in [true, false] {
        let answer = ask(instance, Method::PATCH, &path, &change).await.ok();
        assert_eq!(answer["changed"], changed, "{answer}");
        let manifest = &answer["manifest"];
        assert_eq!(manifest["channel"], "stable");
        assert_eq!(manifest["yanked"]["reason"], "bad");
        assert_eq!(manifest["rollout_percent"], 10);
        assert_eq!(manifest["artifacts"], json!([stable.json()]));
    }
    let list = |query: &'static str| async move {
        let path = format!("?product=release-listed{query}");
        let page = ask(instance, Method::GET, &path, &json!({})).await.ok();
        let rows = page["releases"].as_array().expect("a list").clone();
        let versions = rows.iter().map(|row| text(row, "version"));
        let mut versions: Vec<String> = versions.collect();
        versions.sort();
        (versions, page["next_cursor"].clone())
    };
    assert_eq!(list("").await.0, ["0.9.0", "1.0.0"]);
    assert_eq!(list("&channel=stable").await.0, ["0.9.0", "1.0.0"]);
    assert!(list("&channel=beta").await.0.is_empty());
    assert_eq!(list("&version=0.9.0").await.0, ["0.9.0"]);
    assert!(list("&limit=1").await.1.is_string());
    for query in ["?channel=best", "?version=one", "?product=No!", "?limit=0"] {
        let refusal = ask(instance, Method::GET, query, &json!({})).await;
        refusal.is_error(400, "bad_request");
    }
    for (gate, changed) in [(true, true), (false, true), (false, false)] {
        let body = json!({ "requires_license": gate });
        let answer = ask(instance, Method::PUT, "/gate/release-listed", &body)
            .await
            .ok();
        assert_eq!(answer["changed"], changed, "{answer}");
        assert_eq!(answer["manifest"], body);
    }
    let script = json!({ "script": "#!/bin/sh\n" });
    for changed in [true, false] {
        let path = "/installer/release-listed";
        let answer = ask(instance, Method::PUT, path, &script).await.ok();
        assert_eq!(answer["changed"], changed, "{answer}");
    }
}

/// A key that publishes and changes nothing else.
async fn with_a_key_for_build_machines(instance: &Instance) {
    product(instance, "release-ci", 1).await;
    let keys = json!({ "public_keys": [release_key()] });
    let set = ask(instance, Method::PUT, "/keys/release-ci", &keys).await;
    assert_eq!(set.ok()["changed"], true);
    let key = api_key(instance, Role::Publisher, &[]).await;
    let token = text(&key, "token");
    let send = |method, path: &str, body: Value| {
        let request = instance.api.request(method, path).json(&body);
        instance.api.send(request.bearer_auth(token.clone()))
    };
    let release = file("release-ci", "1.0.0", LINUX, b"built");
    upload(instance, &release).await;
    let published = send(Method::POST, "/v1/admin/releases", release.publication()).await;
    let published = published.ok();
    let path = format!("/v1/admin/releases/{}", text(&published["release"], "id"));
    for (method, path, body) in [
        (
            Method::PATCH,
            path.as_str(),
            json!({ "yanked": { "reason": "" } }),
        ),
        (
            Method::PUT,
            "/v1/admin/releases/gate/release-ci",
            json!({ "requires_license": false }),
        ),
        (
            Method::PUT,
            "/v1/admin/releases/installer/release-ci",
            json!({ "script": "#!/bin/sh\n" }),
        ),
        (Method::PUT, "/v1/admin/releases/keys/release-ci", keys),
    ] {
        let refused = send(method, path, body).await;
        refused.is_error(403, "forbidden");
    }
    let path = "/v1/admin/products";
    let new = json!({ "slug": "by-ci-2", "name": "No", "price_sats": 1 });
    let refused = send(Method::POST, path, new).await;
    refused.is_error(403, "forbidden");
}

/// Two build machines publish two platforms of a version at once, and both
/// land; of two that publish other bytes, one does.
async fn at_once(instance: &Instance) {
    product(instance, "release-race", 1).await;
    for round in 0..5 {
        let version = format!("1.0.{round}");
        let linux = file("release-race", &version, LINUX, b"for linux");
        let mac = file("release-race", &version, MAC, b"for the mac");
        let (one, two) =
            futures_util::future::join(publish(instance, &linux), publish(instance, &mac)).await;
        let both = json!([mac.json(), linux.json()]);
        let manifests = [one.ok(), two.ok()];
        assert!(
            manifests.iter().any(|m| m["manifest"]["artifacts"] == both),
            "{version}"
        );
        let shown = ask(instance, Method::POST, "", &linux.publication())
            .await
            .ok();
        assert_eq!(shown["manifest"]["artifacts"], both, "{version}");

        let version = format!("2.0.{round}");
        let files = [b"one", b"two"].map(|bytes| file("release-race", &version, LINUX, bytes));
        let (one, two) =
            futures_util::future::join(publish(instance, &files[0]), publish(instance, &files[1]))
                .await;
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{version}: {one:?} {two:?}");
    }
}
