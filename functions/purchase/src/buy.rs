//! `POST /v1/purchase`: makes an invoice, or, at a price of 0, sells at once.
//!
//! A paid purchase is recorded before `BTCPay` is asked for an invoice that
//! carries our id as its order id. So whatever breaks afterwards, the
//! reconciler finds the invoice, or finds that there is none.

use crate::Ports;
use crate::order::{self, Checked, Order};
use axum::Extension;
use axum::extract::State;
use keywright_domain::invoice::InvoiceStatus;
use keywright_domain::money::Sats;
use keywright_edge::http::{ApiError, Json, RequestId};
use keywright_providers::btcpay::{self, ReadError};
use keywright_store::audit::Actor;
use keywright_store::invoices::{self, NewInvoice};
use keywright_store::settle::{self, NewIds, free_reference};
use serde::Serialize;

/// Seconds until the reconciler first asks for a new invoice: most are paid
/// and told of by the webhook before.
const FIRST_CHECK_SECONDS: i64 = 120;

/// The contract's answer. `license_key`, `license_id` and `token` are there
/// only when the license was issued at once.
#[derive(Serialize)]
pub(crate) struct Purchase {
    invoice_id: String,
    btcpay_invoice_id: String,
    checkout_url: String,
    amount_sats: i64,
    base_price_sats: i64,
    discount_applied_sats: i64,
    poll_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    license_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    license_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

/// 404 for an unknown product or policy, 400 for an order that cannot be, 502
/// when `BTCPay` fails, 503 when none is connected.
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    order: Result<Json<Order>, ApiError>,
) -> Result<Json<Purchase>, ApiError> {
    let Json(order) = order?;
    let checked = order::check(&ports, order).await?;
    let actor = Actor {
        name: "buyer".into(),
        at: ports.stamps.now(),
        request_id,
    };
    let invoice = NewInvoice {
        id: ports.stamps.new_id(),
        product_id: checked.product.id.clone(),
        policy_id: checked.policy_id.clone(),
        amount_sats: checked.price.get(),
        base_price_sats: checked.price.get(),
        terms: checked.terms.clone(),
        buyer_email: checked.buyer_email.clone(),
        buyer_note: checked.buyer_note.clone(),
    };
    if checked.price == Sats::ZERO {
        free(&ports, &actor, &invoice).await.map(Json)
    } else {
        paid(&ports, &actor, &invoice, &checked).await.map(Json)
    }
}

async fn free(ports: &Ports, actor: &Actor, invoice: &NewInvoice) -> Result<Purchase, ApiError> {
    let mut purchase = answer(ports, invoice, free_reference(&invoice.id), String::new())?;
    let ids = NewIds::new(&ports.stamps);
    let license_id = settle::free_purchase(&ports.database, actor, invoice, &ids).await?;
    if let Some(license_id) = license_id {
        if let Some(signed) = ports.signed(&license_id, &actor.request_id).await {
            purchase.license_key = Some(signed.license_key);
            purchase.token = Some(signed.token);
        }
        purchase.license_id = Some(license_id);
    }
    Ok(purchase)
}

async fn paid(
    ports: &Ports,
    actor: &Actor,
    invoice: &NewInvoice,
    checked: &Checked,
) -> Result<Purchase, ApiError> {
    let (store, outbound) = ports.btcpay()?;
    let public_url = ports.public_url()?;
    let thank_you = format!("{public_url}/thank-you?invoice_id={}", invoice.id);
    let request = store
        .create_invoice(btcpay::NewInvoice {
            order_id: &invoice.id,
            amount: checked.price,
            description: &checked.product.name,
            buyer_email: checked.buyer_email.as_deref(),
            redirect_url: checked.redirect_url.as_deref().unwrap_or(&thank_you),
            default_payment_method: checked.payment_method,
        })
        .map_err(|error| ApiError::internal(error.to_string()))?;
    let first_check = actor.at + FIRST_CHECK_SECONDS;
    invoices::create_pending(&ports.database, invoice, actor.at, first_check).await?;
    let created = match btcpay::read_invoice(&outbound.send(request).await?) {
        Ok(created) => created,
        Err(error) => {
            if matches!(error, ReadError::Refused { .. } | ReadError::NotFound) {
                // Certain that there is no invoice: nobody will ever pay it.
                let audit_id = ports.stamps.new_id();
                let reason = error.to_string();
                let status = InvoiceStatus::Invalid;
                invoices::close(
                    &ports.database,
                    actor,
                    &invoice.id,
                    status,
                    &reason,
                    audit_id,
                )
                .await?;
            }
            return Err(ApiError::upstream(
                "the payment provider could not make an invoice; try again later",
                error.to_string(),
            ));
        }
    };
    invoices::attach_provider(
        &ports.database,
        &invoice.id,
        &created.id,
        &created.checkout_link,
    )
    .await?;
    answer(ports, invoice, created.id, created.checkout_link)
}

fn answer(
    ports: &Ports,
    invoice: &NewInvoice,
    btcpay_invoice_id: String,
    checkout_url: String,
) -> Result<Purchase, ApiError> {
    Ok(Purchase {
        poll_url: format!("{}/v1/purchase/{}", ports.public_url()?, invoice.id),
        invoice_id: invoice.id.clone(),
        btcpay_invoice_id,
        checkout_url,
        amount_sats: invoice.amount_sats,
        base_price_sats: invoice.base_price_sats,
        discount_applied_sats: invoice.base_price_sats - invoice.amount_sats,
        license_key: None,
        license_id: None,
        token: None,
    })
}
