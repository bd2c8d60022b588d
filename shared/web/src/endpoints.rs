//! One line per route: [`endpoints!`](crate::endpoints!) makes a function's router, the
//! table of what opens each route, and the function's part of the OpenAPI document from
//! one list of handlers.

use crate::openapi::ApiDescription;
use crate::query::no_query;
use axum::Router;
use axum::handler::Handler;
use axum::middleware::from_fn;
use axum::routing::{MethodFilter, on};
use http::Method;
use keywright_domain::access::Gate;
use utoipa::openapi::path::HttpMethod;
use utoipa::openapi::security::SecurityRequirement;

/// Lists the endpoints of a function, one line each: the module of a handler named
/// `handler`. Method and path stand once, in the `#[utoipa::path]` of that handler.
///
/// ```ignore
/// keywright_web::endpoints! {
///     Ports;
///     orders { buy, redeem }
///     questions { products, product, policies }
/// }
/// ```
///
/// makes `fn orders()` and `fn questions()`, whose [`Endpoints::router`] serves them, and
/// `pub struct Api` for the OpenAPI document and for tests.
///
/// Where a caller needs a scope, the list names it:
///
/// ```ignore
/// keywright_web::endpoints! {
///     Ports, Gate;
///     routes {
///         products::list: ProductsRead,
///         chain::cursor: Gate::Master,
///     }
/// }
/// ```
///
/// Then [`Endpoints::table`] says what opens each route, and the document repeats it.
///
/// `(query)` behind a handler lets a query through to it. Every other handler reads none,
/// so a query is refused with 400: it would change nothing, which the caller has to know.
#[macro_export]
macro_rules! endpoints {
    (
        $state:ty;
        $($group:ident { $($($module:ident)::+ $(($query:ident))?),+ $(,)? })+
    ) => {
        $crate::endpoints! {
            $state, ();
            $($group { $($($module)::+ $(($query))?: ()),+ })+
        }
    };
    (
        $state:ty, $access:ty;
        $($group:ident { $($($module:ident)::+ $(($query:ident))?: $opens:expr),+ $(,)? })+
    ) => {
        $(
            fn $group() -> $crate::endpoints::Endpoints<$state, $access> {
                let mut endpoints = $crate::endpoints::Endpoints::default();
                $(
                    endpoints.add::<$($module)::+::__path_handler, _, _>(
                        $($module)::+::handler,
                        ::core::convert::Into::into($opens),
                        $crate::query_of!($($query)?),
                    );
                )+
                endpoints
            }
        )+

        /// The endpoints of this function, for the OpenAPI document and for tests.
        pub struct Api;

        impl Api {
            /// Adds the endpoints to the OpenAPI document.
            pub fn describe(description: &mut $crate::openapi::ApiDescription) {
                $($(
                    $crate::endpoints::describe::<$($module)::+::__path_handler, $access>(
                        description,
                        ::core::convert::Into::into($opens),
                    );
                )+)+
            }

            /// Method, path and access of each endpoint, in the order of the list.
            #[must_use]
            pub fn endpoints() -> Vec<$crate::endpoints::Endpoint<$access>> {
                let mut endpoints = Vec::new();
                $(endpoints.extend($group().table);)+
                endpoints
            }
        }
    };
}

/// The [`RouteQuery`] of a line of [`endpoints!`](crate::endpoints!).
#[doc(hidden)]
#[macro_export]
macro_rules! query_of {
    () => {
        $crate::endpoints::RouteQuery::None
    };
    (query) => {
        $crate::endpoints::RouteQuery::Read
    };
}

/// Whether a handler reads the query of its URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteQuery {
    /// It reads none: one is refused.
    None,
    /// It does, and knows which names it takes.
    Read,
}

/// What a route is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint<A> {
    /// Its method; `GET` is also `HEAD`.
    pub method: Method,
    /// Its path, as the router has it.
    pub path: String,
    /// What opens it.
    pub access: A,
}

/// The endpoints of a function, or of a part of it that has middleware of its own.
pub struct Endpoints<S, A> {
    /// Serves them.
    pub router: Router<S>,
    /// What opens each.
    pub table: Vec<Endpoint<A>>,
}

impl<S, A> Default for Endpoints<S, A>
where
    S: Clone + Send + Sync + 'static,
{
    fn default() -> Self {
        Self {
            router: Router::new(),
            table: Vec::new(),
        }
    }
}

impl<S, A> Endpoints<S, A>
where
    S: Clone + Send + Sync + 'static,
    A: Clone,
{
    /// Adds a handler under the method and path of its `#[utoipa::path]`.
    #[expect(clippy::needless_pass_by_value, reason = "cloned for each method")]
    pub fn add<P, H, T>(&mut self, handler: H, access: A, query: RouteQuery)
    where
        P: utoipa::Path,
        H: Handler<T, S>,
        T: 'static,
    {
        let path = P::path();
        for method in P::methods() {
            let (filter, method) = known(&method);
            let router = std::mem::take(&mut self.router);
            let mut route = on(filter, handler.clone());
            if query == RouteQuery::None {
                route = route.layer(from_fn(no_query));
            }
            self.router = router.route(&path, route);
            self.table.push(Endpoint {
                method,
                path: path.clone(),
                access: access.clone(),
            });
        }
    }
}

fn known(method: &HttpMethod) -> (MethodFilter, Method) {
    match method {
        HttpMethod::Get => (MethodFilter::GET, Method::GET),
        HttpMethod::Put => (MethodFilter::PUT, Method::PUT),
        HttpMethod::Post => (MethodFilter::POST, Method::POST),
        HttpMethod::Delete => (MethodFilter::DELETE, Method::DELETE),
        HttpMethod::Options => (MethodFilter::OPTIONS, Method::OPTIONS),
        HttpMethod::Head => (MethodFilter::HEAD, Method::HEAD),
        HttpMethod::Patch => (MethodFilter::PATCH, Method::PATCH),
        HttpMethod::Trace => (MethodFilter::TRACE, Method::TRACE),
    }
}

/// What opens a route, as the OpenAPI document says it.
pub trait SecurityOf {
    /// The security scheme and scope; `None` for a route that is open to everybody, or
    /// that describes its security itself.
    fn security(&self) -> Option<SecurityRequirement>;
}

impl SecurityOf for () {
    fn security(&self) -> Option<SecurityRequirement> {
        None
    }
}

impl SecurityOf for Gate {
    fn security(&self) -> Option<SecurityRequirement> {
        let scopes: &[&str] = match self {
            Self::Scope(scope) => &[scope.as_str()],
            Self::Master => &["master"],
            Self::AnyKey => &[],
        };
        Some(SecurityRequirement::new("operator", scopes.iter().copied()))
    }
}

/// Adds one endpoint to the OpenAPI document.
#[expect(
    clippy::needless_pass_by_value,
    reason = "made by the macro for this call"
)]
pub fn describe<P, A>(description: &mut ApiDescription, access: A)
where
    P: utoipa::Path + for<'t> utoipa::__dev::Tags<'t> + utoipa::__dev::SchemaReferences,
    A: SecurityOf,
{
    let mut operation = P::operation();
    let tags = operation.tags.get_or_insert_default();
    tags.extend(P::tags().into_iter().map(str::to_owned));
    if let Some(security) = access.security() {
        operation.security = Some(vec![security]);
    }
    let mut schemas = Vec::new();
    <P as utoipa::__dev::SchemaReferences>::schemas(&mut schemas);
    description.add(&P::path(), P::methods(), operation, schemas);
}

#[cfg(test)]
mod tests {
    #![expect(unreachable_pub, reason = "the macro is for the root of a crate")]

    use super::*;
    use axum::body::Body;
    use http::Request;
    use keywright_domain::access::Scope;
    use tower_service::Service;

    #[derive(Clone)]
    struct Ports;

    mod plain {
        use utoipa::ToSchema;

        #[derive(serde::Serialize, ToSchema)]
        #[schema(as = Answer)]
        pub(super) struct Answer {
            /// Whether.
            ok: bool,
        }

        #[utoipa::path(get, path = "/plain/{*rest}", tag = "a", responses((status = 200, body = Answer)))]
        pub(super) async fn handler() -> &'static str {
            "plain"
        }
    }

    mod other {
        use utoipa::ToSchema;

        #[derive(serde::Serialize, ToSchema)]
        #[schema(as = Answer)]
        pub(super) struct Answer {
            /// How many.
            count: i64,
        }

        #[utoipa::path(method(post, put), path = "/other", tag = "a", responses((status = 200, body = Answer)))]
        pub(super) async fn handler() -> &'static str {
            "other"
        }
    }

    mod open {
        use super::Ports;

        crate::endpoints! {
            Ports;
            first { super::plain }
            second { super::other }
        }
    }

    crate::endpoints! {
        Ports, Gate;
        routes {
            plain: Scope::ProductsRead,
            other: Gate::Master,
        }
    }

    async fn answer(method: Method, path: &str) -> u16 {
        let request = Request::builder().method(method).uri(path);
        let request = request.body(Body::empty()).expect("a request");
        let mut router: Router = routes().router.with_state(Ports);
        let answer = router.call(request).await.expect("an answer");
        answer.status().as_u16()
    }

    #[tokio::test]
    async fn a_handler_is_served_under_its_own_method_and_path() {
        assert_eq!(answer(Method::GET, "/plain/a/b").await, 200);
        assert_eq!(answer(Method::HEAD, "/plain/a/b").await, 200);
        assert_eq!(answer(Method::POST, "/plain/a/b").await, 405);
        assert_eq!(answer(Method::POST, "/other").await, 200);
        assert_eq!(answer(Method::PUT, "/other").await, 200);
        assert_eq!(answer(Method::GET, "/other").await, 405);
    }

    #[test]
    fn the_table_says_what_opens_each_route() {
        let row = |method, path: &str, access| Endpoint {
            method,
            path: path.to_owned(),
            access,
        };
        let read = Gate::Scope(Scope::ProductsRead);
        let rows = [
            row(Method::GET, "/plain/{*rest}", read),
            row(Method::POST, "/other", Gate::Master),
            row(Method::PUT, "/other", Gate::Master),
        ];
        assert_eq!(routes().table, rows);
        assert_eq!(Api::endpoints(), rows);
        assert_eq!(open::Api::endpoints().len(), 3, "all groups");
    }

    #[test]
    fn the_document_has_path_tags_scope_and_schemas() {
        let mut description = ApiDescription::default();
        describe::<plain::__path_handler, Gate>(&mut description, Scope::ProductsRead.into());
        assert_eq!(description.conflicts(), &[] as &[String]);
        let made = description.to_json();
        let operation = &made["paths"]["/plain/{rest}"]["get"];
        assert_eq!(operation["tags"], serde_json::json!(["a"]));
        let security = serde_json::json!([{ "operator": ["products:read"] }]);
        assert_eq!(operation["security"], security);
        let member = &made["schemas"]["Answer"]["properties"]["ok"]["description"];
        assert_eq!(member, "Whether.");
    }

    #[test]
    fn two_schemas_under_one_name_are_a_conflict() {
        for describe in [Api::describe, open::Api::describe] {
            let mut description = ApiDescription::default();
            describe(&mut description);
            assert_eq!(description.conflicts(), ["schema Answer"]);
        }
    }

    #[test]
    fn a_route_that_is_described_twice_is_a_conflict() {
        let mut description = ApiDescription::default();
        describe::<plain::__path_handler, ()>(&mut description, ());
        describe::<plain::__path_handler, ()>(&mut description, ());
        assert_eq!(description.conflicts(), ["GET /plain/{rest}"]);
    }
}
