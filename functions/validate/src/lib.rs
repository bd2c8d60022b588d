//! Keys and machines: what the vendor's application calls to check a license and
//! to give its machine a seat, and what it fetches to check one by itself. Also
//! answers every path that no other function has, so that an unknown route gets
//! the envelope, or a page where a browser asks.

mod healthz;
mod issuer_key;
mod jwks;
mod limits;
mod lost;
mod machine_description;
mod machines;
mod metadata;
mod notes;
mod openapi;
mod pubkey;
mod reason;
mod seat;
mod validate;

use axum::Router;
use axum::middleware::from_fn;
use keywright_license::{VerifiedLicense, VerifyKeys, verify_license};
use keywright_ports::attempt::Attempt;
use keywright_ports::function::{Access, PortError};
use keywright_ports::{Database, Later, Stamps, name};
use keywright_ports::{Grants, Host, settings};
use keywright_services::configuration;
use keywright_store::licenses::recorded::licenses_in_force;
use keywright_store::operator::retention::{self, Log};
use keywright_web::Function;
use keywright_web::{ApiError, Callers, WithinAttempt, api_router, repeatable};
use limits::Limits;
use notes::{Journal, Notes};
use std::sync::Arc;

/// This function.
pub const FUNCTION: Function = Function {
    name: "validate",
    grants: Grants {
        database: Access::ReadWrite,
        config: &[
            name::CLIENT_ADDRESS_HEADER,
            name::PUBLIC_URL,
            name::VERIFY_KEYS,
            name::OPERATOR_NAME,
            name::VALIDATION_LOG_DAYS,
        ],
        ..Grants::NONE
    },
    router,
    migrations: keywright_store::MIGRATIONS,
    tick: None,
    settings: &[
        settings::CLIENT_ADDRESS_HEADER,
        settings::PUBLIC_URL,
        settings::OPERATOR_NAME,
        configuration::VERIFY_KEYS,
        configuration::VALIDATION_LOG_DAYS,
    ],
};

keywright_host::entry!(FUNCTION);

keywright_web::endpoints! {
    Ports;
    changes { machines::activate, machines::deactivate }
    // Asking again is safe by itself, so a key is neither needed nor kept.
    questions {
        metadata(query),
        healthz(query),
        jwks,
        openapi,
        pubkey,
        issuer_key,
        validate,
        machines::heartbeat,
        machines::list,
    }
}

#[derive(Clone)]
struct Ports {
    database: Database,
    stamps: Stamps,
    journal: Journal,
    limits: Limits,
    /// Whether the operator keeps a validation log.
    logs_validations: bool,
    operator: Option<Arc<str>>,
    /// The public keys, newest first, or why there are none.
    keys: Arc<Result<VerifyKeys, String>>,
}

impl Ports {
    /// The public keys; without any, nothing is ever accepted.
    fn keys(&self) -> Result<&VerifyKeys, ApiError> {
        self.keys.as_ref().as_ref().map_err(|reason| {
            ApiError::unavailable(
                "service_unavailable",
                "this instance has no public key configured yet",
                reason.as_str(),
            )
        })
    }

    /// Reads and verifies a license key where a bad one is the caller's
    /// mistake: 400.
    fn verified(&self, key: &str) -> Result<VerifiedLicense, ApiError> {
        verify_license(key, self.keys()?).map_err(|error| {
            ApiError::bad_request(format!("key must be a good license key: {error}"))
        })
    }

    /// The way to write notes after the answer.
    fn notes<'a>(&'a self, later: &'a Later) -> Notes<'a> {
        Notes {
            journal: &self.journal,
            later,
        }
    }
}

impl WithinAttempt for Ports {
    fn within(mut self, attempt: Arc<Attempt>) -> Self {
        self.database = self.database.within(attempt);
        self
    }
}

fn router(host: &Host) -> Result<Router, PortError> {
    let keys = configuration::verify_keys(&host.config);
    // What cannot be read must not stop the log.
    let days = retention::days(Log::Validations, host.config.get(name::VALIDATION_LOG_DAYS));
    let database = host.database()?;
    let ports = Ports {
        journal: Journal::new(
            database.clone(),
            host.clock.clone(),
            host.log.clone(),
            notes::statements,
        ),
        database,
        limits: Limits::new(),
        stamps: host.stamps(),
        logs_validations: days != Ok(0),
        operator: host.config.get(name::OPERATOR_NAME).map(Into::into),
        keys: Arc::new(keys),
    };
    let changes = changes().router.with_state(ports.clone());
    let questions = questions().router.with_state(ports);
    let changes = repeatable(changes, host, Callers::Anonymous, licenses_in_force)?;
    Ok(api_router(changes.merge(questions)).layer(from_fn(lost::shown)))
}
