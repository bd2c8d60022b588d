//! Advice to the publisher of a version: whether it is the newest, which feeds pass
//! it over, and what the updaters themselves make of it.

use super::manifest::VersionManifest;
use super::offer::{Candidate, newest};
use super::updaters::{Listed, Updater, appcast, electron, joomla, sparkle, tauri};
use super::{Channel, Platform, Version};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::cmp::Ordering;

/// A version of a product, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct KnownVersion {
    /// The version.
    pub version: Version,
    /// Its channel.
    pub channel: Channel,
    /// Whether it was yanked.
    pub yanked: bool,
    /// Its files.
    pub files: Vec<Listed>,
    /// What the feeds of certain updaters need.
    pub metadata: Map<String, Value>,
}

/// Why a feed passes a version over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// The updater reads Semantic Versioning only.
    NotSemanticVersioning,
    /// It has no build version, and an earlier version has one that Sparkle would take
    /// for newer.
    BuildVersionMissing,
}

/// A feed that passes a version over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippingFeed {
    /// The updater.
    pub updater: Updater,
    /// Why.
    pub reason: SkipReason,
}

/// What is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advice {
    /// The newest version of the channel that has one of the platforms; `None` where
    /// nothing is offered.
    pub newest: Option<Version>,
    /// Feeds that pass the version over.
    pub skipped_by: Vec<SkippingFeed>,
    /// The same and more, for people.
    pub notices: Vec<String>,
}

impl KnownVersion {
    /// What a manifest says.
    #[must_use]
    pub fn of_manifest(manifest: &VersionManifest) -> Self {
        let files = manifest.artifacts.iter().map(|file| Listed {
            platform: file.platform.clone(),
            file_name: file.file_name.clone(),
        });
        Self {
            version: manifest.version.clone(),
            channel: manifest.channel,
            yanked: manifest.yanked.is_some(),
            files: files.collect(),
            metadata: manifest.metadata.clone(),
        }
    }

    fn candidate(&self) -> Candidate<'_> {
        Candidate {
            version: &self.version,
            channel: self.channel,
            yanked: self.yanked,
            rollout_percent: 100,
        }
    }

    /// Whether an updater finds a file of its own in it.
    fn is_for(&self, updater: Updater) -> bool {
        match updater {
            Updater::Electron => electron::has_files(&self.files),
            Updater::Joomla => joomla::package(&self.files).is_some(),
            Updater::Sparkle => sparkle::archive(&self.files, None).is_some(),
            Updater::Tauri => !tauri::platforms(&self.files).is_empty(),
        }
    }

    fn entry(&self) -> Option<appcast::Entry<'_>> {
        Some(appcast::Entry {
            version: &self.version,
            channel: self.channel,
            item: sparkle::Item::of(&self.version, &self.metadata),
            arm64_only: sparkle::archive(&self.files, None)?.arm64_only,
        })
    }

    fn shares_a_platform_with(&self, other: &Self) -> bool {
        let has = |platform| other.files.iter().any(|file| file.platform == platform);
        self.files.iter().any(|file| has(file.platform.clone()))
    }
}

/// Which feeds pass `new` over. `others` are the product's other versions.
#[must_use]
pub fn skipped_by(new: &KnownVersion, others: &[KnownVersion]) -> Vec<SkippingFeed> {
    let not_read = |updater, is_readable: bool| {
        (!is_readable && new.is_for(updater)).then_some(SkippingFeed {
            updater,
            reason: SkipReason::NotSemanticVersioning,
        })
    };
    let entries: Vec<appcast::Entry<'_>> =
        offered(others).filter_map(KnownVersion::entry).collect();
    let backwards = new
        .entry()
        .filter(|entry| appcast::goes_backwards(entry, &entries))
        .map(|_| SkippingFeed {
            updater: Updater::Sparkle,
            reason: SkipReason::BuildVersionMissing,
        });
    let all = [
        not_read(Updater::Electron, electron::is_readable(&new.version)),
        backwards,
        not_read(Updater::Tauri, tauri::is_readable(&new.version)),
    ];
    all.into_iter().flatten().collect()
}

/// The updaters that a product is made for: those in `updaters`, a member of the
/// product's metadata, and those for which the version itself has metadata.
#[must_use]
pub fn declared(updaters: Option<&Value>, metadata: &Map<String, Value>) -> Vec<Updater> {
    let listed = updaters.and_then(Value::as_array);
    let is_listed = |updater: Updater| {
        listed.is_some_and(|names| names.iter().any(|name| name == updater.as_str()))
    };
    let is_declared =
        |updater: &Updater| is_listed(*updater) || metadata.contains_key(updater.as_str());
    Updater::ALL.into_iter().filter(is_declared).collect()
}

/// The advice about a version that was published or changed. `others` are the
/// product's other versions.
#[must_use]
pub fn advise(new: &KnownVersion, others: &[KnownVersion]) -> Advice {
    let sharing = others
        .iter()
        .filter(|other| other.shares_a_platform_with(new));
    let all = sharing.chain([new]);
    let newest = newest(all, new.channel, |version| version.candidate());
    let newest = newest.map(|known| known.version.clone());
    let skipped_by = skipped_by(new, others);
    let mut notices = Vec::new();
    if !new.yanked
        && let Some(newest) = newest.as_ref().filter(|newest| **newest != new.version)
    {
        notices.push(format!(
            "{} is not the newest version on {}: {newest} is newer, and `latest` and the feeds offer that",
            new.version, new.channel
        ));
    }
    notices.extend(skipped_by.iter().map(|skip| skip.advice(&new.version)));
    notices.extend(taken_for_older(new, others));
    notices.extend(older_in_joomla(new, others));
    notices.extend(builds_in_another_order(new, others));
    for file in &new.files {
        if !file.platform.is_known_to_feeds() {
            notices.push(format!(
                "{} is not a Rust target triple: it can be downloaded, but update feeds do not know it",
                file.platform
            ));
        }
    }
    if new.metadata.contains_key(Updater::Joomla.as_str()) {
        notices.extend(plugin_without_folder(new));
    }
    Advice {
        newest,
        skipped_by,
        notices,
    }
}

impl SkippingFeed {
    /// What happens and what to do, for people.
    #[must_use]
    pub fn advice(self, version: &Version) -> String {
        let updater = match self.updater {
            Updater::Electron => "electron-updater",
            Updater::Joomla => "Joomla",
            Updater::Sparkle => "Sparkle",
            Updater::Tauri => "Tauri",
        };
        match self.reason {
            SkipReason::NotSemanticVersioning => format!(
                "the feed for {updater} skips {version}, because {updater} reads Semantic Versioning only: use three numbers without leading zeros, such as 1.4.0"
            ),
            SkipReason::BuildVersionMissing => format!(
                "the feed for {updater} skips {version}, because it has no build version and {updater} would take it for older than an earlier version: set metadata.sparkle.build_version to the application's CFBundleVersion"
            ),
        }
    }
}

fn offered(versions: &[KnownVersion]) -> impl Iterator<Item = &KnownVersion> {
    versions.iter().filter(|version| !version.yanked)
}

/// Updaters that compare by Semantic Versioning take the new version for older than one
/// that it comes after, or for the same.
fn taken_for_older(new: &KnownVersion, others: &[KnownVersion]) -> Option<String> {
    let semantic = |version: &Version| semver::Version::parse(version.as_str()).ok();
    let own = semantic(&new.version)?;
    let names: Vec<&str> = [
        (Updater::Electron, "electron-updater"),
        (Updater::Tauri, "Tauri"),
    ]
    .into_iter()
    .filter(|(updater, _)| new.is_for(*updater))
    .map(|(_, name)| name)
    .collect();
    let before = offered(others)
        .filter(|other| other.version < new.version && other.shares_a_platform_with(new))
        .filter_map(|other| Some((semantic(&other.version)?, &other.version)));
    let (_, other) = before
        .filter(|(other, _)| other.cmp_precedence(&own) != Ordering::Less)
        .max_by(|(_, a), (_, b)| a.cmp(b))?;
    (!names.is_empty()).then(|| {
        format!(
            "{} {} by Semantic Versioning, where {} is not newer than {other}: installations that have {other} do not update; separate numbers with dots (beta.9, beta.10), and do not rely on build metadata",
            names.join(" and "),
            if names.len() == 1 { "compares" } else { "compare" },
            new.version
        )
    })
}

/// Joomla compares as PHP does, where the new version is older than one that it comes
/// after.
fn older_in_joomla(new: &KnownVersion, others: &[KnownVersion]) -> Option<String> {
    let package = joomla::package(&new.files)?;
    let mut files = new.files.iter().filter(|file| file.platform == *package);
    let is_archive = files.any(|file| {
        file.file_name
            .as_str()
            .to_ascii_lowercase()
            .ends_with(".zip")
    });
    if package.triple() != Platform::ANY || !is_archive {
        return None;
    }
    let before = offered(others)
        .filter(|other| other.version < new.version && other.shares_a_platform_with(new))
        .map(|other| &other.version);
    let other = before
        .filter(|other| joomla::compare(new.version.as_str(), other.as_str()) == Ordering::Less)
        .max()?;
    Some(format!(
        "Joomla compares as PHP does, where {} is older than {other}: sites that have {other} do not update",
        new.version
    ))
}

/// Sparkle compares builds only, and these are in another order than the versions.
fn builds_in_another_order(new: &KnownVersion, others: &[KnownVersion]) -> Option<String> {
    let own = new.entry().filter(|entry| entry.item.has_build_version)?;
    let own_build = own.item.build_version.as_str();
    let other = offered(others)
        .filter_map(KnownVersion::entry)
        .filter(|other| other.item.has_build_version && other.channel == own.channel)
        .find(|other| {
            let versions = own.version.cmp(other.version);
            appcast::compare(own_build, &other.item.build_version) != versions
        })?;
    Some(format!(
        "Sparkle compares build versions only: {} has {own_build} and {} has {}, which is another order than that of the versions; an installation of the one with the larger build version does not update to the other",
        new.version, other.version, other.item.build_version
    ))
}

fn plugin_without_folder(new: &KnownVersion) -> Option<String> {
    let said = new.metadata.get(Updater::Joomla.as_str())?;
    let is_plugin = said.get("type").and_then(Value::as_str) == Some("plugin");
    (is_plugin && said.get("folder").is_none()).then(|| {
        "metadata.joomla.folder is missing: sites find a plugin by its group, unless the product's slug names it (plg_system_demo)".to_owned()
    })
}

#[cfg(test)]
#[path = "advice_tests.rs"]
mod tests;
