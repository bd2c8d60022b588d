use super::*;
use serde_json::json;

fn demo() -> Slug {
    Slug::parse("demo").expect("a slug")
}

fn artifact(platform: &str) -> Value {
    json!({
        "platform": platform, "file_name": "demo.tar.gz", "size_bytes": 42,
        "sha256": "0".repeat(64), "sha512": "1".repeat(128), "signature": "…"
    })
}

fn manifest(artifacts: &[Value]) -> Value {
    json!({
        "format": 1, "product": "demo", "version": "1.2.0", "channel": "beta",
        "built_at_unix": 1_700_000_000, "published_at_unix": 1_700_000_100,
        "artifacts": artifacts, "later": {"member": 1}
    })
}

fn read(json: &Value) -> Result<VersionManifest, ManifestError> {
    VersionManifest::read(json.to_string().as_bytes(), &demo(), "1.2.0")
}

#[test]
fn reads_the_shortest_manifest_and_writes_it_again() {
    let json = manifest(&[
        artifact("x86_64-unknown-linux-gnu"),
        artifact("aarch64-apple-darwin"),
    ]);
    let manifest = read(&json).expect("a manifest").arranged();
    assert_eq!(
        (manifest.channel, manifest.rollout_percent),
        (Channel::Beta, 100)
    );
    assert_eq!(
        manifest.artifacts[0].platform.as_str(),
        "aarch64-apple-darwin"
    );
    assert_eq!(manifest.only, None);
    assert!(manifest.artifact("x86_64-unknown-linux-gnu").is_some());
    assert!(manifest.artifact("x86_64").is_none());
    let written = serde_json::to_value(&manifest).expect("json");
    assert_eq!(read(&written).expect("the same"), manifest);
}

#[test]
fn one_artifact_is_also_told_the_older_way() {
    let manifest = read(&manifest(&[artifact("any")]))
        .expect("a manifest")
        .arranged();
    let written = serde_json::to_value(&manifest).expect("json");
    assert_eq!(written["platform"], "any");
    assert_eq!(written["sha256"], "0".repeat(64));
    assert_eq!(written["size_bytes"], 42);
    // Installers take the first digest of the text.
    let text = written.to_string();
    assert!(text.find("\"sha256\"").is_some());
    assert_eq!(read(&written).expect("the same"), manifest);
}

#[test]
fn tells_an_older_layout_from_a_damaged_manifest() {
    let older = json!({"sha256": "0", "size_bytes": 1, "platform": "x86_64", "version": "1.2.0"});
    assert!(matches!(read(&older), Err(ManifestError::Format)));
    assert!(matches!(read(&json!("text")), Err(ManifestError::Format)));
    let mut damaged = manifest(&[artifact("any")]);
    damaged["channel"] = json!("best");
    assert!(matches!(read(&damaged), Err(ManifestError::Unreadable(_))));
    let mut other = manifest(&[artifact("any")]);
    other["version"] = json!("1.2.1");
    assert!(matches!(read(&other), Err(ManifestError::Misplaced { .. })));
}

#[test]
fn an_older_manifest_says_digests_in_three_ways() {
    let (one, two) = ("1".repeat(64), "A".repeat(64));
    let lower = two.to_ascii_lowercase();
    for (json, any, linux) in [
        (
            json!({"sha256": one, "platform": "any", "built_at_unix": 5}),
            Some(&one),
            None,
        ),
        (json!({"sha256": one}), Some(&one), Some(&one)),
        (
            json!({"sha256": {"any": one, "linux": two}}),
            Some(&one),
            Some(&lower),
        ),
        (
            json!({"artifacts": [{"platform": "linux", "sha256": two}, {"platform": "any"}, 1]}),
            None,
            Some(&lower),
        ),
        (json!({"sha256": "00", "platform": "any"}), None, None),
        (json!([]), None, None),
    ] {
        let found = OlderManifest::read(json.to_string().as_bytes());
        let digest = |platform| found.digest(platform).map(Sha256Hex::as_str);
        let expected = (any.map(String::as_str), linux.map(String::as_str));
        assert_eq!((digest("any"), digest("linux")), expected, "{json}");
        assert_eq!(found.built_at, json["built_at_unix"].as_i64());
    }
    assert_eq!(OlderManifest::read(b"{"), OlderManifest::default());
}

#[test]
fn only_a_literal_false_opens_a_product() {
    let open = |json: &str| !ProductManifest::read(Some(json.as_bytes())).requires_license;
    assert!(open(r#"{"requires_license": false, "more": 1}"#));
    for json in [
        "",
        "{}",
        "false",
        "{",
        r#"{"requires_license": "false"}"#,
        r#"{"requires_license": null}"#,
        r#"{"requires_license": 0}"#,
        r#"{"requires_license": true}"#,
    ] {
        assert!(!open(json), "{json}");
    }
    assert_eq!(ProductManifest::read(None), ProductManifest::LICENSED);
}
