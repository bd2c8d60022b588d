//! `PATCH /v1/admin/policies/{id}`: changes the members that are sent. What
//! was sold keeps its terms.

use super::{PolicyView, check_rank_and_activations, invalid, make, metadata, price};
use crate::caps::AtCap;
use crate::ids::PolicyId;
use crate::text::{check_name, nullable};
use crate::{Operator, Ports};
use axum::extract::State;
use keywright_domain::money::Price;
use keywright_domain::subscription::terms::{MAX_DAYS, Recurrence, RecurrenceError};
use keywright_domain::terms::Terms;
use keywright_store::catalog::policies;
use keywright_store::catalog::policy_change::PolicyChanges;
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Json};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Only what is sent is changed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyChange {
    /// Its name for people, 1 to 200 bytes.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// Its own price in the smallest unit of the product's currency: sats, or
    /// cents; also taken as `price_sats`. Null sells at the product's price.
    #[serde(default, alias = "price_sats", deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>, minimum = 0)]
    price_sats_override: Option<Option<i64>>,
    /// What the price is meant in: `SAT`, `USD` or `EUR`. Not needed; where it
    /// is not the product's currency, the request is refused.
    #[schema(pattern = "^(SAT|USD|EUR)$")]
    price_currency: Option<String>,
    /// Seconds from issue to expiry, for later sales; 0 never.
    #[schema(minimum = 0, maximum = 3_153_600_000_i64)]
    duration_seconds: Option<i64>,
    /// Seconds after expiry in which a license still validates, for later
    /// sales.
    #[schema(minimum = 0, maximum = 3_153_600_000_i64)]
    grace_seconds: Option<i64>,
    /// Machines at once, for later sales; 0 is unlimited.
    #[schema(minimum = 0, maximum = 1_000_000)]
    max_machines: Option<i64>,
    /// What it unlocks, for later sales.
    #[schema(max_items = 255)]
    entitlements: Option<Vec<String>>,
    /// Whether it is a trial, for later sales.
    is_trial: Option<bool>,
    /// Seconds from issue in which new versions are included, for later sales;
    /// null includes every version.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 3_153_600_000_i64)]
    maintenance_seconds: Option<Option<i64>>,
    /// Whether it is sold by the period, for later sales.
    is_recurring: Option<bool>,
    /// Days that one payment buys, for later sales, 1 to 3660.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 3_660)]
    renewal_period_days: Option<Option<i64>>,
    /// Days before the first payment, for later sales, 0 to 3660.
    #[schema(minimum = 0, maximum = 3_660)]
    trial_days: Option<i64>,
    /// Days after a paid period in which a license still validates, for later sales, 0 to
    /// 90 and less than the period; null for the usual 7, at most half the period.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 90)]
    grace_period_days: Option<Option<i64>>,
    /// What a renewal costs, in the smallest unit of the product's currency, for later
    /// sales; null as much as the first period.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>, minimum = 0)]
    renewal_price_sats: Option<Option<i64>>,
    /// Its place on the ladder, 0 to 1000; null takes it off.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 1_000)]
    tier_rank: Option<Option<i64>>,
    /// Activations in 24 hours, 0 to 1000000, at once for every license under
    /// it that has no limit of its own; 0 is unlimited, null the usual limit.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 1_000_000)]
    max_activations_per_day: Option<Option<i64>>,
    /// Whether it can be bought.
    active: Option<bool>,
    /// Whether buyers see it.
    public: Option<bool>,
    /// Whether it is put away.
    archived: Option<bool>,
    /// Free-form members as for a new policy; null for none.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Option<Value>>,
}

/// Changes a policy. What was sold keeps its terms. What changes nothing is a
/// success that is not recorded. 409 when the product's currency is changed
/// while its price is.
#[utoipa::path(
    patch,
    path = "/v1/admin/policies/{id}",
    operation_id = "updatePolicy",
    tag = "policies",
    params(("id" = String, Path, description = "Id of the policy.")),
    request_body = PolicyChange,
    responses(
        (status = 200, description = "The policy as it now is.", body = PolicyView),
        BodyRefusals, AccessRefusals, AtCap, Unknown, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Operator(actor): Operator,
    id: PolicyId,
    change: Result<Json<PolicyChange>, ApiError>,
) -> Result<Json<PolicyView>, ApiError> {
    let Json(change) = change?;
    let (own, renewal) = (change.price_sats_override, change.renewal_price_sats);
    let currency = if own.flatten().or(renewal.flatten()).is_some() {
        let before = policies::get(&ports.database, &id).await?;
        Some(before.ok_or_else(PolicyId::unknown)?.price_currency)
    } else {
        None
    };
    let meant = change.price_currency.clone();
    let checked = |member: &str, sent: Option<Option<i64>>| match (sent, currency) {
        (Some(Some(amount)), Some(currency)) => {
            price(member, amount, meant.as_deref(), currency).map(|price| Some(Some(price)))
        }
        (sent, _) => Ok(sent.map(|_| None)),
    };
    let own = checked("price_sats_override", own)?;
    let renewal = checked("renewal_price_sats", renewal)?;
    let changes = change.checked(own, renewal)?;
    let policy = make(&ports, &actor, &id, &changes).await?;
    Ok(Json(policy.into()))
}

impl PolicyChange {
    /// The members that are sent, each inside its limits.
    fn checked(
        self,
        price: Option<Option<Price>>,
        renewal_price: Option<Option<Price>>,
    ) -> Result<PolicyChanges, ApiError> {
        self.name.as_deref().map_or(Ok(()), check_name)?;
        let none = || Value::Object(Map::new());
        let metadata = self.metadata.map(|metadata| metadata.unwrap_or_else(none));
        metadata.as_ref().map_or(Ok(()), metadata::check)?;
        check_rank_and_activations(
            self.tier_rank.flatten(),
            self.max_activations_per_day.flatten(),
        )?;
        let usual = Terms::default();
        let sent = Terms {
            duration_seconds: self.duration_seconds.unwrap_or(usual.duration_seconds),
            grace_seconds: self.grace_seconds.unwrap_or(usual.grace_seconds),
            max_machines: self.max_machines.unwrap_or(usual.max_machines),
            entitlements: self.entitlements.clone().unwrap_or_default(),
            is_trial: usual.is_trial,
            maintenance_seconds: self.maintenance_seconds.flatten(),
        };
        sent.check()
            .map_err(|error| ApiError::bad_request(error.to_string()))?;
        // Each by itself; whether they fit the others is decided where they are written.
        let period_days = self.renewal_period_days.flatten().unwrap_or(MAX_DAYS);
        let (trial_days, grace_days) = (
            self.trial_days.unwrap_or(0),
            self.grace_period_days.flatten(),
        );
        match Recurrence::new(Some(period_days), trial_days, grace_days) {
            Ok(_) | Err(RecurrenceError::GraceNotShorter) => {}
            Err(error) => return Err(invalid(error)),
        }
        Ok(PolicyChanges {
            name: self.name,
            price,
            is_recurring: self.is_recurring,
            renewal_period_days: self.renewal_period_days,
            trial_days: self.trial_days,
            grace_period_days: self.grace_period_days,
            renewal_price,
            duration_seconds: self.duration_seconds,
            grace_seconds: self.grace_seconds,
            max_machines: self.max_machines,
            entitlements: self.entitlements,
            is_trial: self.is_trial,
            maintenance_seconds: self.maintenance_seconds,
            tier_rank: self.tier_rank,
            max_activations_per_day: self.max_activations_per_day,
            active: self.active,
            public: self.public,
            archived: self.archived,
            metadata,
        })
    }
}
