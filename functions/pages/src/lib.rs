//! The storefront's pages on Spin, from the folder that the manifest mounts.
//! On Workers the gateway answers them from the platform's assets.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use keywright_ports::function::PortError;
use keywright_ports::{Grants, Host};
use keywright_ports::{Pages, name, settings};
use keywright_storefront::{METHODS, Refusal, answer, asked, not_found};
use keywright_web::ApiError;
use keywright_web::Function;

/// This function.
pub const FUNCTION: Function = Function {
    name: "pages",
    grants: Grants {
        pages: true,
        config: &[name::PUBLIC_URL],
        ..Grants::NONE
    },
    router,
    migrations: &[],
    tick: None,
    settings: &[settings::PUBLIC_URL],
};

keywright_host::entry!(FUNCTION);

fn router(host: &Host) -> Result<Router, PortError> {
    Ok(Router::new().fallback(page).with_state(host.pages()?))
}

/// A page's file.
async fn page(
    State(pages): State<Pages>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let page = match asked(&method, uri.path()) {
        Ok(page) => page,
        Err(Refusal::Method) => return wrong_method(),
        Err(Refusal::Unknown) => return nothing(&method, &headers),
    };
    match pages.read(&page.file).await {
        Ok(Some(bytes)) => answer(&method, &headers, &page, bytes).map(Body::from),
        Ok(None) => nothing(&method, &headers),
        Err(error) => ApiError::internal(error.to_string()).into_response(),
    }
}

fn nothing(method: &Method, headers: &HeaderMap) -> Response {
    let unknown = || ApiError::not_found("there is no such page").into_response();
    not_found(method, headers).map_or_else(unknown, |shown| shown.map(Body::from))
}

fn wrong_method() -> Response {
    let refused = ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "pages are only read; the allow header lists the methods they take",
    );
    let allow = (header::ALLOW, HeaderValue::from_static(METHODS));
    ([allow], refused).into_response()
}
