//! The storefront's pages, from the platform's assets. The assets are reached
//! through this only (`run_worker_first`), so that paths and headers are those
//! of the table, as on Spin.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use keywright_storefront::{METHODS, Page, Refusal, answer, asked, not_found};
use worker::web_sys::Request;
use worker::{Env, Headers, Response, ResponseBody, ResponseBuilder, Result};

/// The binding of the assets.
const ASSETS: &str = "ASSETS";

/// What a request for a page is answered with.
pub(crate) enum Answer {
    /// A page, or the page that says that there is none.
    Page(Response),
    /// There is no such page: 404 for a client that did not ask for HTML.
    Unknown,
    /// 405, with what `Allow` has to say.
    Method(&'static str),
}

/// Answers the page at `path`.
///
/// # Errors
/// The platform's, when the assets do not answer.
pub(crate) async fn page(env: &Env, request: &Request, path: &str) -> Result<Answer> {
    let method = Method::from_bytes(request.method().as_bytes()).unwrap_or_default();
    let headers = negotiated(request)?;
    let nothing = || match not_found(&method, &headers) {
        Some(shown) => outgoing(shown).map(Answer::Page),
        None => Ok(Answer::Unknown),
    };
    let page = match asked(&method, path) {
        Ok(page) => page,
        Err(Refusal::Method) => return Ok(Answer::Method(METHODS)),
        Err(Refusal::Unknown) => return nothing(),
    };
    match read(env, &page).await? {
        Some(bytes) => outgoing(answer(&method, &headers, &page, bytes)).map(Answer::Page),
        None => nothing(),
    }
}

/// The headers that decide between answers.
fn negotiated(request: &Request) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for name in [http::header::ACCEPT, http::header::IF_NONE_MATCH] {
        let given = request.headers().get(name.as_str())?;
        if let Some(value) = given.and_then(|given| HeaderValue::from_str(&given).ok()) {
            headers.insert(name, value);
        }
    }
    Ok(headers)
}

/// The file; `None` when there is none. The host of the address is nobody's.
async fn read(env: &Env, page: &Page) -> Result<Option<Vec<u8>>> {
    let address = format!("https://assets.invalid/{}", page.file);
    let found = env.assets(ASSETS)?.fetch(address, None).await?;
    let mut found = Response::try_from(found)?;
    match found.status_code() {
        200 => found.bytes().await.map(Some),
        404 => Ok(None),
        status => Err(worker::Error::RustError(format!(
            "the assets answered {status} for {}",
            page.file
        ))),
    }
}

fn outgoing(answer: http::Response<Vec<u8>>) -> Result<Response> {
    let (parts, body) = answer.into_parts();
    let headers = Headers::new();
    for (name, value) in &parts.headers {
        append(&headers, name, value)?;
    }
    let answer = ResponseBuilder::new()
        .with_status(parts.status.as_u16())
        .with_headers(headers);
    Ok(answer.body(if body.is_empty() {
        ResponseBody::Empty
    } else {
        ResponseBody::Body(body)
    }))
}

fn append(headers: &Headers, name: &HeaderName, value: &HeaderValue) -> Result<()> {
    let text = value.to_str();
    let text = text.map_err(|error| worker::Error::RustError(error.to_string()))?;
    headers.append(name.as_str(), text)
}
