//! `POST /v1/license/{tx_hash}/challenge`: creates the message that the paying wallet
//! signs.

use super::proof::{ClaimChallenge, open};
use super::{limit_proofs, transaction};
use crate::Ports;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use keywright_domain::usdc::claiming::{PaymentStanding, standing};
use keywright_providers::polygon::claim::Purpose;
use keywright_providers::polygon::{Address, Hash};
use keywright_store::chain::claims::{self, TransactionPayment};
use keywright_web::openapi::{BodyRefusals, Conflict, Failures, TooMany, Unknown};
use keywright_web::{ApiError, Attempted, Client, Json};
use serde::Deserialize;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// The wallet that will sign.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ClaimChallengeRequest)]
pub(crate) struct ClaimChallengeRequest {
    /// The wallet; required only when several wallets paid in the transaction.
    #[schema(example = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")]
    wallet: Option<String>,
}

/// Creates the message that the paying wallet signs
///
/// Valid for ten minutes and one claim. 404 when the transaction did not pay for a
/// license in force, 409 while the payment is not final.
#[utoipa::path(
    post,
    path = "/v1/license/{tx_hash}/challenge",
    operation_id = "createLicenseChallenge",
    tag = "buying",
    params(("tx_hash" = String, Path, description = "0x and 64 hexadecimal digits")),
    request_body(content = Option<ClaimChallengeRequest>, description = "Optional."),
    responses(
        (status = 200, description = "The message to sign.", body = ClaimChallenge),
        BodyRefusals, Unknown, Conflict, TooMany, Failures
    )
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    client: Client,
    tx_hash: Result<Path<String>, PathRejection>,
    asked: Result<Option<Json<ClaimChallengeRequest>>, ApiError>,
) -> Result<Response, ApiError> {
    let hash = transaction(tx_hash)?;
    let asked = asked?.map_or_else(ClaimChallengeRequest::default, |Json(asked)| asked);
    let wallet = asked
        .wallet
        .map(|text| Address::pasted(&text))
        .transpose()
        .map_err(|error| ApiError::bad_request(format!("wallet {error}")))?;
    let allowance = limit_proofs(&ports, &client).await?;
    let payers = payers(&ports, hash).await?;
    let wallet = match (wallet, payers.first()) {
        (Some(wallet), _) if payers.contains(&wallet) => wallet,
        (None, Some(only)) if payers.len() == 1 => *only,
        (None, Some(_)) => {
            return Err(ApiError::bad_request(
                "wallet is required: several wallets paid in this transaction",
            ));
        }
        _ => return Err(no_license()),
    };
    let purpose = Purpose::License { transaction: hash };
    let opened = open(&ports, purpose, wallet).await?;
    Ok((allowance, [(CACHE_CONTROL, "no-store")], Json(opened)).into_response())
}

/// The wallets that paid for licenses in force.
async fn payers(ports: &Ports, hash: Hash) -> Result<BTreeSet<Address>, ApiError> {
    let chain_id = ports.claims.chain_id()?;
    let payments = claims::payments(&ports.database, chain_id, &hash.to_string()).await?;
    let claimable = payments.iter().filter(|one| one.active_license().is_some());
    let payers: BTreeSet<Address> = claimable.filter_map(|one| one.payer.parse().ok()).collect();
    if payers.is_empty()
        && standing(payments.iter().map(|one| one.state)) == PaymentStanding::Pending
    {
        return Err(ApiError::conflict(
            "the payment is not final yet; try again in a moment",
        ));
    }
    Ok(payers)
}

/// The same answer whatever is missing, so that it tells strangers nothing.
pub(super) fn no_license() -> ApiError {
    ApiError::not_found("this wallet did not pay for a license in force in this transaction")
}

/// The licenses of a transaction that a wallet, lower case, paid for.
pub(super) fn of_wallet<'a>(
    payments: &'a [TransactionPayment],
    wallet: &'a str,
) -> impl Iterator<Item = (&'a TransactionPayment, &'a str)> {
    payments
        .iter()
        .filter(move |one| one.payer == wallet)
        .filter_map(|one| Some((one, one.active_license()?)))
}
