//! Who asks: nobody in particular, or the holder of a license key or a token.

use crate::Ports;
use http::{HeaderMap, StatusCode};
use keywright_domain::dates::parse_end_of_day;
use keywright_edge::http::{ApiError, bearer_of};
use keywright_license::{Date, Token, TokenClaims, verify_license};

/// What every license key begins with.
const KEY_PREFIX: &str = "LIC1-";

/// A caller, as far as the signature of what it sent tells.
#[derive(Debug, Default)]
pub(crate) struct Caller {
    /// The license that the key or the token names.
    pub(crate) license_id: Option<String>,
    /// What the token says, where it sent one.
    pub(crate) token: Option<Claims>,
    /// The token as it was sent in the query. An older one, which names no
    /// license to make a link for, goes on to the download with the caller.
    pub(crate) query_token: Option<String>,
}

/// What a token says.
#[derive(Debug)]
pub(crate) struct Claims {
    pub(crate) claims: TokenClaims,
    /// The last second of included updates, in unix seconds.
    pub(crate) maintenance_until: Option<i64>,
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
        // A day before 1970 is over, whatever is compared with it.
        let end = |day: Date| parse_end_of_day(&day.to_string()).unwrap_or(i64::MIN);
        Ok(Self {
            license_id: claims.license.clone(),
            token: Some(Claims {
                maintenance_until: claims.maintenance_until.map(end),
                claims,
            }),
            query_token,
        })
    }

    /// Whether nothing was sent that tells who it is.
    pub(crate) fn is_anybody(&self) -> bool {
        self.license_id.is_none() && self.token.is_none()
    }
}
