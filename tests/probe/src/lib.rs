//! A function for tests only: it panics when asked to, so that both hosts show
//! what becomes of the request, of the log and of the next request. It stands
//! where `validate` stands in the product; it is in neither of its manifests.

use axum::Router;
use axum::routing::get;
use keywright_ports::function::PortError;
use keywright_ports::{Grants, Host};
use keywright_web::Function;
use keywright_web::api_router;
use std::sync::atomic::{AtomicU64, Ordering};

/// This function.
pub const FUNCTION: Function = Function {
    name: "probe",
    grants: Grants::NONE,
    router,
    migrations: &[],
    tick: None,
    settings: &[],
};

keywright_host::entry!(FUNCTION);

/// Requests this instance has answered: shows whether an instance is reused.
static ANSWERED: AtomicU64 = AtomicU64::new(0);

#[expect(
    clippy::unnecessary_wraps,
    reason = "the signature of every function's router"
)]
fn router(_: &Host) -> Result<Router, PortError> {
    Ok(api_router(
        Router::new()
            .route("/answered", get(answered))
            .route("/panic", get(broken)),
    ))
}

async fn answered() -> String {
    (ANSWERED.fetch_add(1, Ordering::Relaxed) + 1).to_string()
}

#[expect(clippy::panic, reason = "this is what the probe is for")]
async fn broken() -> String {
    panic!("the probe was asked to panic")
}
