//! Joomla's rules, in PHP.

// compatibility: Updaters | Joomla, in PHP | - | `make test` | the rules of its updater choose from the list, with a site's download key

use crate::{output, publish};
use keywright_domain::release::Channel;
use keywright_domain::release::updaters::joomla::compare;
use keywright_tests::hosts::Instance;
use keywright_tests::suite::Case;
use keywright_tests::suite::floor::{issue, product, text};
use keywright_tests::vendor::Release;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::Command;

pub(crate) const CASES: &[Case] = &[
    Case::new(module_path!(), "a_site_chooses", |instance| {
        Box::pin(a_site_chooses(instance))
    })
    .alone(),
    Case::new(module_path!(), "php_compares_versions", |_| {
        Box::pin(async { php_compares_versions() })
    })
    .alone(),
];

/// What publishing says about Joomla's order is what PHP says.
fn php_compares_versions() {
    let versions = [
        "1",
        "1.02",
        "1.2",
        "1.2.0-rc1",
        "1.2.0",
        "1.2.0.1",
        "1.10",
        "1.2.0-dev",
        "1.2.0-dev.1",
        "1.2.0-alpha9",
        "1.2.0-alpha10",
        "1.2.0-beta",
        "1.2.0-rc.1",
        "1.2.0-p1",
        "1.2.0-hotfix",
        "1.2.0+1",
        "1.2.0+build.9",
        "1.2.0+build.10",
        "1.2.0-alpha.2b",
    ];
    let code = r#"foreach (explode(" ", $argv[1]) as $a) foreach (explode(" ", $argv[1]) as $b)
                  echo version_compare($a, $b), "\n";"#;
    let said = output(Command::new("php").args(["-r", code, "--", &versions.join(" ")]));
    let mut said = said.lines();
    for one in versions {
        for two in versions {
            let order = compare(one, two) as i8;
            assert_eq!(said.next(), Some(&*order.to_string()), "{one} {two}");
        }
    }
}

/// A site: versions of Joomla and PHP, database and its version, and the least
/// stability it wants.
type Site = [&'static str; 5];

/// What a site chooses from a list.
fn chosen(list: &str, site: Site) -> Value {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(list.as_bytes()).expect("the list");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("updaters/joomla.php");
    let list = std::fs::File::open(file.path()).expect("the list");
    let said = output(Command::new("php").arg(script).args(site).stdin(list));
    serde_json::from_str(&said).expect("JSON")
}

/// Each site chooses from all that some site needs.
async fn a_site_chooses_its_line(instance: &Instance) {
    product(instance, "lines", 0).await;
    let line = |version: &str, joomla: Value| {
        Release::new("lines", version)
            .with("metadata", json!({ "joomla": joomla }))
            .file("any", &format!("pkg_lines-{version}.zip"))
    };
    publish(
        instance,
        &[
            line(
                "2.0.0",
                json!({ "targetplatform": "5\\.", "php_minimum": "8.1" }),
            ),
            line(
                "2.1.0",
                json!({ "targetplatform": "5\\.", "php_minimum": "8.3" }),
            ),
            line("1.9.6", json!({ "targetplatform": "4\\." })),
            line("1.9.5", json!({ "targetplatform": "4\\." })),
        ],
    )
    .await;
    let path_of_lines = "/api/v1/licensing/updates/lines.xml";
    let lines = instance.api.get(path_of_lines).await.text();
    for (joomla, php, version) in [
        ("5.4.0", "8.3.1", Some("2.1.0")),
        ("5.4.0", "8.2.0", Some("2.0.0")),
        ("4.4.9", "8.3.1", Some("1.9.6")),
        ("3.10.12", "8.3.1", None),
    ] {
        let found = chosen(&lines, [joomla, php, "mysql", "8.0.36", "stable"]);
        assert_eq!(
            found["version"].as_str(),
            version,
            "{joomla} {php} of {lines}"
        );
    }
}

async fn a_site_chooses(instance: &Instance) {
    product(instance, "extension", 0).await;
    let release = |channel, version: &str, joomla: Value| {
        Release::on(channel, "extension", version)
            .with("metadata", json!({ "joomla": joomla }))
            .file("any", &format!("pkg_extension-{version}.zip"))
    };
    let usual = json!({
        "element": "pkg_extension", "targetplatform": "(5\\.[0-4]|6\\.)", "php_minimum": "8.1",
        "supported_databases": { "mysql": "8.0", "mariadb": "10.4" },
    });
    publish(
        instance,
        &[
            release(Channel::Stable, "01.09.00", usual.clone()),
            release(Channel::Stable, "01.10.00", usual.clone()),
            release(Channel::Rc, "01.11.00-rc.1", usual.clone()),
            release(Channel::Beta, "01.11.00-beta.2", usual.clone()),
            release(Channel::Alpha, "01.12.00-alpha.1", usual.clone()),
            release(Channel::Dev, "01.13.00-dev.5", usual),
        ],
    )
    .await;
    let path = "/api/v1/licensing/updates/extension.xml";
    let list = instance.api.get(path).await.text();
    let site = ["5.2.1", "8.3.0", "mysql", "8.0.36", "stable"];
    let with = |at: usize, value: &'static str| {
        let mut site = site;
        site[at] = value;
        site
    };
    for (site, version) in [
        (site, Some("01.10.00")),
        (with(0, "6.0.0"), Some("01.10.00")),
        (with(0, "5.5.0"), None),
        (with(0, "4.4.9"), None),
        // Anchored at its start only.
        (with(0, "15.2.1"), None),
        (with(1, "8.0.30"), None),
        (with(2, "postgresql"), None),
        (with(3, "5.7.44"), None),
        (with(4, "rc"), Some("01.11.00-rc.1")),
        (with(4, "beta"), Some("01.11.00-rc.1")),
        (with(4, "alpha"), Some("01.12.00-alpha.1")),
        (with(4, "dev"), Some("01.13.00-dev.5")),
    ] {
        let found = chosen(&list, site);
        assert_eq!(found["version"].as_str(), version, "{site:?} of {list}");
    }
    let entry = chosen(&list, site);
    for (member, value) in [
        ("element", "pkg_extension"),
        ("type", "package"),
        ("client", "site"),
        ("name", "The extension"),
    ] {
        assert_eq!(entry[member], value, "{entry}");
    }
    let base = instance.api.base_url();
    let package = format!("{base}/api/v1/licensing/download/extension/01.10.00.zip");
    assert_eq!(entry["downloadurl"], package);
    assert_eq!(
        text(&entry, "sha256").len(),
        64,
        "compared untrimmed: {entry}"
    );

    a_site_chooses_its_line(instance).await;

    // With a key the address is a link that holds together after XML.
    let license = issue(instance, "extension", json!({})).await;
    let dlid = text(&license, "download_id");
    let list = instance
        .api
        .get(&format!("{path}?dlid={dlid}"))
        .await
        .text();
    let link = text(&chosen(&list, site), "downloadurl");
    assert!(link.starts_with(&format!("{package}?token=")), "{link}");
    assert!(link.ends_with(&format!("&dlid={dlid}")), "{link}");
    // An empty list is one of which nothing is chosen.
    let none = instance
        .api
        .get("/api/v1/licensing/updates/nobody.xml")
        .await;
    assert_eq!(chosen(&none.text(), site), Value::Null);
}
