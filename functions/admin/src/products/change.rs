//! `PATCH /v1/admin/products/{id}`: changes the members that are sent.

use super::{check_catalog, check_description, check_metadata, check_name};
use crate::{Operator, Ports};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use keywright_domain::money::Sats;
use keywright_edge::http::{ApiError, Json};
use keywright_store::contract::ProductView;
use keywright_store::products::{self, Changes};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// An absent member stays as it is; `entitlements_catalog: null` clears it.
#[derive(Deserialize)]
pub(crate) struct ProductChange {
    name: Option<String>,
    description: Option<String>,
    price_sats: Option<i64>,
    active: Option<bool>,
    metadata: Option<Value>,
    #[serde(default, deserialize_with = "nullable")]
    entitlements_catalog: Option<Option<Value>>,
}

/// Tells null (`Some(None)`) from absent (`None`).
pub(crate) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    member: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(member).map(Some)
}

/// Answers the product as it now is. 404 for an unknown id, 400 for members
/// that break their limits.
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Operator(actor): Operator,
    id: Result<Path<String>, PathRejection>,
    change: Result<Json<ProductChange>, ApiError>,
) -> Result<Json<ProductView>, ApiError> {
    let unknown = || ApiError::not_found("there is no such product");
    let Path(id) = id.map_err(|_| unknown())?;
    let Json(change) = change?;
    change.name.as_deref().map_or(Ok(()), check_name)?;
    change
        .description
        .as_deref()
        .map_or(Ok(()), check_description)?;
    change.metadata.as_ref().map_or(Ok(()), check_metadata)?;
    change
        .entitlements_catalog
        .iter()
        .flatten()
        .try_for_each(check_catalog)?;
    let price = change.price_sats.map(Sats::try_from).transpose();
    let price = price.map_err(|error| ApiError::bad_request(format!("price_sats: {error}")))?;
    let before = products::get(&ports.database, &id)
        .await?
        .ok_or_else(unknown)?;
    let changes = Changes {
        name: change.name,
        description: change.description,
        price_amount: price.map(Sats::get),
        active: change.active,
        metadata: change.metadata,
        entitlements_catalog: change.entitlements_catalog,
    };
    let audit_id = ports.stamps.new_id();
    let product = products::change(&ports.database, &actor, &before, &changes, audit_id).await?;
    Ok(Json(product.ok_or_else(unknown)?.into()))
}
