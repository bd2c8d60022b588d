//! Outbound HTTP over WASI 0.3: to payment providers and webhook endpoints, and to the
//! private sign component. The manifest's `allowed_outbound_hosts` holds besides ours.

use super::send;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderValue};
use http::{Request, Response};
use http_body_util::Full;
use keywright_ports::BoxFuture;
use keywright_ports::{Fetch, FetchError, FetchLimits, answer_within, host_of};
use spin_sdk::wasip3::clocks::monotonic_clock;
use spin_sdk::wasip3::http::types::ErrorCode;

pub(super) struct SpinFetch;

impl Fetch for SpinFetch {
    fn send(
        &self,
        mut request: Request<Bytes>,
        limits: FetchLimits,
    ) -> BoxFuture<'_, Result<Response<Bytes>, FetchError>> {
        Box::pin(send(async move {
            // Without it the host sends a body in chunks unless it comes at once, and some
            // servers take no chunks. Workers say the length by themselves.
            let length = request.body().len();
            if length > 0 {
                request
                    .headers_mut()
                    .insert(CONTENT_LENGTH, HeaderValue::from(length));
            }
            let host = host_of(&request);
            let nanoseconds = u64::try_from(limits.time.as_nanos()).unwrap_or(u64::MAX);
            let head = async {
                let answer = spin_sdk::http::send(request.map(Full::new)).await;
                answer.map_err(|error| fault(&error, &host))
            };
            answer_within(&host, limits, head, monotonic_clock::wait_for(nanoseconds)).await
        }))
    }
}

/// What the host's code says of a call that failed.
fn fault(error: &ErrorCode, host: &str) -> FetchError {
    let host = host.to_owned();
    match error {
        ErrorCode::DnsError(_) | ErrorCode::DnsTimeout => FetchError::NameUnknown(host),
        ErrorCode::TlsProtocolError
        | ErrorCode::TlsCertificateError
        | ErrorCode::TlsAlertReceived(_) => FetchError::NotSecure(host),
        ErrorCode::DestinationIpProhibited
        | ErrorCode::DestinationIpUnroutable
        | ErrorCode::HttpRequestDenied => FetchError::NotAllowed(host),
        _ => FetchError::Unreachable(host),
    }
}
