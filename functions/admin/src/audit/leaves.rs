//! `GET /v1/admin/audit/leaves`: the sealed audit log, leaf by leaf, for those who verify it.

use crate::Ports;
use crate::conceal;
use axum::Extension;
use axum::extract::State;
use keywright_domain::access::Caller;
use keywright_domain::audit_log::leaf::StoredEntry;
use keywright_domain::audit_log::verdict::ServedLeaf;
use keywright_store::operator::audit_seal;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::{ApiError, Json, StrictQuery};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::{IntoParams, ToSchema};

/// Most leaves of a page, and as many where no limit is sent.
const MAX_LIMIT: i64 = 200;
/// The highest index that can be asked for.
const MAX_INDEX: i64 = (1 << 53) - 1;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LeafQuery {
    /// The index of the first leaf: 0, or one more than the last one of the page before.
    #[param(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    first: Option<i64>,
    /// How many to answer at most.
    #[param(minimum = 1, maximum = 200, default = 200)]
    limit: Option<i64>,
}

/// An audit entry exactly as it is stored and sealed.
#[derive(Serialize, ToSchema)]
#[schema(as = StoredAuditEntry)]
pub(crate) struct StoredEntryView {
    /// Rises from entry to entry, in the order in which they were recorded.
    sequence: i64,
    /// UUID.
    id: String,
    /// Unix seconds.
    at: i64,
    /// Who did it.
    actor: String,
    /// What was done.
    action: String,
    /// What it was done to.
    object_kind: String,
    /// Id of the object.
    object_id: String,
    /// The `x-request-id` of the answer; empty for a tick.
    request_id: String,
    /// The stored text of the object before; null for none, and once it is erased.
    #[schema(required)]
    before: Option<String>,
    /// The stored text of the object after; null for none, and once it is erased.
    #[schema(required)]
    after: Option<String>,
    /// 16 random bytes in hex; null once the content is erased.
    #[schema(required)]
    salt: Option<String>,
    /// SHA-256 of salt, before and after, in hex, once these are erased or where they are
    /// withheld; else null.
    #[schema(required)]
    content_digest: Option<String>,
}

/// A leaf of the sealed audit log.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditLeaf)]
pub(crate) struct LeafView {
    /// Where it stands in the tree, from 0.
    index: u64,
    /// The sequence of its entry.
    sequence: i64,
    /// The layout of its bytes; docs/audit.md describes it.
    version: i64,
    /// SHA-256 as of RFC 6962, in hex.
    hash: String,
    /// The entry; null when it was pruned, or is withheld.
    #[schema(required)]
    entry: Option<StoredEntryView>,
    /// True when this key may not see the entry, or not its before and after.
    withheld: bool,
}

/// A page of leaves.
#[derive(Serialize, ToSchema)]
pub(crate) struct LeafPage {
    /// The number of leaves.
    size: u64,
    /// In order; ask for what follows the last one until there is none.
    leaves: Vec<LeafView>,
    /// Entries without a leaf, on the last page only: those that are not sealed yet.
    unsealed: Vec<StoredEntryView>,
}

/// The sealed audit log, leaf by leaf
///
/// Entries exactly as they are stored, with the hashes of their leaves, the oldest first. A
/// leaf stays when its entry is pruned. What a key may not see is withheld, as in the list
/// of audit entries.
#[utoipa::path(
    get,
    path = "/v1/admin/audit/leaves",
    operation_id = "listAuditLeaves",
    tag = "records",
    params(LeafQuery),
    responses(
        (status = 200, description = "The leaves.", body = LeafPage),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Extension(caller): Extension<Caller>,
    query: Result<StrictQuery<LeafQuery>, ApiError>,
) -> Result<Json<LeafPage>, ApiError> {
    let StrictQuery(query) = query?;
    let first = query.first.unwrap_or_default();
    let limit = query.limit.unwrap_or(MAX_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ApiError::bad_request(format!(
            "limit must be from 1 to {MAX_LIMIT}"
        )));
    }
    if !(0..=MAX_INDEX).contains(&first) {
        return Err(ApiError::bad_request(format!(
            "first must be from 0 to {MAX_INDEX}"
        )));
    }
    let mut page = audit_seal::leaves(&ports.database, first, limit).await?;
    let entries = page.leaves.iter().filter_map(|leaf| leaf.entry.as_ref());
    let opening = opening(&ports, &caller, entries.chain(&page.unsealed)).await?;
    for leaf in &mut page.leaves {
        withhold(leaf, &caller, &opening);
    }
    let unsealed = page.unsealed.into_iter();
    let unsealed = unsealed.filter_map(|entry| {
        let entry = if hides_code(&entry, &caller) {
            entry.without_content()?
        } else {
            entry
        };
        (!names_any(&entry, &opening)).then(|| entry.into())
    });
    Ok(Json(LeafPage {
        size: page.size,
        leaves: page.leaves.into_iter().map(LeafView::from).collect(),
        unsealed: unsealed.collect(),
    }))
}

/// The ids in these entries that open an order, which this caller may not have.
async fn opening<'a>(
    ports: &Ports,
    caller: &Caller,
    entries: impl Iterator<Item = &'a StoredEntry>,
) -> Result<BTreeSet<String>, ApiError> {
    if caller.may_see_credentials() {
        return Ok(BTreeSet::new());
    }
    let ids: BTreeSet<&str> = entries.flat_map(texts).flat_map(conceal::ids).collect();
    conceal::opening(ports, &ids).await
}

/// The members of an entry that can name an order.
fn texts(entry: &StoredEntry) -> impl Iterator<Item = &str> {
    let states = [entry.before.as_deref(), entry.after.as_deref()];
    let object = std::iter::once(entry.object_id.as_str());
    object.chain(states.into_iter().flatten())
}

fn names_any(entry: &StoredEntry, opening: &BTreeSet<String>) -> bool {
    !opening.is_empty()
        && texts(entry)
            .flat_map(conceal::ids)
            .any(|id| opening.contains(id))
}

/// Whether the caller may not see the text of the discount code that an entry is about.
fn hides_code(entry: &StoredEntry, caller: &Caller) -> bool {
    entry.object_kind == "discount_code" && !caller.may_see_codes() && !entry.is_erased()
}

/// Takes out of a leaf what this caller may not see. The digest of a content stays, so that
/// the leaf can be compared all the same.
fn withhold(leaf: &mut ServedLeaf, caller: &Caller, opening: &BTreeSet<String>) {
    let Some(entry) = leaf.entry.take() else {
        return;
    };
    leaf.withheld = true;
    if names_any(&entry, opening) {
        return;
    }
    leaf.withheld = hides_code(&entry, caller);
    if leaf.withheld {
        leaf.entry = entry.without_content();
        // A damaged entry has no digest, and counts as removed.
        leaf.withheld = leaf.entry.is_some();
    } else {
        leaf.entry = Some(entry);
    }
}

impl From<ServedLeaf> for LeafView {
    fn from(leaf: ServedLeaf) -> Self {
        Self {
            index: leaf.index,
            sequence: leaf.sequence,
            version: leaf.version,
            hash: leaf.hash,
            entry: leaf.entry.map(StoredEntryView::from),
            withheld: leaf.withheld,
        }
    }
}

impl From<StoredEntry> for StoredEntryView {
    fn from(entry: StoredEntry) -> Self {
        Self {
            sequence: entry.sequence,
            id: entry.id,
            at: entry.at,
            actor: entry.actor,
            action: entry.action,
            object_kind: entry.object_kind,
            object_id: entry.object_id,
            request_id: entry.request_id,
            before: entry.before,
            after: entry.after,
            salt: entry.salt,
            content_digest: entry.content_digest,
        }
    }
}
