//! Loads the product that a request names.

use keywright_domain::slug::Slug;
use keywright_ports::Reader;
use keywright_store::catalog::products::{self, Product};
use keywright_web::ApiError;

/// The product on sale with this slug; text that is not a slug names none.
///
/// # Errors
/// 404 for an unknown product and for one that is not on sale.
pub(crate) async fn on_sale(database: &Reader, slug: &str) -> Result<Product, ApiError> {
    let product = find(database, slug).await?;
    if product.active {
        Ok(product)
    } else {
        Err(unknown())
    }
}

/// The product that an order names.
///
/// # Errors
/// 404 for an unknown product, 400 for one that is not on sale.
pub(crate) async fn ordered(database: &Reader, slug: &str) -> Result<Product, ApiError> {
    let product = find(database, slug).await?;
    if product.active {
        Ok(product)
    } else {
        Err(ApiError::bad_request("product is not on sale"))
    }
}

async fn find(database: &Reader, slug: &str) -> Result<Product, ApiError> {
    let slug = Slug::parse(slug).map_err(|_| unknown())?;
    products::find(database, slug.as_str())
        .await?
        .ok_or_else(unknown)
}

fn unknown() -> ApiError {
    ApiError::not_found("no product with this slug is on sale")
}
