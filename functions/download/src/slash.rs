//! Every route with and without a slash at its end: the older server has some
//! only with one, and links are written both ways.

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use http::Uri;
use http::uri::PathAndQuery;
use tower_service::Service;

/// Routes that take a slash at the end of a path as if it were not there. What
/// stands behind `/git/` is somebody else's path and stays as it is.
pub(crate) fn optional(routes: Router) -> Router {
    let answer = move |mut request: Request| {
        let mut routes = routes.clone();
        async move {
            if let Some(uri) = without_slash(request.uri()) {
                *request.uri_mut() = uri;
            }
            let answer: Response = match routes.call(request).await {
                Ok(answer) => answer,
                Err(never) => match never {},
            };
            answer
        }
    };
    Router::new().fallback(answer)
}

fn without_slash(uri: &Uri) -> Option<Uri> {
    let path = uri.path().strip_suffix('/')?;
    let is_git = path.starts_with("/git/");
    if path.is_empty() || is_git {
        return None;
    }
    let path_and_query = match uri.query() {
        Some(query) => PathAndQuery::try_from(format!("{path}?{query}")),
        None => PathAndQuery::try_from(path),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path_and_query.ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slash_at_the_end_goes() {
        for (uri, without) in [
            ("/releases/", Some("/releases")),
            ("/releases/demo/?token=a/", Some("/releases/demo?token=a/")),
            (
                "http://host.example/releases/",
                Some("http://host.example/releases"),
            ),
            ("/releases//", Some("/releases/")),
            ("/git/", Some("/git")),
            ("/git/a/", None),
            ("/releases", None),
            ("/releases?a/", None),
            ("/", None),
        ] {
            let uri: Uri = uri.parse().expect("a URI");
            let found = without_slash(&uri).map(|uri| uri.to_string());
            assert_eq!(found.as_deref(), without, "{uri}");
        }
    }
}
