//! `allowed_outbound_hosts`: what a component may call.

use crate::variables::Variables;
use url::{Host, Url};

/// A component `NAME` of the same application is called at `NAME` + this.
const INTERNAL_SUFFIX: &str = ".spin.internal";

/// The list of one component, with its templates filled in.
#[derive(Debug, Default)]
pub(crate) struct AllowedHosts(Vec<AllowedHost>);

/// One entry: `scheme://host[:port]`, with `*` allowed for each part.
#[derive(Debug, PartialEq, Eq)]
struct AllowedHost {
    /// `None` is `*`.
    scheme: Option<String>,
    host: HostRule,
    ports: PortRule,
}

#[derive(Debug, PartialEq, Eq)]
enum HostRule {
    Any,
    /// `*.example.com`, kept as `.example.com`.
    Subdomains(String),
    Exactly(Host),
}

#[derive(Debug, PartialEq, Eq)]
enum PortRule {
    Any,
    /// From the first (inclusive) to the second (exclusive), as `8000..9000`.
    Range(u16, u16),
    Exactly(u16),
}

impl AllowedHosts {
    /// Reads the entries of a component.
    ///
    /// An entry made of templates may come out empty, or as a bare `http://`
    /// or `https://`: an optional service that is not configured.
    ///
    /// # Errors
    ///
    /// Which entry is wrong, and how.
    pub(crate) fn parse(entries: &[String], variables: &Variables) -> Result<Self, String> {
        let mut allowed = Vec::new();
        for entry in entries {
            let expanded = variables.expand(entry)?;
            let from_template = expanded != *entry;
            if from_template && matches!(expanded.as_str(), "" | "http://" | "https://") {
                continue;
            }
            let host = AllowedHost::parse(expanded.trim())
                .map_err(|why| format!("allowed_outbound_hosts: `{entry}`: {why}"))?;
            allowed.push(host);
        }
        Ok(Self(allowed))
    }

    /// Whether a request to this absolute URL may leave.
    pub(crate) fn allows(&self, url: &Url) -> bool {
        self.0.iter().any(|allowed| allowed.allows(url))
    }

    /// The components of the application that entries name exactly.
    pub(crate) fn components(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|allowed| match &allowed.host {
            HostRule::Exactly(Host::Domain(domain)) => domain.strip_suffix(INTERNAL_SUFFIX),
            _ => None,
        })
    }
}

/// The component a host name stands for, if it is one of the application's.
pub(crate) fn internal_component(host: &str) -> Option<&str> {
    host.strip_suffix(INTERNAL_SUFFIX)
        .filter(|name| !name.contains('.'))
}

impl AllowedHost {
    fn parse(entry: &str) -> Result<Self, String> {
        let Some((scheme, rest)) = entry.split_once("://") else {
            return Err("must be `scheme://host[:port]`".to_owned());
        };
        if scheme != "*" && !scheme.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return Err(format!("`{scheme}` is not a scheme"));
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains('/') {
            return Err(
                "must not have a path, and address ranges are not supported here".to_owned(),
            );
        }
        // The colons inside `[::1]` are not the port's.
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port),
            _ => (rest, ""),
        };
        Ok(Self {
            ports: PortRule::parse(port, scheme)?,
            host: HostRule::parse(host)?,
            scheme: (scheme != "*").then(|| scheme.to_owned()),
        })
    }

    fn allows(&self, url: &Url) -> bool {
        let scheme = self
            .scheme
            .as_deref()
            .is_none_or(|scheme| scheme == url.scheme());
        let host = match (&self.host, url.host()) {
            (HostRule::Any, Some(_)) => true,
            (HostRule::Subdomains(suffix), Some(Host::Domain(domain))) => domain.ends_with(suffix),
            (HostRule::Exactly(rule), Some(host)) => *rule == host.to_owned(),
            _ => false,
        };
        let port = match (&self.ports, url.port_or_known_default()) {
            (PortRule::Any, _) => true,
            (PortRule::Range(first, end), Some(port)) => (*first..*end).contains(&port),
            (PortRule::Exactly(rule), Some(port)) => *rule == port,
            (_, None) => false,
        };
        scheme && host && port
    }
}

impl HostRule {
    fn parse(host: &str) -> Result<Self, String> {
        match host.strip_prefix("*.") {
            _ if host == "*" => Ok(Self::Any),
            _ if host == "self" || host == "self.alt" => Err(
                "requests to the application's own public address are not supported here"
                    .to_owned(),
            ),
            Some(domain) if domain.contains('*') => Err("`*` is allowed in front only".to_owned()),
            Some(domain) => match Host::parse(domain) {
                Ok(Host::Domain(domain)) => Ok(Self::Subdomains(format!(".{domain}"))),
                _ => Err(format!("`{domain}` is not a domain")),
            },
            None if host.contains('*') => Err("`*` stands for whole subdomains only".to_owned()),
            None => Host::parse(host)
                .map(Self::Exactly)
                .map_err(|error| format!("`{host}`: {error}")),
        }
    }
}

impl PortRule {
    fn parse(port: &str, scheme: &str) -> Result<Self, String> {
        let number = |text: &str| {
            text.parse::<u16>()
                .map_err(|_| format!("`{port}` is not a port"))
        };
        match (port, scheme) {
            ("*", _) => Ok(Self::Any),
            ("", "http") => Ok(Self::Exactly(80)),
            ("", "https") => Ok(Self::Exactly(443)),
            ("", _) => Err(format!("the scheme `{scheme}` needs a port")),
            _ => match port.split_once("..") {
                Some((first, end)) => Ok(Self::Range(number(first)?, number(end)?)),
                None => number(port).map(Self::Exactly),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AllowedHosts, internal_component};
    use crate::manifest::Variable;
    use crate::variables::Variables;
    use std::collections::BTreeMap;
    use url::Url;

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        let declared: BTreeMap<String, Variable> = pairs
            .iter()
            .map(|(name, _)| {
                (
                    (*name).to_owned(),
                    toml::from_str("required = true").unwrap(),
                )
            })
            .collect();
        let given = pairs
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Variables::resolve(&declared, &given).unwrap()
    }

    fn parse(entry: &str) -> Result<AllowedHosts, String> {
        AllowedHosts::parse(&[entry.to_owned()], &variables(&[]))
    }

    fn allows(entry: &str, url: &str) -> bool {
        parse(entry).unwrap().allows(&Url::parse(url).unwrap())
    }

    #[test]
    fn each_part_is_compared() {
        for (entry, url, expected) in [
            ("http://127.0.0.1:1234", "http://127.0.0.1:1234/x", true),
            ("http://127.0.0.1:1234", "http://127.0.0.1:1235/x", false),
            ("http://127.0.0.1:1234", "https://127.0.0.1:1234/x", false),
            ("http://127.0.0.1:1234", "http://localhost:1234/x", false),
            ("http://127.0.0.1:*", "http://127.0.0.1:1/", true),
            ("http://127.0.0.1:*", "http://127.0.0.2:1/", false),
            (
                "http://127.0.0.1:8000..8002",
                "http://127.0.0.1:8001/",
                true,
            ),
            (
                "http://127.0.0.1:8000..8002",
                "http://127.0.0.1:8002/",
                false,
            ),
            ("https://*", "https://pay.example/x", true),
            ("https://*", "https://pay.example:8443/x", false),
            ("https://*", "http://pay.example/x", false),
            ("https://*:*", "https://pay.example:8443/x", true),
            ("*://*:*", "http://10.0.0.1:7/", true),
            ("https://pay.example", "https://pay.example/a?b", true),
            ("https://pay.example", "https://pay.example.evil/", false),
            ("https://pay.example", "https://PAY.example/", true),
            ("https://pay.example/", "https://pay.example/", true),
            ("https://*.example", "https://a.b.example/", true),
            ("https://*.example", "https://example/", false),
            ("https://*.example", "https://evilexample/", false),
            ("http://[::1]:80", "http://[::1]/", true),
            ("http://[::1]", "http://[::1]/", true),
            (
                "http://sign.spin.internal",
                "http://sign.spin.internal/v1",
                true,
            ),
            (
                "http://sign.spin.internal",
                "http://admin.spin.internal/v1",
                false,
            ),
            (
                "http://*.spin.internal",
                "http://admin.spin.internal/v1",
                true,
            ),
            // Userinfo is not the host.
            (
                "https://pay.example",
                "https://pay.example@evil.example/",
                false,
            ),
        ] {
            assert_eq!(allows(entry, url), expected, "{entry} {url}");
        }
    }

    #[test]
    fn mistakes_are_refused() {
        for entry in [
            "",
            "*",
            "pay.example",
            "https://",
            "https://pay.example/path",
            "https://a*b.example",
            "https://*.*.example",
            "ftp://a.example",
            "https://a.example:port",
            "10.0.0.0/8",
            "https://10.0.0.0/8",
            "http://self",
            "https://a.example:1..x",
            "h1://a.example:1",
        ] {
            assert!(parse(entry).is_err(), "{entry}");
        }
    }

    #[test]
    fn nothing_is_allowed_by_default() {
        let none = AllowedHosts::default();
        assert!(!none.allows(&Url::parse("http://127.0.0.1/").unwrap()));
    }

    #[test]
    fn templates_name_hosts() {
        let variables = variables(&[("url", "http://127.0.0.1:99"), ("unset", "")]);
        let entries = ["{{ url }}", "{{ unset }}", "https://{{ unset }}"].map(str::to_owned);
        let hosts = AllowedHosts::parse(&entries, &variables).unwrap();
        assert!(hosts.allows(&Url::parse("http://127.0.0.1:99/").unwrap()));
        assert!(!hosts.allows(&Url::parse("https://pay.example/").unwrap()));
        assert!(AllowedHosts::parse(&["{{ other }}".to_owned()], &variables).is_err());
        assert!(AllowedHosts::parse(&["{{ url }}/path".to_owned()], &variables).is_err());
    }

    #[test]
    fn components_have_names_of_their_own() {
        assert_eq!(internal_component("sign.spin.internal"), Some("sign"));
        assert_eq!(internal_component("a.sign.spin.internal"), None);
        assert_eq!(internal_component("spin.internal"), None);
        assert_eq!(internal_component("sign.spin.internal.evil.example"), None);
        let hosts = parse("http://sign.spin.internal").unwrap();
        assert_eq!(hosts.components().collect::<Vec<_>>(), ["sign"]);
    }
}
