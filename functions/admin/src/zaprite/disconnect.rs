//! `POST /v1/admin/zaprite/disconnect`: forgets what opens an organization.

use crate::providers::business;
use crate::providers::disconnect::{self, Disconnected};
use crate::text::present;
use crate::{Operator, Ports};
use keywright_domain::rail::ProviderKind;
use keywright_store::sales::provider_change::{self, RemoteCleanup};
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Attempted, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// Of which business.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ZapriteDisconnect)]
pub(crate) struct Disconnect {
    /// UUID of the business; without it the default one.
    merchant_profile_id: Option<String>,
    /// `true` to disconnect although saved cards stop working.
    confirm: Option<bool>,
}

/// Disconnects a Zaprite organization
///
/// Wipes what opened it. Its API key and its webhook are removed in Zaprite's dashboard: the
/// API cannot be asked to. Repeating it succeeds and changes nothing more. 409, with their
/// number, while cards are saved there that would stop working, unless `confirm` is true: a
/// card that is saved at one organization cannot be charged at another.
#[utoipa::path(
    post,
    path = "/v1/admin/zaprite/disconnect",
    operation_id = "disconnectZaprite",
    tag = "payment providers",
    request_body = Disconnect,
    responses(
        (status = 200, description = "It is disconnected.", body = Disconnected),
        BodyRefusals, AccessRefusals, Unknown, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    disconnect: Result<Json<Disconnect>, ApiError>,
) -> Result<Json<Disconnected>, ApiError> {
    let Json(disconnect) = disconnect?;
    let profile_id = present(disconnect.merchant_profile_id);
    let kind = ProviderKind::Zaprite;
    let business = business(&ports.database, profile_id.as_deref(), kind).await?;
    let Some(provider) = business.provider else {
        return Ok(disconnect::already());
    };
    let cards = provider_change::saved_cards(&ports.database, &provider.id).await?;
    if cards > 0 && disconnect.confirm != Some(true) {
        let cards = match cards {
            1 => "1 saved card stops".to_owned(),
            cards => format!("{cards} saved cards stop"),
        };
        return Err(ApiError::conflict(format!(
            "{cards} working; to disconnect all the same, send confirm: true"
        )));
    }
    disconnect::forget(&ports, &actor, provider, RemoteCleanup::NONE).await
}
