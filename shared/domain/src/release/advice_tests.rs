use super::super::updaters::listed;
use super::*;
use serde_json::json;

const LINUX: (&str, &str) = ("x86_64-unknown-linux-gnu", "demo.AppImage");
const MAC: (&str, &str) = ("universal-apple-darwin", "Demo.dmg");

fn known(version: &str, channel: Channel, file: (&str, &str), build: &str) -> KnownVersion {
    let sparkle = json!({ "build_version": build });
    KnownVersion {
        version: Version::parse(version).expect("a version"),
        channel,
        yanked: false,
        files: listed(&[file]),
        metadata: Map::from_iter((!build.is_empty()).then(|| ("sparkle".to_owned(), sparkle))),
    }
}

fn linux(version: &str) -> KnownVersion {
    known(version, Channel::Beta, LINUX, "")
}

#[test]
fn a_version_that_is_not_the_newest_says_which_is() {
    let others = [linux("4.0.0-beta9"), known("5.0.0", Channel::Beta, MAC, "")];
    for (new, newest, is_noticed) in [
        (linux("4.0.0-beta8"), Some("4.0.0-beta9"), true),
        // Version 5 has no file for Linux.
        (linux("4.0.0-beta10"), Some("4.0.0-beta10"), false),
        (
            known("4.0.0", Channel::Stable, LINUX, ""),
            Some("4.0.0"),
            false,
        ),
    ] {
        let advice = advise(&new, &others);
        assert_eq!(advice.newest.as_ref().map(Version::as_str), newest);
        let noticed = advice
            .notices
            .iter()
            .any(|text| text.contains("not the newest"));
        assert_eq!(noticed, is_noticed, "{advice:?}");
    }
    let yanked = KnownVersion {
        yanked: true,
        ..linux("4.0.0-beta9")
    };
    assert_eq!(
        advise(&yanked, &[]),
        Advice {
            newest: None,
            ..Advice::default()
        }
    );
    let newest = advise(&linux("1.0.0"), &[yanked]).newest;
    assert_eq!(newest.as_ref().map(Version::as_str), Some("1.0.0"));
}

#[test]
fn feeds_that_pass_a_version_over_are_named() {
    use SkipReason::{BuildVersionMissing, NotSemanticVersioning};
    let before = [known("1.0.0", Channel::Stable, MAC, "100")];
    let mac = |version, build| known(version, Channel::Stable, MAC, build);
    for (new, skipping) in [
        (linux("1.2.0"), &[][..]),
        (
            linux("2026.10"),
            &[
                (Updater::Electron, NotSemanticVersioning),
                (Updater::Tauri, NotSemanticVersioning),
            ],
        ),
        (
            known("2026.10", Channel::Stable, ("any", "pkg_demo.zip"), ""),
            &[],
        ),
        (mac("1.1.0", "101"), &[]),
        (mac("1.1.0", ""), &[(Updater::Sparkle, BuildVersionMissing)]),
        (mac("0.9.0", ""), &[]),
        (
            mac("1.2.3.4", ""),
            &[
                (Updater::Electron, NotSemanticVersioning),
                (Updater::Sparkle, BuildVersionMissing),
                (Updater::Tauri, NotSemanticVersioning),
            ],
        ),
    ] {
        let found: Vec<_> = skipped_by(&new, &before)
            .into_iter()
            .map(|skip| (skip.updater, skip.reason))
            .collect();
        assert_eq!(found, skipping, "{}", new.version);
        let notices = advise(&new, &before).notices;
        let told = notices.iter().filter(|text| text.contains("skips")).count();
        assert_eq!(told, skipping.len(), "{notices:?}");
    }
}

#[test]
fn what_an_updater_would_take_for_older_is_told() {
    for (before, new, is_told) in [
        ("4.0.0-beta9", "4.0.0-beta10", true),
        ("4.0.0-beta.9", "4.0.0-beta.10", false),
        ("1.0.0+build.9", "1.0.0+build.10", true),
        ("1.0.0", "1.1.0", false),
        ("2.0.0", "1.1.0", false),
    ] {
        let notices = advise(&linux(new), &[linux(before)]).notices;
        let told = notices
            .iter()
            .any(|text| text.contains("Semantic Versioning"));
        assert_eq!(told, is_told, "{before} {new}: {notices:?}");
    }
    let package = |version| known(version, Channel::Dev, ("any", "pkg_demo.zip"), "");
    for (before, new, is_told) in [
        ("2.0.0-alpha.1", "2.0.0-dev.1", true),
        ("1.0.0-p1", "1.0.0", true),
        ("2.0.0-beta9", "2.0.0-beta10", false),
        ("1.9.0", "1.10.0", false),
    ] {
        let notices = advise(&package(new), &[package(before)]).notices;
        let told = notices
            .iter()
            .any(|text| text.starts_with("Joomla compares"));
        assert_eq!(told, is_told, "{before} {new}: {notices:?}");
    }
    let mac = |version, build| known(version, Channel::Stable, MAC, build);
    for (new, is_told) in [(mac("2.0.0", "90"), true), (mac("2.0.0", "101"), false)] {
        let notices = advise(&new, &[mac("1.9.6", "100")]).notices;
        assert_eq!(!notices.is_empty(), is_told, "{notices:?}");
    }
}

#[test]
fn an_updater_is_declared_by_the_product_or_the_version() {
    let metadata = json!({ "tauri": {}, "other": 1 });
    let metadata = metadata.as_object().expect("members");
    for (updaters, expected) in [
        (None, &[Updater::Tauri][..]),
        (
            Some(json!(["electron", "nothing", 1])),
            &[Updater::Electron, Updater::Tauri],
        ),
        (Some(json!("electron")), &[Updater::Tauri]),
    ] {
        assert_eq!(declared(updaters.as_ref(), metadata), expected);
    }
}
