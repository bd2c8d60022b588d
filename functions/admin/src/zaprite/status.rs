//! `GET /v1/admin/zaprite/status`: where a business is paid by card.

use crate::providers::status::{self, AccountStatus};
use crate::providers::{BusinessQuery, Providers};
use axum::extract::State;
use keywright_domain::rail::ProviderKind;
use keywright_ports::Database;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures, Unknown};
use keywright_web::{ApiError, Json, StrictQuery};

/// Shows the Zaprite organization that a business is paid at. Asks nobody outside.
#[utoipa::path(
    get,
    path = "/v1/admin/zaprite/status",
    operation_id = "getZapriteStatus",
    tag = "payment providers",
    params(BusinessQuery),
    responses(
        (status = 200, description = "Where it is paid.", body = AccountStatus),
        BadQuery, AccessRefusals, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    State(providers): State<Providers>,
    StrictQuery(query): StrictQuery<BusinessQuery>,
) -> Result<Json<AccountStatus>, ApiError> {
    status::of(&database, &providers, query, ProviderKind::Zaprite)
        .await
        .map(Json)
}
