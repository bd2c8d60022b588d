//! What a site matches and chooses by.

use super::super::listed;
use super::*;
use serde_json::json;

fn extension(slug: &str, joomla: &Value) -> Extension {
    let metadata = json!({ "joomla": joomla });
    let slug = Slug::parse(slug).expect("a slug");
    Extension::of(
        &slug,
        "Demo",
        "A demo.",
        metadata.as_object().expect("members"),
    )
}

#[test]
fn what_is_not_said_follows_from_the_product() {
    for (slug, element, kind, client, folder) in [
        ("demo", "pkg_demo", "package", "site", None),
        ("com_demo", "com_demo", "component", "administrator", None),
        ("mod_demo", "mod_demo", "module", "site", None),
        ("pkg_demo", "pkg_demo", "package", "site", None),
        ("tpl_demo", "demo", "template", "site", None),
        ("lib_demo", "demo", "library", "site", None),
        ("file_demo", "demo", "file", "site", None),
        ("files_demo", "demo", "file", "site", None),
        ("plg_system_demo", "demo", "plugin", "site", Some("system")),
        (
            "plg_content_demo_more",
            "demo_more",
            "plugin",
            "site",
            Some("content"),
        ),
        ("plg_demo", "demo", "plugin", "site", None),
    ] {
        let found = extension(slug, &json!({}));
        assert_eq!(
            (
                found.element.as_str(),
                found.kind.as_str(),
                found.client,
                found.folder.as_deref()
            ),
            (element, kind, client, folder),
            "{slug}"
        );
        assert_eq!(
            (found.name.as_str(), found.description.as_str()),
            ("Demo", "A demo.")
        );
        assert_eq!(found.target_platform, ".*");
    }
    assert_eq!(
        extension("demo", &json!("text")),
        extension("demo", &json!({}))
    );
}

#[test]
fn the_element_follows_from_the_kind_that_is_said() {
    for (slug, said, element, client, folder) in [
        (
            "demo",
            json!({"type": "component"}),
            "com_demo",
            "administrator",
            None,
        ),
        (
            "demo",
            json!({"type": "module", "client": "administrator"}),
            "mod_demo",
            "administrator",
            None,
        ),
        ("demo", json!({"type": "Template"}), "demo", "site", None),
        (
            "demo",
            json!({"type": "plugin", "folder": "system"}),
            "demo",
            "site",
            Some("system"),
        ),
        (
            "com_demo",
            json!({"type": "package"}),
            "pkg_demo",
            "site",
            None,
        ),
        // Only plugins have a folder; a site would find nothing with one.
        (
            "tpl_demo",
            json!({"folder": "system"}),
            "demo",
            "site",
            None,
        ),
        (
            "tpl_demo",
            json!({"element": "tpl_demo", "client": "1"}),
            "tpl_demo",
            "administrator",
            None,
        ),
    ] {
        let found = extension(slug, &said);
        assert_eq!(
            (
                found.element.as_str(),
                found.client,
                found.folder.as_deref()
            ),
            (element, client, folder),
            "{slug} {said}"
        );
    }
}

#[test]
fn what_is_said_counts() {
    let found = extension(
        "demo",
        &json!({
            "element": " editor\n", "type": "Plugin", "client": 1, "folder": "editors",
            "name": "E", "description": "D", "infourl": "https://a.example/?b&c",
            "targetplatform": "((5\\.[0-9])|(6/))", "php_minimum": "8.3",
            "supported_databases": {"mysql": "8.0", "mariadb": 10, "Bad Name": "1", "x": null},
            "maintainer": "M", "maintainerurl": "https://m.example", "changelogurl": "https://c.example",
        }),
    );
    assert_eq!(
        (
            found.element.as_str(),
            found.kind.as_str(),
            found.client,
            found.folder.as_deref()
        ),
        ("editor", "plugin", "administrator", Some("editors"))
    );
    assert_eq!(found.target_platform, "((5\\.[0-9])|(6\\/))");
    assert_eq!(found.php_minimum.as_deref(), Some("8.3"));
    let databases = [("mariadb", "10"), ("mysql", "8.0")]
        .map(|(name, version)| (name.to_owned(), version.to_owned()));
    assert_eq!(found.supported_databases, databases);
}

#[test]
fn a_release_covers_those_that_ask_for_no_less() {
    let plain = json!({});
    for (newer, older, covers) in [
        (plain.clone(), plain.clone(), true),
        (plain.clone(), json!({"targetplatform": "5\\."}), true),
        (json!({"targetplatform": "5\\."}), plain.clone(), false),
        (
            json!({"targetplatform": "5\\."}),
            json!({"targetplatform": "4\\."}),
            false,
        ),
        (
            json!({"php_minimum": "8.1"}),
            json!({"php_minimum": "8.3"}),
            true,
        ),
        (
            json!({"php_minimum": "8.10"}),
            json!({"php_minimum": "8.9"}),
            false,
        ),
        (json!({"php_minimum": "8.1"}), plain.clone(), false),
        (
            plain.clone(),
            json!({"supported_databases": {"mysql": "8.0"}}),
            true,
        ),
        (
            json!({"supported_databases": {"mysql": "8.0"}}),
            plain.clone(),
            false,
        ),
        (
            json!({"supported_databases": {"mysql": "5.7", "mariadb": "10.4"}}),
            json!({"supported_databases": {"mysql": "8.0"}}),
            true,
        ),
        (
            json!({"supported_databases": {"mysql": "8.0"}}),
            json!({"supported_databases": {"mysql": "8.0", "postgresql": "12"}}),
            false,
        ),
        (
            json!({"element": "com_other", "type": "component"}),
            plain.clone(),
            false,
        ),
        (json!({"description": "other"}), plain, true),
    ] {
        let found = extension("demo", &newer).covers(&extension("demo", &older));
        assert_eq!(found, covers, "{newer} {older}");
    }
}

/// `tests/updaters` compares these with PHP itself.
#[test]
fn versions_compare_as_in_php() {
    for row in [
        "1.0.0-dev 1.0.0-alpha9 1.0.0-alpha10 1.0.0-beta 1.0.0-rc.1 1.0.0 1.0.0-p1 1.0.1",
        "1 1.2 1.2.0-rc1 1.2.0 1.2.0.1",
        "1.0.0-hotfix 1.0.0-dev.1 1.0.0 1.0.0+1 1.0.0+2",
        "1.9 1.10 2",
    ] {
        let versions: Vec<&str> = row.split(' ').collect();
        for (at, one) in versions.iter().enumerate() {
            for (other_at, two) in versions.iter().enumerate() {
                assert_eq!(compare(one, two), at.cmp(&other_at), "{one} {two}");
            }
        }
    }
    assert_eq!(compare("1.02", "1.2"), Ordering::Equal);
}

#[test]
fn a_platform_is_said_in_two_ways() {
    for (said, pattern) in [
        (json!("5\\."), "5\\."),
        (json!({"name": "joomla", "version": "6\\."}), "6\\."),
        (json!("a\\/b"), "a\\/b"),
        (json!("a\\\\/b"), "a\\\\\\/b"),
        (json!(5), "5"),
        (json!([]), ".*"),
        (json!({}), ".*"),
        (json!(" "), ".*"),
    ] {
        let found = extension("demo", &json!({ "targetplatform": said }));
        assert_eq!(found.target_platform, pattern, "{said}");
    }
}

#[test]
fn the_package_is_for_every_platform() {
    let found = |files: &[(&str, &str)]| package(&listed(files)).map(ToString::to_string);
    let linux = ("x86_64-unknown-linux-gnu", "a.zip");
    assert_eq!(found(&[]), None);
    assert_eq!(found(&[linux]).as_deref(), Some("x86_64-unknown-linux-gnu"));
    assert_eq!(found(&[linux, ("any.pdf", "a.pdf")]), None);
    assert_eq!(found(&[("any", "a.zip"), linux]).as_deref(), Some("any"));
    assert_eq!(
        found(&[("any.pdf", "a.pdf"), ("any.zip", "a.zip")]).as_deref(),
        Some("any.zip")
    );
    let version = Version::parse("1.2.0").expect("a version");
    assert_eq!(package_name(&version), "1.2.0.zip");
}
