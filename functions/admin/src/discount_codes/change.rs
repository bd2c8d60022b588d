//! `PATCH /v1/admin/discount-codes/{id}`: changes the members that are sent.

use super::{
    CodeView, check_cycles, check_description, check_referrer, check_uses, end, policy_ids, refused,
};
use crate::Operator;
use crate::ids::DiscountCodeId;
use crate::text::nullable;
use axum::extract::State;
use keywright_domain::discount::Discount;
use keywright_domain::money::Currency;
use keywright_ports::{Database, Stamps};
use keywright_store::ChangeOutcome;
use keywright_store::catalog::discount_code_change::{self, DiscountCodeChanges};
use keywright_store::catalog::discount_codes;
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Failures, Unknown};
use keywright_web::{ApiError, Json};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

/// An absent member stays as it is. Code, kind, currency and product cannot be
/// changed: make another code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DiscountCodeChange {
    /// Basis points or the smallest unit of the code's currency, by the kind;
    /// orders already made keep their price.
    #[schema(minimum = 0)]
    amount: Option<i64>,
    /// How often it may be used, not less than it was; null as often as they
    /// like.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>, minimum = 1)]
    max_uses: Option<Option<i64>>,
    /// When it ends, RFC 3339; null never.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Option<String>>,
    /// For how many cycles of later subscriptions it holds; 0 for ever.
    #[schema(minimum = 0, maximum = 1_000)]
    cycles: Option<i64>,
    /// What it is for, at most 2000 bytes.
    #[schema(max_length = 2_000)]
    description: Option<String>,
    /// Who brings the buyers, at most 200 bytes; null nobody.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 200)]
    referrer_label: Option<Option<String>>,
    /// Whether buyers who name a policy get it without asking.
    featured: Option<bool>,
    /// Slugs of the policies it is for, of a code that is for one product; null
    /// or none for every policy.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Vec<String>>, max_items = 100)]
    policy_slugs: Option<Option<Vec<String>>>,
    // What cannot be changed: taken only to say what to do in place of it.
    #[schema(ignore)]
    code: Option<Value>,
    #[schema(ignore)]
    kind: Option<Value>,
    #[schema(ignore)]
    discount_currency: Option<Value>,
    #[schema(ignore)]
    product_slug: Option<Value>,
    #[schema(ignore)]
    product_id: Option<Value>,
    #[schema(ignore)]
    active: Option<Value>,
}

/// Changes a discount code
///
/// What changes nothing is a success that is not recorded. 400 for members that break their limits or cannot be changed, 404 for an
/// unknown id or policy.
#[utoipa::path(
    patch,
    path = "/v1/admin/discount-codes/{id}",
    operation_id = "updateDiscountCode",
    tag = "discount codes",
    params(("id" = String, Path, description = "UUID of the code.")),
    request_body = DiscountCodeChange,
    responses(
        (status = 200, description = "The code as it now is.", body = CodeView),
        BodyRefusals, AccessRefusals, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    State(stamps): State<Stamps>,
    Operator(actor): Operator,
    id: DiscountCodeId,
    change: Result<Json<DiscountCodeChange>, ApiError>,
) -> Result<Json<CodeView>, ApiError> {
    let Json(change) = change?;
    change.check_fixed()?;
    change.max_uses.flatten().map_or(Ok(()), check_uses)?;
    change.cycles.map_or(Ok(()), check_cycles)?;
    let expires_at = match &change.expires_at {
        None => None,
        Some(at) => Some(at.as_deref().map(end).transpose()?),
    };
    change
        .description
        .as_deref()
        .map_or(Ok(()), check_description)?;
    let referrer = change.referrer_label.iter().flatten();
    referrer.map(String::as_str).try_for_each(check_referrer)?;
    let before = discount_codes::get(&database, &id)
        .await?
        .ok_or_else(DiscountCodeId::unknown)?;
    let amount = match change.amount {
        None => None,
        Some(amount) => {
            let currency = before.discount.currency().unwrap_or(Currency::Sat);
            let discount = Discount::new(before.discount.kind(), amount, currency)
                .map_err(|error| ApiError::bad_request(format!("amount {error}")))?;
            Some(discount.amount())
        }
    };
    let policy_ids = match change.policy_slugs {
        None => None,
        Some(slugs) => {
            let slugs = slugs.unwrap_or_default();
            Some(match &before.product_id {
                Some(product_id) => policy_ids(&database, product_id, &slugs).await?,
                None if slugs.is_empty() => None,
                None => {
                    return Err(ApiError::bad_request(
                        "policy_slugs is only allowed for a code of one product",
                    ));
                }
            })
        }
    };
    let changes = DiscountCodeChanges {
        amount,
        max_uses: change.max_uses,
        expires_at,
        cycles: change.cycles,
        description: change.description,
        referrer_label: change.referrer_label,
        active: None,
        featured: change.featured,
        policy_ids,
    };
    let audit_id = stamps.new_id();
    let changed = discount_code_change::change(&database, &actor, &id, &changes, None, &audit_id);
    match changed.await? {
        ChangeOutcome::Changed(code) => Ok(Json(code.into())),
        ChangeOutcome::Refused(refusal) => Err(refused(refusal)),
        ChangeOutcome::Unknown => Err(DiscountCodeId::unknown()),
    }
}

impl DiscountCodeChange {
    /// Refuses what cannot be changed.
    fn check_fixed(&self) -> Result<(), ApiError> {
        for (member, value) in [
            ("code", &self.code),
            ("kind", &self.kind),
            ("discount_currency", &self.discount_currency),
            ("product_slug", &self.product_slug),
            ("product_id", &self.product_id),
        ] {
            if value.is_some() {
                return Err(ApiError::bad_request(format!(
                    "{member} cannot be changed; create another code"
                )));
            }
        }
        if self.active.is_some() {
            return Err(ApiError::bad_request(
                "active is changed with PATCH /v1/admin/discount-codes/{id}/active",
            ));
        }
        Ok(())
    }
}
