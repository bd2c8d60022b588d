//! The page that an operator's browser ends at after agreeing on `BTCPay`'s page: it says
//! whether the store is connected, and if not, why. It has the headers and the style of the
//! storefront's pages, and no script.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use keywright_domain::html::escape;
use keywright_web::ApiError;

/// Why no store is connected, for the operator.
#[derive(Debug)]
pub(crate) struct ConnectRefusal {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    /// For the log only.
    pub(crate) failure: Option<String>,
}

impl ConnectRefusal {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            failure: None,
        }
    }

    pub(crate) fn because(self, failure: impl Into<String>) -> Self {
        Self {
            failure: Some(failure.into()),
            ..self
        }
    }
}

impl<T: Into<ApiError>> From<T> for ConnectRefusal {
    fn from(error: T) -> Self {
        let error: ApiError = error.into();
        Self {
            status: error.status(),
            message: error.message().to_owned(),
            failure: error.failure().map(str::to_owned),
        }
    }
}

impl IntoResponse for ConnectRefusal {
    fn into_response(self) -> Response {
        let head = "The store is not connected";
        page(self.status, head, &self.message)
    }
}

/// The page for success.
pub(crate) fn connected(message: &str) -> Response {
    page(StatusCode::OK, "The store is connected", message)
}

fn page(status: StatusCode, head: &str, message: &str) -> Response {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n  <head>\n    <meta charset=\"utf-8\" />\n    \
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />\n    \
         <title>{head}</title>\n    \
         <link rel=\"icon\" href=\"/favicon.svg\" type=\"image/svg+xml\" />\n    \
         <link rel=\"stylesheet\" href=\"/style.css\" />\n  </head>\n  <body>\n    \
         <main id=\"main\" class=\"narrow\">\n      <h1>{head}</h1>\n      <p>{}</p>\n    \
         </main>\n  </body>\n</html>\n",
        escape(message)
    );
    let mut answer = keywright_storefront::document(status, html.into_bytes()).map(Body::from);
    // Its address holds a secret, although a used one.
    answer
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_a_page_with_its_status() {
        let answer = ConnectRefusal::new(StatusCode::FORBIDDEN, "no").into_response();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        let text = |name: &str| answer.headers()[name].to_str().expect("text").to_owned();
        assert_eq!(text("content-type"), "text/html; charset=utf-8");
        assert_eq!(text("cache-control"), "no-store");
        assert!(text("content-security-policy").starts_with("default-src 'none'"));
    }
}
