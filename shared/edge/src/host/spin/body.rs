//! Bodies between WASI 0.3 and axum.

use super::files::FileStream;
use crate::ports::HostBody;
use axum::body::Body;
use http::Response;
use send_wrapper::SendWrapper;
use spin_sdk::http::IntoResponse;
use spin_sdk::wasip3::http::types::{ErrorCode, Fields, Response as WasiResponse};
use spin_sdk::wasip3::http_compat::IncomingRequestBody;
use spin_sdk::wasip3::wit_bindgen::StreamReader;
use spin_sdk::wasip3::wit_future;
use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A request body of the host as one of axum.
pub(super) fn incoming(body: IncomingRequestBody) -> Body {
    Body::new(OneThread(SendWrapper::new(body)))
}

/// The platform's body, which is not `Send`, on Spin's one thread.
struct OneThread(SendWrapper<IncomingRequestBody>);

impl http_body::Body for OneThread {
    type Data = bytes::Bytes;
    type Error = String;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Self::Data>, String>>> {
        Pin::new(&mut *self.0)
            .poll_frame(context)
            .map_err(|error| error.to_string())
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.0.size_hint()
    }
}

/// An answer as the platform's; a stream of the host is handed over as it is.
pub(super) fn outgoing(mut response: Response<Body>) -> Result<WasiResponse, ErrorCode> {
    match take_stream(&mut response) {
        Some(stream) => streamed(response, stream),
        None => response.into_response(),
    }
}

fn take_stream(response: &mut Response<Body>) -> Option<StreamReader<u8>> {
    let HostBody(body) = response.extensions_mut().remove()?;
    let stream: &FileStream = body.downcast_ref()?;
    RefCell::take(stream)
}

fn streamed(response: Response<Body>, stream: StreamReader<u8>) -> Result<WasiResponse, ErrorCode> {
    let (parts, _) = response.into_parts();
    let internal = |text: String| ErrorCode::InternalError(Some(text));
    let headers = Fields::try_from(parts.headers).map_err(|error| internal(error.to_string()))?;
    // The dropped writing end says at once that there are no trailers.
    let (_, no_trailers) = wit_future::new(|| Ok(None));
    let (answer, _sent) = WasiResponse::new(headers, Some(stream), no_trailers);
    answer
        .set_status_code(parts.status.as_u16())
        .map_err(|()| internal("the status is out of range".to_owned()))?;
    Ok(answer)
}
