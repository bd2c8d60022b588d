//! `POST /v1/admin/zaprite/connect`: connects an organization at Zaprite with its API key.
//!
//! The key is tried with one call, which tells the organization too if it has an order. Then
//! the row is recorded, not connected, with the token of its webhook address, and connected
//! in a second batch: a break between the two leaves a row that nothing reads, and connecting
//! the same organization again uses it.

use crate::providers::{NoAnswer, no_such_business};
use crate::text::present;
use crate::{Operator, Ports};
use data_encoding::BASE64URL_NOPAD;
use keywright_domain::rail::{ProviderKind, Rail};
use keywright_ports::Unavailable;
use keywright_providers::zaprite::{self, Account};
use keywright_services::payment_providers::{ProviderUnusable, zaprite_store_id};
use keywright_store::sales::payment_providers::{Credentials, CredentialsError};
use keywright_store::sales::provider_change::{self, ConnectionDetails, StoreAddress};
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown, Upstream};
use keywright_web::{ApiError, Attempted, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Random bytes of the token in the address of a webhook.
const TOKEN_BYTES: usize = 32;
/// The name for people where the organization's is not known.
const LABEL: &str = "Zaprite";

/// An organization to connect.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ZapriteConnect)]
pub(crate) struct Connect {
    /// UUID of the business; without it the default one.
    merchant_profile_id: Option<String>,
    /// API key of the organization, from Zaprite's dashboard: Settings, API. It is stored
    /// encrypted and never shown.
    #[schema(min_length = 1, max_length = 500, pattern = "^[!-~]+$")]
    api_key: String,
}

/// A connected organization.
#[derive(Serialize, ToSchema)]
#[schema(as = ZapriteConnected)]
pub(crate) struct Connected {
    /// UUID of the business.
    merchant_profile_id: String,
    /// UUID of the provider.
    payment_provider_id: String,
    /// Zaprite's id of the organization; null while it is not known, because it has no order
    /// yet.
    organization_id: Option<String>,
    /// Enter this address as a webhook in Zaprite's dashboard. It holds a secret, and it is
    /// in this answer and never again.
    webhook_url: String,
    /// The ways of paying it takes.
    #[schema(value_type = Vec<String>, example = json!(["card", "lightning", "onchain"]))]
    served_rails: &'static [Rail],
}

/// Connects a Zaprite organization
///
/// Tries the key with one call to Zaprite. 400 for a key that Zaprite does not take; 409 for
/// a business that has an organization already; 503 while `CREDENTIALS_KEY` or `PUBLIC_URL`
/// is not configured.
#[utoipa::path(
    post,
    path = "/v1/admin/zaprite/connect",
    operation_id = "connectZaprite",
    tag = "payment providers",
    request_body = Connect,
    responses(
        (status = 200, description = "It is connected.", body = Connected),
        BodyRefusals, AccessRefusals, Unknown, Conflict, Upstream, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    connect: Result<Json<Connect>, ApiError>,
) -> Result<Json<Connected>, ApiError> {
    let Json(connect) = connect?;
    let (providers, stamps, database) = (&ports.providers, &ports.stamps, &ports.database);
    let kind = ProviderKind::Zaprite;
    let (vault, public_url) = (providers.vault()?, providers.public_url()?);
    let base_url = providers.accounts.zaprite_url();
    let api_key = connect.api_key.trim();
    let account = Account::new(base_url, None, api_key)
        .map_err(|error| ApiError::bad_request(error.to_string()))?;
    let profile_id = present(connect.merchant_profile_id);
    let business = crate::providers::business(database, profile_id.as_deref(), kind).await?;
    if business.provider.is_some() {
        return Err(taken());
    }
    let organization = providers
        .ask(account.any_order(), zaprite::read_organization)
        .await
        .map_err(refused)?;
    let store_id = zaprite_store_id(organization.as_deref(), api_key);
    let token = || BASE64URL_NOPAD.encode(&stamps.random::<TOKEN_BYTES>());
    let fresh = Credentials {
        api_key: None,
        webhook_secret: token(),
    };
    let new_id = stamps.new_id();
    let sealed = fresh.seal(vault, stamps, &new_id).map_err(unusable)?;
    let address = StoreAddress {
        profile_id: &business.profile_id,
        kind,
        base_url,
        store_id: &store_id,
    };
    let row = provider_change::reserve(database, address, &new_id, &sealed, stamps.now()).await?;
    let row = row.ok_or_else(no_such_business)?;
    if row.connected {
        return Err(taken());
    }
    let provider = row.provider;
    // A row of before keeps its id. A token that nobody was shown is replaced.
    let whole = Credentials {
        api_key: Some(api_key.to_owned()),
        ..fresh
    };
    let credentials = whole.seal(vault, stamps, &provider.id).map_err(unusable)?;
    let details = ConnectionDetails {
        label: LABEL,
        network: "unknown",
        webhook_id: None,
        credentials: &credentials,
        read_with: provider.credentials.as_ref(),
        sandbox_only: false,
    };
    let audit_id = stamps.new_id();
    if !provider_change::activate(database, &actor, &provider.id, details, &audit_id).await? {
        return Err(taken());
    }
    Ok(Json(Connected {
        merchant_profile_id: business.profile_id,
        webhook_url: format!(
            "{public_url}/v1/zaprite/webhook/{}?token={}",
            provider.id, whole.webhook_secret
        ),
        payment_provider_id: provider.id,
        organization_id: organization,
        served_rails: kind.rails(),
    }))
}

fn taken() -> ApiError {
    ApiError::conflict("this business has a connected Zaprite organization; disconnect it first")
}

fn refused(failure: NoAnswer) -> ApiError {
    match failure {
        NoAnswer::KeyRefused(_) => ApiError::bad_request(
            "api_key must be a key that Zaprite takes; copy it from its dashboard again",
        ),
        NoAnswer::Unread(failure) => ApiError::upstream(
            "Zaprite does not answer as it should; nothing is connected, try again in a few minutes",
            failure,
        ),
    }
}

fn unusable(error: CredentialsError) -> ApiError {
    Unavailable::from(ProviderUnusable::from(error)).into()
}
