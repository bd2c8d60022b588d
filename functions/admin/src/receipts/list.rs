//! `GET /v1/admin/receipts`: receipts, and whether they are sealed.

use crate::Ports;
use axum::extract::State;
use http::{HeaderMap, Uri};
use keywright_domain::dates::rfc3339;
use keywright_domain::entitlement::{ReceiptKind, SealState};
use keywright_domain::page::Position;
use keywright_ports::receipt_keys::{ReceiptFacts, ReceiptKeys};
use keywright_store::sales::receipts::{self, ListedReceipt};
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::page::{PageQuery, end_page};
use keywright_web::{ApiError, Json, Query};
use serde::Serialize;
use utoipa::ToSchema;

/// Receipts on a page, usually and at most.
const USUAL: i64 = 100;
const MOST: i64 = 500;

/// A receipt: the record of a payment, a free order or a grant.
#[derive(Serialize, ToSchema)]
#[schema(as = RecordedReceipt)]
pub(crate) struct ReceiptView {
    /// UUID.
    id: String,
    /// `btcpay`, `zaprite`, `polygon`, `free` or `grant`.
    #[schema(example = "btcpay")]
    kind: String,
    /// What the payment provider or the chain calls the payment; null where nothing
    /// was paid.
    #[schema(required)]
    external_ref: Option<String>,
    /// Slug of the product; null where there is no such product.
    #[schema(required)]
    product: Option<String>,
    /// The license that it entitles; null where there is none of its product.
    #[schema(required)]
    license_id: Option<String>,
    /// In the smallest unit of the currency.
    #[schema(minimum = 0)]
    amount: i64,
    /// The currency.
    #[schema(example = "SAT")]
    currency: String,
    /// RFC 3339.
    received_at: String,
    /// `sealed`; `sealed_by_older_key`, which still counts; `unknown_key`, sealed
    /// only with keys that are not configured; `unsealed`; `broken`, the receipt, its
    /// license or its seal was changed in the database; `no_license`.
    #[schema(example = "sealed")]
    seal: &'static str,
    /// Names the receipt as it is shown here, for `POST /v1/admin/receipts/seal`;
    /// null without a license.
    #[schema(required)]
    digest: Option<String>,
}

/// Receipts, newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = Receipts)]
pub(crate) struct List {
    /// The receipts.
    receipts: Vec<ReceiptView>,
    /// `cursor` of the next page; null on the last one.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// Receipts, and whether they are sealed
///
/// Newest first. 100 a page where no limit is sent, 500 at most. Only a license
/// whose receipt is sealed is signed.
#[utoipa::path(
    get,
    path = "/v1/admin/receipts",
    tag = "records",
    params(PageQuery),
    responses(
        (status = 200, description = "The receipts.", body = List),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    uri: Uri,
    Query(page): Query<PageQuery>,
) -> Result<(HeaderMap, Json<List>), ApiError> {
    let page = page.page(USUAL, MOST)?;
    let keys = ports.receipt_keys()?;
    let mut found = receipts::list(&ports.database, &page).await?;
    let (headers, next_cursor) = end_page(&page, &uri, &mut found, |receipt| Position {
        at: receipt.received_at,
        id: receipt.id.clone(),
    });
    let receipts = found
        .into_iter()
        .map(|receipt| ReceiptView::of(receipt, keys))
        .collect();
    Ok((
        headers,
        Json(List {
            receipts,
            next_cursor,
        }),
    ))
}

impl ReceiptView {
    fn of(receipt: ListedReceipt, keys: &ReceiptKeys) -> Self {
        let state = receipt.seal_state(keys);
        let digest = receipt.facts().as_ref().map(ReceiptFacts::digest);
        // The reference of the others is the order's id or the license's.
        let is_paid = ReceiptKind::parse(&receipt.kind).is_paid();
        Self {
            id: receipt.id,
            kind: receipt.kind,
            external_ref: Some(receipt.external_ref).filter(|_| is_paid),
            product: receipt.product,
            license_id: receipt.license_id,
            amount: receipt.amount,
            currency: receipt.currency,
            received_at: rfc3339(receipt.received_at),
            seal: state.map_or("no_license", SealState::as_str),
            digest,
        }
    }
}
