//! The headers that every answer has, whatever made it: one table for the functions
//! and for the gateway.

/// Two years, as the release server's contract has it.
const TRANSPORT_SECURITY: &str = "max-age=63072000; includeSubDomains";

/// The headers that an answer gets where it has none of that name: name in lower
/// case, and value.
///
/// Nothing under `/v1` is kept by a cache on the way: those answers hold keys, or
/// what only the operator may see. One that says otherwise is left alone. `over_tls`
/// is whether the request came over TLS: only then may an answer ask for it (RFC
/// 6797, section 7.2).
pub fn response_headers(
    path: &str,
    over_tls: bool,
) -> impl Iterator<Item = (&'static str, &'static str)> {
    let is_private = path == "/v1" || path.starts_with("/v1/");
    [
        Some(("x-content-type-options", "nosniff")),
        is_private.then_some(("cache-control", "no-store")),
        over_tls.then_some(("strict-transport-security", TRANSPORT_SECURITY)),
    ]
    .into_iter()
    .flatten()
}

/// Whether a request came over TLS: as its own address says, else, where the host
/// tells no scheme because a proxy ends TLS in front of it, as the public address
/// does.
#[must_use]
pub fn is_over_tls(scheme: Option<&str>, public_url: Option<&str>) -> bool {
    match scheme {
        Some(scheme) => scheme.eq_ignore_ascii_case("https"),
        None => public_url.is_some_and(|url| {
            url.get(..8)
                .is_some_and(|start| start.eq_ignore_ascii_case("https://"))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_under_v1_is_kept_from_caches() {
        for (path, is_private) in [
            ("/v1/purchase/1", true),
            ("/v1/admin/licenses", true),
            ("/v1", true),
            ("/v1x", false),
            ("/", false),
            ("/releases/v1/", false),
        ] {
            let headers: Vec<_> = response_headers(path, false).collect();
            let kept_out = headers.contains(&("cache-control", "no-store"));
            assert_eq!(kept_out, is_private, "{path}");
            assert!(
                headers.contains(&("x-content-type-options", "nosniff")),
                "{path}"
            );
        }
    }

    #[test]
    fn tls_is_asked_for_over_tls_only() {
        for (scheme, public_url, over_tls) in [
            (Some("https"), None, true),
            (Some("HTTPS"), None, true),
            (Some("http"), Some("https://shop.example"), false),
            (None, Some("https://shop.example"), true),
            (None, Some("HTTPS://shop.example"), true),
            (None, Some("http://shop.example"), false),
            (None, Some("httpsx"), false),
            (None, Some(""), false),
            (None, None, false),
        ] {
            let found = is_over_tls(scheme, public_url);
            assert_eq!(found, over_tls, "{scheme:?} {public_url:?}");
            let names = response_headers("/", found).map(|(name, _)| name);
            let asked = names.filter(|name| *name == "strict-transport-security");
            assert_eq!(asked.count(), usize::from(over_tls));
        }
    }
}
