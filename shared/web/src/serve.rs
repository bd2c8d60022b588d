//! What every host does around a router: a request id, one log line for an
//! error of ours, `content-length`, CORS, and the envelope for unknown routes
//! and wrong methods.

use super::download::REPR_DIGEST;
use super::idempotency::REPLAYED;
use super::rate_limit::{RATE_LIMIT, RATE_LIMIT_POLICY};
use super::{ApiError, Failure};
use axum::Router;
use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body as _;
use keywright_domain::response_headers::{is_over_tls, response_headers};
use keywright_ports::Host;
use keywright_ports::{HostBody, Later, Level, name};
use tower_http::cors::{Any, CorsLayer};
use tower_service::Service;

/// Carries a request's id in both directions.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id under which a request is logged; a request extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(pub String);

/// Routes of the `/v1` contract: unknown routes and wrong methods answer in
/// the envelope, and every origin may call (no credentials are ever used).
pub fn api_router(routes: Router) -> Router {
    cors(
        routes
            .fallback(unknown_route)
            .method_not_allowed_fallback(wrong_method),
    )
}

/// Lets a page of any origin call, without credentials.
pub fn cors(routes: Router) -> Router {
    let every_method = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    let layer = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods(every_method)
        .allow_headers(Any)
        .expose_headers([
            REQUEST_ID,
            REPLAYED,
            header::RETRY_AFTER,
            header::LINK,
            header::ETAG,
            header::CONTENT_DISPOSITION,
            header::CONTENT_LOCATION,
            header::CONTENT_RANGE,
            REPR_DIGEST,
            RATE_LIMIT,
            RATE_LIMIT_POLICY,
        ]);
    routes.layer(layer)
}

async fn unknown_route() -> ApiError {
    ApiError::not_found("no such endpoint; see /v1/openapi.json")
}

async fn wrong_method() -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "method not allowed; see the Allow header",
    )
}

/// Answers one request. The id comes from `x-request-id` when the gateway or
/// a proxy set a plain one, and is in every answer.
pub async fn serve(
    host: &Host,
    router: &Router,
    later: Later,
    mut request: Request<Body>,
) -> Response<Body> {
    let id = request_id_of(request.headers()).unwrap_or_else(|| host.stamps().new_id());
    let extensions = request.extensions_mut();
    extensions.insert(RequestId(id.clone()));
    extensions.insert(host.address_header.clone());
    extensions.insert(later);
    let is_head = request.method() == Method::HEAD;
    let path = request.uri().path().to_owned();
    let scheme = request.uri().scheme_str();
    let over_tls = is_over_tls(scheme, host.config.get(name::PUBLIC_URL));
    let mut response = match router.clone().call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    if is_head {
        // axum has dropped a body of its own; the host's stream goes here.
        response.extensions_mut().remove::<HostBody>();
    }
    if let Some(Failure(details)) = response.extensions_mut().remove::<Failure>() {
        host.log.write(Level::Error, &id, &details);
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    protect(&mut response, &path, over_tls);
    set_content_length(&mut response);
    response
}

/// Adds the headers that every answer has, where it has none of that name.
fn protect(response: &mut Response<Body>, path: &str, over_tls: bool) {
    for (name, value) in response_headers(path, over_tls) {
        response
            .headers_mut()
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
}

/// An answer of the host's own, where the function could not be opened.
#[must_use]
pub fn not_opened(reason: String) -> Response<Body> {
    let mut response = axum::response::IntoResponse::into_response(ApiError::internal(reason));
    // Whatever was asked for: an error is for no cache.
    protect(&mut response, "/v1", false);
    set_content_length(&mut response);
    response
}

/// A caller's request id, when it is 1 to 64 characters of `A-Z a-z 0-9 - _`.
#[must_use]
pub fn request_id_of(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    ((1..=64).contains(&id.len()) && id.bytes().all(plain)).then(|| id.to_owned())
}

/// Sets `content-length` where the length is known. Without it Spin sends the
/// body in chunks and the last one waits some 40 ms for the client.
pub fn set_content_length(response: &mut Response<Body>) {
    let length = response.body().size_hint().exact();
    let bodiless = response.status().is_informational()
        || matches!(
            response.status(),
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
        );
    if let Some(length) = length
        && !bodiless
        && !response.headers().contains_key(header::CONTENT_LENGTH)
    {
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
}
