//! One request, as far as it is counted: who calls, under which id, and the way to
//! write that down after the answer.

use super::{ApiError, Client, RequestId};
use axum::extract::FromRequestParts;
use http::request::Parts;
use keywright_ports::{Caller, Later};

/// A request that is noted once it was answered.
pub struct Visit {
    /// Who calls.
    pub client: Client,
    /// The request's id.
    pub request_id: String,
    /// What happens after the answer.
    pub later: Later,
}

impl Visit {
    /// Who calls, as far as that is written down.
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller {
            network: self.client.address_prefix(),
            request_id: self.request_id.clone(),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Ok(client) = Client::from_request_parts(parts, state).await;
        let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.clone());
        let later = parts.extensions.get::<Later>().cloned();
        Ok(Self {
            client,
            request_id: request_id.unwrap_or_default(),
            later: later.ok_or_else(|| ApiError::internal("a request without its host"))?,
        })
    }
}
