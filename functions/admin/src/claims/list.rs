//! `GET /v1/admin/claims`: which wallets that paid were claimed for which files.

use crate::Ports;
use axum::extract::State;
use http::{HeaderMap, Uri};
use keywright_domain::dates::rfc3339;
use keywright_domain::page::Position;
use keywright_providers::polygon::Address;
use keywright_store::chain::claims::{self, Claim, ClaimFilter};
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::page::{PageQuery, end_page};
use keywright_web::{ApiError, Json, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Claims on a page, usually and at most.
const USUAL: i64 = 100;
const MOST: i64 = 500;

/// Which claims; all of these have to fit.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// Of this wallet.
    #[param(example = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed")]
    wallet: Option<String>,
    /// Of the file with this SHA-256.
    binary_sha256: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Asked {
    #[serde(flatten)]
    which: Which,
    #[serde(flatten)]
    page: PageQuery,
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

/// Claims, newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = WalletClaims)]
pub(crate) struct Claims {
    /// The claims.
    claims: Vec<ClaimView>,
    /// `cursor` of the next page; null on the last one.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// Which wallets that paid were claimed for which files, newest first. 100 a
/// page where no limit is sent, 500 at most.
#[utoipa::path(
    get,
    path = "/v1/admin/claims",
    tag = "records",
    params(Which, PageQuery),
    responses(
        (status = 200, description = "The claims.", body = Claims),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    uri: Uri,
    Query(asked): Query<Asked>,
) -> Result<(HeaderMap, Json<Claims>), ApiError> {
    let page = asked.page.page(USUAL, MOST)?;
    let wallet = asked.which.wallet.as_deref().map(str::parse::<Address>);
    let wallet = wallet
        .transpose()
        .map_err(|error| ApiError::bad_request(format!("wallet: {error}")))?;
    let filter = ClaimFilter {
        wallet: wallet.map(|wallet| wallet.lower()),
        binary_sha256: asked
            .which
            .binary_sha256
            .map(|sha256| sha256.to_ascii_lowercase()),
    };
    let mut found = claims::list(&ports.database, &filter, &page).await?;
    let (headers, next_cursor) = end_page(&page, &uri, &mut found, |claim| Position {
        at: claim.claimed_at,
        id: claim.id.clone(),
    });
    let claims = found.into_iter().map(ClaimView::from).collect();
    Ok((
        headers,
        Json(Claims {
            claims,
            next_cursor,
        }),
    ))
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
