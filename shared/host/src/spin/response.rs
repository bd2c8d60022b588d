//! Answers as those of WASI 0.3. A stream of the host is handed over as it is;
//! everything else is small and goes out in one piece.

use super::files::FileStream;
use super::request::Rest;
use axum::body::Body;
use bytes::Bytes;
use http::response::Parts;
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use keywright_ports::HostBody;
use spin_sdk::wasip3::http::types::{ErrorCode, Fields, Response as WasiResponse, Trailers};
use spin_sdk::wasip3::wit_bindgen::{FutureReader, StreamReader, yield_async};
use spin_sdk::wasip3::{self, wit_future, wit_stream};
use std::cell::{Cell, RefCell};

thread_local! {
    /// Answers of this instance that the host has, and maybe not yet their bodies.
    static UNDER_WAY: Cell<u32> = const { Cell::new(0) };
}

/// One of [`UNDER_WAY`].
struct UnderWay;

impl UnderWay {
    fn begin() -> Self {
        UNDER_WAY.set(UNDER_WAY.get() + 1);
        Self
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        UNDER_WAY.set(UNDER_WAY.get() - 1);
    }
}

/// Lets the host fetch the bodies of answers under way before this instance is
/// busy with another request. Otherwise it sends the head of such an answer by
/// itself, and the body waits some 40 ms for the client's delayed
/// acknowledgement. One turn is enough: the host does its own work first.
pub(super) async fn others_first() {
    if UNDER_WAY.get() > 0 {
        yield_async().await;
    }
}

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
    let under_way = UnderWay::begin();
    wasip3::spawn(async move {
        // What cannot be written is that of a client that is gone.
        writer.write_all(Bytes::into(body)).await;
        drop((under_way, writer, trailers, rest));
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
