//! `GET /v1/admin/licenses/summary`: how many there are.

use axum::extract::State;
use keywright_ports::{Database, Stamps};
use keywright_store::licenses::license_list::{self, Count};
use keywright_web::openapi::{AccessRefusals, Failures};
use keywright_web::{ApiError, Json};
use serde::Serialize;
use utoipa::ToSchema;

/// All licenses counted.
#[derive(Serialize, ToSchema)]
#[schema(as = LicenseSummary)]
pub(crate) struct Summary {
    /// Of all products.
    #[serde(flatten)]
    all: Counts,
    /// Of each product, also of those without a license, by slug.
    products: Vec<OfProduct>,
}

/// The licenses of one product, counted.
#[derive(Serialize, ToSchema)]
#[schema(as = LicensesOfProduct)]
pub(crate) struct OfProduct {
    /// The product.
    product_id: String,
    /// Its slug.
    product_slug: String,
    /// Its name.
    product_name: String,
    #[serde(flatten)]
    counts: Counts,
}

/// Licenses by their state.
#[derive(Clone, Copy, Default, Serialize, ToSchema)]
#[schema(as = LicenseCounts)]
pub(crate) struct Counts {
    /// In any state.
    total: i64,
    /// In force, including those past their expiry.
    active: i64,
    /// Held back.
    suspended: i64,
    /// Ended for good.
    revoked: i64,
    /// Of the active ones: expiry and grace are over, so they no longer
    /// validate.
    expired: i64,
}

/// Counts the licenses by state and product.
#[utoipa::path(
    get,
    path = "/v1/admin/licenses/summary",
    operation_id = "getLicenseSummary",
    tag = "licenses",
    responses(
        (status = 200, description = "The counts.", body = Summary),
        AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    State(stamps): State<Stamps>,
) -> Result<Json<Summary>, ApiError> {
    let counted = license_list::summary(&database, stamps.now()).await?;
    let products: Vec<OfProduct> = counted.into_iter().map(OfProduct::from).collect();
    let all = products
        .iter()
        .fold(Counts::default(), |sum, product| sum.plus(product.counts));
    Ok(Json(Summary { all, products }))
}

impl Counts {
    fn plus(self, other: Self) -> Self {
        Self {
            total: self.total + other.total,
            active: self.active + other.active,
            suspended: self.suspended + other.suspended,
            revoked: self.revoked + other.revoked,
            expired: self.expired + other.expired,
        }
    }
}

impl From<Count> for OfProduct {
    fn from(count: Count) -> Self {
        Self {
            counts: Counts {
                total: count.active + count.suspended + count.revoked,
                active: count.active,
                suspended: count.suspended,
                revoked: count.revoked,
                expired: count.expired,
            },
            product_id: count.product_id,
            product_slug: count.product_slug,
            product_name: count.product_name,
        }
    }
}
