//! The index of a product: what is offered is found by one read, however many
//! versions there are, and nothing that an anonymous caller asks costs more than
//! a few.

use crate::gatehouse::{House, LINUX};
use crate::publishing::{Press, demo};
use http::header;
use keywright_domain::release::ReleaseIndex;
use keywright_domain::release::index::IndexedVersion;
use keywright_domain::slug::Slug;
use keywright_tests::published::{Published, release};
use serde_json::{Value, json};

fn of(version: &str, channel: &str, platforms: &[&str]) -> Published {
    let release = release("demo", version).with("channel", json!(channel));
    platforms.iter().fold(release, |release, platform| {
        let name = format!("demo-{version}-{platform}");
        release.file(platform, &name, name.as_bytes())
    })
}

/// The index of what was published, as whoever fills a folder writes it.
fn index(releases: &[Published]) -> ReleaseIndex {
    let versions = releases.iter().filter_map(|release| {
        let manifest = serde_json::from_value(release.manifest().clone()).expect("a manifest");
        IndexedVersion::of_manifest(&manifest)
    });
    let demo = Slug::parse("demo").expect("a slug");
    ReleaseIndex::new(demo, versions.collect())
}

fn many(count: usize) -> Vec<Published> {
    (0..count)
        .map(|n| of(&format!("1.0.{n}"), "stable", &[LINUX]))
        .collect()
}

fn house(releases: &[Published]) -> House {
    let house = House::alone(releases);
    let index = serde_json::to_vec(&index(releases)).expect("json");
    house.put("demo/INDEX.json", &index);
    house
}

/// What one request reads of the storage.
async fn reads(house: &House, path: &str) -> (u16, u64) {
    house.bench.shop.storage_reads.count_anew();
    let answer = house.get(path).await;
    (answer.status, house.bench.shop.storage_reads.count())
}

#[tokio::test]
async fn a_request_reads_a_few_objects_however_many_versions_there_are() {
    for count in [1, 300] {
        let house = house(&many(count));
        for (path, status, cold) in [
            ("/releases/demo/latest/x86_64-unknown-linux-gnu", 307, 2),
            ("/releases/demo/latest/MANIFEST", 307, 2),
            ("/releases/demo/latest/nothing", 404, 1),
            ("/releases/demo/latest/nothing?channel=dev", 404, 1),
            ("/releases/demo/latest/MANIFEST?platform=nothing", 404, 1),
            ("/releases/demo/channels/stable.json", 200, 11),
            ("/releases/demo/channels/dev.json", 200, 11),
            ("/releases/demo/channels/nothing.json", 404, 0),
            ("/releases/demo/1.0.0/nothing", 401, 2),
            ("/releases/demo/9.9.9/x86_64-unknown-linux-gnu.sig", 404, 2),
            ("/releases/demo", 200, 1),
            ("/releases", 200, 1),
            ("/releases/nobody/latest/any", 404, 2),
            ("/releases/nobody/channels/stable.json", 404, 2),
            ("/releases/nobody", 404, 1),
            ("/git/demo/info/refs", 503, 0),
        ] {
            house.bench.clock.advance(4);
            let (answered, first) = reads(&house, path).await;
            assert_eq!(answered, status, "{path} of {count}");
            assert!(first <= cold, "{path} of {count}: {first} reads");
            let (_, again) = reads(&house, path).await;
            assert!(again <= first, "{path} of {count}: {again} after {first}");
        }
        // In a rush the newest version costs nothing more.
        let path = "/releases/demo/latest/x86_64-unknown-linux-gnu";
        reads(&house, path).await;
        assert_eq!(reads(&house, path).await, (307, 0));
        assert_eq!(reads(&house, "/releases/demo/latest/other").await, (404, 0));
    }
}

/// A folder that nobody has written an index for, such as one of an older
/// command line.
#[tokio::test]
async fn without_an_index_what_is_read_is_bounded_too() {
    let mut releases = many(300);
    releases.push(of("2.0.0", "stable", &["any"]));
    let house = House::alone(&releases);
    for n in 0..300 {
        house.put(&format!("old/1.0.{n}/any"), b"older");
    }
    for (path, status) in [
        ("/releases/demo/latest/any", 307),
        ("/releases/demo/latest/x86_64-unknown-linux-gnu", 307),
        ("/releases/demo/latest/nothing", 404),
        ("/releases/demo/channels/stable.json", 200),
        ("/releases/old/latest/any", 307),
        ("/releases/old/latest/nothing", 404),
        ("/releases/old/channels/stable.json", 200),
    ] {
        let (answered, count) = reads(&house, path).await;
        assert_eq!(answered, status, "{path}");
        // The index, the listing, and twice for each of twenty.
        assert!(count <= 42, "{path}: {count} reads");
    }
}

fn location(answer: &crate::bench::Answer) -> String {
    assert_eq!(answer.status, 307, "{answer:?}");
    let location = answer.headers[header::LOCATION].to_str().expect("text");
    location.to_owned()
}

#[tokio::test]
async fn the_index_offers_what_the_manifests_did() {
    let releases = [
        of("1.9.0", "stable", &[LINUX, "any"]),
        of("1.10.0", "stable", &[LINUX]),
        of("1.11.0", "stable", &[LINUX]).with("yanked", json!({ "at_unix": 1, "reason": "" })),
        of("2.0.0-rc.2", "rc", &[LINUX]),
        // Somebody published a pre-release as stable: it is none.
        of("3.0.0-alpha", "stable", &[LINUX]),
        of("1.10.1", "stable", &["any"]).with("rollout_percent", json!(0)),
    ];
    let house = house(&releases);
    for (asked, version) in [
        (LINUX, "1.10.0"),
        ("any", "1.9.0"),
        ("MANIFEST", "1.10.0"),
        ("x86_64-unknown-linux-gnu?channel=rc", "3.0.0-alpha"),
    ] {
        let path = format!("/releases/demo/latest/{asked}");
        let answer = house.get(&path).await;
        let prefix = format!("/releases/demo/{version}/");
        assert!(
            location(&answer).starts_with(&prefix),
            "{asked}: {answer:?}"
        );
    }
    let feed = house
        .get("/releases/demo/channels/stable.json")
        .await
        .json();
    let versions: Vec<&Value> = feed["recent"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|release| &release["version"])
        .collect();
    assert_eq!(versions, ["1.10.0", "1.9.0"]);
}

/// Between the manifest and the index, or where the index was not written: the
/// manifest has the last word on what is not offered.
#[tokio::test]
async fn a_manifest_that_changed_since_is_believed() {
    let releases = [
        of("1.0.0", "stable", &[LINUX]),
        of("1.1.0", "stable", &[LINUX]),
        of("1.2.0", "stable", &[LINUX]),
        of("1.3.0", "stable", &[LINUX]),
    ];
    let house = house(&releases);
    let changed = [
        of("1.3.0", "stable", &[LINUX]).with("yanked", json!({ "at_unix": 1, "reason": "" })),
        of("1.2.0", "beta", &[LINUX]),
    ];
    for release in &changed {
        release.write(house.folder.path()).expect("a release");
    }
    house.put("demo/1.1.0/MANIFEST.json", b"{\"format\":1}");
    let path = format!("/releases/demo/latest/{LINUX}");
    let answer = house.get(&path).await;
    assert_eq!(location(&answer), format!("/releases/demo/1.0.0/{LINUX}"));
    let feed = house
        .get("/releases/demo/channels/stable.json")
        .await
        .json();
    assert_eq!(feed["latest"]["version"], "1.0.0");
    assert_eq!(feed["recent"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_damaged_index_counts_as_none() {
    let house = house(&[of("1.0.0", "stable", &[LINUX])]);
    let path = format!("/releases/demo/latest/{LINUX}");
    let too_large = vec![b' '; 600_000];
    for damaged in [&b"{"[..], b"{}", b"", &too_large] {
        house.put("demo/INDEX.json", damaged);
        assert_eq!(house.get(&path).await.status, 307);
    }
}

/// The versions and files of the index.
fn indexed(press: &Press) -> Value {
    let index = press.stored("demo/INDEX.json");
    let versions = index["versions"].as_array().expect("versions");
    let versions = versions.iter().map(|version| {
        let channel = version["channel"].as_str().expect("a channel");
        json!([version["version"], channel, version["files"]])
    });
    versions.collect()
}

#[tokio::test]
async fn whatever_changes_a_product_writes_its_index() {
    let press = Press::new().await;
    // Of an older server, and of a folder that was copied here.
    let put = |key: &str, bytes: &[u8]| {
        let path = press.path(key);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, bytes).expect("a file");
    };
    put("demo/0.8.0/any", b"older");
    put("demo/0.8.0/any.sig", b"older");
    put("demo/beta/any", b"no version");
    put("demo/0.7.0/MANIFEST.json", b"{\"format\":1}");
    let copied = of("0.9.0", "rc", &["any"]).manifest().to_string();
    put("demo/0.9.0/MANIFEST.json", copied.as_bytes());
    let published = press.publish(&demo("1.0.0", LINUX, b"first")).await;
    let older = [
        json!(["0.9.0", "rc", ["any"]]),
        json!(["0.8.0", "stable", ["any", "any.sig"]]),
    ];
    let all = |versions: &[Value]| -> Value { [versions, &older].concat().into() };
    let first = json!(["1.0.0", "stable", [LINUX]]);
    assert_eq!(indexed(&press), all(std::slice::from_ref(&first)));
    press.publish(&demo("1.1.0", "any", b"second")).await;
    let second = json!(["1.1.0", "stable", ["any"]]);
    assert_eq!(indexed(&press), all(&[second.clone(), first]));
    let path = format!("/{}", published["release"]["id"].as_str().expect("an id"));
    let yank = json!({ "yanked": { "reason": "bad" } });
    assert_eq!(press.operate("PATCH", &path, &yank).await.status, 200);
    assert_eq!(indexed(&press), all(std::slice::from_ref(&second)));
    // Rebuilt when it is missing or damaged, by whatever is done next.
    for damage in [None, Some(&b"{"[..])] {
        std::fs::remove_file(press.path("demo/INDEX.json")).expect("the index");
        if let Some(bytes) = damage {
            put("demo/INDEX.json", bytes);
        }
        press.publish(&demo("1.1.0", "any", b"second")).await;
        assert_eq!(indexed(&press), all(std::slice::from_ref(&second)));
    }
}

/// More folders without a row than one request looks into.
#[tokio::test]
async fn a_large_older_product_comes_into_the_index_bit_by_bit() {
    let press = Press::new().await;
    for n in 0..25 {
        let folder = press.path(&format!("demo/0.0.{n}"));
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("any"), b"older").expect("a file");
    }
    for (version, count) in [("1.0.0", 11), ("1.1.0", 22), ("1.2.0", 28), ("1.3.0", 29)] {
        press.publish(&demo(version, LINUX, b"the program")).await;
        let index = press.stored("demo/INDEX.json");
        let versions = index["versions"].as_array().expect("versions");
        assert_eq!(versions.len(), count, "{version}");
        // The newest of them first.
        assert!(
            versions
                .iter()
                .any(|indexed| indexed["version"] == "0.0.24")
        );
    }
}
