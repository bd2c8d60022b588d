//! `GET /v1/products`: the products on sale.

use axum::extract::State;
use keywright_ports::Database;
use keywright_services::contract::ProductView;
use keywright_store::catalog::products::{self, OnSale};
use keywright_web::openapi::Failures;
use keywright_web::{ApiError, Json};
use serde::Serialize;
use utoipa::ToSchema;

/// The products on sale.
#[derive(Serialize, ToSchema)]
#[schema(as = ProductsOnSale)]
pub(crate) struct Products {
    /// By slug.
    products: Vec<ProductOnSale>,
}

/// A product with what it can be bought for.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProductOnSale {
    #[serde(flatten)]
    product: ProductView,
    /// The lowest price that an order of it can have before any discount, in the
    /// smallest unit of `price_currency`: that of its cheapest policy for sale, or its
    /// own where it has no policies. Null where it cannot be ordered now.
    #[schema(required)]
    lowest_price_value: Option<i64>,
    /// Whether policies for sale have different prices.
    has_several_prices: bool,
}

impl From<OnSale> for ProductOnSale {
    fn from(sold: OnSale) -> Self {
        let own = sold.product.price.amount();
        Self {
            lowest_price_value: if sold.policies == 0 {
                Some(own)
            } else {
                sold.lowest
            },
            has_several_prices: sold.lowest != sold.highest,
            product: sold.product.into(),
        }
    }
}

/// Lists the products on sale
#[utoipa::path(
    get,
    path = "/v1/products",
    operation_id = "listProductsOnSale",
    tag = "catalogue",
    responses((status = 200, body = Products), Failures)
)]
pub(crate) async fn handler(State(database): State<Database>) -> Result<Json<Products>, ApiError> {
    let products = products::on_sale(&database).await?;
    Ok(Json(Products {
        products: products.into_iter().map(ProductOnSale::from).collect(),
    }))
}
