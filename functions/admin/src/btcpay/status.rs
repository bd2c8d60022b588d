//! `GET /v1/admin/btcpay/status`: where a business is paid in bitcoin.

use crate::providers::status::{self, AccountStatus};
use crate::providers::{BusinessQuery, Providers};
use axum::extract::State;
use keywright_domain::rail::ProviderKind;
use keywright_ports::Database;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures, Unknown};
use keywright_web::{ApiError, Json, StrictQuery};

/// Shows where a business is paid. Asks nobody outside.
#[utoipa::path(
    get,
    path = "/v1/admin/btcpay/status",
    operation_id = "getBtcpayStatus",
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
    status::of(&database, &providers, query, ProviderKind::Btcpay)
        .await
        .map(Json)
}
