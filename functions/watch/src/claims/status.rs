//! `GET /v1/license/{tx_hash}`: the state of the payment in a transaction.

use super::lookup::{LookupOutcome, look_up};
use super::transaction;
use crate::Ports;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, RETRY_AFTER};
use keywright_domain::dates::rfc3339;
use keywright_domain::usdc::claiming::{PaymentStanding, TransferState, standing};
use keywright_providers::polygon::{Address, Hash};
use keywright_store::chain::claims::{self, TransactionPayment};
use keywright_store::chain::transfers::display;
use keywright_store::operator::activity::ActivityKind;
use keywright_web::openapi::{BadQuery, Failures, TooMany};
use keywright_web::{ApiError, Json, Visit};
use serde::Serialize;
use utoipa::ToSchema;

/// Polling interval in seconds: blocks of Polygon are final after a few seconds, and the
/// chain is read once a minute.
const RETRY_SECONDS: u32 = 15;

/// A payment that is final.
#[derive(Serialize, ToSchema)]
#[schema(as = ConfirmedPayment)]
pub(crate) struct ConfirmedPayment {
    /// Always `confirmed`.
    #[schema(example = "confirmed")]
    status: &'static str,
    /// The transaction.
    tx_hash: String,
    /// EIP-155.
    #[schema(example = 137)]
    chain_id: i64,
    /// Its block.
    block_number: i64,
    /// When the block was made, RFC 3339.
    confirmed_at: String,
    /// True when the paying wallet can claim a license.
    claimable: bool,
    /// The transfers to the vendor.
    payments: Vec<PaymentView>,
    #[serde(flatten)]
    #[schema(inline)]
    legacy: Option<LegacyClaim>,
}

/// One transfer.
#[derive(Serialize, ToSchema)]
#[schema(as = ConfirmedTransfer)]
pub(crate) struct PaymentView {
    /// The wallet that paid, with the checksum of EIP-55.
    payer: String,
    /// Micro-units.
    amount_units: i64,
    /// In USDC.
    #[schema(example = "19.000001")]
    amount_display: String,
    /// `seen`, `credited`, `unmatched` or `resolved`.
    #[schema(value_type = String, example = "credited")]
    state: TransferState,
    /// Why it does not settle an order: `underpaid`, `overpaid`, `late`, `wrong_token`,
    /// `duplicate`, `unknown`, `early` or `ambiguous`.
    #[schema(required)]
    reason: Option<String>,
}

/// The license itself: only with `LEGACY_TX_CLAIMS`, which opens it to anyone who knows
/// the hash.
#[derive(Serialize, ToSchema)]
#[schema(as = LegacyClaim)]
pub(crate) struct LegacyClaim {
    /// The key.
    license_key: String,
    /// The token for the release gate.
    token: String,
    /// UUID of the license.
    license_id: String,
    /// Slug of the product.
    product_id: String,
    /// The wallet that paid, lower case.
    customer_ref: String,
}

/// A payment that is not final yet.
#[derive(Serialize, ToSchema)]
#[schema(as = PendingPayment)]
pub(crate) struct PendingPayment {
    /// Always `pending`.
    #[schema(example = "pending")]
    status: &'static str,
    /// The transaction.
    tx_hash: String,
    /// Its block; null while it is not in a block.
    #[schema(required)]
    block_number: Option<i64>,
    /// Poll again after this many seconds.
    retry_after: u32,
    /// For people.
    message: &'static str,
}

/// An unknown payment.
#[derive(Serialize, ToSchema)]
#[schema(as = UnknownPayment)]
pub(crate) struct UnknownPayment {
    /// Always `false`.
    ok: bool,
    /// Always `not_found`.
    error: &'static str,
    /// Always `not_found`.
    #[schema(example = "not_found")]
    status: &'static str,
    /// What to do about it.
    message: &'static str,
}

/// Shows the state of the payment in a transaction
///
/// The answer does not contain the license, which is shown on the order's page and to
/// anyone who claims it with the paying wallet. A transaction that is not recorded is
/// looked up on the chain, ten times a minute for each caller. If it pays the vendor in a
/// block that was read, it is recorded and soon judged. 503 when the chain is unavailable.
#[utoipa::path(
    get,
    path = "/v1/license/{tx_hash}",
    operation_id = "getPaymentByTransaction",
    tag = "buying",
    params(("tx_hash" = String, Path, description = "0x and 64 hexadecimal digits")),
    responses(
        (status = 200, description = "Final.", body = ConfirmedPayment),
        (status = 202, description = "Not final yet; poll again.", body = PendingPayment),
        (status = 404, description = "No payment to the vendor.", body = UnknownPayment),
        BadQuery, TooMany, Failures
    )
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    visit: Visit,
    tx_hash: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    let hash = transaction(tx_hash)?;
    let chain_id = ports.claims.chain_id()?;
    let payments = claims::payments(&ports.database, chain_id, &hash.to_string()).await?;
    let payments: Vec<TransactionPayment> = payments
        .into_iter()
        .filter(|one| one.state != TransferState::Reorged)
        .collect();
    match standing(payments.iter().map(|one| one.state)) {
        PaymentStanding::Confirmed => {
            let (answer, shown) = confirmed(&ports, hash, chain_id, payments).await?;
            if let Some(license_id) = shown {
                let activity = &ports.activity;
                let note = activity.note(
                    &visit.later,
                    visit.caller(),
                    ActivityKind::KeyClaimed,
                    &license_id,
                );
                note.await;
            }
            Ok(answer)
        }
        PaymentStanding::Pending => Ok(pending(hash, payments.first().map(|one| one.block))),
        PaymentStanding::Unknown => {
            match look_up(&ports, &visit.client, hash, &visit.request_id).await? {
                LookupOutcome::Pending(block) => Ok(pending(hash, block.map(u64::cast_signed))),
                LookupOutcome::Nothing => Ok(not_found()),
            }
        }
    }
}

/// The answer, and the id of the license whose key it contains, if any.
async fn confirmed(
    ports: &Ports,
    hash: Hash,
    chain_id: i64,
    payments: Vec<TransactionPayment>,
) -> Result<(Response, Option<String>), ApiError> {
    let claimed = payments.iter().find(|one| one.active_license().is_some());
    let legacy = match claimed {
        Some(payment) if ports.claims.legacy => legacy(ports, payment).await?,
        _ => None,
    };
    let judged = payments.iter().find(|one| one.block_time.is_some());
    let shown = legacy.as_ref().map(|legacy| legacy.license_id.clone());
    let confirmed = ConfirmedPayment {
        status: "confirmed",
        tx_hash: hash.to_string(),
        chain_id,
        block_number: payments.first().map_or(0, |one| one.block),
        confirmed_at: rfc3339(judged.and_then(|one| one.block_time).unwrap_or_default()),
        claimable: claimed.is_some(),
        payments: payments.into_iter().map(PaymentView::from).collect(),
        legacy,
    };
    let answer = ([(CACHE_CONTROL, "no-store")], Json(confirmed)).into_response();
    Ok((answer, shown))
}

/// The license for who knows the hash; `None` once its key was replaced: a hash is public,
/// and does not show the key that replaced a leaked one.
async fn legacy(
    ports: &Ports,
    payment: &TransactionPayment,
) -> Result<Option<LegacyClaim>, ApiError> {
    let license_id = payment.active_license().unwrap_or_default();
    let signed = ports.claims.signed(license_id).await?;
    Ok((!signed.current_key.is_replacement()).then(|| LegacyClaim {
        license_key: signed.license_key,
        token: signed.token,
        license_id: license_id.to_owned(),
        product_id: payment.product.clone().unwrap_or_default(),
        customer_ref: payment.payer.clone(),
    }))
}

fn pending(hash: Hash, block_number: Option<i64>) -> Response {
    let body = PendingPayment {
        status: "pending",
        tx_hash: hash.to_string(),
        block_number,
        retry_after: RETRY_SECONDS,
        message: "the payment is being confirmed; it counts once its block is final and was checked",
    };
    let headers = [
        (CACHE_CONTROL, "no-store".to_owned()),
        (RETRY_AFTER, RETRY_SECONDS.to_string()),
    ];
    (StatusCode::ACCEPTED, headers, Json(body)).into_response()
}

fn not_found() -> Response {
    let body = UnknownPayment {
        ok: false,
        error: "not_found",
        status: "not_found",
        message: "no payment to this vendor has this hash; a new payment takes a moment to appear",
    };
    (
        StatusCode::NOT_FOUND,
        [(CACHE_CONTROL, "no-store")],
        Json(body),
    )
        .into_response()
}

impl From<TransactionPayment> for PaymentView {
    fn from(payment: TransactionPayment) -> Self {
        let payer: Option<Address> = payment.payer.parse().ok();
        Self {
            payer: payer.map_or(payment.payer, |payer| payer.to_string()),
            amount_units: payment.amount_units,
            amount_display: display(payment.amount_units),
            state: payment.state,
            reason: payment.reason,
        }
    }
}
