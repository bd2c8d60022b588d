//! `GET /v1/admin/claims`: which wallets that paid were claimed for which files.

use axum::extract::State;
use keywright_domain::dates::rfc3339;
use keywright_domain::page::Position;
use keywright_domain::pasted::PastedLower;
use keywright_ports::Database;
use keywright_providers::polygon::Address;
use keywright_store::chain::claims::{self, Claim};
use keywright_web::list::PageQuery;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::{ApiError, List, list_of};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which claims; all of these have to fit.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ClaimFilter {
    /// Of this wallet.
    #[param(example = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")]
    wallet: Option<String>,
    /// Of the file with this SHA-256.
    #[param(value_type = Option<String>)]
    binary_sha256: Option<PastedLower>,
}

/// One claim.
#[derive(Serialize, ToSchema)]
#[schema(as = WalletClaim)]
pub(crate) struct ClaimView {
    /// UUID of the claim.
    id: String,
    /// The wallet, with the checksum of EIP-55.
    wallet_address: String,
    /// SHA-256 of the file, lower-case hex.
    binary_sha256: String,
    /// RFC 3339.
    claimed_at: String,
}

list_of! {
    /// A page of claims.
    Claims as ClaimPage { claims: ClaimView }
}

/// Which wallets that paid were claimed for which files, newest first.
#[utoipa::path(
    get,
    path = "/v1/admin/claims",
    operation_id = "listClaims",
    tag = "records",
    params(ClaimFilter, PageQuery),
    responses(
        (status = 200, description = "The claims.", body = ClaimPage),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    list: List<ClaimFilter>,
) -> Result<ClaimPage, ApiError> {
    let ClaimFilter {
        wallet,
        binary_sha256,
    } = &list.filter;
    let wallet = wallet.as_deref().map(Address::pasted).transpose();
    let wallet = wallet.map_err(|error| ApiError::bad_request(format!("wallet {error}")))?;
    let filter = claims::ClaimFilter {
        wallet: wallet.map(|wallet| wallet.lower()),
        binary_sha256: binary_sha256.clone().and_then(PastedLower::present),
    };
    let rows = claims::list(&database, &filter, &list.page).await?;
    let position = |claim: &Claim| Position {
        at: claim.claimed_at,
        id: claim.id.clone(),
    };
    Ok(list.answer(rows, position, ClaimView::from))
}

impl From<Claim> for ClaimView {
    fn from(claim: Claim) -> Self {
        let wallet: Option<Address> = claim.wallet.parse().ok();
        Self {
            id: claim.id,
            wallet_address: wallet.map_or(claim.wallet, |wallet| wallet.to_string()),
            binary_sha256: claim.binary_sha256,
            claimed_at: rfc3339(claim.claimed_at),
        }
    }
}
