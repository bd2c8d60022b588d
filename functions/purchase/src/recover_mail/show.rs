//! `GET /recover/mail/{secret}`: a page with a button. It reads and changes nothing, so that
//! a mail scanner that follows the link, even in a browser, spends nothing.

use super::html;
use axum::response::Response;
use http::StatusCode;

/// Shows a page with a button that opens the link of a mail
///
/// The same page whatever the link is; it works without scripts.
#[utoipa::path(
    get,
    path = "/recover/mail/{secret}",
    operation_id = "showMailLink",
    tag = "buying",
    params(("secret" = String, Path, description = "The secret of the link.")),
    responses(
        (status = 200, description = "The page.", content_type = "text/html", body = String),
    )
)]
pub(crate) async fn handler() -> Response {
    let content = "<h1>Your licenses</h1>\n<p>This page opens your licenses. Anyone who has \
                   its address can do so; do not pass it on.</p>\n<form method=\"post\">\n\
                   <button type=\"submit\" class=\"main-action\">Show my licenses</button>\n\
                   </form>";
    html::page(StatusCode::OK, content)
}
