//! `GET /v1/admin/audit`: who changed what.

use crate::discount_codes::HIDDEN_CODE;
use crate::span;
use axum::Extension;
use axum::extract::State;
use keywright_domain::access::Caller;
use keywright_domain::dates::rfc3339;
use keywright_domain::page::Position;
use keywright_ports::Database;
use keywright_store::operator::audit::{self, AuditEntry, AuditFilter};
use keywright_web::list::PageQuery;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::{ApiError, List, list_of};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// Which entries; all of these have to fit.
#[derive(Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditListFilter {
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
    /// Nothing before this time; RFC 3339.
    #[param(example = "2026-01-01T00:00:00Z", format = DateTime)]
    from: Option<String>,
    /// Only before this time; RFC 3339.
    #[param(example = "2026-02-01T00:00:00Z", format = DateTime)]
    to: Option<String>,
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
    /// True when before and after were erased, together with the buyer of a license.
    erased: bool,
}

list_of! {
    /// A page of audit entries.
    Entries as AuditPage { entries: EntryView }
}

impl From<AuditEntry> for EntryView {
    fn from(entry: AuditEntry) -> Self {
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
            erased: entry.is_erased,
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

/// Lists who changed what, newest first.
#[utoipa::path(
    get,
    path = "/v1/admin/audit",
    operation_id = "listAuditEntries",
    tag = "records",
    params(AuditListFilter, PageQuery),
    responses(
        (status = 200, description = "The changes.", body = AuditPage),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    Extension(caller): Extension<Caller>,
    list: List<AuditListFilter>,
) -> Result<AuditPage, ApiError> {
    let asked = list.filter.clone();
    let (from, to) = span::read(asked.from.as_ref(), asked.to.as_ref())?;
    let filter = AuditFilter {
        action: asked.action,
        actor: asked.actor,
        object_kind: asked.object_kind,
        object_id: asked.object_id,
        request_id: asked.request_id,
        from,
        to,
    };
    let rows = audit::list(&database, &filter, &list.page).await?;
    let position = |entry: &AuditEntry| Position {
        at: entry.at,
        id: entry.id.clone(),
    };
    Ok(list.answer(rows, position, |entry| {
        EntryView::from(entry).shown_to(&caller)
    }))
}
