//! `PATCH /v1/admin/products/{id}`: changes the members that are sent.

use super::{check_catalog, check_description, check_metadata, check_name};
use crate::{Operator, Ports};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use keywright_domain::money::Sats;
use keywright_edge::http::openapi::{AccessRefusals, BodyRefusals, Failures, Unknown};
use keywright_edge::http::{ApiError, Json};
use keywright_store::contract::ProductView;
use keywright_store::products::{self, Changes};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use utoipa::ToSchema;

/// An absent member stays as it is; `entitlements_catalog: null` clears it.
#[derive(Deserialize, ToSchema)]
pub(crate) struct ProductChange {
    /// New name for people, up to 200 bytes.
    name: Option<String>,
    /// New description, up to 20,000 bytes.
    description: Option<String>,
    /// New price in sats. What was ordered keeps its price.
    #[schema(minimum = 0)]
    price_sats: Option<i64>,
    /// On sale or not.
    active: Option<bool>,
    /// New free-form members, in place of the old ones: an object of up to
    /// 20,000 bytes.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
    /// New catalogue of entitlements, in place of the old one: a list of
    /// `{slug, name, description}`; null clears it.
    #[schema(value_type = Option<Vec<Object>>)]
    #[serde(default, deserialize_with = "nullable")]
    entitlements_catalog: Option<Option<Value>>,
}

/// Tells null (`Some(None)`) from absent (`None`).
pub(crate) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    member: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(member).map(Some)
}

/// Changes the members that are sent. Licenses that were sold stay as they are.
#[utoipa::path(
    patch,
    path = "/v1/admin/products/{id}",
    tag = "products",
    params(("id" = String, Path, description = "Id of the product.")),
    request_body = ProductChange,
    responses(
        (status = 200, description = "The product as it now is.", body = ProductView),
        BodyRefusals, AccessRefusals, Unknown, Failures
    ),
    security(("operator" = ["products:write"]))
)]
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
