//! The rules of publishing, for a folder without a server. A server enforces the same
//! rules in its database.

use super::types::{Publication, VersionChange};
use crate::error::CliError;
use keywright_domain::release::Channel;
use keywright_domain::release::manifest::{FORMAT, VersionManifest, Yanked};

/// Maximum number of files of one version, as on a server.
const MAX_FILES: usize = 64;

/// A version after a publication.
#[derive(Debug)]
pub(super) struct MergedVersion {
    pub(super) manifest: VersionManifest,
    /// True when anything is different from before.
    pub(super) changed: bool,
    /// Members that were ignored, because the version was published with other values.
    pub(super) ignored: Vec<String>,
}

/// Adds files to a version, or creates it. Published files are never replaced.
pub(super) fn publish(
    there: Option<VersionManifest>,
    new: &Publication,
    now: i64,
) -> Result<MergedVersion, CliError> {
    let Some(mut manifest) = there else {
        return Ok(MergedVersion {
            manifest: first(new, now),
            changed: true,
            ignored: Vec::new(),
        });
    };
    let (product, version) = (&new.product, &new.version);
    if manifest.channel != new.channel {
        return Err(CliError::refused(format!(
            "{product} {version} is published on the channel {}; move it with `keywright release promote`, or publish on that channel",
            manifest.channel
        )));
    }
    if new.requires_entitlement.is_some()
        && new.requires_entitlement != manifest.requires_entitlement
    {
        return Err(CliError::refused(format!(
            "{product} {version} requires another entitlement ({}); omit --requires-entitlement",
            manifest.requires_entitlement.as_deref().unwrap_or("none")
        )));
    }
    let mut changed = false;
    for artifact in &new.artifacts {
        match manifest.artifact(artifact.platform.as_str()) {
            Some(published) if published.sha256 == artifact.sha256 => {}
            Some(_) => return Err(other_bytes(new, artifact.platform.as_str())),
            None => {
                manifest.artifacts.push(artifact.clone());
                changed = true;
            }
        }
    }
    if manifest.artifacts.len() > MAX_FILES {
        return Err(CliError::refused(format!(
            "a version must have at most {MAX_FILES} files"
        )));
    }
    let ignored = ignored(new, &manifest);
    Ok(MergedVersion {
        manifest: manifest.arranged(),
        changed,
        ignored,
    })
}

/// Other bytes under a published version.
pub(crate) fn other_bytes(new: &Publication, platform: &str) -> CliError {
    CliError::refused(format!(
        "{} {} is already published for {platform} with different bytes and cannot be replaced; publish a new version",
        new.product, new.version
    ))
}

fn first(new: &Publication, now: i64) -> VersionManifest {
    let manifest = VersionManifest {
        format: FORMAT,
        product: new.product.clone(),
        version: new.version.clone(),
        channel: new.channel,
        built_at_unix: new.built_at.unwrap_or(now),
        published_at_unix: now,
        source_commit: new.source_commit.clone(),
        notes: new.notes.clone(),
        requires_entitlement: new.requires_entitlement.clone(),
        rollout_percent: new.rollout_percent.unwrap_or(100),
        yanked: None,
        only: None,
        artifacts: new.artifacts.clone(),
        metadata: new.metadata.clone().unwrap_or_default(),
    };
    manifest.arranged()
}

fn ignored(new: &Publication, manifest: &VersionManifest) -> Vec<String> {
    /// Whether something is said and something else is published.
    fn differs<T: PartialEq>(said: Option<&T>, published: Option<&T>) -> bool {
        said.is_some() && said != published
    }
    let commit = manifest.source_commit.as_ref();
    let percent = Some(&manifest.rollout_percent);
    let all = [
        (
            "notes",
            differs(new.notes.as_ref(), manifest.notes.as_ref()),
        ),
        ("source_commit", differs(new.source_commit.as_ref(), commit)),
        (
            "rollout_percent",
            differs(new.rollout_percent.as_ref(), percent),
        ),
        (
            "metadata",
            differs(new.metadata.as_ref(), Some(&manifest.metadata)),
        ),
        (
            "built_at",
            differs(new.built_at.as_ref(), Some(&manifest.built_at_unix)),
        ),
    ];
    let differing = all.into_iter().filter(|(_, differs)| *differs);
    differing.map(|(member, _)| member.to_owned()).collect()
}

/// A version after a change.
pub(super) fn change(
    there: &VersionManifest,
    change: &VersionChange,
    now: i64,
) -> Result<VersionManifest, CliError> {
    let mut manifest = there.clone();
    if let Some((channel, signatures)) = &change.channel
        && *channel != manifest.channel
    {
        promote(&mut manifest, *channel, signatures)?;
    }
    if let Some(reason) = &change.yank_reason {
        let since = manifest.yanked.take().map_or(now, |yanked| yanked.at_unix);
        manifest.yanked = reason.clone().map(|reason| Yanked {
            at_unix: since,
            reason,
        });
    }
    if let Some(percent) = change.rollout_percent {
        manifest.rollout_percent = percent;
    }
    if let Some(metadata) = &change.metadata {
        manifest.metadata.clone_from(metadata);
    }
    Ok(manifest.arranged())
}

fn promote(
    manifest: &mut VersionManifest,
    channel: Channel,
    signatures: &std::collections::BTreeMap<String, String>,
) -> Result<(), CliError> {
    for artifact in &mut manifest.artifacts {
        let signature = signatures.get(artifact.platform.as_str()).ok_or_else(|| {
            CliError::refused(format!(
                "a file for {} was published in the meantime; run the command again",
                artifact.platform
            ))
        })?;
        artifact.signature.clone_from(signature);
    }
    manifest.channel = channel;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Exit;
    use keywright_domain::release::manifest::Artifact;
    use keywright_domain::release::statement::{FileName, Sha256Hex, Sha512Hex};
    use keywright_domain::release::{Platform, Version};
    use keywright_domain::slug::Slug;

    fn artifact(platform: &str, digit: &str) -> Artifact {
        Artifact {
            platform: Platform::parse(platform).expect("a platform"),
            file_name: FileName::parse("demo").expect("a name"),
            size_bytes: 1,
            sha256: Sha256Hex::parse(&digit.repeat(64)).expect("a digest"),
            sha512: Sha512Hex::parse(&digit.repeat(128)).expect("a digest"),
            signature: "stable".to_owned(),
        }
    }

    fn publication(artifacts: Vec<Artifact>) -> Publication {
        Publication {
            product: Slug::parse("demo").expect("a slug"),
            version: Version::parse("1.2.0").expect("a version"),
            channel: Channel::Beta,
            notes: Some("new".to_owned()),
            source_commit: None,
            requires_entitlement: None,
            rollout_percent: None,
            metadata: None,
            release_key: None,
            built_at: Some(5),
            artifacts,
        }
    }

    #[test]
    fn files_are_added_and_none_is_replaced() {
        let one = publication(vec![artifact("any", "1")]);
        let MergedVersion {
            manifest, changed, ..
        } = publish(None, &one, 9).expect("a version");
        assert!(changed && manifest.only.is_some());
        assert_eq!((manifest.built_at_unix, manifest.published_at_unix), (5, 9));
        let same = publish(Some(manifest.clone()), &one, 10).expect("it");
        assert_eq!((&same.manifest, same.changed), (&manifest, false));
        assert!(same.ignored.is_empty(), "{:?}", same.ignored);
        let mut more = publication(vec![artifact("any", "1"), artifact("any.zip", "2")]);
        more.notes = Some("other".to_owned());
        more.built_at = Some(6);
        let both = publish(Some(manifest.clone()), &more, 11).expect("both");
        assert!(both.changed);
        assert_eq!(both.ignored, ["notes", "built_at"]);
        let both = both.manifest;
        assert!(both.only.is_none());
        assert_eq!((both.artifacts.len(), both.built_at_unix), (2, 5));
        let other = publication(vec![artifact("any", "3"), artifact("any.deb", "4")]);
        let refused = publish(Some(both), &other, 12).expect_err("other bytes");
        assert_eq!(refused.exit(), Exit::Refused);
        for change in [
            |new: &mut Publication| new.channel = Channel::Rc,
            |new: &mut Publication| new.requires_entitlement = Some("pro".to_owned()),
        ] {
            let mut new = one.clone();
            change(&mut new);
            let refused = publish(Some(manifest.clone()), &new, 12).expect_err("another one");
            assert_eq!(refused.exit(), Exit::Refused);
        }
    }

    #[test]
    fn yanking_twice_keeps_the_time() {
        let new = publication(vec![artifact("any", "1")]);
        let manifest = publish(None, &new, 9).expect("a version").manifest;
        let yank = |reason: Option<&str>| VersionChange {
            yank_reason: Some(reason.map(str::to_owned)),
            ..VersionChange::default()
        };
        let yanked = change(&manifest, &yank(Some("bad")), 20).expect("yanked");
        let again = change(&yanked, &yank(Some("bad")), 30).expect("yanked");
        assert_eq!(again, yanked);
        assert_eq!(
            yanked.yanked.as_ref().map(|yanked| yanked.at_unix),
            Some(20)
        );
        assert_eq!(change(&yanked, &yank(None), 40).expect("offered"), manifest);
    }

    #[test]
    fn another_channel_needs_every_signature() {
        let new = publication(vec![artifact("any", "1"), artifact("any.zip", "2")]);
        let manifest = publish(None, &new, 9).expect("a version").manifest;
        let to = |platforms: &[&str]| VersionChange {
            channel: Some((
                Channel::Stable,
                platforms
                    .iter()
                    .map(|platform| ((*platform).to_owned(), "new".to_owned()))
                    .collect(),
            )),
            ..VersionChange::default()
        };
        let refused = change(&manifest, &to(&["any"]), 20).expect_err("one is missing");
        assert_eq!(refused.exit(), Exit::Refused);
        let moved = change(&manifest, &to(&["any", "any.zip"]), 20).expect("moved");
        assert_eq!(moved.channel, Channel::Stable);
        assert!(moved.artifacts.iter().all(|a| a.signature == "new"));
        // Repeating it needs none.
        assert_eq!(change(&moved, &to(&[]), 30).expect("moved"), moved);
    }
}
