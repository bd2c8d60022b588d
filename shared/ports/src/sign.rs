//! The way to the sign function. It signs records: a caller names a license,
//! sign reads what is recorded and signs that.

use super::outbound::{BodyRule, Fetch, FetchError, FetchLimits};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use keywright_domain::standing::CurrentKey;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The body of `POST /license` of the sign function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignLicenseRequest {
    /// Id of the recorded license.
    pub license_id: String,
}

/// A signed license: the answer of sign with status 200.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedLicense {
    /// The `LIC1-…` key.
    pub license_key: String,
    /// The token for the release gate.
    pub token: String,
    /// Opens its downloads where a key does not fit; `None` for a moment, for a license
    /// older than download ids.
    pub download_id: Option<String>,
    /// Which key it is: the license's current one when it was signed. A caller that showed
    /// what an older one opens compares it, because keys are replaced at any time.
    #[serde(default)]
    pub current_key: CurrentKey,
}

/// The body of `POST /link` of the sign function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignLinkRequest {
    /// Id of the recorded license.
    pub license_id: String,
    /// The version that the link is to open.
    pub version: String,
    /// The current key as the caller read it: no link is made once that was replaced.
    #[serde(default)]
    pub current_key: CurrentKey,
}

/// The body of `POST /ready` of the sign function: public parts of the caller's keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignReadyRequest {
    /// The first of the caller's `VERIFY_KEYS`, in hex.
    pub verify_key: String,
    /// The id of the first of the caller's `RECEIPT_KEYS`.
    pub receipt_key_id: String,
}

/// The answer to it with status 200: sign can sign what the caller sells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignReady {
    /// Whether it can seal the audit log, too.
    #[serde(default)]
    pub seal_key: SealKeyState,
}

/// What sign says of its `SEAL_KEY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SealKeyState {
    /// It can be used.
    Usable,
    /// There is none.
    Missing,
    /// It cannot be used.
    Bad,
    /// A word of a newer version, or the silence of an older one.
    #[default]
    #[serde(other)]
    Unknown,
}

/// The body of `POST /checkpoint` of the sign function. It names nothing: sign signs the
/// head of the audit log that it reads from the database itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignCheckpointRequest {}

/// A checkpoint of the audit log: the answer of sign with status 200.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedNote {
    /// The number of leaves.
    pub size: u64,
    /// The signed note.
    pub note: String,
}

/// A download link: the answer of sign with status 200.
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

/// Why sign refuses. The words are the same on both sides of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignRefusal {
    /// The request is malformed, or names a version that a link cannot be for.
    BadRequest,
    /// There is no such endpoint.
    NotFound,
    /// No such license is recorded.
    UnknownLicense,
    /// The license must not be signed: see [`keywright_domain::entitlement`].
    NotEntitled,
    /// The license is expired, so no link is made; the message is the code of a
    /// [`GateRefusal`](keywright_domain::release::gate::GateRefusal).
    NotActive,
    /// The license does not include the version; the message is the code of a
    /// [`GateRefusal`](keywright_domain::release::gate::GateRefusal).
    VersionDenied,
    /// The license has no download id yet; the next tick gives it one.
    NoDownloadId,
    /// The operator has to seal the receipt first.
    ReceiptNotSealed,
    /// No key is configured that seals receipts.
    NoReceiptKey,
    /// No key is configured that may sign.
    NoSigningKey,
    /// No key is configured that seals the audit log.
    NoSealKey,
    /// The key that seals the audit log cannot be used.
    BadSealKey,
    /// The audit log has no leaf yet.
    NothingToSeal,
    /// Sign failed.
    InternalError,
    /// A word of a newer version.
    #[serde(other)]
    Unknown,
}

impl SignRefusal {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::NotFound => "not_found",
            Self::UnknownLicense => "unknown_license",
            Self::NotEntitled => "not_entitled",
            Self::NotActive => "not_active",
            Self::VersionDenied => "version_denied",
            Self::NoDownloadId => "no_download_id",
            Self::ReceiptNotSealed => "receipt_not_sealed",
            Self::NoReceiptKey => "no_receipt_key",
            Self::NoSigningKey => "no_signing_key",
            Self::NoSealKey => "no_seal_key",
            Self::BadSealKey => "bad_seal_key",
            Self::NothingToSeal => "nothing_to_seal",
            Self::InternalError => "internal_error",
            Self::Unknown => "unknown",
        }
    }

    /// The status that it is sent with.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::UNPROCESSABLE_ENTITY,
            Self::NotFound | Self::UnknownLicense | Self::NothingToSeal => StatusCode::NOT_FOUND,
            Self::NotEntitled | Self::NotActive | Self::VersionDenied | Self::NoDownloadId => {
                StatusCode::CONFLICT
            }
            Self::ReceiptNotSealed
            | Self::NoReceiptKey
            | Self::NoSigningKey
            | Self::NoSealKey
            | Self::BadSealKey => StatusCode::SERVICE_UNAVAILABLE,
            Self::InternalError | Self::Unknown => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl fmt::Display for SignRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The answer of sign with any other status than 200.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignRefusalBody {
    /// Why.
    pub error: SignRefusal,
    /// What is wrong, for the log.
    pub message: String,
}

/// Why there is no signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// Sign refused.
    #[error("sign refused ({refusal}): {message}")]
    Refused {
        /// Why.
        refusal: SignRefusal,
        /// What is wrong, for the log.
        message: String,
    },
    /// Sign could not be reached.
    #[error("sign did not answer: {0}")]
    Unreachable(#[from] FetchError),
    /// Sign answered something else.
    #[error("sign sent an unreadable answer with status {0}")]
    Unreadable(u16),
    /// The request could not be written.
    #[error("the request to sign could not be written")]
    Unwritable,
}

impl SignError {
    /// Why sign refused; `None` when it did not answer.
    #[must_use]
    pub const fn refusal(&self) -> Option<SignRefusal> {
        match self {
            Self::Refused { refusal, .. } => Some(*refusal),
            Self::Unreachable(_) | Self::Unreadable(_) | Self::Unwritable => None,
        }
    }
}

/// The sign function, as its callers see it.
#[derive(Clone)]
pub struct Sign {
    fetch: Arc<dyn Fetch>,
}

/// An answer holds one key and one token, below 200 KB together even with 255
/// entitlements of 255 bytes.
const LIMITS: FetchLimits = FetchLimits {
    // Clients give up after 10 seconds.
    time: Duration::from_secs(6),
    bytes: 512 * 1024,
    body: BodyRule::Whole,
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
        let request = SignLicenseRequest {
            license_id: license_id.to_owned(),
        };
        self.call("license", &request).await
    }

    /// Has a link to a version of the license's product signed, good for five
    /// minutes.
    ///
    /// # Errors
    /// [`SignError`]; refused with [`SignRefusal::VersionDenied`] when the license does
    /// not include the version.
    pub async fn download_link(
        &self,
        license_id: &str,
        current_key: CurrentKey,
        version: &str,
    ) -> Result<SignedLink, SignError> {
        let request = SignLinkRequest {
            license_id: license_id.to_owned(),
            version: version.to_owned(),
            current_key,
        };
        self.call("link", &request).await
    }

    /// Asks whether sign can sign what this function sells.
    ///
    /// # Errors
    /// [`SignError`].
    pub async fn ready(&self, request: &SignReadyRequest) -> Result<SignReady, SignError> {
        self.call("ready", request).await
    }

    /// Has the head of the audit log signed. The same head gives the same note every time.
    ///
    /// # Errors
    /// [`SignError`]; refused with [`SignRefusal::NoSealKey`] where the log is not sealed,
    /// and with [`SignRefusal::NothingToSeal`] before its first leaf.
    pub async fn checkpoint(&self) -> Result<SignedNote, SignError> {
        self.call("checkpoint", &SignCheckpointRequest {}).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        endpoint: &str,
        request: &impl Serialize,
    ) -> Result<T, SignError> {
        let body = serde_json::to_vec(request).map_err(|_| SignError::Unwritable)?;
        // The host part is the name Spin gives the component; Workers ignore it.
        let request = Request::post(format!("http://sign.spin.internal/{endpoint}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Bytes::from(body))
            .map_err(|_| SignError::Unwritable)?;
        let answer = self.fetch.send(request, LIMITS).await?;
        let unreadable = |_| SignError::Unreadable(answer.status().as_u16());
        if answer.status() == StatusCode::OK {
            return serde_json::from_slice(answer.body()).map_err(unreadable);
        }
        let SignRefusalBody { error, message } =
            serde_json::from_slice(answer.body()).map_err(unreadable)?;
        Err(SignError::Refused {
            refusal: error,
            message,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_that_serde_writes() {
        for refusal in [
            SignRefusal::BadRequest,
            SignRefusal::NotFound,
            SignRefusal::UnknownLicense,
            SignRefusal::NotEntitled,
            SignRefusal::NotActive,
            SignRefusal::VersionDenied,
            SignRefusal::NoDownloadId,
            SignRefusal::ReceiptNotSealed,
            SignRefusal::NoReceiptKey,
            SignRefusal::NoSigningKey,
            SignRefusal::NoSealKey,
            SignRefusal::BadSealKey,
            SignRefusal::NothingToSeal,
            SignRefusal::InternalError,
        ] {
            let word = serde_json::to_value(refusal).expect("a word");
            assert_eq!(word, refusal.as_str());
            assert_ne!(refusal.status(), StatusCode::OK);
            let read: SignRefusal = serde_json::from_value(word).expect("a refusal");
            assert_eq!(read, refusal);
        }
        let newer: SignRefusal = serde_json::from_str("\"out_of_ink\"").expect("a refusal");
        assert_eq!(newer, SignRefusal::Unknown);
        for other in ["{}", r#"{"seal_key":"worn_out"}"#] {
            let ready: SignReady = serde_json::from_str(other).expect("an answer");
            assert_eq!(ready.seal_key, SealKeyState::Unknown);
        }
    }
}
