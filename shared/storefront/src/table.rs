//! Which path is which file.

use std::borrow::Cow;

/// A file of the storefront.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its path below `static/`: plain names, at most one folder.
    pub file: Cow<'static, str>,
    /// Its `Content-Type`.
    pub content_type: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The home page, at `/` for those who prefer HTML.
pub const HOME: Page = named("index.html", HTML);

/// What is shown in the place of a page that is not there.
pub(crate) const NOT_FOUND: Page = named("404.html", HTML);

/// Paths of one file each.
const FILES: &[(&str, Page)] = &[
    ("/thank-you", ORDER),
    ("/recover", named("recover.html", HTML)),
    ("/status", ORDER),
    ("/subscription", named("subscription.html", HTML)),
    ("/style.css", named("style.css", "text/css; charset=utf-8")),
    ("/favicon.svg", named("favicon.svg", "image/svg+xml")),
    // For programs: a copy of docs/agents.md.
    ("/llms.txt", named("llms.txt", TEXT)),
];

/// The page of every product.
const BUY: Page = named("buy.html", HTML);

/// The page of an order, whatever its state.
const ORDER: Page = named("order.html", HTML);

/// Longest slug of a product, and more than an order's id, in bytes.
const MAX_SLUG: usize = 64;

const fn named(file: &'static str, content_type: &'static str) -> Page {
    Page {
        file: Cow::Borrowed(file),
        content_type,
    }
}

/// The file at a path, as it stands in the request line: nothing is decoded,
/// so that an encoded name is nobody's. Whether the file is there, the host
/// finds out.
#[must_use]
pub fn page_at(path: &str) -> Option<Page> {
    if let Some((_, page)) = FILES.iter().find(|(own, _)| *own == path) {
        return Some(page.clone());
    }
    if let Some(slug) = path.strip_prefix("/buy/") {
        return is_slug(slug).then_some(BUY);
    }
    if let Some(id) = path.strip_prefix("/pay/") {
        return is_slug(id).then_some(ORDER);
    }
    let module = path.strip_prefix("/js/")?;
    is_module(module).then(|| Page {
        file: Cow::Owned(format!("js/{module}")),
        content_type: SCRIPT,
    })
}

/// Whether a product may have this slug, or an order this id: the characters
/// that both are made of.
fn is_slug(text: &str) -> bool {
    let known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    (1..=MAX_SLUG).contains(&text.len()) && text.bytes().all(known)
}

/// Whether a module of the pages may have this name, such as `order.js`.
fn is_module(text: &str) -> bool {
    text.strip_suffix(".js").is_some_and(|name| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::{Path, PathBuf};

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../static")
    }

    /// Every file below `static/`, as the table names it.
    fn files() -> Vec<String> {
        let names = |folder: PathBuf, prefix: &str| -> Vec<String> {
            let entries = std::fs::read_dir(folder).expect("a folder");
            let entries = entries.map(|entry| entry.expect("an entry"));
            let files = entries.filter(|entry| entry.file_type().expect("a type").is_file());
            files
                .map(|entry| format!("{prefix}{}", entry.file_name().to_string_lossy()))
                .collect()
        };
        let mut files = names(folder(), "");
        files.extend(names(folder().join("js"), "js/"));
        files
    }

    #[test]
    fn paths_have_their_files() {
        for (path, file) in [
            ("/buy/demo", Some("buy.html")),
            ("/buy/a_b-2", Some("buy.html")),
            ("/thank-you", Some("order.html")),
            (
                "/pay/0199a8b2-0000-7000-8000-000000000000",
                Some("order.html"),
            ),
            ("/recover", Some("recover.html")),
            ("/status", Some("order.html")),
            ("/style.css", Some("style.css")),
            ("/favicon.svg", Some("favicon.svg")),
            ("/llms.txt", Some("llms.txt")),
            ("/js/buy.js", Some("js/buy.js")),
            ("/js/nothing.js", Some("js/nothing.js")),
            ("/", None),
            ("", None),
            ("/buy", None),
            ("/buy/", None),
            ("/buy/demo/", None),
            ("/buy/demo/x", None),
            ("/buy/Demo", None),
            ("/buy/..", None),
            ("/buy/%2e%2e", None),
            ("/buy/a%2fb", None),
            ("/js", None),
            ("/js/", None),
            ("/js/.js", None),
            ("/js/buy", None),
            ("/js/buy.mjs", None),
            ("/js/../style.css", None),
            ("/js/..%2fbuy.js", None),
            ("/js/%62uy.js", None),
            ("/js/a/buy.js", None),
            ("/js//buy.js", None),
            ("/js/buy.js%00", None),
            ("/static/style.css", None),
            ("/index.html", None),
            ("/buy.html", None),
            ("/order.html", None),
            ("/pay", None),
            ("/pay/", None),
            ("/pay/a/b", None),
            ("/pay/..", None),
            ("/404.html", None),
            ("/Recover", None),
            ("/recover/", None),
        ] {
            assert_eq!(
                page_at(path).map(|page| page.file),
                file.map(Into::into),
                "{path}"
            );
        }
        assert_eq!(page_at(&format!("/buy/{}", "a".repeat(64))), Some(BUY));
        assert_eq!(page_at(&format!("/buy/{}", "a".repeat(65))), None);
    }

    /// No file is there that no path leads to, and no path without a file.
    #[test]
    fn the_table_is_the_folder() {
        let mut known: Vec<String> = FILES
            .iter()
            .map(|(_, page)| page.file.to_string())
            .collect();
        known.extend([BUY, HOME, NOT_FOUND].map(|page| page.file.to_string()));
        let files = files();
        for file in &files {
            let served = known.contains(file) || page_at(&format!("/{file}")).is_some();
            assert!(served, "no path leads to {file}");
        }
        for file in known {
            assert!(files.contains(&file), "there is no {file}");
        }
    }
}
