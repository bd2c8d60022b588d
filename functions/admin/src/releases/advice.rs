//! Advice to the publisher of a version, and what is refused because an updater that
//! the product is made for could not use it.

use http::StatusCode;
use keywright_domain::release::advice::{self, Advice, KnownVersion};
use keywright_domain::release::updaters::Listed;
use keywright_store::releases::known_versions::KnownVersions;
use keywright_store::releases::publication::NewRelease;
use keywright_store::releases::versions::Release;
use keywright_web::ApiError;

/// The advice about a version as it now is.
pub(super) fn of(known: KnownVersions, release: &Release) -> Advice {
    let new = KnownVersion::of_manifest(&release.manifest());
    let others = known.versions.into_iter();
    let others: Vec<_> = others.filter(|one| one.version != new.version).collect();
    advice::advise(&new, &others)
}

/// Checks a publication against the updaters that the product, or the version's metadata,
/// declares.
///
/// # Errors
/// 422 `unusable_for_updater`: the updater's feed would pass the version over.
pub(super) fn check_declared(known: &KnownVersions, new: &NewRelease) -> Result<(), ApiError> {
    let is_it = |one: &&KnownVersion| one.version == new.version;
    let recorded = known.versions.iter().find(is_it);
    // The metadata of the first publication stays.
    let metadata = match recorded {
        Some(recorded) => recorded.metadata.clone(),
        None => new.metadata.clone().unwrap_or_default(),
    };
    let mut files = recorded.map_or_else(Vec::new, |recorded| recorded.files.clone());
    files.extend(new.files.iter().map(|file| Listed {
        platform: file.artifact.platform.clone(),
        file_name: file.artifact.file_name.clone(),
    }));
    let version = KnownVersion {
        version: new.version.clone(),
        channel: new.channel,
        yanked: false,
        files,
        metadata,
    };
    let declared = advice::declared(known.updaters.as_ref(), &version.metadata);
    let others: Vec<KnownVersion> = known
        .versions
        .iter()
        .filter(|one| !is_it(one))
        .cloned()
        .collect();
    let skipping = advice::skipped_by(&version, &others).into_iter();
    match skipping
        .into_iter()
        .find(|skip| declared.contains(&skip.updater))
    {
        None => Ok(()),
        Some(skip) => Err(ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "unusable_for_updater",
            skip.advice(&new.version),
        )),
    }
}
