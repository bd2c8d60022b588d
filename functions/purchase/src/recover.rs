//! `POST /v1/recover`: the key of an earlier order, for the buyer who has the order's secret
//! and the e-mail address given with the order. The order's id is not enough: it is public,
//! and the address may be.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use keywright_domain::caller_limits::RECOVERIES;
use keywright_domain::dates::rfc3339;
use keywright_domain::email;
use keywright_domain::order::{OrderOpener, likely_cause};
use keywright_ports::{Database, Sign, Stamps};
use keywright_services::activity::ActivityLog;
use keywright_store::operator::activity::ActivityKind;
use keywright_store::sales::purchases;
use keywright_web::caller_limit::take_for;
use keywright_web::openapi::{BodyRefusals, Conflict, Failures, TooMany, Unknown};
use keywright_web::{ApiError, Json, Visit, same_secret};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the buyer still has of the order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recover {
    /// Secret of the order: `invoice_id` of the purchase's answer. The id of an order
    /// from before there were secrets.
    #[schema(min_length = 1)]
    invoice_id: String,
    /// The address given with the order, or the one that the vendor corrected it to. How it
    /// is written (letter case, `mailto:`, `xn--…`) does not matter.
    #[schema(example = "satoshi@example.com", min_length = 1)]
    email: String,
}

/// A license that was bought before.
#[derive(Serialize, ToSchema)]
pub(crate) struct Recovered {
    /// The key.
    license_key: String,
    /// UUID of the license.
    license_id: String,
    /// The token for the release gate.
    token: String,
    /// 32 hex digits that open the downloads of the license and nothing else:
    /// the "Download Key" of a Joomla site.
    download_id: Option<String>,
    /// UUID of the product.
    product_id: String,
    /// Slug of the product.
    #[schema(example = "demo")]
    product: String,
    /// RFC 3339.
    issued_at: String,
    /// RFC 3339; null never.
    expires_at: Option<String>,
    /// What the license unlocks.
    entitlements: Vec<String>,
    /// Whether the product is an extension of Joomla, whose sites take `download_id`.
    is_for_joomla: bool,
}

/// Shows the key of an earlier purchase again
///
/// The same 404 for an unknown order, one that is not settled, another address and a license
/// that is not active, so that nothing can be learnt about other people's purchases. 400 for an empty member. Ten tries
/// a minute for each address.
#[utoipa::path(
    post,
    path = "/v1/recover",
    operation_id = "recoverLicense",
    tag = "buying",
    request_body = Recover,
    responses(
        (status = 200, body = Recovered),
        Failures, BodyRefusals, Conflict, Unknown, TooMany
    )
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    State(stamps): State<Stamps>,
    State(sign): State<Sign>,
    State(activity): State<ActivityLog>,
    visit: Visit,
    recover: Result<Json<Recover>, ApiError>,
) -> Result<Response, ApiError> {
    let Json(recover) = recover?;
    let (invoice_id, email) = (&recover.invoice_id, email::folded(&recover.email));
    for (member, text) in [("invoice_id", invoice_id.trim()), ("email", &email)] {
        if text.is_empty() {
            return Err(ApiError::bad_request(format!("{member} must not be empty")));
        }
    }
    let now = stamps.now_millis();
    let allowance = take_for(&database, &[&RECOVERIES], &visit.client, now).await?;
    let mismatch = || mismatch(invoice_id);
    let opener = OrderOpener::parse(invoice_id).ok_or_else(mismatch)?;
    let sale = purchases::settled_order(&database, &opener).await?;
    // Compared even without an order, and in constant time, so that the time does not show
    // which of the two was wrong.
    let given = sale.as_ref().and_then(|sale| sale.buyer_email.as_deref());
    let same = same_secret(&email::folded(given.unwrap_or_default()), &email);
    let Some(sale) = sale.filter(|_| same) else {
        let (kind, network) = (ActivityKind::RecoveryRefused, visit.client.network());
        let note = activity.note(&visit.later, visit.caller(), kind, &network);
        note.await;
        return Err(mismatch());
    };
    let signed = sign.license(&sale.license_id).await.map_err(|error| {
        ApiError::unavailable(
            "service_unavailable",
            "the license could not be signed now; try again later",
            error.to_string(),
        )
    })?;
    activity
        .note(
            &visit.later,
            visit.caller(),
            ActivityKind::KeyRecovered,
            &sale.license_id,
        )
        .await;
    let recovered = Recovered {
        license_key: signed.license_key,
        license_id: sale.license_id,
        token: signed.token,
        download_id: signed.download_id,
        product_id: sale.product_id,
        product: sale.product,
        issued_at: rfc3339(sale.issued_at),
        expires_at: sale.expires_at.map(rfc3339),
        entitlements: sale.entitlements,
        is_for_joomla: sale.is_for_joomla,
    };
    Ok((allowance, [(CACHE_CONTROL, "no-store")], Json(recovered)).into_response())
}

/// The same answer for every reason: only the form of what was sent makes a difference.
fn mismatch(invoice_id: &str) -> ApiError {
    let cause = likely_cause(invoice_id);
    ApiError::not_found(format!(
        "no active license was bought with this invoice and address{cause}"
    ))
}
