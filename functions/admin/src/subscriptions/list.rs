//! `GET /v1/admin/subscriptions`.

use super::SubscriptionView;
use axum::extract::State;
use keywright_domain::page::Position;
use keywright_domain::subscription::SubscriptionState;
use keywright_ports::Database;
use keywright_store::subscriptions::lookup::{self, Subscription};
use keywright_web::list::PageQuery;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::{ApiError, List, list_of};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which subscriptions.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SubscriptionFilter {
    /// One state: `trialing`, `active`, `past_due`, `cancelled` or `lapsed`.
    #[param(value_type = Option<String>, pattern = "^(trialing|active|past_due|cancelled|lapsed)?$")]
    status: Option<SubscriptionState>,
}

list_of! {
    /// A page of subscriptions.
    Subscriptions as SubscriptionPage { subscriptions: SubscriptionView }
}

/// Subscriptions, newest first.
#[utoipa::path(
    get,
    path = "/v1/admin/subscriptions",
    operation_id = "listSubscriptions",
    tag = "licenses",
    params(SubscriptionFilter, PageQuery),
    responses(
        (status = 200, description = "The subscriptions.", body = SubscriptionPage),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    list: List<SubscriptionFilter>,
) -> Result<SubscriptionPage, ApiError> {
    let rows = lookup::list(&database, list.filter.status, &list.page).await?;
    let position = |one: &Subscription| Position {
        at: one.started_at,
        id: one.id.clone(),
    };
    Ok(list.answer(rows, position, SubscriptionView::from))
}
