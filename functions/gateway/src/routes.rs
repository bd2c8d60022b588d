//! Which function answers which path. A pattern is an exact path, or a prefix
//! ending in `/...` that also matches without anything behind it, as in Spin.

/// A pattern and the service binding of the function that answers it. The
/// longest pattern wins. The sign function has no row: it has no public route.
/// [`PAGES`] is no service: the gateway answers those itself.
pub const ROUTES: &[(&str, &str)] = &[
    ("/...", "VALIDATE"),
    ("/api/v1/licensing/download/...", "DOWNLOAD"),
    ("/api/v1/licensing/updates/...", "UPDATES"),
    ("/buy/...", PAGES),
    ("/favicon.svg", PAGES),
    ("/git/...", "DOWNLOAD"),
    ("/js/...", PAGES),
    ("/llms.txt", PAGES),
    ("/pay/...", PAGES),
    ("/readyz", "PURCHASE"),
    ("/recover", PAGES),
    ("/recover/mail/...", "PURCHASE"),
    ("/releases/...", "DOWNLOAD"),
    ("/status", PAGES),
    ("/style.css", PAGES),
    ("/subscription", PAGES),
    ("/thank-you", PAGES),
    ("/updates/...", "UPDATES"),
    ("/v1/admin/...", "ADMIN"),
    ("/v1/btcpay/...", "WEBHOOK"),
    ("/v1/claim/...", "WATCH"),
    ("/v1/cron/deliver", "DELIVER"),
    ("/v1/cron/renew", "RENEW"),
    ("/v1/cron/watch", "WATCH"),
    ("/v1/discount-codes/...", "PURCHASE"),
    ("/v1/downloads/...", "PURCHASE"),
    ("/v1/license/...", "WATCH"),
    ("/v1/licenses/...", "PURCHASE"),
    ("/v1/machines/...", "VALIDATE"),
    ("/v1/products/...", "PURCHASE"),
    ("/v1/purchase/...", "PURCHASE"),
    ("/v1/recover", "PURCHASE"),
    ("/v1/recover/mail", "PURCHASE"),
    ("/v1/redeem", "PURCHASE"),
    ("/v1/storefront", "PURCHASE"),
    ("/v1/subscription", "PURCHASE"),
    ("/v1/subscriptions/...", "PURCHASE"),
    ("/v1/upgrade", "PURCHASE"),
    ("/v1/upgrade-quote", "PURCHASE"),
    ("/v1/zaprite/...", "WEBHOOK"),
    ("/verify-key.pub/...", "DOWNLOAD"),
    ("/verify-key/...", "DOWNLOAD"),
];

/// Stands for the storefront's pages.
pub const PAGES: &str = "PAGES";

/// The binding that answers `path`.
#[must_use]
pub fn binding_for(path: &str) -> Option<&'static str> {
    ROUTES
        .iter()
        .filter(|(pattern, _)| matches(pattern, path))
        .max_by_key(|(pattern, _)| pattern.len())
        .map(|(_, binding)| *binding)
}

/// The path of a URL as the platform writes it: absolute, and with `/` for none.
#[must_use]
pub fn path_of(url: &str) -> &str {
    let behind_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = behind_scheme
        .find('/')
        .map_or("/", |at| &behind_scheme[at..]);
    &path[..path.find(['?', '#']).unwrap_or(path.len())]
}

fn matches(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix("/...") {
        Some(prefix) => path
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
        None => pattern == path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_pattern_wins() {
        for (path, binding) in [
            ("/", "VALIDATE"),
            ("", "VALIDATE"),
            ("/v1/validate", "VALIDATE"),
            ("/v1/nothing", "VALIDATE"),
            ("/v1/machines/activate", "VALIDATE"),
            ("/v1/products", "PURCHASE"),
            ("/v1/products/", "PURCHASE"),
            ("/v1/products/demo/policies", "PURCHASE"),
            ("/v1/productsale", "VALIDATE"),
            ("/v1/discount-codes/preview", "PURCHASE"),
            ("/v1/recover", "PURCHASE"),
            ("/v1/recover/mail", "PURCHASE"),
            ("/recover/mail/ml_a", "PURCHASE"),
            ("/recover/mails", "VALIDATE"),
            ("/v1/redeem", "PURCHASE"),
            ("/verify-key.pub/...", "DOWNLOAD"),
            ("/verify-key/...", "DOWNLOAD"),
            ("/v1/redeem/x", "VALIDATE"),
            ("/v1/cron/deliver", "DELIVER"),
            ("/v1/cron/renew", "RENEW"),
            ("/v1/cron/renew/x", "VALIDATE"),
            ("/verify-key", "DOWNLOAD"),
            ("/verify-key/", "DOWNLOAD"),
            ("/verify-key.pub", "DOWNLOAD"),
            ("/verify-keys", "VALIDATE"),
            ("/git/info/refs", "DOWNLOAD"),
            ("/gita", "VALIDATE"),
            ("/api/v1/licensing/download/demo/1.0.0.zip", "DOWNLOAD"),
            ("/api/v1/licensing", "VALIDATE"),
            ("/v1/downloads/link", "PURCHASE"),
            ("/updates/tauri/demo/latest.json", "UPDATES"),
            ("/api/v1/licensing/updates/demo.xml", "UPDATES"),
            ("/releases", "DOWNLOAD"),
            ("/releases/demo/1.0.0/x", "DOWNLOAD"),
            ("/v1/storefront", "PURCHASE"),
            ("/v1/zaprite/...", "WEBHOOK"),
            ("/buy/demo", PAGES),
            ("/buy", PAGES),
            ("/buyer", "VALIDATE"),
            ("/js/buy.js", PAGES),
            ("/thank-you", PAGES),
            ("/thank-you/x", "VALIDATE"),
            ("/static/style.css", "VALIDATE"),
        ] {
            assert_eq!(binding_for(path), Some(binding), "{path}");
        }
    }

    #[test]
    fn a_path_is_what_stands_before_query_and_fragment() {
        for (url, path) in [
            ("http://127.0.0.1:8787/", "/"),
            ("https://shop.example", "/"),
            ("https://shop.example/v1/validate", "/v1/validate"),
            ("https://shop.example/v1/x?a=/b://c#d", "/v1/x"),
            ("https://shop.example/a%2Fb#/c?d", "/a%2Fb"),
            ("https://shop.example//v1", "//v1"),
        ] {
            assert_eq!(path_of(url), path, "{url}");
        }
    }

    #[test]
    fn no_path_leads_to_the_sign_function() {
        assert!(ROUTES.iter().all(|(_, binding)| *binding != "SIGN"));
        for path in ["/sign", "/sign/license", "/license", "/v1/sign"] {
            assert_eq!(binding_for(path), Some("VALIDATE"), "{path}");
        }
    }
}
