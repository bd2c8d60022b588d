//! Who calls, and whether this route opens to them: by the scope beside the route in
//! the list of endpoints, and nothing else.

use crate::api_keys::token::Token;
use crate::{Ports, access, conceal};
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderMap;
use http::request::Parts;
use keywright_domain::access::{Caller, Gate};
use keywright_ports::{CredentialRefusals, Later};
use keywright_store::operator::api_keys::{self, ApiKeyUse, KeyStanding};
use keywright_store::operator::audit::Actor;
use keywright_web::caller_limit::refuse_credential;
use keywright_web::endpoints::Endpoint;
use keywright_web::{ApiError, RequestId, Visit, bearer_of};
use std::sync::Arc;

/// What [`let_in`] decides by.
#[derive(Clone)]
pub(crate) struct Guarded {
    pub(crate) ports: Ports,
    /// What opens each route.
    pub(crate) table: Arc<[Endpoint<Gate>]>,
}

/// Lets a request through whose key opens the route. 503 while no key is
/// configured, 401 without one, 403 with one that is unknown, revoked, or lacks
/// the scope. The configured key costs no round trip, a scoped one costs one.
pub(crate) async fn let_in(
    State(Guarded { ports, table }): State<Guarded>,
    path: MatchedPath,
    visit: Visit,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let caller = match caller(&ports, &visit.later, request.headers()).await? {
        Ok(caller) => caller,
        Err(refused) => return Err(refused.answer(&ports, &visit).await),
    };
    let gate = access::gate(&table, request.method(), path.as_str()).ok_or_else(|| {
        let (method, path) = (request.method(), path.as_str());
        ApiError::internal(format!("{method} {path} is not in the list of endpoints"))
    })?;
    if !gate.opens_to(&caller) {
        if let Caller::Key { id, .. } = &caller {
            let subject = format!("api_key:{id}");
            let note =
                CredentialRefusals::note(&ports.activity, &visit.later, visit.caller(), subject);
            note.await;
        }
        return Err(ApiError::forbidden(match gate {
            Gate::Scope(scope) => format!("this key does not have the scope {scope}"),
            Gate::Master | Gate::AnyKey => "only ADMIN_KEY opens this endpoint".to_owned(),
        }));
    }
    let concerns = conceal::concerns(gate, &caller);
    request.extensions_mut().insert(caller);
    let response = next.run(request).await;
    if concerns {
        return conceal::orders(&ports, response).await;
    }
    Ok(response)
}

/// A credential that opens nothing.
struct Refused {
    /// The scoped key that it is of, where it was one.
    key_id: Option<String>,
    why: &'static str,
}

impl Refused {
    async fn answer(self, ports: &Ports, visit: &Visit) -> ApiError {
        let now = ports.stamps.now_millis();
        let refusal = ApiError::forbidden(self.why);
        let key_id = self.key_id.as_deref();
        refuse_credential(
            &ports.database,
            &ports.activity,
            visit,
            now,
            key_id,
            refusal,
        )
        .await
    }
}

/// Who calls. A credential that is right costs nothing but its own look-up, however
/// many wrong ones came from the same address before.
async fn caller(
    ports: &Ports,
    later: &Later,
    headers: &HeaderMap,
) -> Result<Result<Caller, Refused>, ApiError> {
    let master = ports.key.as_ref().as_ref().map_err(|reason| {
        ApiError::unavailable(
            "service_unavailable",
            "the admin API is not set up yet; the log says why",
            reason.as_str(),
        )
    })?;
    let offered = bearer_of(headers)
        .ok_or_else(|| ApiError::unauthorized("send the header Authorization: Bearer <key>"))?;
    if master.is(offered) {
        return Ok(Ok(Caller::Master));
    }
    let unknown = Refused {
        key_id: None,
        why: "this key is not accepted here",
    };
    let Some(token) = Token::parse(offered) else {
        return Ok(Err(unknown));
    };
    let Some(key) = api_keys::find(&ports.database, &token.hash()).await? else {
        return Ok(Err(unknown));
    };
    let at = ports.stamps.now();
    let ended = match key.standing(at) {
        KeyStanding::Good => None,
        KeyStanding::Revoked => Some("this key was revoked"),
        KeyStanding::Expired => Some("this key has expired; make a new one"),
    };
    if let Some(why) = ended {
        return Ok(Err(Refused {
            key_id: Some(key.id),
            why,
        }));
    }
    if key.is_due(at) {
        let id = key.id.clone();
        ports.uses.add(later, ApiKeyUse { id, at }).await;
    }
    Ok(Ok(Caller::Key {
        id: key.id,
        role: key.role,
        extra: key.scopes,
    }))
}

/// Who calls, at the time of this request, for the audit table.
pub(crate) struct Operator(pub(crate) Actor);

impl FromRequestParts<Ports> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, ports: &Ports) -> Result<Self, ApiError> {
        let name = match parts.extensions.get::<Caller>() {
            Some(Caller::Master) => "operator".into(),
            Some(Caller::Key { id, .. }) => format!("api_key:{id}").into(),
            None => return Err(ApiError::internal("the route has no authenticated caller")),
        };
        let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.clone());
        Ok(Self(Actor {
            name,
            at: ports.stamps.now(),
            request_id: request_id.unwrap_or_default(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use http::header;
    use keywright_native_host::{
        HttpFetch, MemoryLog, Native, PageFolder, ReleaseFolder, SqliteDatabase, SystemClock,
        SystemRandom, serve,
    };
    use keywright_ports::name;

    const KEY: &str = "8f14e45fceea167a5a36dedd4bea2543";

    #[tokio::test]
    async fn a_route_without_a_row_opens_to_nobody() {
        let outbound = Arc::new(HttpFetch::new());
        let database = SqliteDatabase::in_memory(keywright_store::MIGRATIONS).expect("a database");
        let log = Arc::new(MemoryLog::default());
        let native = Native {
            database: Arc::new(database),
            without_database: &[],
            releases: Arc::new(ReleaseFolder::new("none".into())),
            release_writer: None,
            pages: Arc::new(PageFolder::new("none".into())),
            outbound: outbound.clone(),
            sign: Some(outbound),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            config: [(name::ADMIN_KEY.to_owned(), KEY.to_owned())].into(),
            log: log.clone(),
        };
        let host = native.host(&crate::FUNCTION);
        let guarded = Guarded {
            ports: Ports::open(&host).expect("the ports"),
            table: crate::Api::endpoints().into(),
        };
        let routes = Router::new()
            .route("/v1/admin/audit", get(|| async { "in" }))
            .route("/v1/admin/unlisted", get(|| async { "in" }))
            .route_layer(from_fn_with_state(guarded, let_in));
        let mut statuses = Vec::new();
        for path in ["/v1/admin/audit", "/v1/admin/unlisted"] {
            let request = Request::get(path)
                .header(header::AUTHORIZATION, format!("Bearer {KEY}"))
                .body(Body::empty());
            let answer = serve(&host, &routes, request.expect("a request")).await;
            statuses.push(answer.status().as_u16());
        }
        assert_eq!(statuses, [200, 500]);
        let said = log.lines().join("\n");
        assert!(
            said.contains("GET /v1/admin/unlisted is not in the list"),
            "{said}"
        );
    }
}
