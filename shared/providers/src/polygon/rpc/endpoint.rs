//! Where an endpoint is. Its URL usually carries an API key, so it is shown by
//! its host alone.

use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER};
use http::{Request, Uri, header};
use sha2::{Digest, Sha256};
use std::fmt;

/// A JSON-RPC endpoint. Debug and Display show its host, never the rest of its
/// URL.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Without user name and password.
    url: String,
    /// User name and password of the URL, as HTTP Basic wants them.
    basic: Option<String>,
    host: String,
    key: String,
}

/// A configured URL that is no endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not an http or https URL with a host.
    #[error("an RPC endpoint is an http or https URL, such as https://polygon.example/v2/<key>")]
    Url,
}

impl Endpoint {
    /// Reads a URL. A user name and password in it are sent as HTTP Basic.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub fn new(url: &str) -> Result<Self, EndpointError> {
        let uri: Uri = url.parse().map_err(|_| EndpointError::Url)?;
        let (Some(scheme @ ("http" | "https")), Some(authority)) =
            (uri.scheme_str(), uri.authority())
        else {
            return Err(EndpointError::Url);
        };
        let (user, place) = match authority.as_str().rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority.as_str()),
        };
        let path = uri
            .path_and_query()
            .map_or("/", http::uri::PathAndQuery::as_str);
        Ok(Self {
            url: format!("{scheme}://{place}{path}"),
            basic: user.map(|user| format!("Basic {}", BASE64.encode(user.as_bytes()))),
            host: authority.host().to_ascii_lowercase(),
            key: HEXLOWER.encode(&Sha256::digest(url.as_bytes())[..16]),
        })
    }

    /// Reads several, in order of preference, between commas or white space.
    /// Hosts under `.invalid`, which never resolve (RFC 2606), stand for none
    /// and are left out; so are repetitions.
    ///
    /// # Errors
    /// [`EndpointError`] when one of them is no endpoint.
    pub fn list(text: &str) -> Result<Vec<Self>, EndpointError> {
        let mut all: Vec<Self> = Vec::new();
        let urls = text.split(|c: char| c == ',' || c.is_ascii_whitespace());
        for url in urls.filter(|url| !url.is_empty()) {
            let endpoint = Self::new(url)?;
            if !endpoint.host.ends_with(".invalid") && !all.contains(&endpoint) {
                all.push(endpoint);
            }
        }
        Ok(all)
    }

    /// Its host, lower case and without port: what may be shown and logged.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// What the database knows it by: 32 hexadecimal digits from which the URL
    /// cannot be read.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Its whole URL, key included, for the list of hosts that may be called.
    /// Never for a log.
    #[must_use]
    pub fn secret_url(&self) -> &str {
        &self.url
    }

    /// A call to it.
    pub(super) fn post(&self, body: String) -> Result<Request<Bytes>, http::Error> {
        let mut request = Request::post(&self.url)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json");
        if let Some(basic) = &self.basic {
            request = request.header(header::AUTHORIZATION, basic);
        }
        request.body(Bytes::from(body))
    }

    /// A text of the endpoint's own, without what its URL keeps secret.
    pub(super) fn without_secrets(&self, text: &str) -> String {
        let after_host = self.url.splitn(4, '/').nth(3).unwrap_or_default();
        let parts = after_host.split(['/', '?', '&', '=', '#']);
        // Shorter parts, such as `v2` and `rpc`, are no keys.
        parts
            .filter(|part| part.len() >= 8)
            .fold(text.replace(&self.url, &self.host), |text, part| {
                text.replace(part, "…")
            })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYED: &str = "https://polygon.example:8443/v2/abcdef0123456789?apikey=topsecret";

    #[test]
    fn only_the_host_is_shown() {
        let endpoint = Endpoint::new(KEYED).expect("an endpoint");
        assert_eq!(format!("{endpoint}"), "polygon.example");
        assert_eq!(format!("{endpoint:?}"), "Endpoint(polygon.example)");
        assert_eq!(endpoint.secret_url(), KEYED);
        assert_eq!(endpoint.key().len(), 32);
        assert!(!endpoint.key().contains("abcdef"));
        let said = format!("{KEYED} refused abcdef0123456789 and topsecret of v2");
        let shown = endpoint.without_secrets(&said);
        assert_eq!(shown, "polygon.example refused … and … of v2");
    }

    #[test]
    fn a_user_and_password_become_a_header() {
        let endpoint = Endpoint::new("https://me:secret@node.example/rpc").expect("an endpoint");
        assert_eq!(endpoint.host(), "node.example");
        let request = endpoint.post(String::new()).expect("a request");
        assert_eq!(request.uri(), "https://node.example/rpc");
        assert_eq!(request.headers()["authorization"], "Basic bWU6c2VjcmV0");
    }

    #[test]
    fn a_list_keeps_its_order_and_leaves_out_what_never_resolves() {
        let list = Endpoint::list(
            " https://b.example/x,https://unset.invalid,\n https://a.example,,https://b.example/x",
        )
        .expect("endpoints");
        let hosts: Vec<_> = list.iter().map(Endpoint::host).collect();
        assert_eq!(hosts, ["b.example", "a.example"]);
        assert_ne!(list[0].key(), list[1].key());
        assert_eq!(Endpoint::list(""), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for url in [
            "polygon.example",
            "ftp://a.example",
            "wss://a.example",
            "/rpc",
            "https://",
        ] {
            assert_eq!(Endpoint::new(url), Err(EndpointError::Url), "{url}");
        }
    }
}
