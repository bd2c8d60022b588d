//! `GET /v1/admin/audit`: who changed what.

use crate::Ports;
use crate::discount_codes::HIDDEN_CODE;
use crate::span::Span;
use axum::Extension;
use axum::extract::State;
use http::{HeaderMap, Uri};
use keywright_domain::access::Caller;
use keywright_domain::dates::rfc3339;
use keywright_domain::page::Position;
use keywright_store::operator::audit::{self, Filter, Recorded};
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::page::{PageQuery, end_page};
use keywright_web::{ApiError, Json, Query};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// Entries on a page, usually and at most.
const USUAL: i64 = 200;
const MOST: i64 = 1_000;

/// Which entries; all of these have to fit.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// What was done.
    #[param(example = "license.revoke")]
    action: Option<String>,
    /// Who did it: `operator` (the configured key), `api_key:<id>`, `buyer`,
    /// `btcpay` or `renew`.
    actor: Option<String>,
    /// What it was done to, such as `product`, `license` or `api_key`.
    object_kind: Option<String>,
    /// Id of the object. With `object_kind` it is found at once.
    object_id: Option<String>,
    /// The `x-request-id` of the answer.
    request_id: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Asked {
    #[serde(flatten)]
    which: Which,
    #[serde(flatten)]
    span: Span,
    #[serde(flatten)]
    page: PageQuery,
}

/// One change.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(crate) struct EntryView {
    /// UUID.
    id: String,
    /// RFC 3339.
    at: String,
    /// Who did it.
    #[schema(example = "operator")]
    actor: String,
    /// What was done.
    #[schema(example = "license.revoke")]
    action: String,
    /// What it was done to.
    #[schema(example = "license")]
    object_kind: String,
    /// Id of the object.
    object_id: String,
    /// The object before, as far as it changed; null when it was made. Times
    /// are unix seconds. Holds no secret.
    #[schema(value_type = Option<Object>, required)]
    before: Option<Value>,
    /// The object after, as far as it changed; null when it was removed. Times
    /// are unix seconds. Holds no secret.
    #[schema(value_type = Option<Object>, required)]
    after: Option<Value>,
    /// The `x-request-id` of the answer; empty for a tick.
    request_id: String,
}

/// Changes, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct Entries {
    /// The changes.
    entries: Vec<EntryView>,
    /// `cursor` of the next page; null on the last one.
    #[schema(required)]
    next_cursor: Option<String>,
}

impl From<Recorded> for EntryView {
    fn from(entry: Recorded) -> Self {
        Self {
            id: entry.id,
            at: rfc3339(entry.at),
            actor: entry.actor,
            action: entry.action,
            object_kind: entry.object_kind,
            object_id: entry.object_id,
            before: entry.before,
            after: entry.after,
            request_id: entry.request_id,
        }
    }
}

impl EntryView {
    /// The entry as this caller may see it: without the texts of discount codes, where
    /// the list of codes does not show them either.
    fn shown_to(mut self, caller: &Caller) -> Self {
        if self.object_kind == "discount_code" && !caller.may_see_codes() {
            let states = [&mut self.before, &mut self.after];
            for code in states
                .into_iter()
                .flatten()
                .filter_map(|state| state.get_mut("code"))
            {
                *code = HIDDEN_CODE.into();
            }
        }
        self
    }
}

/// Who changed what, newest first. 200 a page where no limit is sent, 1000 at
/// most.
#[utoipa::path(
    get,
    path = "/v1/admin/audit",
    tag = "records",
    params(Which, Span, PageQuery),
    responses(
        (status = 200, description = "The changes.", body = Entries),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
    Query(asked): Query<Asked>,
) -> Result<(HeaderMap, Json<Entries>), ApiError> {
    let page = asked.page.page(USUAL, MOST)?;
    let (from, to) = asked.span.read()?;
    let filter = Filter {
        action: asked.which.action,
        actor: asked.which.actor,
        object_kind: asked.which.object_kind,
        object_id: asked.which.object_id,
        request_id: asked.which.request_id,
        from,
        to,
    };
    let mut entries = audit::list(&ports.database, &filter, &page).await?;
    let (headers, next_cursor) = end_page(&page, &uri, &mut entries, |entry| Position {
        at: entry.at,
        id: entry.id.clone(),
    });
    let shown = |entry| EntryView::from(entry).shown_to(&caller);
    let entries = entries.into_iter().map(shown).collect();
    Ok((
        headers,
        Json(Entries {
            entries,
            next_cursor,
        }),
    ))
}
