//! The newest version: where `latest` leads, what a channel's feed has, and in
//! which order versions are listed.

use crate::bench::Answer;
use crate::gatehouse::{House, LINUX, refusal};
use axum::body::Body;
use http::{Request, header};
use keywright_ports::name;
use keywright_tests::published::{Published, release};
use serde_json::{Value, json};

const MAC: &str = "aarch64-apple-darwin";

fn version(version: &str, channel: &str, platforms: &[&str]) -> Published {
    let release = release("demo", version).with("channel", json!(channel));
    platforms.iter().fold(release, |release, platform| {
        let name = format!("demo-{version}-{platform}");
        release.file(platform, &name, name.as_bytes())
    })
}

fn house() -> House {
    let house = House::alone(&[
        version("1.9.0", "stable", &[LINUX, MAC]),
        version("1.10.0", "stable", &[LINUX]),
        version("1.11.0", "stable", &[LINUX, MAC])
            .with("yanked", json!({ "at_unix": 1, "reason": "broken" })),
        version("2.0.0-rc.2", "rc", &[LINUX]),
        version("2.0.0-rc.10", "rc", &[MAC]),
        // Somebody published a pre-release as stable: it is none.
        version("3.0.0-alpha", "stable", &["any"]),
        version("2.1.0-beta.1", "beta", &[LINUX]),
        // On its way to everybody.
        version("1.10.1", "stable", &[MAC]).with("rollout_percent", json!(0)),
    ]);
    // Laid out the older way.
    house.put("demo/1.10.2/any", b"older");
    house.put("demo/1.10.2/any.sig", b"older");
    house.put("demo/2.0.0-rc.1/any", b"older");
    house.put("demo/v9.0.0/any", b"older");
    house.put("demo/beta/x86_64-unknown-linux-gnu", b"older");
    house.put("demo/.files/0000", b"on its way");
    house.put("demo/latest/any", b"no version");
    house
}

fn location(answer: &Answer) -> &str {
    assert_eq!(answer.status, 307, "{answer:?}");
    assert!(answer.body.is_empty());
    answer.headers[header::LOCATION].to_str().expect("text")
}

#[tokio::test]
async fn versions_are_listed_newest_first() {
    let answer = house().get("/releases/demo/").await;
    let versions = [
        "3.0.0-alpha",
        "2.1.0-beta.1",
        "2.0.0-rc.10",
        "2.0.0-rc.2",
        "2.0.0-rc.1",
        "1.11.0",
        "1.10.2",
        "1.10.1",
        "1.10.0",
        "1.9.0",
        "beta",
        "v9.0.0",
    ];
    assert_eq!(
        answer.json(),
        json!({ "product": "demo", "versions": versions })
    );
    let none = House::alone(&[]);
    assert_eq!(
        none.get("/releases/").await.json(),
        json!({ "products": [] })
    );
    std::fs::remove_dir(none.folder.path()).expect("an empty folder");
    assert_eq!(
        none.get("/releases/").await.json(),
        json!({ "products": [] })
    );
}

#[tokio::test]
async fn latest_leads_to_the_newest_version_that_has_the_platform() {
    let house = house();
    for (asked, version, file) in [
        (LINUX, "1.10.0", LINUX),
        // Not 1.10.1, which the rollout has not reached anybody with, as in the feeds.
        (MAC, "1.9.0", MAC),
        ("any", "1.10.2", "any"),
        (
            "aarch64-apple-darwin?channel=stable&staging=client-1",
            "1.9.0",
            MAC,
        ),
        ("x86_64-unknown-linux-gnu?channel=rc", "2.0.0-rc.2", LINUX),
        ("aarch64-apple-darwin?channel=rc", "2.0.0-rc.10", MAC),
        ("any?channel=rc", "3.0.0-alpha", "any"),
        (
            "x86_64-unknown-linux-gnu?channel=beta",
            "2.1.0-beta.1",
            LINUX,
        ),
        ("aarch64-apple-darwin?channel=dev", "2.0.0-rc.10", MAC),
    ] {
        let answer = house.get(&format!("/releases/demo/latest/{asked}")).await;
        assert_eq!(
            location(&answer),
            format!("/releases/demo/{version}/{file}"),
            "{asked}"
        );
    }
    for (asked, target) in [
        (
            "x86_64-unknown-linux-gnu.sig",
            "1.10.0/x86_64-unknown-linux-gnu.sig",
        ),
        ("any.sig", "1.10.2/any.sig"),
        (
            "MANIFEST?platform=x86_64-unknown-linux-gnu",
            "1.10.0/MANIFEST",
        ),
        (
            "MANIFEST?platform=aarch64-apple-darwin&channel=rc",
            "2.0.0-rc.10/MANIFEST",
        ),
        ("MANIFEST", "1.10.0/MANIFEST"),
    ] {
        let answer = house.get(&format!("/releases/demo/latest/{asked}")).await;
        assert_eq!(
            location(&answer),
            format!("/releases/demo/{target}"),
            "{asked}"
        );
    }
    for asked in [
        "unknown",
        "any.deb",
        "MANIFEST?platform=unknown",
        "install.sh",
    ] {
        let answer = house.get(&format!("/releases/demo/latest/{asked}")).await;
        assert_eq!(answer.status, 404, "{asked}");
        assert!(!answer.text("hint").is_empty(), "{asked}");
    }
    assert_eq!(house.get("/releases/nothing/latest/any").await.status, 404);
    for query in ["channel=nightly", "channel=", "channel=rc&channel=rc"] {
        let answer = house
            .get(&format!("/releases/demo/latest/any?{query}"))
            .await;
        assert_eq!(refusal(&answer), (400, "bad query".to_owned()), "{query}");
    }
    let answer = house
        .get("/releases/demo/latest/MANIFEST?platform=..%2f..")
        .await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn latest_follows_what_is_published_and_yanked_at_once() {
    let house = house();
    let path = "/releases/demo/latest/x86_64-unknown-linux-gnu";
    let newer = version("1.12.0", "stable", &[LINUX]);
    newer.write(house.folder.path()).expect("a release");
    assert_eq!(
        location(&house.get(path).await),
        "/releases/demo/1.12.0/x86_64-unknown-linux-gnu"
    );
    let yanked = newer.with("yanked", json!({ "at_unix": 1, "reason": "" }));
    yanked.write(house.folder.path()).expect("a release");
    assert_eq!(
        location(&house.get(path).await),
        "/releases/demo/1.10.0/x86_64-unknown-linux-gnu"
    );
    // A damaged manifest takes no other version with it, and is told.
    house.put("demo/1.13.0/MANIFEST.json", b"{\"format\":1}");
    assert_eq!(
        location(&house.get(path).await),
        "/releases/demo/1.10.0/x86_64-unknown-linux-gnu"
    );
    let log = house.bench.shop.native.log.lines();
    assert!(
        log.iter()
            .any(|line| line.contains("demo/1.13.0/MANIFEST.json")),
        "{log:?}"
    );
}

async fn feed(house: &House, path: &str, client: Option<&str>) -> Value {
    let mut request = Request::get(format!("/releases/demo/channels/{path}"));
    if let Some(client) = client {
        request = request.header("x-user-staging-id", client);
    }
    let answer = house
        .bench
        .send(request.body(Body::empty()).expect("a request"))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.headers[header::VARY], "x-user-staging-id");
    answer.json()
}

fn versions_of(feed: &Value) -> Vec<&str> {
    let recent = feed["recent"].as_array().expect("a list");
    recent
        .iter()
        .filter_map(|release| release["version"].as_str())
        .collect()
}

#[tokio::test]
async fn a_channels_feed_has_what_it_offers() {
    let house = house();
    let stable = feed(&house, "stable.json", None).await;
    assert_eq!(versions_of(&stable), ["1.10.0", "1.9.0"]);
    assert_eq!(stable["latest"], stable["recent"][0]);
    let name = format!("demo-1.10.0-{LINUX}");
    let artifact = &stable["latest"]["artifacts"][0];
    assert_eq!(
        artifact["url"],
        format!("http://shop.test/releases/demo/1.10.0/{LINUX}")
    );
    assert_eq!(artifact["file_name"], name);
    assert_eq!(artifact["size_bytes"], name.len());
    assert_eq!(
        artifact["sha256"],
        keywright_tests::published::sha256(name.as_bytes())
    );
    assert_eq!(artifact["signature"], format!("the signature of {name}\n"));
    assert_eq!(stable["latest"]["published_at"], "2023-11-14T22:15:00Z");
    let rc = feed(&house, "rc.json", None).await;
    assert_eq!(
        versions_of(&rc),
        [
            "3.0.0-alpha",
            "2.0.0-rc.10",
            "2.0.0-rc.2",
            "1.10.0",
            "1.9.0"
        ]
    );
    let empty = House::with(
        &[release("empty", "1.0.0-dev").with("channel", json!("dev"))],
        &[],
        false,
    );
    let answer = empty.get("/releases/empty/channels/stable.json").await;
    assert_eq!(
        answer.json(),
        json!({ "product": "empty", "channel": "stable", "latest": null, "recent": [] })
    );
    assert_eq!(
        empty
            .get("/releases/other/channels/stable.json")
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_staged_rollout_reaches_some_and_then_all() {
    let half = version("4.0.0", "stable", &[LINUX]).with("rollout_percent", json!(50));
    let house = house();
    half.write(house.folder.path()).expect("a release");
    let mut reached = 0;
    for number in 0..100 {
        let id = format!("installation-{number}");
        let by_header = feed(&house, "stable.json", Some(&id)).await;
        let by_query = feed(&house, &format!("stable.json?staging={id}"), None).await;
        assert_eq!(by_header, by_query, "{id}");
        let latest = format!("/releases/demo/latest/{LINUX}?staging={id}");
        let expected = format!("/releases/demo/{}/{LINUX}", versions_of(&by_header)[0]);
        assert_eq!(location(&house.get(&latest).await), expected, "{id}");
        reached += u32::from(versions_of(&by_header)[0] == "4.0.0");
        assert!(
            !versions_of(&by_header).contains(&"1.10.1"),
            "at 0 percent nobody"
        );
    }
    assert!((30..=70).contains(&reached), "{reached} of 100");
    assert_eq!(
        versions_of(&feed(&house, "stable.json", None).await)[0],
        "1.10.0"
    );
}

#[tokio::test]
async fn feeds_name_the_public_address() {
    let url = (name::PUBLIC_URL, "https://dl.example/");
    let house = House::with(&[version("1.0.0", "stable", &["any"])], &[url], false);
    let feed = feed(&house, "stable.json", None).await;
    assert_eq!(
        feed["latest"]["artifacts"][0]["url"],
        "https://dl.example/releases/demo/1.0.0/any"
    );
}
