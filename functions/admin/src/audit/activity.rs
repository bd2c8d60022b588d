//! `GET /v1/admin/activity`: what happened how often, by the hour.

use crate::Ports;
use axum::extract::State;
use http::{HeaderMap, Uri};
use keywright_domain::dates::rfc3339;
use keywright_store::operator::activity::{self, Filter, HourlyCount};
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::page::{PageQuery, end_page};
use keywright_web::{ApiError, Json, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Counts on a page, usually and at most.
const USUAL: i64 = 200;
const MOST: i64 = 1_000;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ActivityQuery {
    /// `license.poll_key`, `license.recover_key`, `license.claim_key`, `recovery.refuse`
    /// or `credential.refuse`.
    #[param(example = "license.recover_key")]
    kind: Option<String>,
    /// Id of the license; of what was refused the network it came from, or
    /// `api_key:<id>`.
    subject: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    page: PageQuery,
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

/// Counts, the newest hour first.
#[derive(Serialize, ToSchema)]
#[schema(as = Activity)]
pub(crate) struct Counts {
    /// The counts.
    counts: Vec<CountView>,
    /// `cursor` of the next page; null on the last one.
    #[schema(required)]
    next_cursor: Option<String>,
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
    tag = "records",
    params(ActivityQuery, PageQuery),
    responses(
        (status = 200, description = "The counts.", body = Counts),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    uri: Uri,
    Query(query): Query<ActivityQuery>,
) -> Result<(HeaderMap, Json<Counts>), ApiError> {
    let page = query.page.page(USUAL, MOST)?;
    let filter = Filter {
        kind: query.kind,
        subject: query.subject,
    };
    let mut counts = activity::list(&ports.database, &filter, &page).await?;
    let (headers, next_cursor) = end_page(&page, &uri, &mut counts, HourlyCount::position);
    let counts = counts.into_iter().map(CountView::from).collect();
    Ok((
        headers,
        Json(Counts {
            counts,
            next_cursor,
        }),
    ))
}
