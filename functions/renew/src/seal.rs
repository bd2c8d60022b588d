//! Seals the audit log: new entries become leaves, and sign signs the head of the tree.
//!
//! Leaves are added only to a head that was signed, so a head that waits for its signature
//! is the one thing that a tick can leave behind. A crash between any two steps, or a tick
//! beside this one, changes nothing: leaves are added if the tree still has the size that
//! was read, a head gives the same checkpoint every time, and an older checkpoint never
//! replaces a newer one.

use crate::Ports;
use keywright_domain::audit_log::leaf::VERSION;
use keywright_domain::audit_log::tree::{TreeHead, leaf_hash};
use keywright_license::is_note_name;
use keywright_ports::{DatabaseError, Level, Sign, SignRefusal};
use keywright_store::operator::audit_seal::{self, AppendedLeaf};
use serde::Serialize;
use utoipa::ToSchema;

/// Entries that one tick seals at most: 288,000 a day at a tick a minute.
const PER_TICK: u32 = 200;

/// Statements that a tick takes at most.
pub(crate) const STATEMENTS: usize = 8;

/// What the name of a log ends in.
const NAME: &str = "keywright-audit";

/// What a tick did for the audit log.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Sealed)]
pub(crate) struct SealReport {
    /// Entries of the audit log that were sealed.
    sealed: usize,
}

/// Runs one tick. Without `SEAL_KEY` nothing is written.
pub(crate) async fn tick(ports: &Ports, request_id: &str) -> Result<SealReport, DatabaseError> {
    let Some(sign) = &ports.sign else {
        return Ok(SealReport::default());
    };
    let state = audit_seal::state(&ports.database).await?;
    let mut head = match &state.tree {
        Some(tree) => tree.head()?,
        None => TreeHead::default(),
    };
    let is_ready = match &state.tree {
        Some(tree) if tree.signed_size < tree.size => store_signed(ports, sign, request_id).await?,
        Some(_) => true,
        None => state.has_unsealed && is_configured(ports, sign, request_id).await,
    };
    if !is_ready || !state.has_unsealed {
        return Ok(SealReport::default());
    }
    let entries = audit_seal::unsealed(&ports.database, PER_TICK).await?;
    if entries.is_empty() {
        // Another tick was faster.
        return Ok(SealReport::default());
    }
    let from = head.size();
    let mut leaves = Vec::with_capacity(entries.len());
    for entry in &entries {
        // An entry that somebody damaged before it was sealed holds up no other. Its leaf
        // fits no entry, so that the verdict on the log says that it was changed.
        let hash = entry.leaf_hash(VERSION).unwrap_or_else(|| leaf_hash(&[]));
        head.append(hash);
        leaves.push(AppendedLeaf {
            sequence: entry.sequence,
            hash,
        });
    }
    let origin = origin(ports);
    audit_seal::append(&ports.database, &origin, from, &head, &leaves).await?;
    let is_signed = store_signed(ports, sign, request_id).await?;
    Ok(SealReport {
        sealed: if is_signed { leaves.len() } else { 0 },
    })
}

/// Has the head signed and stores the checkpoint. Answers whether there is one.
async fn store_signed(ports: &Ports, sign: &Sign, request_id: &str) -> Result<bool, DatabaseError> {
    match sign.checkpoint().await {
        Ok(signed) => {
            let at = ports.stamps.now();
            let database = &ports.database;
            audit_seal::store_checkpoint(database, signed.size, &signed.note, at).await?;
            Ok(true)
        }
        Err(error) => {
            report(ports, request_id, error.refusal(), &error.to_string());
            Ok(false)
        }
    }
}

/// Whether sign can seal the log, before its first leaf.
async fn is_configured(ports: &Ports, sign: &Sign, request_id: &str) -> bool {
    match sign.checkpoint().await {
        Ok(_) => true,
        Err(error) => {
            let refusal = error.refusal();
            report(ports, request_id, refusal, &error.to_string());
            refusal == Some(SignRefusal::NothingToSeal)
        }
    }
}

/// Writes to the log why nothing is sealed, unless nobody wants it to be.
fn report(ports: &Ports, request_id: &str, refusal: Option<SignRefusal>, reason: &str) {
    if !matches!(
        refusal,
        Some(SignRefusal::NoSealKey | SignRefusal::NothingToSeal)
    ) {
        let line = format!("the audit log is not sealed: {reason}");
        ports.log.write(Level::Error, request_id, &line);
    }
}

/// The name that a log gets at its first seal: where the instance is reached, without the
/// scheme, or something that no other instance has.
fn origin(ports: &Ports) -> String {
    let url = ports.public_url.as_deref();
    let address = url.and_then(|url| url.split_once("://"));
    let name = address.map(|(_, address)| format!("{}/{NAME}", address.to_lowercase()));
    name.filter(|name| is_note_name(name))
        .unwrap_or_else(|| format!("{NAME}/{}", ports.stamps.new_id()))
}
