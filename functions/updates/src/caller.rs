//! Who asks: nobody in particular, or the holder of a license key or a token.

use crate::Ports;
use http::{HeaderMap, StatusCode};
use keywright_license::clean_pasted;
use keywright_services::holder::HeldCredential;
use keywright_web::{ApiError, basic_password_of, bearer_of};

/// A caller, as far as the signature of what it sent tells.
#[derive(Debug, Default)]
pub(crate) struct Caller {
    /// The key or token; `None` for anybody.
    pub(crate) credential: Option<HeldCredential>,
    /// The token of the query. An older one, which names no license to make a link
    /// for, goes on to the download with the caller.
    pub(crate) query_token: Option<String>,
}

impl Caller {
    /// Reads the key or token of a request: `Authorization: Bearer`, else
    /// `?token=`. The password of `Authorization: Basic` counts where it is one; it may
    /// be meant for a server in front of this one, so another is passed over.
    ///
    /// # Errors
    /// 401 for one that was not signed here, 503 without public keys.
    pub(crate) fn of(
        ports: &Ports,
        headers: &HeaderMap,
        query: Option<&str>,
    ) -> Result<Self, ApiError> {
        let query = query.filter(|text| !text.is_empty());
        let Some(text) = bearer_of(headers).or(query) else {
            let password = basic_password_of(headers).zip(ports.keys().ok());
            let credential = password.and_then(|(text, keys)| {
                let credential = HeldCredential::verify(&text, keys).ok()?;
                (!matches!(credential, HeldCredential::DownloadId(_))).then_some(credential)
            });
            return Ok(Self {
                credential,
                query_token: None,
            });
        };
        let unauthorized = |code, message| ApiError::new(StatusCode::UNAUTHORIZED, code, message);
        let credential = HeldCredential::verify(text, ports.keys()?)
            .map_err(|refusal| unauthorized(refusal.code(), refusal.to_string()))?;
        if let HeldCredential::DownloadId(_) = credential {
            return Err(unauthorized(
                "token-too-short",
                NOT_A_DOWNLOAD_ID.to_owned(),
            ));
        }
        let is_token = credential.claims().is_some() && query == Some(text);
        Ok(Self {
            credential: Some(credential),
            query_token: is_token.then(|| clean_pasted(text).into_owned()),
        })
    }

    /// The license that the key or the token names.
    pub(crate) fn license_id(&self) -> Option<&str> {
        self.credential.as_ref()?.license_id()
    }
}

const NOT_A_DOWNLOAD_ID: &str = "this is a download id, which opens the feed and the packages of \
                                 Joomla sites only; send the license key or the token";
