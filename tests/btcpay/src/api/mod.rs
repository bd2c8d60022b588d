//! The Greenfield API: routes, and what surrounds every request.

mod answers;
mod call;
mod create;
mod errors;
mod fields;
mod invoices;
mod server;
mod wallet;
mod webhooks;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request as HttpRequest, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use http_body_util::BodyExt;
use tower_http::cors::CorsLayer;

pub(crate) use answers::invoice_json;
pub(crate) use create::{Draft, make_invoice};

use crate::gate::Cut;
use crate::log::Request;
use crate::state::Double;

/// All routes of the API and the pages beside them, with log, faults and CORS
/// around.
pub(crate) fn router(double: &Double, pages: Router) -> Router {
    let any_store = "/api/v1/stores/{store}";
    let mut router = Router::new()
        .route("/api/v1/health", get(server::health))
        .route("/api/v1/server/info", get(server::info))
        .route(
            "/api/v1/api-keys/current",
            get(server::key).delete(server::revoke_key),
        )
        .route("/api/v1/stores", get(server::stores))
        .route(any_store, get(server::store))
        .route(
            &format!("{any_store}/invoices"),
            get(invoices::list).post(create::create),
        )
        .route(
            &format!("{any_store}/payment-methods"),
            get(server::payment_methods),
        )
        .route(
            &format!("{any_store}/webhooks"),
            get(webhooks::list).post(webhooks::create),
        )
        .route(
            &format!("{any_store}/payment-methods/{{method}}/wallet/address"),
            get(wallet::address),
        )
        .route(
            &format!("{any_store}/payment-methods/{{method}}/wallet/preview"),
            get(wallet::preview),
        );
    // Since 2.4 invoices and webhooks can also be named without their store.
    for prefix in [any_store, "/api/v1"] {
        let invoice = format!("{prefix}/invoices/{{invoice}}");
        let webhook = format!("{prefix}/webhooks/{{webhook}}");
        let deliveries = format!("{webhook}/deliveries");
        router = router
            .route(&invoice, get(invoices::get).merge(put(invoices::update)))
            .route(&invoice, delete(invoices::archive))
            .route(&format!("{invoice}/status"), post(invoices::mark))
            .route(&format!("{invoice}/unarchive"), post(invoices::unarchive))
            .route(
                &format!("{invoice}/payment-methods"),
                get(invoices::payment_methods),
            )
            .route(&webhook, get(webhooks::get).merge(put(webhooks::update)))
            .route(&webhook, delete(webhooks::remove))
            .route(&deliveries, get(webhooks::deliveries))
            .route(
                &format!("{deliveries}/{{delivery}}"),
                get(webhooks::delivery),
            )
            .route(
                &format!("{deliveries}/{{delivery}}/request"),
                get(webhooks::request),
            )
            .route(
                &format!("{deliveries}/{{delivery}}/redeliver"),
                post(webhooks::redeliver),
            );
    }
    router
        .fallback(unknown)
        .with_state(Double::clone(double))
        .merge(pages)
        .layer(CorsLayer::permissive())
        .layer(middleware::from_fn_with_state(
            Double::clone(double),
            surround,
        ))
}

async fn unknown(State(double): State<Double>, method: Method, request: HttpRequest) -> Response {
    let path = request.uri().path();
    if path.starts_with("/api/") {
        double
            .lock()
            .violations
            .insert(format!("{method} {path}: no such endpoint"));
    }
    StatusCode::NOT_FOUND.into_response()
}

/// Notes the request down and applies the faults of the API.
async fn surround(State(double): State<Double>, request: HttpRequest, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        // The client went away in the middle: nobody waits for an answer.
        Err(_) => return cut(),
    };
    let key = call::key(&parts.headers);
    let is_api = parts.uri.path().starts_with("/api/");
    let (number, fault) = {
        let mut state = double.lock();
        state.tick();
        state.request_count += 1;
        let number = state.request_count;
        let entry = Request {
            number,
            at: state.clock.now(),
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            body: body.to_vec(),
            key: key.clone(),
            authorized: false,
            status: None,
        };
        state.requests.push(entry);
        let fault = if state.api_faults.closed {
            Some(cut())
        } else if is_api {
            state.api_faults.take_failure().map(failure)
        } else {
            None
        };
        (number, fault)
    };
    let answer = match fault {
        Some(answer) => answer,
        None => {
            next.run(HttpRequest::from_parts(parts, Body::from(body)))
                .await
        }
    };
    let slow = double.lock().api_faults.slow;
    if is_api && !slow.is_zero() {
        tokio::time::sleep(slow).await;
    }
    note_answer(&double, number, key.as_deref(), &answer);
    answer
}

fn note_answer(double: &Double, number: usize, key: Option<&str>, answer: &Response) {
    let is_cut = answer.extensions().get::<Cut>().is_some();
    let mut state = double.lock();
    let known = state.keys.iter().any(|one| Some(one.key.as_str()) == key);
    let refused = matches!(
        answer.status(),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
    );
    if let Some(entry) = state
        .requests
        .iter_mut()
        .find(|entry| entry.number == number)
    {
        entry.authorized = known && !refused;
        entry.status = (!is_cut).then(|| answer.status().as_u16());
    }
    drop(state);
    double.bump();
}

/// A response that is not sent: the connection is cut.
fn cut() -> Response {
    let mut answer = StatusCode::INTERNAL_SERVER_ERROR.into_response();
    answer.extensions_mut().insert(Cut);
    answer
}

/// What a reverse proxy says when the server behind it does not answer: HTML.
fn failure(status: u16) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let page = Bytes::from(format!("<html><body><h1>{status}</h1></body></html>"));
    (status, [(CONTENT_TYPE, "text/html")], page).into_response()
}
