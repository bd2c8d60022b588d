//! What a browser is shown at an address that leads nowhere. Programs keep the
//! envelope.

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::StatusCode;
use keywright_storefront::not_found;

/// Puts the page that says so in the place of a 404, for a client that prefers
/// HTML.
pub(crate) async fn shown(request: Request, next: Next) -> Response {
    let page = not_found(request.method(), request.headers());
    let answer = next.run(request).await;
    match page {
        Some(page) if answer.status() == StatusCode::NOT_FOUND => page.map(Body::from),
        _ => answer,
    }
}
