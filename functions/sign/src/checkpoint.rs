//! `POST /checkpoint`: the signed head of the audit log.

use crate::error::Refusal;
use crate::seal_keys::SealKeys;
use axum::extract::State;
use keywright_license::Checkpoint;
use keywright_ports::{Reader, SignCheckpointRequest, SignRefusal, SignedNote};
use keywright_store::operator::audit_seal;
use keywright_web::{ApiError, Json};

/// Signs the head that the database has, and nothing that a caller says. A size whose
/// checkpoint is stored gets that one again, also when the keys have changed since.
///
/// The refusals are those of [`SignRefusal`].
pub(crate) async fn handler(
    State(database): State<Reader>,
    State(keys): State<SealKeys>,
    request: Result<Json<SignCheckpointRequest>, ApiError>,
) -> Result<Json<SignedNote>, Refusal> {
    let Json(SignCheckpointRequest {}) = request.map_err(|error| Refusal::bad_body(&error))?;
    let keys = keys.usable()?;
    let tree = audit_seal::tree(&database).await?;
    let tree = tree
        .filter(|tree| tree.size > 0)
        .ok_or_else(|| Refusal::new(SignRefusal::NothingToSeal, "the audit log has no leaf yet"))?;
    let head = tree.head()?;
    let size = tree.size;
    if let Some(note) = tree.note.filter(|_| tree.signed_size == size) {
        return Ok(Json(SignedNote { size, note }));
    }
    let checkpoint = Checkpoint {
        origin: tree.origin,
        size,
        root: head.root(),
    };
    let note = checkpoint.sign(keys);
    Ok(Json(SignedNote { size, note }))
}
