//! `/git/…`: leads to the vendor's public repository.

use crate::Ports;
use crate::error::{Body, GateError};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, Uri, header};
use keywright_ports::settings::fault_of;
use keywright_ports::{Setting, name};

/// Where the public repository is, from its configuration.
pub(crate) struct Repository(String);

/// `GIT_URL`.
pub(crate) const GIT_URL: Setting = Setting {
    names: &[name::GIT_URL],
    check: |config| match config.get(name::GIT_URL) {
        Some(url) => fault_of(Repository::parse(url)),
        None => Vec::new(),
    },
};

/// A configured repository that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("GIT_URL must be the repository's address, https://host/path, without a query")]
pub(crate) struct NotARepository;

impl Repository {
    /// Reads the configuration. It may be the repository itself or, where the
    /// path behind `/git/` begins with a repository's name, what they have in
    /// common.
    pub(crate) fn parse(text: &str) -> Result<Self, NotARepository> {
        let uri: Uri = text.parse().map_err(|_| NotARepository)?;
        let is_web = matches!(uri.scheme_str(), Some("https" | "http"));
        let has_host = uri.host().is_some_and(|host| !host.is_empty());
        let has_user = uri
            .authority()
            .is_some_and(|authority| authority.as_str().contains('@'));
        if !is_web || !has_host || has_user || uri.query().is_some() || text.contains('#') {
            return Err(NotARepository);
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }

    /// The address of what is asked for, path and query as they came.
    fn locate(&self, uri: &Uri) -> Option<String> {
        let path = uri.path().strip_prefix("/git/")?;
        let query = uri.query().map(|query| format!("?{query}"));
        Some(format!("{}/{path}{}", self.0, query.unwrap_or_default()))
    }
}

/// Leads a Git client to the vendor's public repository. The path behind
/// `/git/` and the query are handed on.
#[utoipa::path(
    method(get, post),
    path = "/git/{*path}",
    operation_id = "redirectToGit",
    tag = "releases",
    params(("path" = String, Path, description = "What is asked of the repository, such as `info/refs`.")),
    responses(
        (status = 307, description = "`Location` has the address there."),
        (status = 400, description = "The path has dot segments.", body = Body),
        (status = 404, description = "The path is empty.", body = Body),
        (status = 503, description = "No repository is configured.", body = Body),
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    path: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<Response, GateError> {
    let Some(repository) = ports.repository.as_ref() else {
        return Err(GateError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "no public repository is configured",
        ));
    };
    let path = path.map(|Path(path)| path).unwrap_or_default();
    // A client would resolve them, into somebody else's repository.
    if path.is_empty()
        || path
            .split(['/', '\\'])
            .any(|segment| matches!(segment, "." | ".."))
    {
        return Err(GateError::bad_path("the path must not have dot segments"));
    }
    let location = repository.locate(&uri).map(HeaderValue::try_from);
    let Some(Ok(location)) = location else {
        return Err(GateError::bad_path("the path must be plain characters"));
    };
    let headers = [
        (header::LOCATION, location),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    Ok((StatusCode::TEMPORARY_REDIRECT, headers).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_an_address_of_the_web() {
        for text in [
            "https://git.example/vendor/demo.git",
            "http://127.0.0.1:3001/a/",
        ] {
            assert!(Repository::parse(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "git.example",
            "ssh://git@git.example/a",
            "ftp://git.example/a",
            "https://",
            "https://user:secret@git.example/a",
            "https://git.example/a?b",
            "https://git.example/a#b",
            "/local",
        ] {
            assert!(Repository::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn path_and_query_are_handed_on_as_they_came() {
        let repository = Repository::parse("https://git.example/vendor/").ok();
        let repository = repository.expect("an address");
        let locate = |uri: &str| repository.locate(&uri.parse().expect("a URI"));
        assert_eq!(
            locate("/git/demo.git/info/refs?service=git-upload-pack").as_deref(),
            Some("https://git.example/vendor/demo.git/info/refs?service=git-upload-pack")
        );
        assert_eq!(
            locate("/git/a%2Fb%20c/").as_deref(),
            Some("https://git.example/vendor/a%2Fb%20c/")
        );
        assert_eq!(locate("/other"), None);
    }
}
