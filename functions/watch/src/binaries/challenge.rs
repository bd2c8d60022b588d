//! `POST /v1/claim/challenge`: creates the message with which a wallet claims a file.

use super::{WalletAndFile, never_paid};
use crate::Ports;
use crate::claims::limit_proofs;
use crate::claims::proof::{ClaimChallenge, open};
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use keywright_providers::polygon::claim::Purpose;
use keywright_store::chain::claims;
use keywright_web::openapi::{BodyRefusals, Conflict, Failures, TooMany};
use keywright_web::{ApiError, Attempted, Client, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// A wallet and a file.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BinaryChallengeRequest)]
pub(crate) struct BinaryChallengeRequest {
    /// SHA-256 of the file, 64 hexadecimal digits.
    #[schema(min_length = 64, max_length = 64)]
    binary_sha256: String,
    /// The wallet that paid.
    #[schema(example = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")]
    wallet_address: String,
}

/// Creates the message with which a wallet claims a file
///
/// Valid for ten minutes and one claim. 403 for a wallet that never paid.
#[utoipa::path(
    post,
    path = "/v1/claim/challenge",
    operation_id = "createWalletChallenge",
    tag = "buying",
    request_body = BinaryChallengeRequest,
    responses(
        (status = 200, description = "The message to sign.", body = ClaimChallenge),
        (status = 403, description = "The wallet never paid.",
            body = keywright_web::openapi::Error),
        BodyRefusals, Conflict, TooMany, Failures
    )
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    client: Client,
    asked: Result<Json<BinaryChallengeRequest>, ApiError>,
) -> Result<Response, ApiError> {
    let Json(asked) = asked?;
    let pair = WalletAndFile::read(&asked.binary_sha256, &asked.wallet_address)?;
    let allowance = limit_proofs(&ports, &client).await?;
    let chain_id = ports.claims.chain_id()?;
    if !claims::has_paid(&ports.database, chain_id, &pair.wallet.lower()).await? {
        return Err(never_paid());
    }
    let purpose = Purpose::Binary {
        sha256: &pair.sha256,
    };
    let opened = open(&ports, purpose, pair.wallet).await?;
    Ok((allowance, [(CACHE_CONTROL, "no-store")], Json(opened)).into_response())
}
