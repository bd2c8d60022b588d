//! One request to the vendor's `BTCPay` Server.

use crate::Ports;
use bytes::Bytes;
use http::{Request, Response};
use keywright_providers::answer::ReadError;

/// Why `BTCPay` gave no usable answer.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum CallError {
    /// It did not answer, or not now: a retry may help.
    #[error("{0}")]
    Away(String),
    /// It refused.
    #[error("{0}")]
    Refused(String),
    /// It has no such thing.
    #[error("BTCPay has no such thing")]
    NotFound,
}

impl Ports {
    /// Sends a request and reads the answer.
    pub(crate) async fn call<T>(
        &self,
        request: Result<Request<Bytes>, http::Error>,
        read: impl FnOnce(&Response<Bytes>) -> Result<T, ReadError>,
    ) -> Result<T, CallError> {
        let request = request.map_err(|error| CallError::Refused(error.to_string()))?;
        let answer = self.outbound.send(request).await;
        let answer = answer.map_err(|error| CallError::Away(error.to_string()))?;
        read(&answer).map_err(|error| match error {
            ReadError::NotFound => CallError::NotFound,
            refused @ ReadError::Refused { .. } => CallError::Refused(refused.to_string()),
            away @ (ReadError::Unwell { .. } | ReadError::Unreadable) => {
                CallError::Away(away.to_string())
            }
        })
    }
}
