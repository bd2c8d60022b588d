//! `POST /v1/admin/products`: a new product.

use super::catalog::{self, CatalogEntry};
use super::{check_description, no_such_business, price};
use crate::caps::AtCap;
use crate::text::{check_metadata, check_name, present};
use crate::{Operator, Ports};
use keywright_domain::instance_tier::CappedResource;
use keywright_domain::slug::Slug;
use keywright_services::contract::ProductView;
use keywright_store::catalog::creation::Creation;
use keywright_store::catalog::products::{self, Product};
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Attempted, Json};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// The price is `price_sats`, or `price_currency` with `price_value`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProductInput {
    /// Its name in URLs: 1 to 64 characters `a-z`, `0-9`, `-` and `_`.
    #[schema(pattern = "^[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?$")]
    slug: String,
    /// Its name for people, 1 to 200 bytes.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// What it is, at most 20000 bytes.
    #[schema(max_length = 20_000)]
    description: Option<String>,
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
    /// Free-form members, at most 20000 bytes of JSON.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
    /// What each entitlement means.
    entitlements_catalog: Option<Vec<CatalogEntry>>,
    /// UUID of the business that sells it; without it the default one.
    merchant_profile_id: Option<String>,
}

/// Makes a product and puts it on sale. 404 for an unknown business.
#[utoipa::path(
    post,
    path = "/v1/admin/products",
    operation_id = "createProduct",
    tag = "products",
    request_body = ProductInput,
    responses(
        (status = 200, description = "The product.", body = ProductView),
        BodyRefusals, AccessRefusals, AtCap, Conflict, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    new: Result<Json<ProductInput>, ApiError>,
) -> Result<Json<ProductView>, ApiError> {
    let Json(new) = new?;
    let slug =
        Slug::parse(&new.slug).map_err(|error| ApiError::bad_request(format!("slug {error}")))?;
    check_name(&new.name)?;
    let description = new.description.unwrap_or_default();
    check_description(&description)?;
    let metadata = new.metadata.unwrap_or_else(|| json!({}));
    check_metadata(&metadata)?;
    let price = price::read(
        new.price_sats,
        new.price_currency.as_deref(),
        new.price_value,
    )?;
    let product = Product {
        id: ports.stamps.new_id(),
        slug: slug.into(),
        name: new.name,
        description,
        price: price.ok_or_else(price::missing)?,
        active: true,
        metadata,
        entitlements_catalog: new.entitlements_catalog.map(catalog::read).transpose()?,
        merchant_profile_id: present(new.merchant_profile_id),
        created_at: actor.at,
        updated_at: actor.at,
    };
    let (audit_id, event_id) = (ports.stamps.new_id(), ports.stamps.new_id());
    let caps = ports.caps().await?;
    let cap = caps.of(CappedResource::Products);
    let created =
        products::create(&ports.database, &actor, &product, audit_id, &event_id, cap).await;
    let created = created.map_err(|error| {
        if error.is_unique_violation("products.slug") {
            ApiError::conflict("slug is taken by another product")
        } else {
            error.into()
        }
    })?;
    match created {
        Creation::Created => Ok(Json(product.into())),
        Creation::AtCap { usage } => Err(caps.reached(CappedResource::Products, Some(usage))),
        Creation::Refused => Err(no_such_business()),
    }
}
