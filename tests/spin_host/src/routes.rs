//! From a request's path to what answers it.

use crate::manifest::{HttpTrigger, Target};
use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use std::net::SocketAddr;

/// The end of a route that stands for the path and everything below it.
const WILDCARD: &str = "/...";

/// The public routes of an application.
///
/// Matching is left to the library that Spin uses for it: an exact route goes
/// before a wildcard, a longer wildcard before a shorter one, and a trailing
/// slash makes no difference to an exact route.
#[derive(Debug)]
pub(crate) struct Router(routefinder::Router<Route>);

#[derive(Debug)]
struct Route {
    written: String,
    target: Target,
}

/// A route that fits a path.
#[derive(Debug)]
pub(crate) struct RouteMatch<'a> {
    /// What answers.
    pub(crate) target: &'a Target,
    route: &'a str,
    /// What the wildcard stands for, with its slash.
    path_info: String,
}

impl Router {
    /// Takes the public routes; private ones have no path.
    ///
    /// # Errors
    ///
    /// Which route cannot be read.
    pub(crate) fn new(triggers: &[HttpTrigger]) -> Result<Self, String> {
        let mut router = routefinder::Router::new();
        for trigger in triggers {
            let Some(written) = &trigger.route else {
                continue;
            };
            let pattern = match written.strip_suffix(WILDCARD) {
                Some(prefix) => format!("{prefix}/*"),
                None => written.clone(),
            };
            let route = Route {
                written: written.clone(),
                target: trigger.target.clone(),
            };
            router
                .add(pattern.as_str(), route)
                .map_err(|error| format!("the route `{written}`: {error}"))?;
        }
        Ok(Self(router))
    }

    /// The best route for a path.
    pub(crate) fn find(&self, path: &str) -> Option<RouteMatch<'_>> {
        let found = self.0.best_match(path)?;
        let captures = found.captures();
        let rest = captures.wildcard();
        // A trailing slash is the component's business, so it is kept.
        let slash = if path.ends_with('/') { "/" } else { "" };
        let path_info = match rest {
            None => String::new(),
            Some("") => slash.to_owned(),
            Some(rest) => format!("/{}{slash}", rest.trim_end_matches('/')),
        };
        let route = found.handler();
        Some(RouteMatch {
            target: &route.target,
            route: &route.written,
            path_info,
        })
    }
}

impl<'a> RouteMatch<'a> {
    /// The match of a call from one component to another, whatever the path.
    pub(crate) fn internal(target: &'a Target, path: &str) -> Self {
        Self {
            target,
            route: WILDCARD,
            path_info: path.to_owned(),
        }
    }

    /// Adds the headers by which Spin tells a component about the request.
    ///
    /// They are added after those of the client, also where the client sent
    /// headers of the same name: a component must read the last one.
    ///
    /// # Errors
    ///
    /// A header that is not text, as in Spin.
    pub(crate) fn add_headers(
        &self,
        headers: &mut HeaderMap,
        uri: &Uri,
        client: SocketAddr,
    ) -> Result<(), String> {
        for (name, value) in headers.iter() {
            if std::str::from_utf8(value.as_bytes()).is_err() {
                return Err(format!("the request header `{name}` is not UTF-8"));
            }
        }
        let component_route = self.route.strip_suffix(WILDCARD).unwrap_or(self.route);
        // A call between components carries no Host header.
        let host = headers
            .get(HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or("localhost");
        let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let full_url = format!("http://{host}{path}");
        let client = client.to_string();
        for (name, value) in [
            ("spin-path-info", self.path_info.as_str()),
            ("spin-full-url", full_url.as_str()),
            ("spin-matched-route", self.route),
            ("spin-base-path", "/"),
            ("spin-raw-component-route", self.route),
            ("spin-component-route", component_route),
            ("spin-client-addr", client.as_str()),
        ] {
            let value = HeaderValue::from_str(value).map_err(|error| format!("{name}: {error}"))?;
            headers.append(HeaderName::from_static(name), value);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{RouteMatch, Router};
    use crate::manifest::{HttpTrigger, Target};
    use http::HeaderMap;

    fn trigger(route: Option<&str>, component: &str) -> HttpTrigger {
        HttpTrigger {
            route: route.map(str::to_owned),
            target: Target::Component(component.to_owned()),
        }
    }

    fn router() -> Router {
        Router::new(&[
            trigger(Some("/..."), "rest"),
            trigger(Some("/v1/validate"), "validate"),
            trigger(Some("/v1/..."), "v1"),
            trigger(Some("/v1/admin/..."), "admin"),
            trigger(None, "sign"),
        ])
        .unwrap()
    }

    fn component<'a>(found: &RouteMatch<'a>) -> &'a str {
        match found.target {
            Target::Component(name) => name,
            Target::Static(_) => panic!("a component was expected"),
        }
    }

    #[test]
    fn the_longest_match_wins() {
        let router = router();
        for (path, expected) in [
            ("/", "rest"),
            ("/other", "rest"),
            ("/v1validate", "rest"),
            ("/v1", "v1"),
            ("/v1/", "v1"),
            ("/v1/validate", "validate"),
            ("/v1/validate/", "validate"),
            ("/v1/validate/x", "v1"),
            ("/v1/admin", "admin"),
            ("/v1/admin/x/y", "admin"),
            ("/v1/adminx", "v1"),
        ] {
            assert_eq!(component(&router.find(path).unwrap()), expected, "{path}");
        }
    }

    #[test]
    fn private_and_unknown_paths_have_no_match() {
        let router = Router::new(&[trigger(None, "sign"), trigger(Some("/a"), "a")]).unwrap();
        for path in ["/", "/sign", "/sign.spin.internal", "/b", "/a/b"] {
            assert!(router.find(path).is_none(), "{path}");
        }
    }

    #[test]
    fn the_rest_of_the_path_is_told() {
        let router = router();
        for (path, rest) in [
            ("/v1", ""),
            ("/v1/", "/"),
            ("/v1/x", "/x"),
            ("/v1/x/", "/x/"),
            ("/v1/x/y", "/x/y"),
            ("/v1/validate", ""),
        ] {
            assert_eq!(router.find(path).unwrap().path_info, rest, "{path}");
        }
    }

    #[test]
    fn the_client_cannot_replace_the_headers_of_the_host() {
        let router = router();
        let mut headers = HeaderMap::new();
        headers.insert("host", "shop.example".parse().unwrap());
        headers.insert("spin-client-addr", "6.6.6.6:6".parse().unwrap());
        let uri = "http://shop.example/v1/x?y=1".parse().unwrap();
        router
            .find("/v1/x")
            .unwrap()
            .add_headers(&mut headers, &uri, "127.0.0.1:99".parse().unwrap())
            .unwrap();
        let values: Vec<_> = headers.get_all("spin-client-addr").iter().collect();
        assert_eq!(values, ["6.6.6.6:6", "127.0.0.1:99"]);
        assert_eq!(headers["spin-full-url"], "http://shop.example/v1/x?y=1");
        assert_eq!(headers["spin-matched-route"], "/v1/...");
        assert_eq!(headers["spin-component-route"], "/v1");
        assert_eq!(headers["spin-path-info"], "/x");
    }
}
