//! Answers as the platform's. A stream of the host is handed over as it is;
//! everything else is small and goes out in one piece, with its length.

use super::releases::ObjectStream;
use axum::body::Body;
use http::Response;
use http_body_util::BodyExt;
use keywright_ports::HostBody;
use std::cell::RefCell;
use worker::{Headers, ResponseBody, ResponseBuilder};

pub(super) async fn outgoing(mut response: Response<Body>) -> worker::Result<worker::Response> {
    let stream = take_stream(&mut response);
    let (parts, body) = response.into_parts();
    let headers = Headers::new();
    for (name, value) in &parts.headers {
        let value = value
            .to_str()
            .map_err(|error| worker::Error::RustError(error.to_string()))?;
        headers.append(name.as_str(), value)?;
    }
    let answer = ResponseBuilder::new()
        .with_status(parts.status.as_u16())
        .with_headers(headers);
    if let Some(stream) = stream {
        return Ok(answer.body(stream));
    }
    let bytes = body
        .collect()
        .await
        .map_err(|error| worker::Error::RustError(error.to_string()))?
        .to_bytes();
    if bytes.is_empty() {
        return Ok(answer.body(ResponseBody::Empty));
    }
    Ok(answer.body(ResponseBody::Body(bytes.to_vec())))
}

fn take_stream(response: &mut Response<Body>) -> Option<ResponseBody> {
    let HostBody(body) = response.extensions_mut().remove()?;
    let stream: &ObjectStream = body.downcast_ref()?;
    RefCell::take(stream)
}
