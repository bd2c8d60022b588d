//! `PATCH /v1/admin/products/{id}`: changes the members that are sent.

use super::catalog::{self, CatalogEntry};
use super::{check_description, price, refused};
use crate::Operator;
use crate::ids::ProductId;
use crate::text::{check_metadata, check_name};
use crate::text::{nullable, present};
use axum::extract::State;
use keywright_ports::{Database, Stamps};
use keywright_services::contract::ProductView;
use keywright_store::ChangeOutcome;
use keywright_store::catalog::product_change::{self, ProductChanges};
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Json};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Only what is sent is changed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProductChange {
    /// 1 to 200 bytes.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// At most 20000 bytes; null for none.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 20_000)]
    description: Option<Option<String>>,
    /// The price in sats, at most all there will ever be.
    #[schema(minimum = 0, maximum = 2_100_000_000_000_000_i64)]
    price_sats: Option<i64>,
    /// What the price is in, with `price_value`: `SAT`, `USD` or `EUR`.
    #[schema(pattern = "^(SAT|USD|EUR)$")]
    price_currency: Option<String>,
    /// The price in the smallest unit of `price_currency`: sats, or cents up to
    /// 100000000000.
    #[schema(minimum = 0)]
    price_value: Option<i64>,
    /// Whether buyers see it and may order it.
    active: Option<bool>,
    /// Free-form members, at most 20000 bytes of JSON; null for none.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Option<Value>>,
    /// What each entitlement means; null for no catalogue.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Vec<CatalogEntry>>)]
    entitlements_catalog: Option<Option<Vec<CatalogEntry>>>,
    /// UUID of the business that sells it; null for the default one. Orders
    /// made before stay with the store they were made at.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    merchant_profile_id: Option<Option<String>>,
}

/// Changes a product. What was ordered keeps its price. What changes nothing
/// is a success that is not recorded.
///
/// Another currency is 409 while policies of the product have prices of their
/// own, which are numbers in the old one, or active codes for it take money off
/// in another currency: no number changes its meaning silently.
#[utoipa::path(
    patch,
    path = "/v1/admin/products/{id}",
    operation_id = "updateProduct",
    tag = "products",
    params(("id" = String, Path, description = "Id of the product.")),
    request_body = ProductChange,
    responses(
        (status = 200, description = "The product as it now is.", body = ProductView),
        BodyRefusals, AccessRefusals, Unknown, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    State(stamps): State<Stamps>,
    Operator(actor): Operator,
    id: ProductId,
    change: Result<Json<ProductChange>, ApiError>,
) -> Result<Json<ProductView>, ApiError> {
    let Json(change) = change?;
    let changes = change.checked()?;
    let audit_id = stamps.new_id();
    match product_change::change(&database, &actor, &id, &changes, &audit_id).await? {
        ChangeOutcome::Changed(product) => Ok(Json(product.into())),
        ChangeOutcome::Unknown => Err(ProductId::unknown()),
        ChangeOutcome::Refused(refusal) => Err(refused(refusal)),
    }
}

impl ProductChange {
    /// The members that are sent, each inside its limits.
    fn checked(self) -> Result<ProductChanges, ApiError> {
        self.name.as_deref().map_or(Ok(()), check_name)?;
        let description = self.description.map(Option::unwrap_or_default);
        description.as_deref().map_or(Ok(()), check_description)?;
        let none = || Value::Object(Map::new());
        let metadata = self.metadata.map(|metadata| metadata.unwrap_or_else(none));
        metadata.as_ref().map_or(Ok(()), check_metadata)?;
        let catalog = match self.entitlements_catalog {
            Some(Some(catalog)) => Some(Some(catalog::read(catalog)?)),
            cleared_or_absent => cleared_or_absent.map(|_| None),
        };
        let price = price::read(
            self.price_sats,
            self.price_currency.as_deref(),
            self.price_value,
        )?;
        Ok(ProductChanges {
            name: self.name,
            description,
            price,
            active: self.active,
            metadata,
            entitlements_catalog: catalog,
            merchant_profile_id: self.merchant_profile_id.map(present),
        })
    }
}
