//! Answers a request and outlives a panic in it. In WebAssembly a panic ends
//! the instance and the platform starts another; here it is caught.

use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse;
use futures_util::FutureExt;
use http::{HeaderValue, Request, Response, header};
use keywright_ports::Host;
use keywright_ports::Level;
use keywright_web::{ApiError, REQUEST_ID, request_id_of};
use std::any::Any;
use std::panic::AssertUnwindSafe;

/// As [`keywright_web::serve`]; a panic becomes a logged 500 under the request's
/// id, and nothing of it reaches the next request.
pub async fn serve(host: &Host, router: &Router, mut request: Request<Body>) -> Response<Body> {
    let id = request_id_of(request.headers()).unwrap_or_else(|| host.stamps().new_id());
    // An id is letters, digits, `-` and `_`, which a header can hold.
    let header_value = HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("unknown"));
    request
        .headers_mut()
        .insert(REQUEST_ID, header_value.clone());
    // Unwind-safe: what is shared is behind locks that ignore poisoning, and a
    // transaction that a panic breaks off is rolled back as it is dropped.
    let answered = AssertUnwindSafe(keywright_web::serve(
        host,
        router,
        super::later::after(),
        request,
    ))
    .catch_unwind()
    .await;
    answered.unwrap_or_else(|panic| {
        let details = format!("panicked: {}", message_of(panic.as_ref()));
        host.log.write(Level::Error, &id, &details);
        let mut response = ApiError::internal(details).into_response();
        let any_origin = HeaderValue::from_static("*");
        response
            .headers_mut()
            .insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any_origin);
        response.headers_mut().insert(REQUEST_ID, header_value);
        keywright_web::set_content_length(&mut response);
        response
    })
}

fn message_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without a message")
}
