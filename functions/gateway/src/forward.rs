//! Forwards a request with its body as it is, under a request id. A function
//! that panicked has no answer of its own: the envelope for it is made here.

use crate::pages::{self, Answer};
use crate::routes::{PAGES, binding_for, path_of};
use data_encoding::HEXLOWER;
use keywright_domain::response_headers::{is_over_tls, response_headers};
use serde_json::json;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys::{self, Request};
use worker::{Context, Env, Fetcher, Response, Result, console_error, event, worker_sys};

#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> Result<web_sys::Response> {
    let id = request_id(&request)?;
    let url = request.url();
    let path = path_of(&url);
    let Some(binding) = binding_for(path) else {
        let answer = failure(
            404,
            "not_found",
            "no such endpoint; see /v1/openapi.json",
            &id,
        )?;
        return protected(answer, path, false);
    };
    let over_tls = is_over_tls(url.split_once("://").map(|(scheme, _)| scheme), None);
    if binding == PAGES {
        let answer = page(&env, &request, path, &id).await?;
        return protected(answer, path, over_tls);
    }
    match forward(&env, binding, &request, &id).await {
        Ok(answer) => Ok(answer),
        Err(error) => {
            let answer = broken(binding, &format!("{error:?}"), &id)?;
            protected(answer, path, over_tls)
        }
    }
}

/// The answer with the headers that every answer has, where it has none of that
/// name. A function's own has them already.
fn protected(answer: web_sys::Response, path: &str, over_tls: bool) -> Result<web_sys::Response> {
    let headers = answer.headers();
    for (name, value) in response_headers(path, over_tls) {
        if !headers.has(name)? {
            headers.set(name, value)?;
        }
    }
    Ok(answer)
}

/// Answers a page of the storefront.
async fn page(env: &Env, request: &Request, path: &str, id: &str) -> Result<web_sys::Response> {
    match pages::page(env, request, path).await {
        Ok(Answer::Page(answer)) => {
            answer.headers().set("x-request-id", id)?;
            Ok(answer.into())
        }
        Ok(Answer::Unknown) => failure(404, "not_found", "there is no such page", id),
        Ok(Answer::Method(allow)) => {
            let message = "pages are only read; the allow header lists the methods they take";
            let answer = envelope(405, "method_not_allowed", message, id)?;
            answer.headers().set("allow", allow)?;
            Ok(answer.into())
        }
        Err(error) => broken("the assets", &error.to_string(), id),
    }
}

/// Logs what did not answer, and answers that it was us.
fn broken(who: &str, why: &str, id: &str) -> Result<web_sys::Response> {
    let line = json!({
        "level": "error", "function": "gateway", "request_id": id,
        "message": format!("{who} did not answer: {why}"),
    });
    console_error!("{line}");
    let message =
        "something went wrong on our side; the log has it under this answer's x-request-id";
    failure(500, "internal_error", message, id)
}

/// Calls the function and answers the platform's own response: a release
/// passes by without being copied through this module, and keeps its length.
async fn forward(
    env: &Env,
    binding: &str,
    request: &Request,
    id: &str,
) -> std::result::Result<web_sys::Response, JsValue> {
    // The platform's own cannot be changed.
    let request = Request::new_with_request(request)?;
    request.headers().set("x-request-id", id)?;
    let service: Fetcher = env.service(binding)?;
    let service: worker_sys::Fetcher = JsValue::from(service).unchecked_into();
    JsFuture::from(service.fetch(&request)?).await?.dyn_into()
}

/// The caller's request id when it is 1 to 64 characters of `A-Z a-z 0-9 - _`,
/// else a new one: 16 random bytes in hex.
fn request_id(request: &Request) -> Result<String> {
    let given = request.headers().get("x-request-id")?.unwrap_or_default();
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if (1..=64).contains(&given.len()) && given.bytes().all(plain) {
        return Ok(given);
    }
    let mut bytes = [0; 16];
    #[expect(
        clippy::disallowed_methods,
        reason = "the gateway is Workers only and has no ports"
    )]
    getrandom::fill(&mut bytes).map_err(|error| worker::Error::RustError(error.to_string()))?;
    Ok(HEXLOWER.encode(&bytes))
}

fn failure(status: u16, code: &str, message: &str, id: &str) -> Result<web_sys::Response> {
    envelope(status, code, message, id).map(Into::into)
}

fn envelope(status: u16, code: &str, message: &str, id: &str) -> Result<Response> {
    let body = json!({ "ok": false, "error": code, "message": message });
    let answer = Response::from_json(&body)?.with_status(status);
    answer.headers().set("x-request-id", id)?;
    answer.headers().set("access-control-allow-origin", "*")?;
    Ok(answer)
}
