//! What the operator calls: products, policies, licenses. Every change is in
//! the audit table, written by the batch that makes it.

mod licenses;
mod policies;
mod products;

use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, patch, post};
use http::request::Parts;
use keywright_edge::function::{Access, PortError};
use keywright_edge::http::{ApiError, Bearer, RequestId, api_router, repeatable};
use keywright_edge::ports::{Database, Sign, Stamps, name};
use keywright_edge::{Function, Grants, Host};
use keywright_store::audit::Actor;
use serde::Serialize;

/// This function.
pub const FUNCTION: Function = Function {
    name: "admin",
    grants: Grants {
        database: Access::ReadWrite,
        sign: true,
        config: &[name::ADMIN_KEY],
        ..Grants::NONE
    },
    router,
    migrations: keywright_store::MIGRATIONS,
    tick: None,
};

keywright_edge::entry!(FUNCTION);

#[derive(Clone)]
struct Ports {
    database: Database,
    sign: Sign,
    stamps: Stamps,
    /// The operator's key; `None` when none of at least 32 characters is
    /// configured.
    key: Option<Bearer>,
}

fn router(host: &Host) -> Result<Router, PortError> {
    let ports = Ports {
        database: host.database()?,
        sign: host.sign()?,
        stamps: host.stamps(),
        key: host.config.get(name::ADMIN_KEY).and_then(Bearer::new),
    };
    let routes = Router::new()
        .route("/v1/admin/products", post(products::create::handler))
        .route("/v1/admin/products/{id}", patch(products::change::handler))
        .route(
            "/v1/admin/products/{id}/active",
            patch(products::active::handler),
        )
        .route(
            "/v1/admin/policies",
            get(policies::list::handler).post(policies::create::handler),
        )
        .route("/v1/admin/policies/{id}", patch(policies::change::handler))
        .route("/v1/admin/licenses", post(licenses::issue::handler))
        .route(
            "/v1/admin/licenses/{id}/revoke",
            post(licenses::revoke::handler),
        )
        .with_state(ports.clone());
    // Outermost, so that a key is checked before anything is kept of a request.
    let routes = repeatable(routes, host)?.route_layer(from_fn_with_state(ports, operator_only));
    Ok(api_router(routes))
}

/// 503 while no key is configured, 401 without one, 403 with a wrong one.
async fn operator_only(
    State(ports): State<Ports>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let key = ports.key.as_ref().ok_or_else(|| {
        ApiError::unavailable(
            "service_unavailable",
            "the operator's routes are not set up yet",
            "ADMIN_KEY is not configured or shorter than 32 characters",
        )
    })?;
    key.check(request.headers())?;
    Ok(next.run(request).await)
}

/// Answer of a change that has nothing else to say.
#[derive(Serialize)]
struct Done {
    ok: bool,
}

impl Done {
    const OK: Self = Self { ok: true };
}

/// The operator, at the time of this request, for the audit table.
struct Operator(Actor);

impl FromRequestParts<Ports> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, ports: &Ports) -> Result<Self, ApiError> {
        let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.clone());
        Ok(Self(Actor {
            name: "operator",
            at: ports.stamps.now(),
            request_id: request_id.unwrap_or_default(),
        }))
    }
}
