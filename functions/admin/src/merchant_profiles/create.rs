//! `POST /v1/admin/merchant-profiles`: a new business.

use super::{ProfileDetails, ProfileView, check_name};
use crate::caps::AtCap;
use crate::{Operator, Ports};
use keywright_domain::instance_tier::CappedResource;
use keywright_store::catalog::merchant_profiles;
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures};
use keywright_web::{ApiError, Attempted, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// An empty text counts as absent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MerchantProfileInput {
    /// Its name for buyers, 1 to 80 characters.
    #[schema(min_length = 1, max_length = 80)]
    name: String,
    /// The name in its contracts, at most 2000 bytes.
    #[schema(max_length = 2_000)]
    legal_name: Option<String>,
    /// Where to get help: http or https, at most 2000 bytes.
    #[schema(max_length = 2_000)]
    support_url: Option<String>,
    /// An e-mail address for help, at most 254 bytes.
    #[schema(max_length = 254)]
    support_email: Option<String>,
    /// `#rrggbb`.
    #[schema(example = "#0a7cff")]
    brand_color: Option<String>,
    /// Where buyers go after paying: http or https; `{order_id}` stands
    /// for the order's public id. `{invoice_id}` stands for its secret, which opens the
    /// license key: BTCPay's checkout page and exports then hold it.
    #[schema(
        max_length = 2_000,
        example = "https://shop.example/done?order={order_id}"
    )]
    post_purchase_redirect_url: Option<String>,
}

/// Makes a business, which sells nothing yet: name it in products.
#[utoipa::path(
    post,
    path = "/v1/admin/merchant-profiles",
    operation_id = "createMerchantProfile",
    tag = "merchant profiles",
    request_body = MerchantProfileInput,
    responses(
        (status = 200, description = "The business.", body = ProfileView),
        BodyRefusals, AccessRefusals, AtCap, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    new: Result<Json<MerchantProfileInput>, ApiError>,
) -> Result<Json<ProfileView>, ApiError> {
    let Json(new) = new?;
    check_name(&new.name)?;
    let said = ProfileDetails {
        legal_name: new.legal_name,
        support_url: new.support_url,
        support_email: new.support_email,
        brand_color: new.brand_color,
        post_purchase_redirect_url: new.post_purchase_redirect_url,
    };
    let said = said.checked()?;
    let new = merchant_profiles::NewMerchantProfile {
        id: ports.stamps.new_id(),
        name: new.name,
        legal_name: said.legal_name,
        support_url: said.support_url,
        support_email: said.support_email,
        brand_color: said.brand_color,
        post_purchase_redirect_url: said.post_purchase_redirect_url,
    };
    let audit_id = ports.stamps.new_id();
    let caps = ports.caps().await?;
    let resource = CappedResource::MerchantProfiles;
    let cap = caps.of(resource);
    let created = merchant_profiles::create(&ports.database, &actor, &new, audit_id, cap).await?;
    match created {
        Ok(created) => Ok(Json(created.into())),
        Err(usage) => Err(caps.reached(resource, Some(usage))),
    }
}
