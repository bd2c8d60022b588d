//! A guest that uses everything the Spin test host offers, a path for each.

mod database;
mod files;
mod instance;
mod log;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use serde_json::{Value as Json, json};
use spin_sdk::http::{
    EmptyBody, FullBody, HeaderMap, HeaderValue, IntoResponse, Method, Request, Response,
    StatusCode,
};
use spin_sdk::wasip3::cli::environment;
use spin_sdk::wasip3::clocks::system_clock;
use spin_sdk::wasip3::http::types::{ErrorCode, Response as WasiResponse};
use spin_sdk::wasip3::random::random;
use spin_sdk::{http_service, variables, wasip3};

/// The folder the manifest mounts for us.
const FOLDER: &str = "/releases";

#[http_service]
async fn handle(request: Request) -> Result<WasiResponse, ErrorCode> {
    log::install_panic_hook();
    let path = path_info(&request).to_owned();
    let mut words = path.trim_start_matches('/').splitn(2, '/');
    let command = words.next().unwrap_or_default();
    let argument = words.next().unwrap_or_default();
    match command {
        "hello" => text(200, format!("hello {argument}"), request.method()),
        "headers" => json_body(&headers(&request)),
        "echo" => echo(request),
        "chunked" => "no length was given".into_response(),
        "variable" => match variables::get(argument).await {
            Ok(value) => text(200, value, request.method()),
            Err(error) => text(404, format!("{error:?}"), request.method()),
        },
        "sql" => sql(request).await,
        "increment" => match database::increment().await {
            Ok(()) => text(200, "done", &Method::GET),
            Err(error) => text(500, format!("{error:?}"), &Method::GET),
        },
        "database" => text(200, database::open(argument).await, &Method::GET),
        "fetch" => fetch(&request).await,
        "list" => list().await,
        "files" => file(argument, &request).await,
        "clock" => json_body(&json!({ "seconds": system_clock::now().seconds })),
        "random" => json_body(&json!(random::get_random_bytes(16))),
        "environment" => json_body(&json!(environment::get_environment())),
        "log" => {
            for number in 1..=argument.parse().unwrap_or(1) {
                log::line(&format!("line {number}"));
            }
            text(200, "logged", &Method::GET)
        }
        "panic" => panic!("asked to panic: {argument}"),
        "count" => text(200, instance::count().to_string(), &Method::GET),
        "wait" => {
            let others = instance::wait(argument.parse().unwrap_or(1)).await;
            text(200, others.to_string(), &Method::GET)
        }
        "later" => {
            let milliseconds = argument.parse().unwrap_or(1);
            wasip3::spawn(async move {
                instance::wait(milliseconds).await;
                log::line("done later");
            });
            text(200, "accepted", &Method::GET)
        }
        _ => text(404, "no such command", request.method()),
    }
}

/// What the route's wildcard stands for. A client may have sent the header
/// too; the host's own comes last.
fn path_info(request: &Request) -> &str {
    request
        .headers()
        .get_all("spin-path-info")
        .iter()
        .next_back()
        .and_then(|path| path.to_str().ok())
        .unwrap_or_default()
}

/// An answer of known length; to HEAD the same without its body.
fn text(status: u16, body: impl Into<String>, method: &Method) -> Result<WasiResponse, ErrorCode> {
    let body = body.into();
    let response = Response::builder()
        .status(status)
        .header("content-type", "text/plain")
        .header("content-length", body.len());
    if method == Method::HEAD {
        return finish(response.body(EmptyBody::new()));
    }
    finish(response.body(FullBody::new(Bytes::from(body))))
}

fn json_body(value: &Json) -> Result<WasiResponse, ErrorCode> {
    text(200, value.to_string(), &Method::GET)
}

fn finish<T: IntoResponse, E: ToString>(response: Result<T, E>) -> Result<WasiResponse, ErrorCode> {
    response
        .map_err(|error| ErrorCode::InternalError(Some(error.to_string())))?
        .into_response()
}

fn headers(request: &Request) -> Json {
    let headers: Vec<_> = request
        .headers()
        .iter()
        .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
        .collect();
    json!({ "uri": request.uri().to_string(), "headers": headers })
}

/// Hands the request's body back while it arrives.
fn echo(request: Request) -> Result<WasiResponse, ErrorCode> {
    let length = request.headers().get("content-length").cloned();
    let mut response = Response::new(request.into_body());
    if let Some(length) = length {
        response.headers_mut().insert("content-length", length);
    }
    response.into_response()
}

async fn sql(request: Request) -> Result<WasiResponse, ErrorCode> {
    let body = request.into_body().collect().await?.to_bytes();
    let Ok(statements) = serde_json::from_slice::<Vec<Vec<Json>>>(&body) else {
        return text(400, "statements are arrays", &Method::POST);
    };
    match database::run(&statements).await {
        Ok(results) => json_body(&results),
        Err(error) => text(500, format!("{error:?}"), &Method::POST),
    }
}

/// Gets the address in the header `x-url` and hands the answer on.
async fn fetch(request: &Request) -> Result<WasiResponse, ErrorCode> {
    let url = request
        .headers()
        .get("x-url")
        .and_then(|url| url.to_str().ok());
    match spin_sdk::http::get(url.unwrap_or_default()).await {
        Ok(response) => {
            let status = response.status().as_u16();
            let body = response.into_body().collect().await?.to_bytes();
            text(status, String::from_utf8_lossy(&body), &Method::GET)
        }
        Err(error) => text(502, format!("{error:?}"), &Method::GET),
    }
}

async fn list() -> Result<WasiResponse, ErrorCode> {
    let Some(folder) = files::Folder::mounted(FOLDER) else {
        return text(404, "nothing is mounted", &Method::GET);
    };
    match folder.list().await {
        Ok(names) => json_body(&json!(names)),
        Err(error) => text(500, format!("{error:?}"), &Method::GET),
    }
}

/// A file, or the part of it in `range: bytes=FIRST-LAST`.
async fn file(name: &str, request: &Request) -> Result<WasiResponse, ErrorCode> {
    let Some(folder) = files::Folder::mounted(FOLDER) else {
        return text(404, "nothing is mounted", &Method::GET);
    };
    let file = match folder.open(name).await {
        Ok(file) => file,
        Err(error) => return text(404, format!("{error:?}"), &Method::GET),
    };
    let range = request.headers().get("range").and_then(|range| {
        let (first, last) = range
            .to_str()
            .ok()?
            .strip_prefix("bytes=")?
            .split_once('-')?;
        Some((first.parse().ok()?, last.parse::<u64>().ok()? + 1))
    });
    let status = if range.is_some() {
        StatusCode::PARTIAL_CONTENT
    } else {
        StatusCode::OK
    };
    let (start, end): (u64, u64) = range.unwrap_or((0, file.size()));
    let mut headers = HeaderMap::new();
    headers.insert("content-length", HeaderValue::from(end - start));
    files::response(status.as_u16(), headers, file.stream(start, end))
}
