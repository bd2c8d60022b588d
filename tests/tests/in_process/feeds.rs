//! The feeds of Tauri, Sparkle and electron-updater: which version each client
//! is told of, and where it downloads it.

// compatibility: Updaters | minisign-verify, Tauri's verifier | cargo:minisign-verify | `make test` | verifies what the Tauri feed offers

use crate::bench::{Answer, Bench};
use keywright_domain::release::Channel;
use keywright_domain::release::signature::DetachedSignature;
use keywright_ports::{DatabasePort, Statement, Value as Column};
use keywright_tests::vendor::{self, GATE, Release};
use serde_json::{Value, json};

pub(crate) const LINUX: &str = "x86_64-unknown-linux-gnu";

/// Records releases as published.
pub(crate) async fn publish(bench: &Bench, releases: &[Release]) {
    for (sql, params) in releases.iter().flat_map(Release::statements) {
        let statement = Statement::new(sql, params.into_iter().map(Column::from));
        let port = &bench.shop.database;
        port.batch(vec![statement]).await.expect("a release");
    }
}

/// Says who may download a product.
pub(crate) async fn gate(bench: &Bench, product: &str, licensed: bool, entitlement: &str) {
    let licensed = if licensed { "1" } else { "0" };
    let params = [product.into(), licensed.into(), entitlement.into()];
    let port = &bench.shop.database;
    let statement = Statement::new(GATE, params);
    port.batch(vec![statement]).await.expect("a gate");
}

/// A shop with the open product `demo`.
async fn open_shop(releases: &[Release]) -> Bench {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    gate(&bench, "demo", false, "").await;
    publish(&bench, releases).await;
    bench
}

fn linux(channel: Channel, version: &str) -> Release {
    let name = format!("demo-{version}.AppImage");
    Release::on(channel, "demo", version).file(LINUX, &name)
}

fn stable(version: &str) -> Release {
    linux(Channel::Stable, version)
}

async fn tauri(bench: &Bench, rest: &str) -> Answer {
    bench.get(&format!("/updates/tauri/demo/{rest}")).await
}

/// The version that Tauri on Linux is offered; nothing when it is up to date.
async fn offered(bench: &Bench, current: &str, query: &str) -> Option<String> {
    let answer = tauri(bench, &format!("linux/x86_64/{current}?{query}")).await;
    match answer.status {
        200 => Some(answer.text("version")),
        204 => None,
        _ => panic!("{answer:?}"),
    }
}

#[tokio::test]
async fn tauri_is_offered_what_is_newer_on_its_channel() {
    let yanked = stable("1.9.0").with("yanked_at", json!(1));
    let unwritten = stable("1.8.0").with("written_revision", json!(0));
    let bench = open_shop(&[
        stable("1.0.0"),
        stable("1.2.0"),
        stable("1.10.0-rc.1"),
        yanked,
        unwritten,
        linux(Channel::Rc, "1.3.0-rc.1"),
        linux(Channel::Beta, "1.3.0-beta.2"),
        linux(Channel::Dev, "2.0.0-dev.1"),
        // Not a version that Tauri reads.
        stable("3.0"),
        Release::new("demo", "4.0.0").file("x86_64-pc-windows-msvc", "demo.msi"),
    ])
    .await;
    for (current, query, expected) in [
        ("1.0.0", "", Some("1.2.0")),
        ("v1.1.9", "", Some("1.2.0")),
        ("1.2.0-rc.1", "", Some("1.2.0")),
        ("1.2.0", "", None),
        ("1.3.0", "", None),
        ("9", "", None),
        ("1.2.0", "channel=rc", Some("1.10.0-rc.1")),
        ("1.2.0", "channel=beta", Some("1.10.0-rc.1")),
        ("1.2.0", "channel=dev", Some("2.0.0-dev.1")),
        ("1.2.0", "channel=", None),
        ("1.0.0", "bundle_type=appimage", Some("1.2.0")),
        ("1.0.0", "bundle_type=unknown", Some("1.2.0")),
        ("1.0.0", "bundle_type={{bundle_type}}", Some("1.2.0")),
        (
            "1.0.0",
            "bundle_type=%7B%7Bbundle_type%7D%7D",
            Some("1.2.0"),
        ),
        ("1.0.0", "bundle_type=", Some("1.2.0")),
        ("1.0.0", "bundle_type=flatpak", Some("1.2.0")),
        ("1.0.0", "bundle_type=AppImage", Some("1.2.0")),
        ("1.0.0", "channel={{channel}}&staging={{id}}", Some("1.2.0")),
        ("%7B%7Bcurrent_version%7D%7D", "", Some("1.2.0")),
        ("1.0.0", "bundle_type=deb", None),
    ] {
        let found = offered(&bench, current, query).await;
        assert_eq!(found.as_deref(), expected, "{current} {query}");
    }
    // What an application does not fill in is unknown; the updater itself takes its
    // platform and compares.
    let fixed = tauri(&bench, "latest.json").await.json();
    for unfilled in [
        "%7B%7Btarget%7D%7D/x86_64/1.0.0",
        "linux/%7B%7Barch%7D%7D/1.0.0",
        "%7B%7Btarget%7D%7D/%7B%7Barch%7D%7D/%7B%7Bcurrent_version%7D%7D",
    ] {
        assert_eq!(tauri(&bench, unfilled).await.json(), fixed, "{unfilled}");
    }
    let windows = tauri(&bench, "windows/x86_64/1.0.0").await;
    assert_eq!(windows.text("version"), "4.0.0");
    assert_eq!(tauri(&bench, "windows/aarch64/1.0.0").await.status, 204);
}

#[tokio::test]
async fn tauri_gets_all_it_needs() {
    let notes = "Faster.\nAnd \"safer\".";
    let release = stable("1.2.0").with("notes", json!(notes));
    let bench = open_shop(&[release]).await;
    let answer = tauri(&bench, "linux/x86_64/1.0.0").await;
    let update = answer.json();
    let url = format!("http://shop.test/releases/demo/1.2.0/{LINUX}");
    let signature = answer.text("signature");
    assert_eq!(
        update,
        json!({
            "version": "1.2.0", "url": url, "signature": signature, "notes": notes,
            "pub_date": "2027-01-14T08:00:00Z",
        })
    );
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.headers["cache-control"], "public, max-age=60");
    check_tauri(&signature, b"demo-1.2.0.AppImage", "1.2.0");
    let fixed = tauri(&bench, "latest.json").await.json();
    let place = json!({ "url": url, "signature": signature });
    assert_eq!(
        fixed,
        json!({
            "version": "1.2.0", "notes": notes, "pub_date": "2027-01-14T08:00:00Z",
            "platforms": { "linux-x86_64": place, "linux-x86_64-appimage": place },
        })
    );
}

/// Checks a signature as Tauri does: both the signature and the key are base64
/// of whole files; the trusted comment tells the version.
fn check_tauri(signature: &str, bytes: &[u8], version: &str) {
    let decoded = data_encoding::BASE64.decode(signature.as_bytes());
    let text = String::from_utf8(decoded.expect("base64")).expect("text");
    let signature = minisign_verify::Signature::decode(&text).expect("a signature");
    let key = vendor::minisign_public_key();
    let key = minisign_verify::PublicKey::decode(&key).expect("a key");
    key.verify(bytes, &signature, true).expect("it verifies");
    key.verify(b"other bytes", &signature, true)
        .expect_err("of other bytes");
    let comment = signature.trusted_comment();
    let said = comment
        .split('\t')
        .find_map(|item| item.strip_prefix("version:"));
    assert_eq!(said, Some(version), "{comment}");
}

#[tokio::test]
async fn a_rollout_reaches_some_and_the_rest_get_what_everybody_gets() {
    let bench = open_shop(&[
        stable("1.1.0"),
        stable("1.2.0").with("rollout_percent", json!(50)),
        stable("1.3.0").with("rollout_percent", json!(0)),
    ])
    .await;
    assert_eq!(offered(&bench, "1.0.0", "").await.as_deref(), Some("1.1.0"));
    let mut reached = 0;
    for client in 0..40 {
        let query = format!("staging=client-{client}");
        match offered(&bench, "1.0.0", &query).await.as_deref() {
            Some("1.2.0") => reached += 1,
            other => assert_eq!(other, Some("1.1.0")),
        }
        let again = offered(&bench, "1.1.0", &query).await;
        assert_eq!(again, offered(&bench, "1.1.0", &query).await);
    }
    assert!((8..=32).contains(&reached), "{reached} of 40");
}

#[tokio::test]
async fn what_is_asked_has_to_be_a_question() {
    let bench = open_shop(&[stable("1.0.0")]).await;
    for (path, status, code) in [
        ("/updates/tauri/none/linux/x86_64/1.0.0", 404, "not_found"),
        ("/updates/tauri/none/latest.json", 404, "not_found"),
        (
            "/updates/tauri/demo/latest.json?channel=best",
            400,
            "bad_request",
        ),
        (
            "/updates/tauri/demo/linux/x86_64/latest",
            400,
            "bad_request",
        ),
        ("/updates/tauri/demo/linux/sparc/1.0.0", 400, "bad_request"),
        (
            "/updates/tauri/demo/linux/x86_64/1.0.0?channel=a&channel=b",
            400,
            "bad_request",
        ),
        ("/updates/tauri/demo/linux/x86_64", 404, "not_found"),
        ("/updates/tauri/%FF/linux/x86_64/1.0.0", 404, "not_found"),
        ("/updates/sparkle/none/appcast.xml", 404, "not_found"),
        (
            "/updates/sparkle/demo/appcast.xml?channel=best",
            400,
            "bad_request",
        ),
        (
            "/updates/sparkle/demo/appcast.xml?arch=sparc",
            400,
            "bad_request",
        ),
        ("/updates/electron/none/latest.yml", 404, "not_found"),
        ("/updates/electron/demo/latest-mac.yml", 404, "not_found"),
        ("/updates/electron/demo/nightly.yml", 404, "not_found"),
        ("/updates/electron/demo/demo-9.AppImage", 404, "not_found"),
        (
            "/updates/electron/demo/9.0.0/demo-1.0.0.AppImage",
            404,
            "not_found",
        ),
        ("/updates", 404, "not_found"),
    ] {
        let answer = bench.get(path).await;
        assert_eq!(answer.refusal(), (status, code.to_owned()), "{path}");
    }
    let only_windows = Release::new("windows", "1.0.0").file("x86_64-pc-windows-msvc", "a.txt");
    bench.product("windows", 0).await;
    publish(&bench, &[only_windows]).await;
    let nothing = bench.get("/updates/tauri/windows/latest.json").await;
    assert_eq!(
        nothing.status, 200,
        "a file of an unknown kind is taken for one: {nothing:?}"
    );
}

#[tokio::test]
async fn an_older_release_that_is_the_newest_still_is_found() {
    // More releases after it than are read whole at once.
    let mut releases = vec![stable("5.0.0").with("published_at", json!(1))];
    releases.extend((0..4).map(|n| stable(&format!("4.0.{n}")).with("published_at", json!(n + 2))));
    let bench = open_shop(&releases).await;
    bench.shop.database.count_anew();
    assert_eq!(offered(&bench, "1.0.0", "").await.as_deref(), Some("5.0.0"));
    assert_eq!(bench.shop.database.calls(), 2, "one more round trip for it");
}

/// The attribute of the first element of this name.
fn attribute(xml: &str, element: &str, name: &str) -> String {
    let start = xml.split(&format!("<{element} ")).nth(1).expect(element);
    let value = start.split(&format!("{name}=\"")).nth(1).expect(name);
    let value = value.split('"').next().expect("an end");
    quick_xml::escape::unescape(value)
        .expect("text")
        .into_owned()
}

#[tokio::test]
async fn sparkle_gets_the_newest_of_each_channel_down_to_its_own() {
    let sparkle =
        json!({ "sparkle": { "build_version": "120", "minimum_system_version": "12.0" } });
    let mac = |channel, version: &str| {
        let name = format!("Demo {version}.zip");
        Release::on(channel, "demo", version).file("universal-apple-darwin", &name)
    };
    let bench = open_shop(&[
        mac(Channel::Stable, "1.0.0").with(
            "metadata",
            json!({ "sparkle": { "minimum_system_version": "12.0" } }),
        ),
        mac(Channel::Stable, "1.2.0")
            .with("metadata", sparkle)
            .with("notes", json!("A < B & \"C\"")),
        mac(Channel::Beta, "1.3.0-beta.1")
            .with("metadata", json!({ "sparkle": { "build_version": "131" } })),
        // Without a build number Sparkle would take it for older than 120.
        mac(Channel::Stable, "1.4.0"),
        stable("9.0.0"),
    ])
    .await;
    let answer = bench.get("/updates/sparkle/demo/appcast.xml").await;
    assert_eq!(
        answer.headers["content-type"],
        "application/rss+xml; charset=utf-8"
    );
    let xml = String::from_utf8(answer.body.to_vec()).expect("text");
    assert_eq!(xml.matches("<item>").count(), 1, "{xml}");
    for part in [
        "<rss version=\"2.0\" xmlns:sparkle=\"http://www.andymatuschak.org/xml-namespaces/sparkle\">",
        "<title>demo</title>",
        "<sparkle:version>120</sparkle:version>",
        "<sparkle:shortVersionString>1.2.0</sparkle:shortVersionString>",
        "<sparkle:minimumSystemVersion>12.0</sparkle:minimumSystemVersion>",
        "<pubDate>Thu, 14 Jan 2027 08:00:00 +0000</pubDate>",
        "<description sparkle:format=\"plain-text\">A &lt; B &amp; &quot;C&quot;</description>",
    ] {
        assert!(xml.contains(part), "{part} is not in {xml}");
    }
    assert!(!xml.contains("sparkle:channel"), "{xml}");
    let enclosure = |name| attribute(&xml, "enclosure", name);
    assert_eq!(
        enclosure("url"),
        "http://shop.test/releases/demo/1.2.0/universal-apple-darwin"
    );
    let content = b"Demo 1.2.0.zip";
    assert_eq!(enclosure("length"), content.len().to_string());
    assert_eq!(enclosure("type"), "application/octet-stream");
    // `edSignature` is over the archive itself, as OpenSSL makes it.
    let signature = data_encoding::BASE64.decode(enclosure("sparkle:edSignature").as_bytes());
    let signature: [u8; 64] = signature.expect("base64").try_into().expect("64 bytes");
    let key = ed25519_dalek::VerifyingKey::from_bytes(&vendor::public_key()).expect("a key");
    key.verify_strict(content, &signature.into())
        .expect("it verifies");

    let beta = bench
        .get("/updates/sparkle/demo/appcast.xml?channel=beta")
        .await;
    let beta = String::from_utf8(beta.body.to_vec()).expect("text");
    assert_eq!(beta.matches("<item>").count(), 2, "{beta}");
    assert!(
        beta.contains("<sparkle:channel>beta</sparkle:channel>"),
        "{beta}"
    );
    assert!(
        beta.contains("<sparkle:version>131</sparkle:version>"),
        "{beta}"
    );
}

#[tokio::test]
async fn sparkle_lists_what_older_systems_need() {
    let mac = |version: &str, build: u32, minimum: &str| {
        let sparkle = json!({ "build_version": build, "minimum_system_version": minimum });
        Release::new("demo", version)
            .file("universal-apple-darwin", &format!("Demo {version}.zip"))
            .with("metadata", json!({ "sparkle": sparkle }))
    };
    let mut releases = vec![
        mac("1.0.0", 100, "10.13"),
        mac("2.0.0", 200, "15.0"),
        // The fix of the older line has the larger build number.
        mac("1.0.1", 300, "10.13"),
    ];
    // More than are read whole at once.
    releases.extend((1..4).map(|n| mac(&format!("2.0.{n}"), 200 + n, "15.0")));
    let bench = open_shop(&releases).await;
    bench.shop.database.count_anew();
    let answer = bench.get("/updates/sparkle/demo/appcast.xml").await;
    assert_eq!(bench.shop.database.calls(), 2, "one more for the older one");
    let xml = String::from_utf8(answer.body.to_vec()).expect("text");
    let items: Vec<&str> = xml.split("<item>").skip(1).collect();
    assert_eq!(items.len(), 2, "{xml}");
    for (item, version, maximum) in [
        (items[0], "2.0.3", None),
        (items[1], "1.0.1", Some("14.99.99")),
    ] {
        let short = format!("<sparkle:shortVersionString>{version}<");
        assert!(item.contains(&short), "{version}: {item}");
        let maximum = maximum.map(|system| format!("<sparkle:maximumSystemVersion>{system}<"));
        assert_eq!(
            item.contains("maximumSystemVersion"),
            maximum.is_some(),
            "{item}"
        );
        assert!(item.contains(&maximum.unwrap_or_default()), "{item}");
    }
}

#[tokio::test]
async fn a_version_that_an_updater_cannot_read_is_not_in_its_feed() {
    let bench = open_shop(&[
        stable("2.6.0"),
        stable("2026.10"),
        stable("2026.10.1.1"),
        stable("2026.10.02"),
        stable("4.0.0-beta9").with("channel", json!("beta")),
        stable("4.0.0-beta10").with("channel", json!("beta")),
    ])
    .await;
    for (path, version) in [
        ("/updates/electron/demo/latest-linux.yml", "2.6.0"),
        ("/updates/electron/demo/beta-linux.yml", "4.0.0-beta10"),
        ("/updates/tauri/demo/latest.json", "2.6.0"),
        (
            "/updates/tauri/demo/latest.json?channel=beta",
            "4.0.0-beta10",
        ),
    ] {
        let answer = bench.get(path).await;
        let text = String::from_utf8(answer.body.to_vec()).expect("text");
        let said = [
            format!("version: \"{version}\""),
            format!("\"version\":\"{version}\""),
        ];
        assert!(
            said.iter().any(|said| text.contains(said)),
            "{path}: {text}"
        );
    }
}

#[tokio::test]
async fn electron_gets_its_channel_file_and_its_files() {
    let bench = open_shop(&[
        stable("1.0.0"),
        Release::new("demo", "1.2.0")
            .with("notes", json!("one: two\n- three \u{85}"))
            .file("x86_64-pc-windows-msvc", "Demo Setup.exe")
            .file("aarch64-pc-windows-msvc", "Demo-1.2.0-arm64.exe"),
        Release::new("demo", "1.1.0").file("x86_64-pc-windows-msvc", "Demo Setup.exe"),
    ])
    .await;
    let answer = bench
        .get("/updates/electron/demo/latest.yml?noCache=1")
        .await;
    assert_eq!(answer.headers["content-type"], "text/yaml; charset=utf-8");
    let sha512 = |content: &str| {
        use sha2::Digest;
        data_encoding::BASE64.encode(&sha2::Sha512::digest(content))
    };
    let (x64, arm64) = (sha512("Demo Setup.exe"), sha512("Demo-1.2.0-arm64.exe"));
    assert_eq!(
        String::from_utf8(answer.body.to_vec()).expect("text"),
        format!(
            "version: \"1.2.0\"\nfiles:\n  - url: \"1.2.0/Demo%20Setup.exe\"\n    sha512: \"{x64}\"\n    size: 14\n  - url: \"Demo-1.2.0-arm64.exe\"\n    sha512: \"{arm64}\"\n    size: 20\npath: \"1.2.0/Demo%20Setup.exe\"\nsha512: \"{x64}\"\nreleaseDate: \"2027-01-14T08:00:00Z\"\nreleaseNotes: \"one: two\\n- three \\u0085\"\n"
        )
    );
    for (file, platform) in [
        ("1.2.0/Demo%20Setup.exe", "1.2.0/x86_64-pc-windows-msvc"),
        ("1.1.0/Demo%20Setup.exe", "1.1.0/x86_64-pc-windows-msvc"),
        ("Demo-1.2.0-arm64.exe", "1.2.0/aarch64-pc-windows-msvc"),
        ("Demo%20Setup.exe", "1.2.0/x86_64-pc-windows-msvc"),
        ("demo-1.0.0.AppImage", "1.0.0/x86_64-unknown-linux-gnu"),
    ] {
        let answer = bench
            .get(&format!("/updates/electron/demo/{file}?noCache=2"))
            .await;
        assert_eq!(answer.status, 302, "{file}: {answer:?}");
        let expected = format!("http://shop.test/releases/demo/{platform}");
        assert_eq!(answer.headers["location"], expected, "{file}");
    }
}

#[tokio::test]
async fn electron_finds_out_itself_or_says_who_it_is() {
    let half = stable("1.2.0").with("rollout_percent", json!(50));
    let none = stable("1.3.0").with("rollout_percent", json!(0));
    let bench = open_shop(&[stable("1.1.0"), half, none]).await;
    let path = "/updates/electron/demo/latest-linux.yml";
    let yaml = |answer: Answer| String::from_utf8(answer.body.to_vec()).expect("text");
    let itself = yaml(bench.get(path).await);
    assert!(itself.contains("version: \"1.2.0\""), "{itself}");
    assert!(itself.contains("stagingPercentage: 50\n"), "{itself}");
    let mut versions = Vec::new();
    for client in 0..20 {
        let request = http::Request::get(path)
            .header("x-user-staging-id", format!("client-{client}"))
            .body(axum::body::Body::empty());
        let told = yaml(bench.send(request.expect("a request")).await);
        assert!(!told.contains("stagingPercentage"), "{told}");
        versions.push(told.lines().next().expect("a version").to_owned());
    }
    versions.sort();
    versions.dedup();
    assert_eq!(versions, ["version: \"1.1.0\"", "version: \"1.2.0\""]);
}

#[test]
fn the_vendors_signature_is_one_of_a_release() {
    let release = stable("1.0.0");
    let [_, (_, params)] = release.statements();
    let files: Value = serde_json::from_str(&params[1]).expect("files");
    let signature = files[0]["signature"].as_str().expect("a signature");
    let signature = DetachedSignature::parse(signature).expect("of the right form");
    assert!(signature.trusted_comment.contains("\tversion:1.0.0\t"));
}
