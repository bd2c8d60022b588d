//! Who asks: nobody in particular, or the holder of a license key or a token.

use crate::Ports;
use http::{HeaderMap, StatusCode};
use keywright_domain::release::gate::DownloadRights;
use keywright_license::{Token, TokenClaims, verify_license};
use keywright_web::{ApiError, bearer_of};

/// What every license key begins with.
const KEY_PREFIX: &str = "LIC1-";

/// A caller, as far as the signature of what it sent tells.
#[derive(Debug, Default)]
pub(crate) struct Caller {
    /// The license that the key or the token names.
    pub(crate) license_id: Option<String>,
    /// What the token says, where it sent one.
    pub(crate) token: Option<TokenClaims>,
    /// The token as it was sent in the query. An older one, which names no
    /// license to make a link for, goes on to the download with the caller.
    pub(crate) query_token: Option<String>,
}

impl Caller {
    /// Reads the key or token of a request: `Authorization: Bearer`, else
    /// `?token=`.
    ///
    /// # Errors
    /// 401 for one that was not signed here, 503 without public keys.
    pub(crate) fn of(
        ports: &Ports,
        headers: &HeaderMap,
        query: Option<String>,
    ) -> Result<Self, ApiError> {
        let query = query.filter(|text| !text.is_empty());
        let (text, query_token) = match (bearer_of(headers), query) {
            (Some(text), _) => (text.to_owned(), None),
            (None, Some(text)) => (text.clone(), Some(text)),
            (None, None) => return Ok(Self::default()),
        };
        let keys = ports.keys()?;
        let refused = |code, error: &dyn std::error::Error| {
            ApiError::new(StatusCode::UNAUTHORIZED, code, error.to_string())
        };
        if text.trim_start().starts_with(KEY_PREFIX) {
            let verified =
                verify_license(&text, keys).map_err(|error| refused(error.code(), &error))?;
            return Ok(Self {
                license_id: Some(verified.payload().license_id().to_string()),
                ..Self::default()
            });
        }
        let token = Token::parse(&text).map_err(|error| refused(error.code(), &error))?;
        let verified = token
            .verify(keys)
            .map_err(|error| refused(error.code(), &error))?;
        let claims = verified.claims().clone();
        Ok(Self {
            license_id: claims.license.clone(),
            token: Some(claims),
            query_token,
        })
    }

    /// What the token claims, where one was sent.
    pub(crate) fn claimed(&self) -> Option<DownloadRights> {
        let claims = self.token.as_ref()?;
        let maintenance_until = claims.maintenance_until.map(|day| day.to_string());
        Some(DownloadRights::of_token(
            &claims.channel_expiry.to_string(),
            claims.entitlements.clone(),
            claims.version_floor.clone(),
            maintenance_until.as_deref(),
        ))
    }

    /// Whether nothing was sent that tells who it is.
    pub(crate) fn is_anybody(&self) -> bool {
        self.license_id.is_none() && self.token.is_none()
    }
}
