//! `GET /v1/admin/events`: what happened, oldest first, for those whom no webhook reaches.

use crate::conceal;
use axum::Extension;
use axum::extract::State;
use http::StatusCode;
use keywright_domain::access::Caller;
use keywright_domain::dates::rfc3339;
use keywright_domain::webhook::filter;
use keywright_ports::Database;
use keywright_store::events::event_log::{self, EventsAfter, RecordedEvent};
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures, Gone};
use keywright_web::{ApiError, Json, StrictQuery};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// Events of a page where no limit is sent.
const DEFAULT_LIMIT: i64 = 100;
/// Most events of a page.
const MAX_LIMIT: i64 = 1_000;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventQuery {
    /// `next_after` of the page before; the oldest event that is left where it is left out.
    #[param(minimum = 0)]
    after: Option<i64>,
    /// Only these: a type such as `license.issued`, or an area such as `license.*`.
    #[serde(rename = "type")]
    event_type: Option<String>,
    /// How many to answer at most.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<i64>,
}

/// Something that happened.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub(crate) struct EventView {
    /// UUID; `webhook-id` of its deliveries.
    id: String,
    /// Rises from event to event, in the order in which they were recorded.
    sequence: i64,
    /// What happened.
    #[serde(rename = "type")]
    #[schema(example = "license.issued")]
    event_type: String,
    /// When, RFC 3339.
    timestamp: String,
    /// About what, as in the body of a delivery. A caller who may not see discount codes
    /// does not see their texts here either.
    #[schema(value_type = Object)]
    data: Value,
}

/// A page of events.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventPage {
    /// Oldest first; may be empty although there is more, when a type is asked for.
    events: Vec<EventView>,
    /// What to send as `after` next, also when there is no more now.
    next_after: i64,
    /// True when there is more now.
    has_more: bool,
}

/// What happened after an event, oldest first
///
/// The same events, with the same ids and data, that webhooks deliver. Ask again with
/// `next_after` for what happens later.
#[utoipa::path(
    get,
    path = "/v1/admin/events",
    operation_id = "listEvents",
    tag = "webhooks",
    params(EventQuery),
    responses(
        (status = 200, description = "The events.", body = EventPage),
        Gone, BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    Extension(caller): Extension<Caller>,
    query: Result<StrictQuery<EventQuery>, ApiError>,
) -> Result<Json<EventPage>, ApiError> {
    let StrictQuery(query) = query?;
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ApiError::bad_request(format!(
            "limit must be from 1 to {MAX_LIMIT}"
        )));
    }
    if query.after.is_some_and(|after| after < 0) {
        return Err(ApiError::bad_request(
            "after must be the next_after of the page before",
        ));
    }
    let types = [query.event_type.unwrap_or_else(|| "*".to_owned())];
    if filter::check(&types).is_err() {
        return Err(ApiError::bad_request(
            "type must be an event type such as license.issued, or an area such as license.*",
        ));
    }
    match event_log::after(&database, query.after, &types, limit).await? {
        EventsAfter::Page {
            events,
            next_after,
            has_more,
        } => {
            let events = events.into_iter();
            let events: Result<_, ApiError> =
                events.map(|event| EventView::of(event, &caller)).collect();
            Ok(Json(EventPage {
                events: events?,
                next_after,
                has_more,
            }))
        }
        EventsAfter::Purged { purged_to } => Err(ApiError::new(
            StatusCode::GONE,
            "gone",
            format!(
                "events up to {purged_to} are purged, so that some after this one are missing; \
                 go on with after={purged_to}"
            ),
        )),
    }
}

impl EventView {
    fn of(event: RecordedEvent, caller: &Caller) -> Result<Self, ApiError> {
        let (id, sequence) = (event.id, event.sequence);
        let data = serde_json::from_str(&event.data).map_err(|error| {
            ApiError::internal(format!("the data of event {id} is not JSON: {error}"))
        })?;
        Ok(Self {
            id,
            sequence,
            event_type: event.event_type,
            timestamp: rfc3339(event.at),
            data: conceal::event_data(data, caller),
        })
    }
}
