//! The way to the sign function. It signs records: a caller names a license,
//! sign reads what is recorded and signs that.

use super::outbound::{Fetch, FetchError, FetchLimits};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use serde::de::DeserializeOwned;
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

/// `POST /link` of the sign function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignLink {
    /// Id of the recorded license.
    pub license_id: String,
    /// The version that the link is to open.
    pub version: String,
}

/// A download link: what sign answers with status 200.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedLink {
    /// Slug of the license's product.
    pub product: String,
    /// The version.
    pub version: String,
    /// The license's download id.
    pub download_id: String,
    /// From when on the link opens nothing, in unix seconds.
    pub expires: i64,
    /// The signature, in base64url.
    pub token: String,
}

impl SignedLink {
    /// The query that opens the download. No character in it needs escaping.
    #[must_use]
    pub fn query(&self) -> String {
        let Self {
            token,
            expires,
            download_id,
            ..
        } = self;
        format!("token={token}&expires={expires}&dlid={download_id}")
    }
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
        /// Its word.
        error: String,
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
        self.ask("license", &asked).await
    }

    /// Has a link to a version of the license's product signed, good for five
    /// minutes.
    ///
    /// # Errors
    /// [`SignError`]; refused with the word `version_denied` and the code of a
    /// [`GateRefusal`](keywright_domain::release::gate::GateRefusal) when the
    /// license does not include the version.
    pub async fn download_link(
        &self,
        license_id: &str,
        version: &str,
    ) -> Result<SignedLink, SignError> {
        let asked = SignLink {
            license_id: license_id.to_owned(),
            version: version.to_owned(),
        };
        self.ask("link", &asked).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        what: &str,
        asked: &impl Serialize,
    ) -> Result<T, SignError> {
        let body = serde_json::to_vec(asked).map_err(|_| SignError::Unreadable)?;
        // The host part is the name Spin gives the component; Workers ignore it.
        let request = Request::post(format!("http://sign.spin.internal/{what}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Bytes::from(body))
            .map_err(|_| SignError::Unreadable)?;
        let answer = self.fetch.send(request, LIMITS).await?;
        if answer.status() == StatusCode::OK {
            return serde_json::from_slice(answer.body()).map_err(|_| SignError::Unreadable);
        }
        let refusal: Option<SignRefusal> = serde_json::from_slice(answer.body()).ok();
        let refusal = refusal.unwrap_or_else(|| SignRefusal {
            error: "unknown".to_owned(),
            message: "no reason given".to_owned(),
        });
        Err(SignError::Refused {
            status: answer.status().as_u16(),
            error: refusal.error,
            message: refusal.message,
        })
    }
}
