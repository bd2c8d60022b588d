//! The way to the sign function. It signs records: a caller names a license,
//! sign reads what is recorded and signs that.

use super::outbound::{Fetch, FetchError, FetchLimits};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// `POST /license` of the sign function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignLicense {
    /// Id of the recorded license.
    pub license_id: String,
}

/// What sign answers with status 200.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedLicense {
    /// The `LIC1-…` key.
    pub license_key: String,
    /// The token for the release gate.
    pub token: String,
    /// What opens its downloads in places that are not fit for a key; `None` for
    /// a moment, for a license older than download ids.
    pub download_id: Option<String>,
}

/// What sign answers otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignRefusal {
    /// A stable word, such as `not_entitled`.
    pub error: String,
    /// What is wrong, for the log.
    pub message: String,
}

/// Why there is no signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// Sign refused; the reason is for the log.
    #[error("sign refused ({status}): {message}")]
    Refused {
        /// Its status.
        status: u16,
        /// Its message.
        message: String,
    },
    /// Sign could not be reached.
    #[error("sign did not answer: {0}")]
    Unreachable(#[from] FetchError),
    /// Sign answered something else.
    #[error("sign answered something unreadable")]
    Unreadable,
}

/// The sign function, as its callers see it.
#[derive(Clone)]
pub struct Sign {
    fetch: Arc<dyn Fetch>,
}

/// An answer holds one key and one token, below 200 KB together even with 255
/// entitlements of 255 bytes.
const LIMITS: FetchLimits = FetchLimits {
    time: Duration::from_secs(10),
    bytes: 512 * 1024,
};

impl Sign {
    pub(crate) fn new(fetch: Arc<dyn Fetch>) -> Self {
        Self { fetch }
    }

    /// Has the recorded license signed. The same record gives the same key and
    /// token every time.
    ///
    /// # Errors
    /// [`SignError`].
    pub async fn license(&self, license_id: &str) -> Result<SignedLicense, SignError> {
        let asked = SignLicense {
            license_id: license_id.to_owned(),
        };
        let body = serde_json::to_vec(&asked).map_err(|_| SignError::Unreadable)?;
        // The host part is the name Spin gives the component; Workers ignore it.
        let request = Request::post("http://sign.spin.internal/license")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Bytes::from(body))
            .map_err(|_| SignError::Unreadable)?;
        let answer = self.fetch.send(request, LIMITS).await?;
        if answer.status() == StatusCode::OK {
            return serde_json::from_slice(answer.body()).map_err(|_| SignError::Unreadable);
        }
        let refusal: Option<SignRefusal> = serde_json::from_slice(answer.body()).ok();
        Err(SignError::Refused {
            status: answer.status().as_u16(),
            message: refusal.map_or_else(|| "no reason given".to_owned(), |r| r.message),
        })
    }
}
