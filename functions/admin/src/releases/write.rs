//! Writes manifests from the database into the release storage. A manifest is
//! replaced only if it is still the one that was read before the rows were, so
//! of two that write at once the one with the older rows writes again, and a
//! manifest never goes back to an earlier state.

use super::index;
use crate::Ports;
use keywright_domain::release::ReleaseIndex;
use keywright_domain::release::manifest::{product_key, version_key};
use keywright_domain::slug::Slug;
use keywright_ports::{Expected, ReleaseWriter};
use keywright_store::releases::release_gates;
use keywright_store::releases::versions;
use keywright_web::ApiError;
use serde::Serialize;

/// How often a manifest is tried while others write it too. Each try that
/// fails is somebody else's that succeeded.
pub(super) const TRIES: usize = 20;

/// Writes what the storage does not show yet of a product, manifests and index:
/// what this request changed, and what an earlier one could not write. `false` where the host
/// cannot write.
pub(super) async fn manifests(ports: &Ports, product: &Slug) -> Result<bool, ApiError> {
    let Some(writer) = &ports.releases else {
        return Ok(false);
    };
    let gate = release_gates::find(&ports.database, product).await?;
    if gate.is_some_and(|gate| gate.written_revision < gate.revision) {
        write_gate(ports, writer, product).await?;
    }
    for release in versions::unwritten(&ports.database, product).await? {
        let key = version_key(product, release.version.as_str());
        write_version(ports, writer, &release.id, &key).await?;
    }
    // Last, so that it leads to nothing that is not there.
    index::write(ports, writer, product).await?;
    Ok(true)
}

/// The index of a product where this host could not write it.
pub(super) async fn index_unless(
    ports: &Ports,
    product: &Slug,
    written: bool,
) -> Result<Option<ReleaseIndex>, ApiError> {
    if written {
        return Ok(None);
    }
    index::recorded(ports, product).await.map(Some)
}

async fn write_gate(ports: &Ports, writer: &ReleaseWriter, product: &Slug) -> Result<(), ApiError> {
    let key = product_key(product);
    for _ in 0..TRIES {
        let there = StoredManifest::look(writer, &key).await?;
        let Some(gate) = release_gates::find(&ports.database, product).await? else {
            return Ok(());
        };
        if there.write(writer, &key, &gate.manifest()).await? {
            release_gates::written(&ports.database, &gate.product_id, gate.revision).await?;
            return Ok(());
        }
    }
    Err(busy(&key))
}

async fn write_version(
    ports: &Ports,
    writer: &ReleaseWriter,
    id: &str,
    key: &str,
) -> Result<(), ApiError> {
    for _ in 0..TRIES {
        let there = StoredManifest::look(writer, key).await?;
        // After looking: whoever changes the rows from here on writes after us,
        // or has us try again.
        let Some(release) = versions::get(&ports.database, id).await? else {
            return Ok(());
        };
        if there.write(writer, key, &release.manifest()).await? {
            versions::written(&ports.database, id, release.revision).await?;
            return Ok(());
        }
    }
    Err(busy(key))
}

pub(super) fn busy(key: &str) -> ApiError {
    ApiError::unavailable(
        "storage_unavailable",
        "the change is recorded, but the manifest is being changed by somebody else; send the same request again",
        format!("{key} changed {TRIES} times while it was written"),
    )
}

/// What is in a manifest's place.
pub(super) struct StoredManifest {
    bytes: Option<Vec<u8>>,
    expected: Expected,
}

impl StoredManifest {
    pub(super) async fn look(writer: &ReleaseWriter, key: &str) -> Result<Self, ApiError> {
        let there = writer.read(key).await?;
        Ok(match there {
            Some(there) => Self {
                bytes: Some(there.bytes),
                expected: Expected::Tag(there.tag),
            },
            None => Self {
                bytes: None,
                expected: Expected::Nothing,
            },
        })
    }

    pub(super) fn bytes(&self) -> Option<&[u8]> {
        self.bytes.as_deref()
    }

    /// Whether the manifest is in its place now; `false` when somebody else
    /// wrote another one meanwhile.
    pub(super) async fn write(
        self,
        writer: &ReleaseWriter,
        key: &str,
        manifest: &impl Serialize,
    ) -> Result<bool, ApiError> {
        let json = serde_json::to_vec(manifest)
            .map_err(|error| ApiError::internal(format!("cannot write {key}: {error}")))?;
        if self.bytes.as_ref() == Some(&json) {
            return Ok(true);
        }
        Ok(writer.put(key, json, self.expected).await?)
    }
}
