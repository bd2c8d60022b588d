//! `PATCH /v1/admin/merchant-profiles/{id}`: changes the members that are sent.

use super::{ProfileDetails, ProfileView, check_name};
use crate::Operator;
use crate::ids::MerchantProfileId;
use crate::text::nullable;
use axum::extract::State;
use keywright_ports::{Database, Stamps};
use keywright_store::catalog::merchant_profile_change::{self, MerchantProfileChanges};
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Failures, Unknown};
use keywright_web::{ApiError, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// Only what is sent is changed; null clears.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MerchantProfileChange {
    /// 1 to 80 characters.
    #[schema(min_length = 1, max_length = 80)]
    name: Option<String>,
    /// At most 2000 bytes.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 2_000)]
    legal_name: Option<Option<String>>,
    /// http or https, at most 2000 bytes.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 2_000)]
    support_url: Option<Option<String>>,
    /// At most 254 bytes.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 254)]
    support_email: Option<Option<String>>,
    /// `#rrggbb`.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    brand_color: Option<Option<String>>,
    /// http or https; `{order_id}` stands
    /// for the order's public id. `{invoice_id}` stands for its secret, which opens the
    /// license key: BTCPay's checkout page and exports then hold it.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 2_000)]
    post_purchase_redirect_url: Option<Option<String>>,
}

/// Changes a business. What changes nothing is a success that is not recorded.
#[utoipa::path(
    patch,
    path = "/v1/admin/merchant-profiles/{id}",
    operation_id = "updateMerchantProfile",
    tag = "merchant profiles",
    params(("id" = String, Path, description = "UUID of the business.")),
    request_body = MerchantProfileChange,
    responses(
        (status = 200, description = "The business as it now is.", body = ProfileView),
        BodyRefusals, AccessRefusals, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    State(stamps): State<Stamps>,
    Operator(actor): Operator,
    id: MerchantProfileId,
    change: Result<Json<MerchantProfileChange>, ApiError>,
) -> Result<Json<ProfileView>, ApiError> {
    let Json(change) = change?;
    let changes = change.checked()?;
    let audit_id = stamps.new_id();
    let database = &database;
    let changed =
        merchant_profile_change::change(database, &actor, &id, &changes, &audit_id).await?;
    Ok(Json(changed.ok_or_else(MerchantProfileId::unknown)?.into()))
}

impl MerchantProfileChange {
    fn checked(self) -> Result<MerchantProfileChanges, ApiError> {
        self.name.as_deref().map_or(Ok(()), check_name)?;
        let sent = |member: &Option<Option<String>>| member.is_some();
        let is_sent = [
            sent(&self.legal_name),
            sent(&self.support_url),
            sent(&self.support_email),
            sent(&self.brand_color),
            sent(&self.post_purchase_redirect_url),
        ];
        let said = ProfileDetails {
            legal_name: self.legal_name.flatten(),
            support_url: self.support_url.flatten(),
            support_email: self.support_email.flatten(),
            brand_color: self.brand_color.flatten(),
            post_purchase_redirect_url: self.post_purchase_redirect_url.flatten(),
        };
        let said = said.checked()?;
        let [
            legal_name,
            support_url,
            support_email,
            brand_color,
            redirect,
        ] = is_sent;
        Ok(MerchantProfileChanges {
            name: self.name,
            legal_name: legal_name.then_some(said.legal_name),
            support_url: support_url.then_some(said.support_url),
            support_email: support_email.then_some(said.support_email),
            brand_color: brand_color.then_some(said.brand_color),
            post_purchase_redirect_url: redirect.then_some(said.post_purchase_redirect_url),
        })
    }
}
