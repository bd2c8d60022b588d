//! `POST /v1/admin/products`: a new product.

use super::{check_catalog, check_description, check_metadata, check_name};
use crate::{Operator, Ports};
use axum::extract::State;
use keywright_domain::money::Sats;
use keywright_domain::slug::Slug;
use keywright_edge::http::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures};
use keywright_edge::http::{ApiError, Json};
use keywright_store::contract::ProductView;
use keywright_store::products::{self, Product};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// The price is `price_sats`, or `price_currency` with `price_value`.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NewProduct {
    /// Its name in URLs: 1 to 64 characters `a-z`, `0-9`, `-` or `_`, starting
    /// and ending with a letter or digit. No other product may have it.
    slug: String,
    /// Its name for people, up to 200 bytes.
    name: String,
    /// What it is, up to 20,000 bytes; empty when not sent.
    description: Option<String>,
    /// Price in sats; 0 gives it away.
    #[schema(minimum = 0)]
    price_sats: Option<i64>,
    /// Currency of `price_value`; `SAT` is the one taken so far.
    #[schema(example = "SAT")]
    price_currency: Option<String>,
    /// Price in the smallest unit of `price_currency`.
    #[schema(minimum = 0)]
    price_value: Option<i64>,
    /// Free-form members of the operator: an object of up to 20,000 bytes.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
    /// What each entitlement means, for people: a list of
    /// `{slug, name, description}`, up to 20,000 bytes.
    #[schema(value_type = Option<Vec<Object>>)]
    entitlements_catalog: Option<Value>,
}

/// Puts a new product on sale. 409 when another product has the slug.
#[utoipa::path(
    post,
    path = "/v1/admin/products",
    tag = "products",
    request_body = NewProduct,
    responses(
        (status = 200, description = "The product.", body = ProductView),
        BodyRefusals, AccessRefusals, Conflict, Failures
    ),
    security(("operator" = ["products:write"]))
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Operator(actor): Operator,
    new: Result<Json<NewProduct>, ApiError>,
) -> Result<Json<ProductView>, ApiError> {
    let Json(new) = new?;
    let slug =
        Slug::parse(&new.slug).map_err(|error| ApiError::bad_request(format!("slug: {error}")))?;
    check_name(&new.name)?;
    let description = new.description.unwrap_or_default();
    check_description(&description)?;
    let metadata = new.metadata.unwrap_or_else(|| json!({}));
    check_metadata(&metadata)?;
    new.entitlements_catalog
        .as_ref()
        .map_or(Ok(()), check_catalog)?;
    let product = Product {
        id: ports.stamps.new_id(),
        slug: slug.into(),
        name: new.name,
        description,
        price_amount: price(
            new.price_sats,
            new.price_currency.as_deref(),
            new.price_value,
        )?
        .get(),
        price_currency: "SAT".to_owned(),
        active: true,
        metadata,
        entitlements_catalog: new.entitlements_catalog,
        created_at: actor.at,
        updated_at: actor.at,
    };
    let (audit_id, event_id) = (ports.stamps.new_id(), ports.stamps.new_id());
    let created = products::create(&ports.database, &actor, &product, audit_id, &event_id).await;
    created.map_err(|error| {
        if error.is_unique_violation("products.slug") {
            ApiError::conflict("slug: another product has it")
        } else {
            error.into()
        }
    })?;
    Ok(Json(product.into()))
}

fn price(sats: Option<i64>, currency: Option<&str>, value: Option<i64>) -> Result<Sats, ApiError> {
    let amount = match (sats, currency, value) {
        (Some(sats), None, None) => sats,
        (None, Some("SAT"), Some(value)) => value,
        (None, Some(_), _) => {
            return Err(ApiError::bad_request(
                "price_currency: SAT is the one taken so far",
            ));
        }
        _ => {
            return Err(ApiError::bad_request(
                "send price_sats, or price_currency with price_value",
            ));
        }
    };
    Sats::try_from(amount).map_err(|error| ApiError::bad_request(format!("price: {error}")))
}
