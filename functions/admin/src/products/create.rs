//! `POST /v1/admin/products`: a new product.

use super::{check_catalog, check_description, check_metadata, check_name};
use crate::{Operator, Ports};
use axum::extract::State;
use keywright_domain::money::Sats;
use keywright_domain::slug::Slug;
use keywright_edge::http::{ApiError, Json};
use keywright_store::contract::ProductView;
use keywright_store::products::{self, Product};
use serde::Deserialize;
use serde_json::{Value, json};

/// The price is `price_sats`, or `price_currency` with `price_value`; sats are
/// the one currency taken so far.
#[derive(Deserialize)]
pub(crate) struct NewProduct {
    slug: String,
    name: String,
    description: Option<String>,
    price_sats: Option<i64>,
    price_currency: Option<String>,
    price_value: Option<i64>,
    metadata: Option<Value>,
    entitlements_catalog: Option<Value>,
}

/// Answers the product. 400 for members that break their limits, 409 when the
/// slug is taken.
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
