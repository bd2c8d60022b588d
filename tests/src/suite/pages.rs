//! The storefront's pages: the same paths, bytes and headers on every host.

use super::cases;
use crate::hosts::{Answer, Instance, root};
use html5gum::{Token, Tokenizer};
use http::Method;
use std::collections::BTreeSet;
use std::convert::Infallible;

cases![
    every_path,
    home_by_accept,
    heads,
    not_modified,
    other_methods,
    nothing_else,
    lost_browsers,
    nothing_inline,
    small,
];

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
/// As a browser asks that goes to an address.
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// The content security policy, directive by directive.
const POLICY: [&str; 10] = [
    "base-uri 'none'",
    "connect-src 'self'",
    "default-src 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "img-src 'self'",
    "require-trusted-types-for 'script'",
    "script-src 'self'",
    "style-src 'self'",
    "trusted-types 'none'",
];

/// Every file of the storefront: its path, its file below `static/`, its type.
fn files() -> Vec<(String, String, &'static str)> {
    let mut files: Vec<(String, String, &'static str)> = [
        ("/", "index.html", HTML),
        ("/buy/any-product_1", "buy.html", HTML),
        ("/thank-you", "order.html", HTML),
        ("/recover", "recover.html", HTML),
        ("/status", "order.html", HTML),
        ("/style.css", "style.css", "text/css; charset=utf-8"),
        ("/favicon.svg", "favicon.svg", "image/svg+xml"),
        ("/llms.txt", "llms.txt", "text/plain; charset=utf-8"),
    ]
    .map(|(path, file, kind)| (path.to_owned(), file.to_owned(), kind))
    .into();
    let modules = std::fs::read_dir(root().join("static/js")).expect("the modules");
    files.extend(modules.map(|module| {
        let name = module.expect("a module").file_name();
        let file = format!("js/{}", name.to_string_lossy());
        (format!("/{file}"), file, SCRIPT)
    }));
    files
}

fn kept(file: &str) -> Vec<u8> {
    std::fs::read(root().join("static").join(file)).expect("a file")
}

async fn browse(instance: &Instance, method: Method, path: &str) -> Answer {
    let request = instance.api.request(method, path);
    instance.api.send(request.header("accept", BROWSER)).await
}

fn has_headers(answer: &Answer) {
    let asked = &answer.asked;
    let policy = answer.header("content-security-policy");
    let directives: BTreeSet<&str> = policy.split(';').map(str::trim).collect();
    assert_eq!(directives, BTreeSet::from(POLICY), "{asked}");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-cache"),
    ] {
        assert_eq!(answer.header(name), value, "{asked}: {name}");
    }
    let unused = answer.header("permissions-policy");
    assert!(unused.contains("camera=()"), "{asked}: {unused}");
    assert_eq!(answer.header("set-cookie"), "", "{asked}");
}

async fn every_path(instance: &Instance) {
    for (path, file, kind) in files() {
        let answer = browse(instance, Method::GET, &path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), kind, "{path}");
        assert!(answer.body == kept(&file), "{path} is not {file}");
        has_headers(&answer);
        let tag = answer.header("etag");
        assert!(tag.starts_with('"') && tag.len() > 20, "{path}: {tag}");
        // But for the home page a program gets them too, with any query.
        if path != "/" {
            let answer = instance.api.get(&format!("{path}?invoice_id=1")).await;
            assert!(answer.body == kept(&file), "{path} with a query");
            assert_eq!(answer.header("etag"), tag, "{path}");
        }
    }
}

async fn home_by_accept(instance: &Instance) {
    for (accept, kind) in [
        (BROWSER, HTML),
        ("text/html", HTML),
        ("text/html;q=0.9, application/json;q=0.8", HTML),
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        ("text/html;q=0.5, application/json", "application/json"),
        ("text/html;q=0", "application/json"),
        ("nonsense", "application/json"),
    ] {
        let request = instance.api.request(Method::GET, "/");
        let answer = instance.api.send(request.header("accept", accept)).await;
        assert_eq!(answer.status, 200, "{accept}");
        assert_eq!(answer.header("content-type"), kind, "{accept}");
        let vary = answer.headers.get_all("vary").iter();
        let vary: Vec<&str> = vary.filter_map(|value| value.to_str().ok()).collect();
        let vary = vary.join(",").to_lowercase();
        let named = vary.split(',').any(|name| name.trim() == "accept");
        assert!(named, "{accept}: vary is {vary}");
    }
    let plain = instance.api.get("/").await.ok();
    assert_eq!(plain["service"], "keywright");
}

async fn heads(instance: &Instance) {
    for (path, file, kind) in files() {
        let answer = browse(instance, Method::HEAD, &path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), kind, "{path}");
        let length = kept(&file).len().to_string();
        assert_eq!(answer.header("content-length"), length, "{path}");
        has_headers(&answer);
        assert_ne!(answer.header("etag"), "", "{path}");
    }
}

async fn not_modified(instance: &Instance) {
    for (path, ..) in files() {
        let first = browse(instance, Method::GET, &path).await;
        let tag = first.header("etag").to_owned();
        let ask = async |value: &str, method: Method| {
            let request = instance.api.request(method, &path);
            let request = request.header("accept", BROWSER);
            let request = request.header("if-none-match", value);
            instance.api.send(request).await
        };
        for value in [&tag, &format!("W/{tag}"), &format!("\"other\", {tag}")] {
            let answer = ask(value, Method::GET).await;
            assert_eq!(answer.status, 304, "{path}: {value}");
            assert!(answer.body.is_empty(), "{path}");
            assert_eq!(answer.header("etag"), tag, "{path}");
            has_headers(&answer);
        }
        assert_eq!(ask(&tag, Method::HEAD).await.status, 304, "{path}");
        assert_eq!(ask("\"other\"", Method::GET).await.status, 200, "{path}");
    }
}

async fn other_methods(instance: &Instance) {
    for path in ["/buy/demo", "/recover", "/style.css", "/js/buy.js"] {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let answer = browse(instance, method, path).await;
            answer.is_error(405, "method_not_allowed");
            assert_eq!(answer.header("allow"), "GET, HEAD", "{path}");
        }
    }
}

/// Paths that are no page, sent as they are.
async fn nothing_else(instance: &Instance) {
    for path in [
        "/index.html",
        "/buy.html",
        "/404.html",
        "/buy",
        "/buy/",
        "/buy/Demo",
        "/buy/demo/",
        "/buy/demo/x",
        "/buy/%64emo",
        "/buy/..%2fstyle.css",
        "/js",
        "/js/",
        "/js/nothing.js",
        "/js/buy",
        "/js/buy.js/",
        "/js/buy.js%00",
        "/js/%62uy.js",
        "/js/..%2fbuy.html",
        "/js/%2e%2e%2fbuy.html",
        "/js/..%5cbuy.html",
        "/js/%2e%2e/%2e%2e/Cargo.toml",
        "/js//etc/passwd",
        "/static",
        "/static/",
        "/static/style.css",
        "/static/js/buy.js",
        "/static/../style.css%20",
        "/style.css/",
        "/style.css%20",
        "/STYLE.CSS",
        "/%73tyle.css",
        "/thank-you/",
        "/Recover",
        "/favicon.ico",
        "/releases/../static/style.css%00",
        "/Cargo.toml",
        "/wrangler.toml",
    ] {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
        let answer = instance.api.raw(request.as_bytes()).await;
        let answer = answer.unwrap_or_else(|| panic!("{path}: no answer"));
        assert!(matches!(answer.status, 400 | 404), "{path}: {answer:?}");
    }
    // A host may tidy these up; what they then name is public.
    for path in [
        "/js/../style.css",
        "/static/../style.css",
        "/js/./buy.js",
        "/buy/%2e%2e",
    ] {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
        let answer = instance.api.raw(request.as_bytes()).await;
        let answer = answer.unwrap_or_else(|| panic!("{path}: no answer"));
        assert!(
            matches!(answer.status, 200 | 400 | 404),
            "{path}: {answer:?}"
        );
        assert!(!answer.text().contains("[workspace]"), "{path}");
    }
}

/// A browser is shown a page, a program keeps the envelope.
async fn lost_browsers(instance: &Instance) {
    for path in ["/nowhere", "/buy/", "/buy/Demo", "/js/nothing.js", "/v2"] {
        let request = instance.api.request(Method::GET, path);
        let request = request
            .header("accept", BROWSER)
            .header("connection", "close");
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 404, "{path}");
        let headers = answer.headers();
        assert_eq!(headers["content-type"], HTML, "{path}");
        assert!(
            headers["content-security-policy"]
                .to_str()
                .is_ok_and(|csp| csp.contains("'none'"))
        );
        assert_eq!(
            answer.bytes().await.expect("a body"),
            kept("404.html"),
            "{path}"
        );
        instance.api.get(path).await.is_error(404, "not_found");
        let head = browse(instance, Method::HEAD, path).await;
        assert_eq!(
            (head.status, head.header("content-type")),
            (404, HTML),
            "{path}"
        );
    }
}

/// The policy would stop it, and the page would not work.
async fn nothing_inline(instance: &Instance) {
    for (path, file, kind) in files() {
        if kind == HTML {
            let answer = browse(instance, Method::GET, &path).await;
            is_plain(&file, &answer.text());
        }
    }
    is_plain("404.html", &String::from_utf8_lossy(&kept("404.html")));
}

fn is_plain(file: &str, html: &str) {
    let mut elements = 0;
    let tokens = Tokenizer::new(html).map(|token: Result<_, Infallible>| match token {
        Ok(token) => token,
        Err(never) => match never {},
    });
    for token in tokens {
        if let Token::Error(error) = &token {
            panic!("{file}: {error:?}");
        }
        let Token::StartTag(tag) = token else {
            continue;
        };
        elements += 1;
        let name = String::from_utf8_lossy(&tag.name).into_owned();
        assert_ne!(name, "style", "{file}: a style element");
        assert_ne!(name, "base", "{file}: a base element");
        let attributes: Vec<(String, String)> = tag
            .attributes
            .iter()
            .map(|(name, value)| {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                (text(name), text(value))
            })
            .collect();
        let attribute = |wanted: &str| attributes.iter().find(|(name, _)| name == wanted);
        if name == "script" {
            assert!(attribute("src").is_some(), "{file}: an inline script");
        }
        for (name, value) in &attributes {
            assert!(!name.starts_with("on"), "{file}: {name}");
            assert_ne!(name, "style", "{file}: a style attribute");
            if matches!(&name[..], "src" | "href" | "action") {
                let own = value.starts_with('/') && !value.starts_with("//");
                assert!(own || value == "#main", "{file}: {name}={value}");
            }
        }
    }
    assert!(elements > 10, "{file}: {elements} elements");
}

/// The budget of the whole storefront, uncompressed. No browser loads the page for
/// programs.
async fn small(instance: &Instance) {
    let mut bytes = kept("404.html").len();
    for (path, ..) in files().into_iter().filter(|(path, ..)| path != "/llms.txt") {
        bytes += browse(instance, Method::GET, &path).await.body.len();
    }
    assert!((10_000..80_000).contains(&bytes), "{bytes} bytes");
}
