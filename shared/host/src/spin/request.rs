//! A request of WASI 0.3 as one of axum. Each call of the host has its price, so
//! only those are made whose answer somebody looks at.

use crate::body::{BrokenOff, ONE_PIECE, length_of};
use axum::body::Body;
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use send_wrapper::SendWrapper;
use spin_sdk::wasip3::http::types::{ErrorCode, Request as WasiRequest, Trailers};
use spin_sdk::wasip3::http_compat::IncomingRequestBody;
use spin_sdk::wasip3::wit_bindgen::{FutureReader, FutureWriter, StreamReader, StreamResult};
use spin_sdk::wasip3::wit_future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// What is left of a request when its body was read, trailers among it, which
/// nobody waits for. Letting go of it is work for the host, to be done after the
/// answer: done before, it would come between the answer's head and its body.
pub(super) struct Rest {
    _body: StreamReader<u8>,
    _trailers: FutureReader<Result<Option<Trailers>, ErrorCode>>,
    _outcome: FutureWriter<Result<(), ErrorCode>>,
}

/// Takes the platform's request over. Its host and scheme are left behind: no
/// function asks for them.
pub(super) async fn incoming(
    request: WasiRequest,
) -> Result<(Request<Body>, Option<Rest>), ErrorCode> {
    let method = Method::try_from(request.get_method());
    let path = request.get_path_with_query();
    let path = path.ok_or(ErrorCode::HttpRequestUriInvalid)?;
    let path = PathAndQuery::try_from(path).map_err(|_| ErrorCode::HttpRequestUriInvalid)?;
    let mut taken = Request::new(Body::empty());
    *taken.method_mut() = method.map_err(|_| ErrorCode::HttpRequestMethodInvalid)?;
    *taken.uri_mut() = Uri::from(path);
    for (name, value) in request.get_headers().copy_all() {
        let name = HeaderName::try_from(name).map_err(internal)?;
        let value = HeaderValue::try_from(value).map_err(internal)?;
        taken.headers_mut().append(name, value);
    }
    let rest = match length_of(taken.headers()) {
        // A body of these means nothing (RFC 9110, section 9.3.1).
        _ if matches!(*taken.method(), Method::GET | Method::HEAD) => None,
        Some(length) if length <= ONE_PIECE => {
            let (body, rest) = whole_body(request, length).await;
            *taken.body_mut() = body;
            Some(rest)
        }
        _ => {
            let body = IncomingRequestBody::new(request)?;
            *taken.body_mut() = Body::new(OneThread(SendWrapper::new(body)));
            None
        }
    };
    Ok((taken, rest))
}

/// Reads a body of `length` bytes.
async fn whole_body(request: WasiRequest, length: usize) -> (Body, Rest) {
    let (outcome, told) = wit_future::new(|| Ok(()));
    let (mut body, trailers) = WasiRequest::consume_body(request, told);
    let mut bytes = Vec::with_capacity(length);
    let mut is_whole = true;
    while bytes.len() < length && is_whole {
        let status;
        (status, bytes) = body.read(bytes).await;
        is_whole = matches!(status, StreamResult::Complete(_));
    }
    if is_whole {
        // Spin lets a length through beside chunks, which are what counts
        // (RFC 9112, section 6.3): there may be more than was said.
        let (status, _) = body.read(Vec::with_capacity(1)).await;
        is_whole = matches!(status, StreamResult::Dropped);
    }
    let rest = Rest {
        _body: body,
        _trailers: trailers,
        _outcome: outcome,
    };
    let body = if is_whole {
        Body::from(bytes)
    } else {
        Body::new(BrokenOff)
    };
    (body, rest)
}

fn internal(error: impl std::fmt::Display) -> ErrorCode {
    ErrorCode::InternalError(Some(error.to_string()))
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
