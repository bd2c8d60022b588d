//! Managing webhooks, and their deliveries.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::call::Call;
use super::errors::ApiError;
use super::fields::Fields;
use crate::delivery::start_worker;
use crate::json::Json;
use crate::permission::MODIFY_WEBHOOKS;
use crate::state::Double;
use crate::webhook::{Delivery, Settings, Webhook};

type Answer = Result<Json, ApiError>;

fn not_found() -> ApiError {
    ApiError::not_found("webhook-not-found", "webhook")
}

/// Whether it is an absolute URL: a scheme and something after it.
fn is_absolute(url: &str) -> bool {
    reqwest::Url::parse(url).is_ok()
}

/// The body of create and update; an empty secret is left empty.
fn read(fields: &mut Fields<'_>) -> Settings {
    fields.only(&[
        "enabled",
        "automaticRedelivery",
        "url",
        "authorizedEvents",
        "secret",
    ]);
    let url = fields.text("url");
    if !url.as_deref().is_some_and(is_absolute) {
        fields.error("Url", "an absolute URL is expected");
    }
    let (everything, specific_events) = fields
        .within("authorizedEvents", |events| {
            events.only(&["everything", "specificEvents"]);
            let everything = events.flag("everything").unwrap_or(true);
            (
                everything,
                events.texts("specificEvents").unwrap_or_default(),
            )
        })
        .unwrap_or((true, Vec::new()));
    Settings {
        enabled: fields.flag("enabled").unwrap_or(true),
        automatic_redelivery: fields.flag("automaticRedelivery").unwrap_or(true),
        url,
        everything,
        specific_events,
        secret: fields.text("secret").unwrap_or_default(),
    }
}

pub(super) async fn create(State(double): State<Double>, call: Call) -> Answer {
    let store = call.allow(&double, MODIFY_WEBHOOKS)?;
    let mut settings = call.read(&double, read)?;
    let webhook = {
        let mut state = double.lock();
        if settings.secret.is_empty() {
            settings.secret = state.ids.short();
        }
        let id = state.ids.short();
        let webhook = Webhook::new(id.clone(), &store, settings);
        // The only answer that shows the secret.
        let shown = webhook.json(true);
        state.webhooks.push(webhook);
        drop(state);
        start_worker(&double, &id);
        shown
    };
    Ok(Json(webhook))
}

pub(super) async fn list(State(double): State<Double>, call: Call) -> Answer {
    let store = call.allow(&double, MODIFY_WEBHOOKS)?;
    let state = double.lock();
    let of_store = state
        .webhooks
        .iter()
        .filter(|webhook| webhook.store_id == store);
    Ok(Json(of_store.map(|webhook| webhook.json(false)).collect()))
}

pub(super) async fn get(State(double): State<Double>, call: Call) -> Answer {
    call.allow(&double, MODIFY_WEBHOOKS)?;
    show(&double, &call)
}

fn show(double: &Double, call: &Call) -> Answer {
    let state = double.lock();
    let webhook = state.webhook(call.param("webhook").unwrap_or_default());
    Ok(Json(webhook.ok_or_else(not_found)?.json(false)))
}

pub(super) async fn update(State(double): State<Double>, call: Call) -> Answer {
    call.allow(&double, MODIFY_WEBHOOKS)?;
    let mut settings = call.read(&double, read)?;
    {
        let mut state = double.lock();
        let webhook = state.webhook_mut(call.param("webhook").unwrap_or_default());
        let webhook = webhook.ok_or_else(not_found)?;
        if settings.secret.is_empty() {
            settings.secret.clone_from(&webhook.settings.secret);
        }
        webhook.settings = settings;
    }
    show(&double, &call)
}

pub(super) async fn remove(
    State(double): State<Double>,
    call: Call,
) -> Result<StatusCode, ApiError> {
    call.allow(&double, MODIFY_WEBHOOKS)?;
    let mut state = double.lock();
    let id = call.param("webhook").unwrap_or_default();
    let index = state.webhooks.iter().position(|webhook| webhook.id == id);
    let removed = state.webhooks.remove(index.ok_or_else(not_found)?);
    drop(state);
    // Its worker finds it gone and ends.
    removed.wake.notify_one();
    double.bump();
    Ok(StatusCode::OK)
}

/// Newest first. A webhook that does not exist has none.
pub(super) async fn deliveries(State(double): State<Double>, call: Call) -> Answer {
    call.allow(&double, MODIFY_WEBHOOKS)?;
    call.expect_query(&double, &["count"])?;
    let count = call.integer("count")?;
    let count = count.map_or(usize::MAX, |count| {
        usize::try_from(count).unwrap_or_default()
    });
    let state = double.lock();
    let webhook = state.webhook(call.param("webhook").unwrap_or_default());
    let tried = webhook.map(|webhook| webhook.deliveries.iter().rev().take(count));
    Ok(Json(
        tried.into_iter().flatten().map(Delivery::json).collect(),
    ))
}

/// The delivery named in the path, and whether its body is still kept.
fn known(double: &Double, call: &Call) -> Result<(Delivery, bool), ApiError> {
    call.allow(double, MODIFY_WEBHOOKS)?;
    let state = double.lock();
    let now = state.clock.now();
    state
        .webhook(call.param("webhook").unwrap_or_default())
        .and_then(|webhook| webhook.delivery(call.param("delivery").unwrap_or_default()))
        .map(|delivery| (delivery.clone(), !delivery.is_pruned(now)))
        .ok_or_else(|| ApiError::not_found("webhookdelivery-not-found", "delivery"))
}

fn kept(double: &Double, call: &Call) -> Result<Delivery, ApiError> {
    match known(double, call)? {
        (delivery, true) => Ok(delivery),
        (_, false) => Err(ApiError::Coded(
            StatusCode::CONFLICT,
            "webhookdelivery-pruned",
            "the body of this delivery is not kept any more".to_owned(),
        )),
    }
}

pub(super) async fn delivery(State(double): State<Double>, call: Call) -> Answer {
    Ok(Json(known(&double, &call)?.0.json()))
}

pub(super) async fn request(
    State(double): State<Double>,
    call: Call,
) -> Result<Response, ApiError> {
    let delivery = kept(&double, &call)?;
    Ok(([(CONTENT_TYPE, "application/json")], delivery.body).into_response())
}

/// Answers the id of the new delivery, as a JSON string, before it is made.
pub(super) async fn redeliver(State(double): State<Double>, call: Call) -> Answer {
    let delivery = kept(&double, &call)?;
    let mut state = double.lock();
    let webhook = call.param("webhook").unwrap_or_default();
    let job = state
        .redelivery(webhook, &delivery.id)
        .ok_or_else(not_found)?;
    let id = job.ids.delivery_id.clone();
    state.enqueue(job);
    drop(state);
    double.bump();
    Ok(Json(json!(id)))
}
