//! Where an endpoint is. Its URL usually carries an API key, so it is shown by
//! its host alone.

use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER};
use http::{Request, Uri, header};
use sha2::{Digest, Sha256};
use std::fmt;
use std::net::IpAddr;

/// A JSON-RPC endpoint. Debug and Display show its host, never the rest of its
/// URL.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Without user name and password.
    url: String,
    /// User name and password of the URL, as HTTP Basic wants them.
    basic: Option<String>,
    host: String,
    party: String,
    key: String,
}

/// Whether a host, lower case, is this machine.
fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// Whether a host stands for none (RFC 2606).
fn never_resolves(host: &str) -> bool {
    host.ends_with(".invalid")
}

/// A configured URL that is no endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not an http or https URL with a host.
    #[error("an RPC endpoint is an http or https URL, such as https://polygon.example/v2/<key>")]
    Url,
    /// Not encrypted, and not on this machine: who is on the way can make up payments.
    #[error(
        "an RPC endpoint must be an https URL; http is allowed on 127.0.0.1, ::1 and localhost"
    )]
    Insecure,
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
        let host = authority.host().to_ascii_lowercase();
        if scheme == "http" && !is_loopback(&host) && !never_resolves(&host) {
            return Err(EndpointError::Insecure);
        }
        // The same host answers with one voice, whatever the key in the URL. On this
        // machine each port may be another node.
        let party = if is_loopback(&host) {
            place.to_ascii_lowercase()
        } else {
            host.clone()
        };
        Ok(Self {
            url: format!("{scheme}://{place}{path}"),
            basic: user.map(|user| format!("Basic {}", BASE64.encode(user.as_bytes()))),
            host,
            party,
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
            if !never_resolves(&endpoint.host) && !all.contains(&endpoint) {
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

    /// Who answers there: what two endpoints of the same party say counts once.
    #[must_use]
    pub fn party(&self) -> &str {
        &self.party
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
    fn an_endpoint_is_encrypted_unless_it_is_on_this_machine() {
        for url in [
            "https://polygon.example/v2/key",
            "http://127.0.0.1:8545",
            "http://127.8.9.1/",
            "http://[::1]:8545/rpc",
            "http://localhost:8545",
            "http://LOCALHOST/",
            "http://unset.invalid",
        ] {
            assert!(Endpoint::new(url).is_ok(), "{url}");
        }
        for url in [
            "http://polygon.example/v2/key",
            "http://10.0.0.7:8545",
            "http://192.168.1.2/",
            "http://[2001:db8::1]/",
            "http://0.0.0.0:8545",
            "http://localhost.example/",
            "http://127.0.0.1.example/",
            "http://127.0.0.1@polygon.example/",
        ] {
            assert_eq!(Endpoint::new(url), Err(EndpointError::Insecure), "{url}");
            assert!(!EndpointError::Insecure.to_string().contains("key"));
        }
    }

    #[test]
    fn two_keys_of_one_host_are_one_party() {
        let party = |url| Endpoint::new(url).expect("an endpoint").party().to_owned();
        let one = party("https://node.example/v2/one");
        assert_eq!(one, party("https://me:secret@NODE.example:8443/v2/two"));
        assert_ne!(one, party("https://other.example/v2/one"));
        assert_ne!(party("http://127.0.0.1:1/"), party("http://127.0.0.1:2/"));
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
