//! Joomla's update list: always 200, always XML, public versions, and links for
//! those who send a good key. What Joomla itself makes of it is tried with the
//! real PHP in `tests/updaters`.

use crate::bench::Bench;
use crate::feeds::{gate, publish};
use keywright_domain::release::Channel;
use keywright_license::{DownloadLink, VerifyKeys};
use keywright_tests::vendor::Release;
use serde_json::json;

const FEED: &str = "/api/v1/licensing/updates/demo.xml";

fn package(channel: Channel, version: &str) -> Release {
    Release::on(channel, "demo", version).file("any", &format!("pkg_demo-{version}.zip"))
}

async fn shop() -> Bench {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    publish(
        &bench,
        &[
            package(Channel::Stable, "1.0.0"),
            package(Channel::Stable, "1.2.0"),
            package(Channel::Rc, "1.3.0-rc.1"),
            package(Channel::Dev, "2.0.0-dev.1"),
        ],
    )
    .await;
    bench
}

async fn list(bench: &Bench, path: &str) -> String {
    let answer = bench.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    assert_eq!(
        answer.headers["content-type"],
        "application/xml; charset=utf-8"
    );
    String::from_utf8(answer.body.to_vec()).expect("text")
}

/// The texts of every element of this name.
fn texts(xml: &str, element: &str) -> Vec<String> {
    let (plain, with_attributes) = (format!("<{element}>"), format!("<{element} "));
    let starts = xml.match_indices('<').map(|(at, _)| &xml[at..]);
    starts
        .filter(|rest| rest.starts_with(&plain) || rest.starts_with(&with_attributes))
        .filter_map(|rest| {
            let inner = rest.split_once('>')?.1.split_once("</")?.0;
            let text = quick_xml::escape::unescape(inner).expect("text");
            Some(text.into_owned())
        })
        .collect()
}

const EMPTY: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?><updates></updates>";

#[tokio::test]
async fn one_entry_for_each_channel_the_newest_first() {
    let bench = shop().await;
    let xml = list(&bench, FEED).await;
    assert_eq!(
        texts(&xml, "version"),
        ["1.2.0", "1.3.0-rc.1", "2.0.0-dev.1"]
    );
    assert_eq!(
        texts(&xml, "tag>").len(),
        0,
        "a tag has no attributes: {xml}"
    );
    assert!(xml.contains("<tags><tag>stable</tag></tags>"), "{xml}");
    assert_eq!(texts(&xml, "element"), ["pkg_demo"; 3]);
    assert_eq!(texts(&xml, "type"), ["package"; 3]);
    assert_eq!(texts(&xml, "client"), ["site"; 3]);
    let url = "http://shop.test/api/v1/licensing/download/demo/1.2.0.zip";
    assert_eq!(texts(&xml, "downloadurl")[0], url);
    assert!(
        xml.contains("<targetplatform name=\"joomla\" version=\".*\">"),
        "{xml}"
    );
    assert_eq!(texts(&xml, "sha256")[0].len(), 64);
    assert_eq!(texts(&xml, "sha512")[0].len(), 128);
    let rc = list(&bench, &format!("{FEED}?channel=rc")).await;
    assert_eq!(texts(&rc, "version"), ["1.2.0", "1.3.0-rc.1"]);
}

#[tokio::test]
async fn the_list_has_what_older_sites_need() {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    let of = |version: &str, joomla: serde_json::Value| {
        package(Channel::Stable, version).with("metadata", json!({ "joomla": joomla }))
    };
    let (four, five) = (
        json!({ "targetplatform": "4\\." }),
        json!({ "targetplatform": "5\\." }),
    );
    publish(
        &bench,
        &[
            of("1.9.5", four.clone()),
            of("2.0.0", five.clone()),
            // Published later, for the older line.
            of("1.9.6", four),
            of(
                "2.0.1",
                json!({ "targetplatform": "5\\.", "php_minimum": "8.3" }),
            ),
            of(
                "1.0.0",
                json!({ "targetplatform": "3\\.", "name": "Demo for Joomla 3" }),
            ),
        ],
    )
    .await;
    bench.shop.database.count_anew();
    let xml = list(&bench, FEED).await;
    assert_eq!(bench.shop.database.calls(), 2, "one more for all of them");
    assert_eq!(texts(&xml, "version"), ["2.0.1", "2.0.0", "1.9.6", "1.0.0"]);
    assert!(
        texts(&xml, "name").contains(&"Demo for Joomla 3".to_owned()),
        "{xml}"
    );
    // It stays small, however many kinds of sites there are.
    let many: Vec<Release> = (10..40)
        .map(|php| {
            of(
                &format!("3.{php}"),
                json!({ "php_minimum": format!("9.{php}") }),
            )
        })
        .collect();
    publish(&bench, &many).await;
    let versions = texts(&list(&bench, FEED).await, "version");
    assert_eq!((versions.len(), versions[0].as_str()), (8, "3.39"));
}

#[tokio::test]
async fn whatever_is_asked_the_answer_is_a_list() {
    let bench = shop().await;
    let all = list(&bench, FEED).await;
    for (path, expected) in [
        (FEED.to_owned(), &all),
        (format!("{FEED}/extension.xml"), &all),
        (format!("{FEED}?dlid=nonsense"), &all),
        (format!("{FEED}?dlid=nonsense/extension.xml"), &all),
        (format!("{FEED}?dlid={}", "0".repeat(32)), &all),
        (
            format!("{FEED}?dlid=a&dlid=b&amp;dlid=%FF&channel=nightly"),
            &all,
        ),
        ("/api/v1/licensing/updates/demo".to_owned(), &all),
        (
            "/api/v1/licensing/updates/none.xml".to_owned(),
            &EMPTY.to_owned(),
        ),
        (
            "/api/v1/licensing/updates/none.xml/extension.xml".to_owned(),
            &EMPTY.to_owned(),
        ),
        (
            "/api/v1/licensing/updates/%FF.xml".to_owned(),
            &EMPTY.to_owned(),
        ),
        (
            "/api/v1/licensing/updates/..%2fdemo.xml".to_owned(),
            &EMPTY.to_owned(),
        ),
    ] {
        assert_eq!(&list(&bench, &path).await, expected, "{path}");
    }
    let nowhere = bench.redeployed(&[("PUBLIC_URL", "")]);
    assert_eq!(list(&nowhere, FEED).await, EMPTY);
    assert!(
        nowhere.log().contains("public address"),
        "{}",
        nowhere.log()
    );
}

#[tokio::test]
async fn a_good_key_gets_a_link_that_opens_this_version_for_five_minutes() {
    let bench = shop().await;
    let issued = bench.issue("demo", json!({})).await;
    let (dlid, key) = (issued.text("download_id"), issued.text("license_key"));
    for credential in [&dlid, &key] {
        let xml = list(&bench, &format!("{FEED}?dlid={credential}")).await;
        assert_eq!(texts(&xml, "version").len(), 3);
        for (url, version) in texts(&xml, "downloadurl")
            .iter()
            .zip(texts(&xml, "version"))
        {
            let (path, query) = url.split_once('?').expect("a query");
            let file = format!("http://shop.test/api/v1/licensing/download/demo/{version}.zip");
            assert_eq!(path, file);
            let value = |name: &str| {
                let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
                pairs.find(|(found, _)| *found == name).expect(name).1
            };
            assert_eq!(value("dlid"), dlid);
            let expires: i64 = value("expires").parse().expect("a time");
            assert_eq!(expires, 1_800_000_300);
            let keys: VerifyKeys = crate::bench::public_key().parse().expect("keys");
            let link = DownloadLink::new("demo", &version, &dlid, expires).expect("a link");
            link.verify(value("token"), &keys, expires - 300)
                .expect("it verifies");
        }
        assert!(!xml.contains("LIC1-"), "{xml}");
    }
    let with_amp = list(&bench, &format!("{FEED}?channel=stable&amp;dlid={dlid}")).await;
    assert!(with_amp.contains("token="), "{with_amp}");
}

#[tokio::test]
async fn a_key_that_is_not_good_gets_the_public_list() {
    let bench = shop().await;
    let public = list(&bench, FEED).await;
    bench.product("other", 0).await;
    let other = bench.issue("other", json!({})).await.text("download_id");
    let expired = json!({ "expires_at": "2027-01-01T00:00:00Z" });
    let expired = bench.issue("demo", expired).await.text("download_id");
    let issued = bench.issue("demo", json!({})).await;
    let (id, suspended) = (issued.text("license_id"), issued.text("download_id"));
    let path = format!("/v1/admin/licenses/{id}/suspend");
    bench.operate("POST", &path, &json!({})).await;
    for dlid in [other, expired, suspended] {
        assert_eq!(list(&bench, &format!("{FEED}?dlid={dlid}")).await, public);
    }
    // While sign is out of order, too.
    let good = bench.issue("demo", json!({})).await.text("download_id");
    let broken = bench.redeployed(&[("SIGNING_KEY", "")]);
    assert_eq!(list(&broken, &format!("{FEED}?dlid={good}")).await, public);
    assert!(broken.log().contains("SIGNING_KEY"), "{}", broken.log());
}

#[tokio::test]
async fn a_license_is_told_of_what_it_includes() {
    let bench = shop().await;
    gate(&bench, "demo", true, "").await;
    publish(
        &bench,
        &[
            package(Channel::Stable, "1.4.0").with("requires_entitlement", json!("pro")),
            package(Channel::Stable, "1.5.0").with("built_at", json!(1_900_000_000)),
        ],
    )
    .await;
    let newest = |xml: String| texts(&xml, "version")[0].clone();
    assert_eq!(newest(list(&bench, FEED).await), "1.5.0");
    let plain = bench.issue("demo", json!({})).await;
    bench
        .sql("UPDATE licenses SET maintenance_until = 1800000000")
        .await;
    let pro = bench
        .issue("demo", json!({ "entitlements": ["pro"] }))
        .await;
    bench
        .sql("UPDATE licenses SET maintenance_until = 1800000000 WHERE entitlements LIKE '%pro%'")
        .await;
    let all = bench.issue("demo", json!({})).await;
    for (issued, version) in [(plain, "1.2.0"), (pro, "1.4.0"), (all, "1.5.0")] {
        let path = format!("{FEED}?dlid={}", issued.text("download_id"));
        assert_eq!(newest(list(&bench, &path).await), version);
    }
}

#[tokio::test]
async fn nothing_in_a_release_breaks_the_list() {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    let nasty = "</name><x>&amp;\"'\u{0}\u{1b}]]>\u{fffe}";
    let metadata = json!({ "joomla": {
        "name": nasty, "description": nasty, "infourl": nasty, "element": nasty,
        "folder": nasty, "targetplatform": "\"/<5", "supported_databases": { "mysql": nasty },
    }});
    publish(
        &bench,
        &[package(Channel::Stable, "1.0.0").with("metadata", metadata)],
    )
    .await;
    let xml = list(&bench, FEED).await;
    let expected = "</name><x>&amp;\"']]>";
    assert_eq!(texts(&xml, "name"), [expected]);
    assert_eq!(texts(&xml, "infourl"), [expected]);
    let mut reader = quick_xml::Reader::from_str(&xml);
    loop {
        if let quick_xml::events::Event::Eof = reader.read_event().expect("well-formed") {
            break;
        }
    }
}
