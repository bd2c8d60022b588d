//! The caps of the instance, where its host sets any, and the answer at a cap.

use http::StatusCode;
use keywright_domain::instance_tier::{CappedResource, InstanceCaps};
use keywright_ports::{Reader, Stamps};
use keywright_services::instance_license::InstanceLicensing;
use keywright_web::ApiError;
use serde_json::{Map, Value, json};
use utoipa::{IntoResponses, ToSchema};

/// The caps as they are now.
pub(crate) struct Caps {
    caps: InstanceCaps,
    upgrade_url: Option<String>,
}

impl Caps {
    /// Reads them: no round trip where the host sets none, else one.
    ///
    /// # Errors
    /// Of the database.
    pub(crate) async fn now(
        licensing: &InstanceLicensing,
        database: &Reader,
        stamps: &Stamps,
    ) -> Result<Self, ApiError> {
        let standing = licensing.standing(database, stamps.now()).await?;
        Ok(standing.map_or(
            Self {
                caps: InstanceCaps::NONE,
                upgrade_url: None,
            },
            |standing| Self {
                caps: InstanceCaps::of(&standing.entitlements),
                upgrade_url: licensing.upgrade_url(&standing.entitlements),
            },
        ))
    }

    /// The cap of this resource.
    pub(crate) fn of(&self, resource: CappedResource) -> Option<i64> {
        let caps = self.caps;
        match resource {
            CappedResource::Products => caps.products,
            CappedResource::PoliciesPerProduct => caps.policies_per_product,
            CappedResource::ActiveCodes => caps.active_codes,
            CappedResource::MerchantProfiles => caps.merchant_profiles,
        }
    }

    /// 402 `tier_cap`: this many are in use. `None` where that could not be read.
    pub(crate) fn reached(&self, resource: CappedResource, usage: Option<i64>) -> ApiError {
        let cap = self.of(resource).unwrap_or_default();
        let usage = usage.unwrap_or(cap);
        let mut details = Map::new();
        details.insert("resource".to_owned(), json!(resource.as_str()));
        details.insert("cap".to_owned(), json!(cap));
        details.insert("usage".to_owned(), json!(usage));
        details.insert(
            "upgrade_url".to_owned(),
            self.upgrade_url.clone().map_or(Value::Null, Value::from),
        );
        let message = format!(
            "this instance may have {cap} {}, and has {usage}; upgrade its license, or remove one",
            resource.noun()
        );
        let error = ApiError::new(StatusCode::PAYMENT_REQUIRED, "tier_cap", message);
        error.with_details(details)
    }
}

/// The envelope of an error at a cap.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description; `ApiError` writes it")]
pub(crate) struct TierCapError {
    /// Always `false`.
    #[schema(example = false)]
    ok: bool,
    /// Always `tier_cap`.
    #[schema(example = "tier_cap")]
    error: String,
    /// What was wrong and what to do about it.
    message: String,
    /// What is capped: `products`, `policies_per_product`, `active_codes` or
    /// `merchant_profiles`.
    #[schema(example = "products")]
    resource: String,
    /// How many there may be.
    #[schema(example = 5)]
    cap: i64,
    /// How many there are.
    #[schema(example = 5)]
    usage: i64,
    /// Where a license of the next tier is sold; null where none lifts the cap.
    #[schema(required)]
    upgrade_url: Option<String>,
}

/// The instance has as many of them as its license allows: `tier_cap`. Only where the host
/// sets caps.
#[derive(IntoResponses)]
#[response(status = 402)]
#[expect(dead_code, reason = "a description")]
pub(crate) struct AtCap(#[to_schema] TierCapError);
