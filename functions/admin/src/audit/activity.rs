//! `GET /v1/admin/activity`: what happened how often, by the hour.

use axum::extract::State;
use keywright_domain::dates::rfc3339;
use keywright_ports::Database;
use keywright_store::operator::activity::{self, HourlyCount};
use keywright_web::list::PageQuery;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::{ApiError, List, list_of};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which counts; all of these have to fit.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ActivityFilter {
    /// `license.poll_key`, `license.recover_key`, `license.claim_key`, `recovery.refuse`
    /// or `credential.refuse`.
    #[param(example = "license.recover_key")]
    kind: Option<String>,
    /// Id of the license; of what was refused the network it came from, or
    /// `api_key:<id>`.
    subject: Option<String>,
}

/// How often something happened in an hour.
#[derive(Serialize, ToSchema)]
#[schema(as = ActivityCount)]
pub(crate) struct CountView {
    /// When the hour began, RFC 3339.
    hour: String,
    /// What happened.
    #[schema(example = "license.recover_key")]
    kind: String,
    /// To what, or by whom; empty where there were too many to tell apart.
    subject: String,
    /// How often.
    #[schema(minimum = 1)]
    count: i64,
    /// RFC 3339.
    first_at: String,
    /// RFC 3339.
    last_at: String,
    /// The network of the last caller; null where none had an address.
    #[schema(required, example = "203.0.113.0/24")]
    network: Option<String>,
}

list_of! {
    /// A page of counts, the newest hour first.
    Counts as ActivityPage { counts: CountView }
}

impl From<HourlyCount> for CountView {
    fn from(count: HourlyCount) -> Self {
        Self {
            hour: rfc3339(count.starts_at()),
            kind: count.kind,
            subject: count.subject,
            count: count.count,
            first_at: rfc3339(count.first_at),
            last_at: rfc3339(count.last_at),
            network: count.network,
        }
    }
}

/// How often keys were shown and credentials refused, by the hour.
///
/// Keys to their holders, recoveries, and credentials of operators; for 90 days. The first of each
/// subject and hour is in the audit table.
#[utoipa::path(
    get,
    path = "/v1/admin/activity",
    operation_id = "listActivity",
    tag = "records",
    params(ActivityFilter, PageQuery),
    responses(
        (status = 200, description = "The counts.", body = ActivityPage),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    list: List<ActivityFilter>,
) -> Result<ActivityPage, ApiError> {
    let filter = activity::Filter {
        kind: list.filter.kind.clone(),
        subject: list.filter.subject.clone(),
    };
    let rows = activity::list(&database, &filter, &list.page).await?;
    Ok(list.answer(rows, HourlyCount::position, CountView::from))
}
