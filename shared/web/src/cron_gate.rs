//! Who may start a tick over HTTP, on hosts whose platform has no cron trigger.

use crate::caller_limit::refuse_credential;
use crate::{ApiError, Bearer, Visit};
use http::{HeaderMap, StatusCode};
use keywright_ports::function::PortError;
use keywright_ports::{CredentialRefusals, Database, Host, Stamps, name};
use std::sync::Arc;

/// Lets those through who carry `CRON_TOKEN`.
#[derive(Clone)]
pub struct CronGate {
    /// `None` where the platform starts the ticks.
    token: Option<Bearer>,
    database: Database,
    stamps: Stamps,
    refusals: Arc<dyn CredentialRefusals>,
}

impl CronGate {
    /// The gate of a function, and where it notes refused credentials.
    ///
    /// # Errors
    /// [`PortError`] when the function has no database.
    pub fn open(
        host: &Host,
        refusals: impl CredentialRefusals + 'static,
    ) -> Result<Self, PortError> {
        Ok(Self {
            token: Bearer::configured(&host.config, name::CRON_TOKEN).ok(),
            database: host.database()?,
            stamps: host.stamps(),
            refusals: Arc::new(refusals),
        })
    }

    /// Lets a request through that carries the token. A wrong one is counted and slowed
    /// down; a missing one is not.
    ///
    /// # Errors
    /// 404 when no `CRON_TOKEN` is configured, 401 without a bearer credential, 403 with a
    /// wrong one, 429 after too many of those.
    pub async fn admit(&self, visit: &Visit, headers: &HeaderMap) -> Result<(), ApiError> {
        let Some(token) = &self.token else {
            return Err(ApiError::not_found(
                "HTTP ticks are disabled: CRON_TOKEN is not set",
            ));
        };
        let Err(refusal) = token.check(headers) else {
            return Ok(());
        };
        if refusal.status() != StatusCode::FORBIDDEN {
            return Err(refusal);
        }
        let (now, refusals) = (self.stamps.now_millis(), &*self.refusals);
        Err(refuse_credential(&self.database, refusals, visit, now, None, refusal).await)
    }
}
