//! `POST /v1/admin/transfers/{id}/resolve`.

use super::TransferView;
use crate::ids::TransferId;
use crate::text::{self, MAX_NOTE_BYTES};
use crate::{Operator, Ports};
use keywright_domain::dates::parse_rfc3339;
use keywright_domain::pasted::Pasted;
use keywright_store::chain::transfer_list::TransferRecord;
use keywright_store::chain::transfer_resolve::{self, Resolution, ResolveIds};
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Attempted, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// What was done about a transfer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TransferResolution)]
pub(crate) struct Resolve {
    /// `settled`, it pays the order `invoice_id`, whose license is issued;
    /// `refunded`, it was sent back; `ignored`, nothing.
    #[schema(example = "settled", pattern = "^(settled|refunded|ignored)$")]
    resolution: String,
    /// The order that it pays; with `settled` only.
    #[schema(value_type = Option<String>)]
    invoice_id: Option<Pasted>,
    /// From when the license runs, RFC 3339; with `settled` only. Now where it is left
    /// out; the time of the payment is the transfer's `block_time`.
    #[schema(format = DateTime, example = "2026-01-31T12:00:00Z")]
    license_from: Option<String>,
    /// A note, at most 2000 bytes.
    #[schema(max_length = 2_000)]
    note: Option<String>,
}

/// Says what was done about a transfer that pays nothing by itself.
///
/// With `settled` the order that it is to pay is settled and its license issued,
/// whatever the amount; `license_from` of the answer says from when it runs. A transfer
/// in any state is resolved, also one that is not judged yet, and one that was resolved
/// otherwise; only one that has paid for a license is not (409): suspend or revoke the
/// license. Only an order in USDC that is not settled is settled: else 409. A transfer
/// of another token settles nothing; give the buyer a license by hand. Repeating it
/// succeeds and changes nothing more.
#[utoipa::path(
    post,
    path = "/v1/admin/transfers/{id}/resolve",
    operation_id = "resolveTransfer",
    tag = "records",
    params(("id" = String, Path, description = "Id of the transfer.")),
    request_body = Resolve,
    responses(
        (status = 200, description = "The transfer.", body = TransferView),
        BodyRefusals, AccessRefusals, Unknown, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    id: TransferId,
    body: Result<Json<Resolve>, ApiError>,
) -> Result<Json<TransferView>, ApiError> {
    let Json(body) = body?;
    let note = text::present(body.note);
    if let Some(note) = &note {
        text::check("note", note, MAX_NOTE_BYTES)?;
    }
    let order = body.invoice_id.and_then(Pasted::id);
    let license_from = license_from(text::present(body.license_from), &body.resolution, actor.at)?;
    let resolution = match (body.resolution.as_str(), order) {
        ("settled", Some(invoice_id)) => Resolution::Settled {
            invoice_id,
            license_from,
        },
        ("settled", None) => {
            return Err(ApiError::bad_request(
                "invoice_id must name the order that the transfer pays",
            ));
        }
        (_, Some(_)) => {
            return Err(ApiError::bad_request(
                "invoice_id is only allowed when resolution is \"settled\"",
            ));
        }
        ("refunded", None) => Resolution::Refunded,
        ("ignored", None) => Resolution::Ignored,
        _ => {
            return Err(ApiError::bad_request(
                "resolution must be settled, refunded or ignored",
            ));
        }
    };
    let keys = ports.receipt_keys()?;
    let found = transfer_resolve::get(&ports.database, &id, resolution.invoice_id()).await?;
    let found = found.ok_or_else(TransferId::unknown)?;
    let ids = ResolveIds::new(&ports.stamps);
    let database = &ports.database;
    let note = note.as_deref();
    let resolved =
        transfer_resolve::resolve(database, &actor, &found, &resolution, note, &ids, keys).await?;
    if resolved.is_done {
        return TransferView::try_from(resolved.transfer).map(Json);
    }
    let now = &resolved.transfer;
    let (Resolution::Settled { invoice_id, .. }, false) = (&resolution, has_paid(now)) else {
        return Err(ApiError::conflict(
            "this transfer has paid for a license; suspend or revoke the license instead",
        ));
    };
    if now.reason.as_deref() == Some("wrong_token") {
        return Err(ApiError::conflict(
            "the transfer is of another token and cannot settle an order; issue a license by hand",
        ));
    }
    let duration = transfer_resolve::duration(database, now, invoice_id).await?;
    Err(match duration {
        Some(seconds) if seconds > 0 && license_from + seconds <= actor.at => {
            ApiError::bad_request(
                "license_from must be later: the license would have ended already",
            )
        }
        _ => ApiError::conflict("invoice_id must name an unsettled order in USDC"),
    })
}

/// Whether a license was issued for the transfer.
fn has_paid(transfer: &TransferRecord) -> bool {
    match transfer.standing() {
        "credited" => true,
        "resolved" => transfer.resolution.as_deref() == Some("settled"),
        _ => false,
    }
}

/// From when the license runs, in unix seconds: now, unless the operator says.
fn license_from(text: Option<String>, resolution: &str, now: i64) -> Result<i64, ApiError> {
    let Some(text) = text else { return Ok(now) };
    if resolution != "settled" {
        return Err(ApiError::bad_request(
            "license_from is only allowed when resolution is \"settled\"",
        ));
    }
    match parse_rfc3339(&text) {
        Ok(at) if at <= now => Ok(at),
        Ok(_) => Err(ApiError::bad_request(
            "license_from must not be in the future",
        )),
        Err(_) => Err(ApiError::bad_request(
            "license_from must be a time like 2026-01-31T12:00:00Z",
        )),
    }
}
