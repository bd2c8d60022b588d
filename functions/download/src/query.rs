//! What a request shows at the gate: its query and its `Authorization` header.

use crate::error::GateError;
use axum::extract::Query;
use http::{HeaderMap, HeaderName, Uri};
use keywright_domain::release::updaters::filled_in;
use keywright_license::{LicenseKey, clean_pasted};
use keywright_web::{basic_password_of, bearer_of};

/// By what name an installation is known to staged rollouts; electron-updater
/// has a header of this name.
pub(crate) const STAGING_ID: HeaderName = HeaderName::from_static("x-user-staging-id");

/// The members of a query that the gate knows. Others are passed over.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct GateQuery {
    pub(crate) token: Option<String>,
    pub(crate) expires: Option<String>,
    pub(crate) dlid: Option<String>,
    pub(crate) domain: Option<String>,
    pub(crate) channel: Option<String>,
    pub(crate) platform: Option<String>,
    pub(crate) staging: Option<String>,
    direct: Option<String>,
    whole: Option<String>,
}

impl GateQuery {
    /// Reads a query. A name may begin with `amp;`: Joomla joins its parameters
    /// to a URL with the entity `&amp;`.
    ///
    /// # Errors
    /// 400 for a member that is there twice. Only `dlid` may be, where both are
    /// the same or one is a license key, which is passed over then: Joomla
    /// appends what its site has to a link that has the download id.
    pub(crate) fn of(uri: &Uri) -> Result<Self, GateError> {
        let mut query = Self::default();
        let Query(members): Query<Vec<(String, String)>> =
            Query::try_from_uri(uri).map_err(GateError::bad_query)?;
        for (name, value) in members {
            let name = name.strip_prefix("amp;").unwrap_or(&name);
            let member = match name {
                "token" => &mut query.token,
                "expires" => &mut query.expires,
                "dlid" => &mut query.dlid,
                "domain" => &mut query.domain,
                "channel" => &mut query.channel,
                "platform" => &mut query.platform,
                "staging" => &mut query.staging,
                "direct" => &mut query.direct,
                "whole" => &mut query.whole,
                _ => continue,
            };
            if let (Some(first), "dlid") = (&*member, name) {
                if clean_pasted(first) == clean_pasted(&value) || LicenseKey::is_meant(&value) {
                    continue;
                }
                member.take_if(|first| LicenseKey::is_meant(first));
            }
            if member.replace(value).is_some() {
                return Err(GateError::bad_query(format!(
                    "{name} must be sent only once"
                )));
            }
        }
        Ok(query)
    }

    /// Whether `latest` is to answer the file itself.
    ///
    /// # Errors
    /// 400 for a value that says neither.
    pub(crate) fn is_direct(&self) -> Result<bool, GateError> {
        is_set("direct", self.direct.as_deref())
    }

    /// Whether a range counts only where `If-Range` says of what: `latest` adds that to
    /// the address that it leads to, because the client may have a part of another version.
    ///
    /// # Errors
    /// 400 for a value that says neither.
    pub(crate) fn is_whole(&self) -> Result<bool, GateError> {
        is_set(WHOLE, self.whole.as_deref())
    }

    /// What the installation calls itself, for staged rollouts.
    pub(crate) fn installation<'a>(&'a self, headers: &'a HeaderMap) -> Option<&'a str> {
        let header = headers.get(STAGING_ID).and_then(|id| id.to_str().ok());
        let name = header.or(self.staging.as_deref())?;
        filled_in(name).map(|_| name)
    }

    /// What the request shows. A bearer in the `Authorization` header wins, even when
    /// it is garbage. A license key there gives way to what the query has: updaters send it
    /// along with the link that it got them. So does the password of `Basic`, which a
    /// netrc file has for all addresses of a host; other schemes are passed over. In the
    /// query, `expires` makes it a signed link; then comes a token, then a download id.
    pub(crate) fn presented(self, headers: &HeaderMap) -> Presented {
        let bearer = bearer_of(headers);
        let is_key = bearer.is_some_and(LicenseKey::is_meant);
        let in_header = |text: &str| Presented::Credential {
            text: text.to_owned(),
            member: Member::Token,
        };
        if let Some(text) = bearer.filter(|_| !is_key) {
            return in_header(text);
        }
        match self {
            Self {
                expires: Some(expires),
                token,
                dlid,
                ..
            } => Presented::Link(LinkQuery {
                token: token.unwrap_or_default(),
                expires,
                dlid: dlid.unwrap_or_default(),
            }),
            Self {
                token: Some(text), ..
            } => Presented::Credential {
                text,
                member: Member::Token,
            },
            Self {
                dlid: Some(text), ..
            } => Presented::Credential {
                text,
                member: Member::DownloadId,
            },
            _ => {
                let password = basic_password_of(headers);
                let in_header_anyway = bearer.or(password.as_deref());
                in_header_anyway.map_or(Presented::Nothing, in_header)
            }
        }
    }
}

/// The name of [`GateQuery::is_whole`].
pub(crate) const WHOLE: &str = "whole";

fn is_set(name: &str, value: Option<&str>) -> Result<bool, GateError> {
    match value {
        None | Some("" | "0" | "false") => Ok(false),
        Some("1" | "true") => Ok(true),
        Some(_) => Err(GateError::bad_query(format!("{name} must be 1 or 0"))),
    }
}

/// What a request shows at the gate, before any of it is checked.
#[derive(PartialEq, Eq)]
pub(crate) enum Presented {
    Nothing,
    Link(LinkQuery),
    /// A token, a license key or a download id, and where it stood.
    Credential {
        text: String,
        member: Member,
    },
}

/// Where a credential stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Member {
    /// In the `Authorization` header or in `?token=`.
    Token,
    /// In `?dlid=`.
    DownloadId,
}

/// The signed part of a link.
#[derive(PartialEq, Eq)]
pub(crate) struct LinkQuery {
    pub(crate) token: String,
    pub(crate) expires: String,
    pub(crate) dlid: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderValue, header};

    fn shown(authorization: Option<&'static str>, query: &str) -> String {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
        }
        let uri: Uri = format!("/x?{query}").parse().expect("a URI");
        let Ok(query) = GateQuery::of(&uri) else {
            return "400".to_owned();
        };
        match query.presented(&headers) {
            Presented::Nothing => "nothing".to_owned(),
            Presented::Link(link) => format!("link {} {} {}", link.token, link.expires, link.dlid),
            Presented::Credential { text, member } => match member {
                Member::Token => format!("token {text}"),
                Member::DownloadId => format!("dlid {text}"),
            },
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
        assert_eq!(shown(Some("bearer  lic1 - A-B"), "dlid=c"), "dlid c");
        assert_eq!(shown(Some("Bearer LIC1-A-B"), ""), "token LIC1-A-B");
        assert_eq!(shown(Some("bearer a"), "token=b"), "token a");
        assert_eq!(shown(Some("BEARER a"), ""), "token a");
        assert_eq!(shown(Some("Basic a"), "token=b"), "token b");
        // `user:a`, `:a`, `a:` and `user:b=c`, with and without padding.
        assert_eq!(shown(Some("Basic dXNlcjph"), ""), "token a");
        assert_eq!(shown(Some("basic OmE="), ""), "token a");
        assert_eq!(shown(Some("Basic YTo"), ""), "token a");
        assert_eq!(shown(Some("Basic dXNlcjpiPWM="), "token=b"), "token b");
        for none in ["Basic", "Basic Og==", "Basic dXNlcg==", "Digest dXNlcjph"] {
            assert_eq!(shown(Some(none), ""), "nothing", "{none}");
        }
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
            ("dlid=c&dlid=%20lic1-A-B", "dlid c"),
            ("dlid=%22LIC1-A-B%22&dlid=c", "dlid c"),
            ("dlid=c%20&dlid=c", "dlid c "),
            ("dlid=c&dlid=d", "400"),
            ("dlid=c&amp;dlid=d", "400"),
            ("token=a&token=a", "400"),
            ("expires=1&expires=1", "400"),
        ] {
            assert_eq!(shown(None, query), what, "{query}");
        }
    }
}
