//! `GET /v1/purchase/{invoice_id}`: the state of an order, and the key once it settled. The
//! path holds the order's secret; an order's id opens it only if it is from before there
//! were secrets.

use crate::{Ports, usdc};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::header::CACHE_CONTROL;
use keywright_domain::dates::rfc3339;
use keywright_domain::invoice::{InvoiceStatus, PaymentState};
use keywright_domain::money::Currency;
use keywright_domain::order::{OrderOpener, OrderProvider, likely_cause};
use keywright_domain::standing::LicenseStatus;
use keywright_store::chain::usdc_orders;
use keywright_store::operator::activity::ActivityKind;
use keywright_store::sales::purchases;
use keywright_web::openapi::{Failures, Unknown};
use keywright_web::{ApiError, Json, Visit};
use serde::Serialize;
use utoipa::ToSchema;

/// The state of an order. Key, id and token are null until the license is issued, and
/// while it is not active. Key, token and download id stay null once the key was replaced:
/// the address of an order may have leaked with the key.
#[derive(Serialize, ToSchema)]
pub(crate) struct PurchaseProgress {
    /// What opened the order: its secret.
    invoice_id: String,
    /// UUID of the order, for support. Public: it opens nothing.
    order_id: String,
    /// `pending`, `settled`, `expired` or `invalid`. An expired or invalid one
    /// may still settle, when the vendor accepts a late payment.
    #[schema(value_type = String, example = "settled")]
    status: InvoiceStatus,
    /// `unpaid`; `processing`, paid and not confirmed yet; `underpaid`, less
    /// than the price came in; `paid`; `overpaid`, more than the price came in;
    /// `paid_late`, after the time to pay was over.
    #[schema(value_type = String, example = "paid")]
    payment_state: PaymentState,
    /// UUID of the product.
    product_id: String,
    /// Slug of the product.
    #[schema(example = "demo")]
    product: String,
    /// The product's name for people.
    product_name: String,
    /// The policy's name for people; absent for a product without policies.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    policy_name: Option<String>,
    /// When it was ordered, RFC 3339.
    ordered_at: String,
    /// Whether the product is an extension of Joomla, whose sites take `download_id`.
    is_for_joomla: bool,
    /// What the buyer pays, in sats: for a price in dollars or euros what
    /// `BTCPay` made of it, 0 where it did not say so yet.
    amount_sats: i64,
    /// What the price is in: `SAT`, `USD` or `EUR`.
    #[schema(value_type = String, example = "SAT")]
    price_currency: Currency,
    /// What the buyer pays, in the smallest unit of `price_currency`: sats or
    /// cents.
    price_value: i64,
    /// Where the buyer pays; there while `status` is `pending`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    checkout_url: Option<String>,
    /// The key.
    license_key: Option<String>,
    /// True once the key of the license was replaced; recovering by e-mail shows the current
    /// one. Absent before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_key_replaced: bool,
    /// UUID of the license.
    license_id: Option<String>,
    /// When the license expires, RFC 3339; absent if it never does, and before it is
    /// issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    expires_at: Option<String>,
    /// The token for the release gate.
    token: Option<String>,
    /// 32 hex digits that open the downloads of the license and nothing else:
    /// the "Download Key" of a Joomla site.
    download_id: Option<String>,
    /// Where the buyer goes next: to the address that the order named, else to the one of
    /// the business. Present once an order in USDC is paid: its checkout is a page of this
    /// instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    redirect_url: Option<String>,
    /// The payment; present if the order is paid in USDC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    usdc: Option<usdc::UsdcPayment>,
}

/// Shows the state of a purchase
///
/// Poll it every few seconds until there is a key. The path holds the order's
/// secret: anyone who has it gets the key. An order from before there were secrets
/// is opened by its id.
#[utoipa::path(
    get,
    path = "/v1/purchase/{invoice_id}",
    operation_id = "getOrder",
    tag = "buying",
    params(("invoice_id" = String, Path, description = "`invoice_id` of the purchase")),
    responses((status = 200, body = PurchaseProgress), Failures, Unknown)
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    visit: Visit,
    invoice_id: Result<Path<String>, PathRejection>,
) -> Result<impl IntoResponse, ApiError> {
    let unknown = || ApiError::not_found("no such order");
    let Path(text) = invoice_id.map_err(|_| unknown())?;
    let unknown = || ApiError::not_found(format!("no such order{}", likely_cause(&text)));
    let opener = OrderOpener::parse(&text).ok_or_else(unknown)?;
    let found = purchases::progress(&ports.database, &opener)
        .await?
        .ok_or_else(unknown)?;
    let active = found.license_status == Some(LicenseStatus::Active);
    let mut progress = PurchaseProgress {
        invoice_id: opener.as_str().to_owned(),
        order_id: found.id,
        status: found.status,
        payment_state: found.payment_state,
        product_id: found.product_id,
        product: found.product,
        product_name: found.product_name,
        policy_name: found.policy_name,
        ordered_at: rfc3339(found.ordered_at),
        is_for_joomla: found.is_for_joomla,
        amount_sats: found.amount_sats,
        price_currency: found.price.currency(),
        price_value: found.price.amount(),
        checkout_url: Some(found.checkout_url)
            .filter(|url| found.status == InvoiceStatus::Pending && !url.is_empty())
            .map(|url| match found.provider {
                OrderProvider::Polygon => usdc::with_secret(&url, opener.as_str()),
                OrderProvider::Btcpay
                | OrderProvider::Zaprite
                | OrderProvider::Free
                | OrderProvider::Unknown => ports.for_browsers(url),
            }),
        license_key: None,
        is_key_replaced: found.key_issued_at.is_replacement(),
        license_id: found.license_id.filter(|_| active),
        expires_at: found.expires_at.filter(|_| active).map(rfc3339),
        token: None,
        download_id: None,
        redirect_url: None,
        usdc: None,
    };
    if found.provider == OrderProvider::Polygon
        && let Some(shown) = usdc_orders::shown(&ports.database, &opener).await?
    {
        let public_url = ports.public_url()?;
        progress.redirect_url = usdc::redirect(&shown, &progress.order_id, opener.as_str());
        progress.usdc = Some(usdc::payment(public_url, opener.as_str(), &shown)?);
    }
    if !progress.is_key_replaced
        && let Some(license_id) = &progress.license_id
        && let Some(signed) = ports.signed(license_id, &visit.request_id).await
        && !signed.current_key.is_replacement()
    {
        progress.license_key = Some(signed.license_key);
        progress.token = Some(signed.token);
        progress.download_id = signed.download_id;
        let activity = &ports.activity;
        let kind = ActivityKind::KeyPolled;
        let note = activity.note(&visit.later, visit.caller(), kind, license_id);
        note.await;
    }
    Ok(([(CACHE_CONTROL, "no-store")], Json(progress)))
}
