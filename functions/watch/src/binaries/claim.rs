//! `POST /v1/claim`: records a file for a wallet that paid.

use super::{WalletAndFile, never_paid};
use crate::Ports;
use crate::claims::limit_proofs;
use crate::claims::proof::{check, used};
use axum::Extension;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use keywright_domain::dates::rfc3339;
use keywright_domain::pasted::PastedLower;
use keywright_providers::polygon::claim::Purpose;
use keywright_store::chain::claims::{self, ClaimOutcome, NewClaim};
use keywright_store::operator::audit::Actor;
use keywright_web::openapi::{BodyRefusals, Conflict, Failures, TooMany};
use keywright_web::{ApiError, Attempted, Client, Json, RequestId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A wallet, a file, and the proof.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BinaryClaimRequest)]
pub(crate) struct BinaryClaimRequest {
    /// SHA-256 of the file, 64 hexadecimal digits.
    #[schema(min_length = 64, max_length = 64)]
    binary_sha256: String,
    /// The wallet that paid.
    #[schema(example = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")]
    wallet_address: String,
    /// `nonce` of the challenge.
    #[schema(value_type = String)]
    nonce: PastedLower,
    /// The wallet's signature over `message` of the challenge.
    #[schema(value_type = String)]
    signature: PastedLower,
}

/// The recorded claim.
#[derive(Serialize, ToSchema)]
#[schema(as = BinaryClaim)]
pub(crate) struct BinaryClaimAnswer {
    /// Always `ok`.
    #[schema(example = "ok")]
    status: &'static str,
    /// SHA-256 of the file, lower case.
    binary_sha256: String,
    /// The wallet, with the checksum of EIP-55.
    wallet_address: String,
    /// When it was first claimed, RFC 3339.
    #[schema(format = DateTime)]
    claimed_at: String,
}

/// Records a file for a wallet that paid
///
/// One record for each wallet and file; claiming again changes nothing. 403 for an
/// invalid proof and for a wallet that never paid.
#[utoipa::path(
    post,
    path = "/v1/claim",
    operation_id = "claimWalletForFile",
    tag = "buying",
    request_body = BinaryClaimRequest,
    responses(
        (status = 200, description = "The recorded claim.", body = BinaryClaimAnswer),
        (status = 403, description = "The proof is not valid, or the wallet never paid.",
            body = keywright_web::openapi::Error),
        BodyRefusals, Conflict, TooMany, Failures
    )
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    client: Client,
    proof: Result<Json<BinaryClaimRequest>, ApiError>,
) -> Result<Response, ApiError> {
    let Json(proof) = proof?;
    let pair = WalletAndFile::read(&proof.binary_sha256, &proof.wallet_address)?;
    let allowance = limit_proofs(&ports, &client).await?;
    let purpose = Purpose::Binary {
        sha256: &pair.sha256,
    };
    let challenge = check(
        &ports,
        &client,
        purpose,
        proof.nonce.as_str(),
        proof.signature.as_str(),
    )
    .await?;
    let wallet = pair.wallet.lower();
    if challenge.wallet != wallet {
        return Err(used());
    }
    let actor = Actor {
        name: format!("wallet:{wallet}").into(),
        at: ports.stamps.now(),
        request_id,
    };
    let claim = NewClaim {
        id: ports.stamps.new_id(),
        chain_id: ports.claims.chain_id()?,
        wallet: &wallet,
        binary_sha256: &pair.sha256,
        nonce: &challenge.nonce,
        audit_id: ports.stamps.new_id(),
    };
    let claimed_at = match claims::record(&ports.database, &actor, &claim).await? {
        ClaimOutcome::Since(at) => at,
        ClaimOutcome::Used => return Err(used()),
        ClaimOutcome::NeverPaid => return Err(never_paid()),
    };
    let recorded = BinaryClaimAnswer {
        status: "ok",
        binary_sha256: pair.sha256,
        wallet_address: pair.wallet.to_string(),
        claimed_at: rfc3339(claimed_at),
    };
    Ok((allowance, [(CACHE_CONTROL, "no-store")], Json(recorded)).into_response())
}
