//! `GET /v1/admin/receipts`: receipts, and whether they are sealed.

use crate::Ports;
use axum::extract::State;
use keywright_domain::dates::rfc3339;
use keywright_domain::entitlement::{ReceiptKind, SealState};
use keywright_domain::page::Position;
use keywright_ports::receipt_keys::{ReceiptFacts, ReceiptKeys};
use keywright_store::sales::receipts::{self, ListedReceipt};
use keywright_web::list::PageQuery;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::{ApiError, List, NoFilter, list_of};
use serde::Serialize;
use utoipa::ToSchema;

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

list_of! {
    /// A page of receipts.
    Receipts as ReceiptPage { receipts: ReceiptView }
}

/// Receipts, and whether they are sealed
///
/// Newest first. Only a license
/// whose receipt is sealed is signed.
#[utoipa::path(
    get,
    path = "/v1/admin/receipts",
    operation_id = "listReceipts",
    tag = "records",
    params(PageQuery),
    responses(
        (status = 200, description = "The receipts.", body = ReceiptPage),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    list: List<NoFilter>,
) -> Result<ReceiptPage, ApiError> {
    let keys = ports.receipt_keys()?;
    let rows = receipts::list(&ports.database, &list.page).await?;
    let position = |receipt: &ListedReceipt| Position {
        at: receipt.received_at,
        id: receipt.id.clone(),
    };
    Ok(list.answer(rows, position, |receipt| ReceiptView::of(receipt, keys)))
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
