//! `POST /v1/zaprite/webhook/{provider_id}?token=…`: deliveries of a connected organization.
//!
//! Zaprite signs nothing, so the address holds a secret: its token, which only the operator
//! who connected the organization was shown. It is a query parameter, because the path is the
//! contract's, and because paths are written to more logs than queries are. Without the token
//! a request costs one read of the database. With it, it still only says which order to read
//! back, so somebody who found the address can make this instance ask Zaprite about orders
//! that exist, and only as often as the limits here say; the reconciler reads the others.

use super::receipt_keys;
use super::record::{Delivered, Unrecorded};
use crate::Ports;
use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use http::StatusCode;
use keywright_domain::rail::ProviderKind;
use keywright_domain::rate_limit::Limit;
use keywright_ports::Unavailable;
use keywright_providers::zaprite::read_hint;
use keywright_store::sales::{due_orders, payment_providers};
use keywright_web::caller_limit::try_take;
use keywright_web::openapi::{Error, Failures};
use keywright_web::{ApiError, RequestId, read_body, same_secret};

/// How often deliveries have one order read back.
const ORDER_READS: Limit = Limit {
    name: "zaprite_order",
    burst: 6,
    token_millis: 60_000,
};

/// How often deliveries have the orders of one organization read back.
const ORGANIZATION_READS: Limit = Limit {
    name: "zaprite_organization",
    burst: 120,
    token_millis: 1_000,
};

/// Takes an event of Zaprite
///
/// Nothing in the event is believed: the order that it names is read back. 401 without the
/// token of this organization, and for one that is not connected.
#[utoipa::path(post, path = "/v1/zaprite/webhook/{provider_id}", operation_id = "receiveZapriteEvent", tag = "operation",
    params(
        ("provider_id" = String, Path, description = "UUID of the payment provider."),
        ("token" = String, Query, description = "The secret of the address."),
    ),
    request_body(content = Value, content_type = "application/json", description = "An event of Zaprite."),
    responses(
        (status = 200, description = "Recorded, ignored, or to be looked at soon."),
        (status = 401, description = "The token is missing or wrong, or no such provider is connected.", body = Error),
        (status = 413, description = "The body is larger than 2 MiB.", body = Error),
        Failures,
    ))]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    provider_id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let unknown = || ApiError::unauthorized("no payment provider is connected under this address");
    let Path(provider_id) = provider_id.map_err(|_| unknown())?;
    let query = query.unwrap_or_default();
    let mut members = form_urlencoded::parse(query.as_bytes());
    let token = members.find(|(name, _)| name == "token");
    let (_, token) = token.ok_or_else(unknown)?;
    let provider = payment_providers::connected(&ports.database, &provider_id)
        .await?
        .filter(|provider| provider.kind == ProviderKind::Zaprite)
        .ok_or_else(unknown)?;
    let opened = ports.payment_providers.open(&provider);
    let opened = opened.map_err(Unavailable::from)?;
    if !same_secret(&token, &opened.webhook_secret) {
        return Err(unknown());
    }
    let body = read_body(body).await?;
    let Some(hint) = read_hint(&body) else {
        return Ok(StatusCode::OK);
    };
    let delivered = Delivered {
        account: &opened.account,
        provider_id: Some(&provider.id),
        invoice_id: &hint.id,
        order_id: hint.order_id.as_deref(),
        request_id: &request_id,
    };
    let Some(order) = delivered.order(&ports).await? else {
        return Ok(StatusCode::OK);
    };
    let order_id = order.id.clone();
    let buckets = [(ORDER_READS, &order_id), (ORGANIZATION_READS, &provider.id)]
        .map(|(limit, who)| (format!("{}:{who}", limit.name), limit));
    let is_within = try_take(&ports.database, &buckets, ports.stamps.now_millis()).await?;
    let recorded = match is_within {
        Ok(_) => delivered.record(&ports, receipt_keys(&ports)?, order).await,
        Err(_) => Err(Unrecorded::Unread("it was read too often".to_owned())),
    };
    match recorded {
        Ok(()) => {}
        Err(Unrecorded::Failed(error)) => return Err(error),
        // Whether and when Zaprite sends it again is not known, so the next tick looks.
        Err(Unrecorded::Unread(reason)) => {
            delivered.note(&ports, &format!("left to the next tick: {reason}"));
            due_orders::check_soon(&ports.database, &order_id, ports.stamps.now()).await?;
        }
    }
    Ok(StatusCode::OK)
}
