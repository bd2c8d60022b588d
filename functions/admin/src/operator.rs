//! Who calls, and whether this route opens to them: by the table of
//! [`crate::access`] and nothing else.

use crate::api_keys::token::Token;
use crate::{Ports, access};
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderMap;
use http::request::Parts;
use keywright_domain::access::{Caller, Gate};
use keywright_edge::http::{ApiError, RequestId, bearer_of};
use keywright_edge::ports::Later;
use keywright_store::api_keys::{self, Use};
use keywright_store::audit::Actor;

/// Lets a request through whose key opens the route. 503 while no key is
/// configured, 401 without one, 403 with one that is unknown, revoked, or lacks
/// the scope. The configured key costs no round trip, a scoped one costs one.
pub(crate) async fn let_in(
    State(ports): State<Ports>,
    path: MatchedPath,
    later: Later,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let caller = caller(&ports, &later, request.headers()).await?;
    let gate = access::gate(request.method(), path.as_str()).ok_or_else(|| {
        let (method, path) = (request.method(), path.as_str());
        ApiError::internal(format!("{method} {path} has no row in the table of access"))
    })?;
    if !gate.opens_to(&caller) {
        return Err(ApiError::forbidden(match gate {
            Gate::Scope(scope) => format!("this key does not have the scope {scope}"),
            Gate::Master => "only the operator's own key opens this".to_owned(),
        }));
    }
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

async fn caller(ports: &Ports, later: &Later, headers: &HeaderMap) -> Result<Caller, ApiError> {
    let master = ports.key.as_ref().ok_or_else(|| {
        ApiError::unavailable(
            "service_unavailable",
            "the operator's routes are not set up yet",
            "ADMIN_KEY is not configured or shorter than 32 characters",
        )
    })?;
    let offered = bearer_of(headers)
        .ok_or_else(|| ApiError::unauthorized("send the header Authorization: Bearer <key>"))?;
    if master.is(offered) {
        return Ok(Caller::Master);
    }
    let unknown = || ApiError::forbidden("this key is not accepted here");
    let token = Token::parse(offered).ok_or_else(unknown)?;
    let key = api_keys::find(&ports.database, &token.hash())
        .await?
        .ok_or_else(unknown)?;
    if key.revoked_at.is_some() {
        return Err(ApiError::forbidden("this key was revoked"));
    }
    let at = ports.stamps.now();
    if key.is_due(at) {
        let id = key.id.clone();
        ports.uses.add(later, Use { id, at }).await;
    }
    Ok(Caller::Key {
        id: key.id,
        role: key.role,
        extra: key.scopes,
    })
}

/// Who calls, at the time of this request, for the audit table.
pub(crate) struct Operator(pub(crate) Actor);

impl FromRequestParts<Ports> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, ports: &Ports) -> Result<Self, ApiError> {
        let name = match parts.extensions.get::<Caller>() {
            Some(Caller::Master) => "operator".into(),
            Some(Caller::Key { id, .. }) => format!("api_key:{id}").into(),
            None => return Err(ApiError::internal("nobody was let in")),
        };
        let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.clone());
        Ok(Self(Actor {
            name,
            at: ports.stamps.now(),
            request_id: request_id.unwrap_or_default(),
        }))
    }
}
