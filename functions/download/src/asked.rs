//! What a request shows at the gate: its query and its `Authorization` header.

use crate::error::GateError;
use axum::extract::Query;
use http::{HeaderMap, Uri, header};

/// What every license key begins with.
const KEY_PREFIX: &str = "LIC1-";

/// The members of a query that the gate knows. Others are passed over.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) token: Option<String>,
    pub(crate) expires: Option<String>,
    pub(crate) dlid: Option<String>,
    pub(crate) domain: Option<String>,
    pub(crate) channel: Option<String>,
    pub(crate) platform: Option<String>,
    pub(crate) staging: Option<String>,
}

impl Asked {
    /// Reads a query. A name may begin with `amp;`: Joomla joins its parameters
    /// to a URL with the entity `&amp;`.
    ///
    /// # Errors
    /// 400 for a member that is there twice. Only `dlid` may be, where both are
    /// the same or one is a license key, which is passed over then: Joomla
    /// appends what its site has to a link that has the download id.
    pub(crate) fn of(uri: &Uri) -> Result<Self, GateError> {
        let mut asked = Self::default();
        let Query(members): Query<Vec<(String, String)>> =
            Query::try_from_uri(uri).map_err(GateError::bad_query)?;
        for (name, value) in members {
            let name = name.strip_prefix("amp;").unwrap_or(&name);
            let member = match name {
                "token" => &mut asked.token,
                "expires" => &mut asked.expires,
                "dlid" => &mut asked.dlid,
                "domain" => &mut asked.domain,
                "channel" => &mut asked.channel,
                "platform" => &mut asked.platform,
                "staging" => &mut asked.staging,
                _ => continue,
            };
            if name == "dlid" && member.is_some() {
                if member.as_ref() == Some(&value) || value.starts_with(KEY_PREFIX) {
                    continue;
                }
                member.take_if(|first| first.starts_with(KEY_PREFIX));
            }
            if member.replace(value).is_some() {
                return Err(GateError::bad_query(format!("send {name} once at most")));
            }
        }
        Ok(asked)
    }

    /// What the request shows. An `Authorization` header that starts with
    /// exactly `Bearer ` wins, even when it is garbage; another scheme is passed
    /// over, and so is a license key, which updaters send with the link that it
    /// got them. Then the query: with `expires` it is a signed link, without one a
    /// token, and without that a download id.
    pub(crate) fn shown(self, headers: &HeaderMap) -> Shown {
        let value = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let bearer = value.and_then(|value| value.strip_prefix("Bearer "));
        if let Some(token) = bearer.filter(|token| !token.starts_with(KEY_PREFIX)) {
            return Shown::Token(token.to_owned());
        }
        match self {
            Self {
                expires: Some(expires),
                token,
                dlid,
                ..
            } => Shown::Link(Link {
                token: token.unwrap_or_default(),
                expires,
                dlid: dlid.unwrap_or_default(),
            }),
            Self {
                token: Some(token), ..
            } => Shown::Token(token),
            Self {
                dlid: Some(dlid), ..
            } => Shown::DownloadId(dlid),
            _ => Shown::Nothing,
        }
    }
}

/// What somebody shows at the gate, before any of it is checked.
#[derive(PartialEq, Eq)]
pub(crate) enum Shown {
    Nothing,
    Token(String),
    Link(Link),
    /// A download id or a license key.
    DownloadId(String),
}

/// The signed part of a link.
#[derive(PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) token: String,
    pub(crate) expires: String,
    pub(crate) dlid: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn shown(authorization: Option<&'static str>, query: &str) -> String {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
        }
        let uri: Uri = format!("/x?{query}").parse().expect("a URI");
        let Ok(asked) = Asked::of(&uri) else {
            return "400".to_owned();
        };
        match asked.shown(&headers) {
            Shown::Nothing => "nothing".to_owned(),
            Shown::Token(token) => format!("token {token}"),
            Shown::Link(link) => format!("link {} {} {}", link.token, link.expires, link.dlid),
            Shown::DownloadId(dlid) => format!("dlid {dlid}"),
        }
    }

    #[test]
    fn the_header_wins_and_other_schemes_are_passed_over() {
        assert_eq!(shown(Some("Bearer a"), "token=b"), "token a");
        assert_eq!(shown(Some("Bearer "), "token=b"), "token ");
        assert_eq!(
            shown(Some("Bearer a"), "token=b&expires=1&dlid=c"),
            "token a"
        );
        assert_eq!(
            shown(Some("Bearer LIC1-A-B"), "token=b&expires=1&dlid=c"),
            "link b 1 c"
        );
        assert_eq!(shown(Some("Bearer LIC1-A-B"), ""), "nothing");
        assert_eq!(shown(Some("bearer a"), "token=b"), "token b");
        assert_eq!(shown(Some("Basic a"), "token=b"), "token b");
        assert_eq!(shown(None, "token=b"), "token b");
        assert_eq!(shown(Some("Basic a"), ""), "nothing");
        assert_eq!(shown(None, "other=1"), "nothing");
    }

    #[test]
    fn a_query_is_a_link_a_token_or_a_download_id() {
        for (query, what) in [
            ("token=a&expires=1&dlid=c", "link a 1 c"),
            ("expires=1", "link  1 "),
            ("token=a&dlid=c", "token a"),
            ("dlid=c", "dlid c"),
            ("amp;dlid=c", "dlid c"),
            ("x=1&amp;dlid=c", "dlid c"),
            ("token=a&expires=1&dlid=c&amp;dlid=c", "link a 1 c"),
            ("token=a%26b%23c", "token a&b#c"),
            ("token=a&expires=1&dlid=c&amp;dlid=LIC1-A-B", "link a 1 c"),
            ("dlid=LIC1-A-B&dlid=c", "dlid c"),
            ("dlid=LIC1-A-B", "dlid LIC1-A-B"),
            ("dlid=c&dlid=d", "400"),
            ("dlid=c&amp;dlid=d", "400"),
            ("token=a&token=a", "400"),
            ("expires=1&expires=1", "400"),
        ] {
            assert_eq!(shown(None, query), what, "{query}");
        }
    }
}
