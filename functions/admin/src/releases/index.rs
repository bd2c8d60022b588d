//! Writes a product's index from the database and, for what lies in the release
//! storage beside that, from its folders. Like a manifest it is replaced only if
//! it is still the one that was read before the rows were.

use super::write::{StoredManifest, TRIES, busy};
use crate::Ports;
use keywright_domain::release::index::{IndexedVersion, ReleaseIndex, index_key};
use keywright_domain::release::manifest::{
    MAX_MANIFEST_BYTES, ManifestError, VersionManifest, version_key,
};
use keywright_domain::release::{Name, Version, is_reserved};
use keywright_domain::slug::Slug;
use keywright_ports::{ReleaseError, ReleaseWriter, Releases};
use keywright_store::releases::release_index;
use keywright_web::ApiError;
use std::collections::BTreeSet;

/// Most folders without a row that are looked into for one request, the newest
/// first: each costs up to two reads. What was found stays in the index, so a
/// later request continues with the rest.
const MOST_LOOKED_AT: usize = 10;

/// Writes the index of a product, if it is another one.
pub(super) async fn write(
    ports: &Ports,
    writer: &ReleaseWriter,
    product: &Slug,
) -> Result<(), ApiError> {
    let key = index_key(product);
    for _ in 0..TRIES {
        let there = StoredManifest::look(writer, &key).await?;
        let before = there
            .bytes()
            .and_then(|json| ReleaseIndex::read(json, product));
        let (mut versions, recorded) = of_rows(ports, product).await?;
        if let Some(storage) = &ports.storage {
            let beside = of_folders(storage, product, &recorded, before.as_ref()).await;
            versions.extend(beside.map_err(|error| unavailable(&error))?);
        }
        let index = ReleaseIndex::new(product.clone(), versions);
        if there.write(writer, &key, &index).await? {
            return Ok(());
        }
    }
    Err(busy(&key))
}

/// Every recorded version with what is offered of it, for whoever writes the
/// index of a host that cannot.
pub(super) async fn recorded(ports: &Ports, product: &Slug) -> Result<ReleaseIndex, ApiError> {
    let rows = release_index::rows(&ports.database, product).await?;
    let versions = rows.into_iter().map(release_index::Row::known);
    Ok(ReleaseIndex::new(product.clone(), versions.collect()))
}

/// What is offered by the database, and every version that it knows.
async fn of_rows(
    ports: &Ports,
    product: &Slug,
) -> Result<(Vec<IndexedVersion>, BTreeSet<Version>), ApiError> {
    let rows = release_index::rows(&ports.database, product).await?;
    let recorded = rows.iter().map(|row| row.version.clone()).collect();
    let offered = rows.into_iter().filter_map(release_index::Row::indexed);
    Ok((offered.collect(), recorded))
}

/// What lies in the storage and is not recorded: laid out the older way, or put
/// there by other means. Nobody changes it through here, so what an earlier
/// index says of it still holds while the folder is there.
async fn of_folders(
    storage: &Releases,
    product: &Slug,
    recorded: &BTreeSet<Version>,
    before: Option<&ReleaseIndex>,
) -> Result<Vec<IndexedVersion>, ReleaseError> {
    let listing = storage.list(product.as_str()).await?.unwrap_or_default();
    let names = listing.folders.iter();
    let names = names.filter(|name| !is_reserved(name));
    let mut unrecorded: Vec<Version> = names
        .filter_map(|name| Version::parse(name).ok())
        .filter(|version| !recorded.contains(version))
        .collect();
    unrecorded.sort();
    let mut found = Vec::new();
    let mut looked_at = 0;
    for version in unrecorded.into_iter().rev() {
        let known = before.and_then(|index| {
            let mut versions = index.versions.iter();
            versions.find(|indexed| indexed.version == version)
        });
        match known {
            Some(known) => found.push(known.clone()),
            None if looked_at < MOST_LOOKED_AT => {
                looked_at += 1;
                found.extend(look_into(storage, product, version).await?);
            }
            None => {}
        }
    }
    Ok(found)
}

async fn look_into(
    storage: &Releases,
    product: &Slug,
    version: Version,
) -> Result<Option<IndexedVersion>, ReleaseError> {
    let key = version_key(product, version.as_str());
    let json = storage.read(&key, MAX_MANIFEST_BYTES).await?;
    let manifest = json.map(|json| VersionManifest::read(&json, product, version.as_str()));
    match manifest {
        Some(Ok(manifest)) => Ok(IndexedVersion::of_manifest(&manifest)),
        None | Some(Err(ManifestError::Format)) => {
            let folder = format!("{product}/{version}");
            let listing = storage.list(&folder).await?.unwrap_or_default();
            let mut files = listing.files;
            files.retain(|name| Name::parse(name).is_ok());
            Ok((!files.is_empty()).then(|| IndexedVersion::of_folder(version, files)))
        }
        // Damaged: not offered, as by the gate.
        Some(Err(_)) => Ok(None),
    }
}

fn unavailable(error: &ReleaseError) -> ApiError {
    ApiError::unavailable(
        "storage_unavailable",
        "the change is recorded, but the release storage is unavailable; send the same request again",
        error.to_string(),
    )
}
