//! Answers as those of WASI 0.3. A stream of the host is handed over as it is;
//! everything else is small and goes out in one piece.

use super::files::FileStream;
use super::request::Rest;
use crate::ports::HostBody;
use axum::body::Body;
use bytes::Bytes;
use http::response::Parts;
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use spin_sdk::wasip3::http::types::{ErrorCode, Fields, Response as WasiResponse, Trailers};
use spin_sdk::wasip3::wit_bindgen::{FutureReader, StreamReader};
use spin_sdk::wasip3::{self, wit_future, wit_stream};
use std::cell::RefCell;

/// Makes the platform's answer. Lets go of the `rest` of the request when the
/// answer is out.
pub(super) async fn outgoing(
    mut response: Response<Body>,
    rest: Option<Rest>,
) -> Result<WasiResponse, ErrorCode> {
    // The dropped writing end says that there are no trailers.
    let (trailers, no_trailers) = wit_future::new(|| Ok(None));
    if let Some(stream) = take_stream(&mut response) {
        return answer(response.into_parts().0, Some(stream), no_trailers);
    }
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(internal)?.to_bytes();
    if body.is_empty() {
        return answer(parts, None, no_trailers);
    }
    let (mut writer, reader) = wit_stream::new();
    let answer = answer(parts, Some(reader), no_trailers)?;
    wasip3::spawn(async move {
        // What cannot be written is that of a client that is gone.
        writer.write_all(Bytes::into(body)).await;
        drop((writer, trailers, rest));
    });
    Ok(answer)
}

fn take_stream(response: &mut Response<Body>) -> Option<StreamReader<u8>> {
    let HostBody(body) = response.extensions_mut().remove()?;
    let stream: &FileStream = body.downcast_ref()?;
    RefCell::take(stream)
}

fn answer(
    parts: Parts,
    body: Option<StreamReader<u8>>,
    trailers: FutureReader<Result<Option<Trailers>, ErrorCode>>,
) -> Result<WasiResponse, ErrorCode> {
    let headers = Fields::try_from(parts.headers).map_err(internal)?;
    let (answer, _sent) = WasiResponse::new(headers, body, trailers);
    // An answer begins as a 200.
    if parts.status != StatusCode::OK {
        let set = answer.set_status_code(parts.status.as_u16());
        set.map_err(|()| internal("the status is out of range"))?;
    }
    Ok(answer)
}

fn internal(error: impl std::fmt::Display) -> ErrorCode {
    ErrorCode::InternalError(Some(error.to_string()))
}
