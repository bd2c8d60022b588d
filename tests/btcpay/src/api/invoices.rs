//! Reading, marking, changing and archiving invoices.

use axum::extract::State;
use axum::http::StatusCode;
use serde_json::Value;

use super::answers::{invoice_json, payment_methods_json};
use super::call::Call;
use super::errors::{ApiError, FieldError};
use crate::invoice::{Invoice, Status};
use crate::json::Json;
use crate::machine;
use crate::permission::{MODIFY_INVOICES, MODIFY_STORE_SETTINGS, VIEW_INVOICES, allows};
use crate::state::Double;

type Answer = Result<Json, ApiError>;

fn not_found() -> ApiError {
    ApiError::not_found("invoice-not-found", "invoice")
}

/// The invoice named in the path, as the API shows it.
fn shown(double: &Double, call: &Call) -> Result<Invoice, ApiError> {
    let id = call.param("invoice").unwrap_or_default();
    double.lock().shown(id).cloned().ok_or_else(not_found)
}

pub(super) async fn get(State(double): State<Double>, call: Call) -> Answer {
    call.allow(&double, VIEW_INVOICES)?;
    call.expect_query(&double, &["includePaymentMethods"])?;
    let with_methods = call.flag("includePaymentMethods")?;
    let invoice = shown(&double, &call)?;
    Ok(Json(invoice_json(
        &invoice,
        &call.root(&double),
        with_methods,
    )))
}

/// Newest first. Filters combine; those that may repeat match any of theirs.
pub(super) async fn list(State(double): State<Double>, call: Call) -> Answer {
    let store = call.allow(&double, VIEW_INVOICES)?;
    call.expect_query(
        &double,
        &[
            "orderId",
            "status",
            "textSearch",
            "startDate",
            "endDate",
            "skip",
            "take",
            "includePaymentMethods",
            "includeArchived",
        ],
    )?;
    let filter = Filter::of(&call)?;
    let with_methods = call.flag("includePaymentMethods")?;
    let root = call.root(&double);
    let count = |name: &str| -> Result<Option<usize>, ApiError> {
        Ok(call
            .integer(name)?
            .map(|count| usize::try_from(count).unwrap_or_default()))
    };
    let (skip, take) = (count("skip")?.unwrap_or_default(), count("take")?);
    let state = double.lock();
    let found = state
        .invoices
        .iter()
        .rev()
        .map(|invoice| state.frozen.get(&invoice.id).unwrap_or(invoice))
        .filter(|invoice| invoice.store_id == store && filter.matches(invoice))
        .skip(skip)
        .take(take.unwrap_or(usize::MAX))
        .map(|invoice| invoice_json(invoice, &root, with_methods))
        .collect();
    Ok(Json(found))
}

struct Filter<'a> {
    orders: Vec<&'a str>,
    statuses: Vec<Status>,
    text: Option<&'a str>,
    start: Option<i64>,
    end: Option<i64>,
    archived: bool,
}

impl<'a> Filter<'a> {
    fn of(call: &'a Call) -> Result<Self, ApiError> {
        let (start, end) = (call.integer("startDate")?, call.integer("endDate")?);
        if let (Some(start), Some(end)) = (start, end)
            && start > end
        {
            return Err(ApiError::Invalid(vec![
                FieldError::new("startDate", "it must not be after endDate"),
                FieldError::new("endDate", "it must not be before startDate"),
            ]));
        }
        Ok(Self {
            orders: call.queries("orderId"),
            statuses: call
                .queries("status")
                .into_iter()
                .filter_map(status)
                .collect(),
            text: call.query("textSearch").filter(|text| !text.is_empty()),
            start,
            end,
            archived: call.flag("includeArchived")?,
        })
    }

    fn matches(&self, invoice: &Invoice) -> bool {
        let ordered = || {
            invoice
                .order_id()
                .is_some_and(|order| self.orders.contains(&order))
        };
        (self.archived || !invoice.archived)
            && (self.orders.is_empty() || ordered())
            // A status nobody knows filters nothing.
            && (self.statuses.is_empty() || self.statuses.contains(&invoice.status))
            && self.start.is_none_or(|start| start <= invoice.created_time)
            && self.end.is_none_or(|end| invoice.created_time <= end)
            && self.text.is_none_or(|text| found_by(invoice, text))
    }
}

/// The names of this version and the older ones, in any case.
fn status(name: &str) -> Option<Status> {
    match name.to_lowercase().as_str() {
        "new" => Some(Status::New),
        "paid" | "processing" => Some(Status::Processing),
        "complete" | "confirmed" | "settled" => Some(Status::Settled),
        "expired" => Some(Status::Expired),
        "invalid" => Some(Status::Invalid),
        _ => None,
    }
}

/// Whether one of the terms an invoice is filed under begins so.
fn found_by(invoice: &Invoice, text: &str) -> bool {
    let amount = invoice.amount.to_string();
    let email = invoice.metadata.get("buyerEmail").and_then(Value::as_str);
    let fixed = [
        Some(invoice.id.as_str()),
        Some(&invoice.store_id),
        Some(&amount),
    ];
    fixed
        .into_iter()
        .chain([invoice.order_id(), email])
        .flatten()
        .chain(invoice.search_terms.iter().map(String::as_str))
        .chain(
            invoice
                .prompts
                .iter()
                .map(|prompt| prompt.destination.as_str()),
        )
        .chain(invoice.payments.iter().map(|payment| payment.id.as_str()))
        .any(|term| term.starts_with(text))
}

pub(super) async fn payment_methods(State(double): State<Double>, call: Call) -> Answer {
    let store = call.allow(&double, VIEW_INVOICES)?;
    call.expect_query(&double, &["onlyAccountedPayments", "includeSensitive"])?;
    let invoice = shown(&double, &call)?;
    if call.flag("includeSensitive")?
        && !allows(
            &call.authenticate(&double)?,
            MODIFY_STORE_SETTINGS,
            Some(&store),
        )
    {
        return Err(ApiError::MissingPermission(MODIFY_STORE_SETTINGS));
    }
    let only_accounted =
        call.query("onlyAccountedPayments").is_none() || call.flag("onlyAccountedPayments")?;
    Ok(Json(payment_methods_json(&invoice, only_accounted)))
}

pub(super) async fn mark(State(double): State<Double>, call: Call) -> Answer {
    call.allow(&double, MODIFY_INVOICES)?;
    let wanted = call.read(&double, |fields| {
        fields.only(&["status"]);
        let name = fields.text("status");
        let wanted: Option<Status> =
            name.and_then(|name| serde_json::from_value(Value::String(name)).ok());
        if wanted.is_none() {
            fields.error("status", "Settled or Invalid is expected");
        }
        wanted
    })?;
    let id = call.param("invoice").unwrap_or_default();
    let marked = double
        .lock()
        .change(id, |invoice, _| {
            match wanted.and_then(|wanted| machine::mark(invoice, wanted)) {
                Some(events) => (true, events),
                None => (false, Vec::new()),
            }
        })
        .ok_or_else(not_found)?;
    double.bump();
    if !marked {
        return Err(ApiError::field(
            "Status",
            "the invoice cannot be marked so now",
        ));
    }
    Ok(Json(invoice_json(
        &shown(&double, &call)?,
        &call.root(&double),
        false,
    )))
}

pub(super) async fn update(State(double): State<Double>, call: Call) -> Answer {
    call.allow(&double, MODIFY_INVOICES)?;
    let metadata = call.read(&double, |fields| {
        fields.only(&["metadata"]);
        fields.object("metadata")
    })?;
    let id = call.param("invoice").unwrap_or_default();
    let set = double.lock().change(id, |invoice, _| {
        if let Some(metadata) = metadata {
            invoice.metadata = metadata;
        }
        ((), Vec::new())
    });
    set.ok_or_else(not_found)?;
    Ok(Json(invoice_json(
        &shown(&double, &call)?,
        &call.root(&double),
        false,
    )))
}

fn set_archived(double: &Double, call: &Call, archived: bool) -> Result<bool, ApiError> {
    call.allow(double, MODIFY_INVOICES)?;
    let id = call.param("invoice").unwrap_or_default();
    let before = double.lock().change(id, |invoice, _| {
        (
            std::mem::replace(&mut invoice.archived, archived),
            Vec::new(),
        )
    });
    before.ok_or_else(not_found)
}

pub(super) async fn archive(
    State(double): State<Double>,
    call: Call,
) -> Result<StatusCode, ApiError> {
    set_archived(&double, &call, true)?;
    Ok(StatusCode::OK)
}

pub(super) async fn unarchive(State(double): State<Double>, call: Call) -> Answer {
    if !set_archived(&double, &call, false)? {
        return Err(ApiError::Coded(
            StatusCode::BAD_REQUEST,
            "already-unarchived",
            "the invoice is not archived".to_owned(),
        ));
    }
    Ok(Json(invoice_json(
        &shown(&double, &call)?,
        &call.root(&double),
        false,
    )))
}
