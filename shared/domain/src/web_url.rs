//! Addresses of web pages that people type or send: where buyers go after paying, a
//! business's support page. One rule for all of them, which leaves no doubt about the
//! host: what a person reads as the host is what every browser goes to.

/// Longest address, in bytes.
pub const MAX_URL_BYTES: usize = 2_000;

/// An address that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be an http or https URL of at most {MAX_URL_BYTES} bytes, without spaces, backslashes or a user name before the host"
)]
pub struct NotAWebUrl;

/// A URL that is not that of a whole instance. The text says what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAnOrigin {
    /// It has no scheme, or another one.
    #[error("must begin with https:// or http://, such as https://licenses.example.com")]
    Scheme,
    /// Something follows the host.
    #[error("must not have a path or a query after the host, such as https://licenses.example.com")]
    Path,
    /// It is not a URL.
    #[error("must be a URL without spaces or a user name, such as https://licenses.example.com")]
    Malformed,
}

/// Checks a URL that other URLs begin with: scheme, host and port, and nothing after
/// them.
///
/// # Errors
/// [`NotAnOrigin`].
pub fn check_origin(url: &str) -> Result<(), NotAnOrigin> {
    let rest = after_scheme(url).ok_or(NotAnOrigin::Scheme)?;
    check(url).map_err(|_| NotAnOrigin::Malformed)?;
    if rest.contains(['/', '?', '#']) {
        return Err(NotAnOrigin::Path);
    }
    Ok(())
}

/// Checks an address: `http` or `https`, a host that reads one way only, an optional
/// port, and then anything without spaces, control characters and backslashes.
///
/// # Errors
/// [`NotAWebUrl`].
pub fn check(url: &str) -> Result<(), NotAWebUrl> {
    let fits = url.len() <= MAX_URL_BYTES && !url.chars().any(is_misread);
    let rest = after_scheme(url).ok_or(NotAWebUrl)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if fits && is_authority(authority) {
        Ok(())
    } else {
        Err(NotAWebUrl)
    }
}

/// The host and port of an address that passes [`check`].
#[must_use]
pub fn authority(url: &str) -> Option<&str> {
    after_scheme(url)?.split(['/', '?', '#']).next()
}

fn after_scheme(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let known = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
    known.then_some(rest)
}

/// Characters that software drops, hides or reads as another: spaces and controls,
/// the backslash, which browsers take for a slash, and marks that change the
/// direction of text or have no width.
fn is_misread(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(
            c,
            '\\' | '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
}

/// A name, an IPv4 address, or an IPv6 address in brackets, with an optional port. No
/// user name: it reads like the host, and is not. No escapes: a browser resolves them.
fn is_authority(authority: &str) -> bool {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else {
            return false;
        };
        if address.parse::<std::net::Ipv6Addr>().is_err() {
            return false;
        }
        (address, port)
    } else {
        let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
        if !host.chars().all(plain) || !host.contains(char::is_alphanumeric) {
            return false;
        }
        (host, port)
    };
    !host.is_empty() && (port.is_empty() || is_port(port))
}

/// `:` and a number that is a port.
fn is_port(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|digits| {
        digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_of_pages_pass() {
        for good in [
            "https://shop.example",
            "https://shop.example/thanks?x=1#y",
            "HTTPS://shop.example/",
            "http://127.0.0.1:8787/help?x=1#y",
            "http://[::1]:8787/",
            "https://shop_1.example:65535",
            "https://bücher.example/danke",
            "https://shop.example/@user?mail=a@b#@",
            "https://shop.example/%5C%40",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        assert_eq!(authority("https://a.example:1/b"), Some("a.example:1"));
    }

    #[test]
    fn what_reads_as_another_host_is_refused() {
        for bad in [
            "https://shop.example@evil.example/",
            "https://shop.example:pw@evil.example/",
            "https://@evil.example/",
            "https://shop.example%40evil.example/",
            "https://shop.example%2f@evil.example/",
            "https://shop.example\\@evil.example/",
            "https://evil.example\\.shop.example/",
            "https:\\\\evil.example",
            "https://shop.example\u{ff20}evil.example/",
            "https://shop.example\u{2044}x.evil.example/",
            "https://shop.example\u{202e}elpmaxe/",
            "https://shop\u{200b}.example/",
            "https://shop.example/\u{202e}txt",
        ] {
            assert_eq!(check(bad), Err(NotAWebUrl), "{bad:?}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("https://a/{}", "x".repeat(MAX_URL_BYTES));
        for bad in [
            "",
            "shop.example",
            "//shop.example",
            "ftp://a",
            "javascript:alert(1)",
            "javascript://a.example/%0aalert(1)",
            "data:text/html,x",
            "https:shop.example",
            "https:/shop.example",
            "https://",
            "https:///a",
            "https://?x",
            "https://:80/",
            "https://.",
            "https://a:",
            "https://a:x",
            "https://a:+1",
            "https://a:65536",
            "https://a:80:80",
            "https://[::1",
            "https://[x]",
            "https://[]",
            "https://[::1]x",
            "https://a b",
            "https://a/b c",
            "https://a/\n",
            "https://a\0",
            " https://a",
            "https://a ",
            "https://{order_id}/",
            &long,
        ] {
            assert_eq!(check(bad), Err(NotAWebUrl), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn the_host_is_what_stands_before_the_first_slash(
            host in "[a-z]{1,9}\\.example", rest in "[/?#][!-~]{0,30}"
        ) {
            let url = format!("https://{host}{rest}");
            prop_assert_eq!(check(&url).is_ok(), !rest.contains('\\'));
            prop_assert_eq!(authority(&url), Some(host.as_str()));
        }

        #[test]
        fn nothing_breaks_the_check(text in "(https?://)?.*") {
            let _ = check(&text);
        }

        #[test]
        fn no_user_name_passes(user in "[!\"$-.0->A-~]{0,12}", host in "[a-z]{1,9}") {
            let url = format!("https://{user}@{host}/");
            prop_assert_eq!(check(&url), Err(NotAWebUrl));
        }
    }
}
