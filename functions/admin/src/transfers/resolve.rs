//! `POST /v1/admin/transfers/{id}/resolve`.

use super::View;
use crate::text::{self, MAX_NOTE_BYTES};
use crate::{Operator, Ports};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use keywright_edge::http::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown};
use keywright_edge::http::{ApiError, Json};
use keywright_store::transfer_resolve::{self, Resolution, ResolveIds};
use serde::Deserialize;
use utoipa::ToSchema;

/// What was done about a transfer.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = TransferResolution)]
pub(crate) struct Resolve {
    /// `settled`, it pays the order `invoice_id`, whose license is issued;
    /// `refunded`, it was sent back; `ignored`, nothing.
    #[schema(example = "settled", pattern = "^(settled|refunded|ignored)$")]
    resolution: String,
    /// The order that it pays; with `settled` only.
    invoice_id: Option<String>,
    /// A note, at most 2000 bytes.
    #[schema(max_length = 2_000)]
    note: Option<String>,
}

/// Says what was done about a transfer that pays nothing by itself.
///
/// With `settled` the order that it is to pay is settled and its license issued,
/// whatever the amount. Only a transfer that is `unmatched` is resolved, and only
/// an order in USDC that is not settled: else 409. A transfer of another token
/// settles nothing; give the buyer a license by hand. Repeating it succeeds and
/// changes nothing more.
#[utoipa::path(
    post,
    path = "/v1/admin/transfers/{id}/resolve",
    tag = "records",
    params(("id" = String, Path, description = "Id of the transfer.")),
    request_body = Resolve,
    responses(
        (status = 200, description = "The transfer.", body = View),
        BodyRefusals, AccessRefusals, Unknown, Conflict, Failures
    ),
    security(("operator" = ["attention:write"]))
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Operator(actor): Operator,
    id: Result<Path<String>, PathRejection>,
    body: Result<Json<Resolve>, ApiError>,
) -> Result<Json<View>, ApiError> {
    let Json(body) = body?;
    let unknown = || ApiError::not_found("there is no such transfer");
    let Path(id) = id.map_err(|_| unknown())?;
    let note = text::present(body.note);
    if let Some(note) = &note {
        text::check("note", note, MAX_NOTE_BYTES)?;
    }
    let order = text::present(body.invoice_id);
    let resolution = match (body.resolution.as_str(), order) {
        ("settled", Some(invoice_id)) => Resolution::Settled { invoice_id },
        ("settled", None) => {
            return Err(ApiError::bad_request(
                "invoice_id: say which order the transfer pays",
            ));
        }
        (_, Some(_)) => {
            return Err(ApiError::bad_request("invoice_id: with settled only"));
        }
        ("refunded", None) => Resolution::Refunded,
        ("ignored", None) => Resolution::Ignored,
        _ => {
            return Err(ApiError::bad_request(
                "resolution: settled, refunded or ignored",
            ));
        }
    };
    let found = transfer_resolve::get(&ports.database, &id).await?;
    let transfer = found.ok_or_else(unknown)?;
    let ids = ResolveIds::new(&ports.stamps);
    let database = &ports.database;
    let note = note.as_deref();
    let resolved =
        transfer_resolve::resolve(database, &actor, &transfer, &resolution, note, &ids).await?;
    if resolved.is_done {
        return View::try_from(resolved.transfer).map(Json);
    }
    Err(ApiError::conflict(match resolved.transfer.state.as_str() {
        "unmatched" if resolved.transfer.reason.as_deref() == Some("wrong_token") => {
            "it is of another token and settles nothing; issue a license by hand"
        }
        "unmatched" => "there is no order in USDC with this invoice_id that is not settled",
        "resolved" => "it was resolved otherwise before",
        _ => "only a transfer that is unmatched can be resolved",
    }))
}
