//! `POST /v1/admin/receipts/seal`: seals receipts that were written before.

use crate::{Operator, Ports};
use keywright_domain::entitlement::SealState;
use keywright_ports::receipt_keys::ReceiptFacts;
use keywright_store::sales::receipts::{self, ListedReceipt};
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures};
use keywright_web::{ApiError, Attempted, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Receipts of one call at most.
const MOST: usize = 100;

/// Which receipts to seal.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReceiptsToSeal)]
pub(crate) struct SealRequest {
    /// 1 to 100 receipts, as `GET /v1/admin/receipts` showed them.
    #[schema(min_items = 1, max_items = 100)]
    receipts: Vec<ReceiptToSeal>,
}

/// A receipt to seal.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReceiptToSeal {
    /// UUID.
    id: String,
    /// Its `digest`: a receipt that is another one by now is not sealed.
    digest: String,
}

/// What was sealed.
#[derive(Serialize, ToSchema)]
#[schema(as = SealedReceipts)]
pub(crate) struct SealAnswer {
    /// How many were sealed by this call.
    sealed: usize,
    /// How many were sealed with the newest key before.
    already_sealed: usize,
    /// Those that were not sealed.
    refused: Vec<RefusedReceipt>,
}

/// A receipt that was not sealed.
#[derive(Serialize, ToSchema)]
pub(crate) struct RefusedReceipt {
    /// UUID.
    id: String,
    /// `unknown`, there is no such receipt; `changed`, it is not what `digest` names;
    /// `broken`, it was changed after it had been sealed; `no_license`.
    #[schema(example = "changed")]
    reason: &'static str,
}

/// Seals receipts that were written before
///
/// With the newest key. Receipts that have a good seal of an older key can be sealed
/// at any time. Those that have none, such as receipts from before an upgrade, only
/// through the day `RECEIPT_SEALING_UNTIL` of the configuration: else 409
/// `sealing_closed`, and nothing is sealed. A receipt whose seal does not fit is
/// never sealed again. Repeating it changes nothing.
#[utoipa::path(
    post,
    path = "/v1/admin/receipts/seal",
    operation_id = "sealReceipts",
    tag = "records",
    request_body = SealRequest,
    responses(
        (status = 200, description = "What was sealed.", body = SealAnswer),
        BodyRefusals, AccessRefusals, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    body: Result<Json<SealRequest>, ApiError>,
) -> Result<Json<SealAnswer>, ApiError> {
    let Json(body) = body?;
    if !(1..=MOST).contains(&body.receipts.len()) {
        return Err(ApiError::bad_request(format!(
            "receipts must list 1 to {MOST} receipts"
        )));
    }
    let keys = ports.receipt_keys()?;
    let ids: Vec<&str> = body.receipts.iter().map(|one| one.id.as_str()).collect();
    let found = receipts::with_ids(&ports.database, &ids).await?;
    let mut answer = SealAnswer {
        sealed: 0,
        already_sealed: 0,
        refused: Vec::new(),
    };
    let mut to_seal = Vec::new();
    for wanted in &body.receipts {
        let receipt = found.iter().find(|receipt| receipt.id == wanted.id);
        let (facts, state) = match read(receipt, wanted) {
            Ok(facts) => (facts, receipt.and_then(|receipt| receipt.seal_state(keys))),
            Err(reason) => {
                answer.refuse(wanted, reason);
                continue;
            }
        };
        match state {
            Some(SealState::Sealed) => answer.already_sealed += 1,
            Some(SealState::SealedByOlderKey) => to_seal.push(facts),
            Some(SealState::Unsealed | SealState::UnknownKey) => {
                ports.sealing_until.check(actor.at)?;
                to_seal.push(facts);
            }
            Some(SealState::Broken) | None => answer.refuse(wanted, "broken"),
        }
    }
    let audit_id = ports.stamps.new_id();
    answer.sealed =
        receipts::seal_recorded(&ports.database, &actor, &to_seal, keys, audit_id).await?;
    Ok(Json(answer))
}

/// The receipt, if it is the one that was shown.
fn read<'a>(
    receipt: Option<&'a ListedReceipt>,
    wanted: &ReceiptToSeal,
) -> Result<ReceiptFacts<'a>, &'static str> {
    let receipt = receipt.ok_or("unknown")?;
    let facts = receipt.facts().ok_or("no_license")?;
    if facts.digest() == wanted.digest {
        Ok(facts)
    } else {
        Err("changed")
    }
}

impl SealAnswer {
    fn refuse(&mut self, wanted: &ReceiptToSeal, reason: &'static str) {
        self.refused.push(RefusedReceipt {
            id: wanted.id.clone(),
            reason,
        });
    }
}
