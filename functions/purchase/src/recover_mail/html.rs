//! The pages behind the link of a mail: with the headers and the style of the storefront's
//! pages, without a script, kept nowhere and telling no other site their address.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode, header};

/// A page with this content, which is HTML.
pub(super) fn page(status: StatusCode, content: &str) -> Response {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\" />\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />\n\
         <meta name=\"referrer\" content=\"no-referrer\" />\n\
         <meta name=\"robots\" content=\"noindex\" />\n<title>Your licenses</title>\n\
         <link rel=\"icon\" href=\"/favicon.svg\" type=\"image/svg+xml\" />\n\
         <link rel=\"stylesheet\" href=\"/style.css\" />\n</head>\n<body>\n\
         <main id=\"main\" class=\"narrow\">\n{content}\n</main>\n</body>\n</html>\n"
    );
    let mut answer = keywright_storefront::document(status, html.into_bytes()).map(Body::from);
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        HeaderName::from_static("x-robots-tag"),
        HeaderValue::from_static("noindex"),
    );
    answer
}
