//! Whether a client wants a page: `Accept` (RFC 9110, section 12.5.1).

use http::{HeaderMap, header};

/// How well a media range fits, the better the greater: its weight in
/// thousandths, then how exactly it names the type.
type Fit = (u16, u8);

/// Whether the client asks for HTML rather than for JSON, as a browser does
/// that goes to an address. JSON is what a client gets that has no preference.
#[must_use]
pub fn prefers_html(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT).iter();
    let lines: Vec<&str> = lines.filter_map(|line| line.to_str().ok()).collect();
    let ranges: Vec<&str> = lines.iter().flat_map(|line| line.split(',')).collect();
    let html = fit(&ranges, "text", "html");
    html.0 > 0 && html > fit(&ranges, "application", "json")
}

/// How the most exact range that covers a type fits it.
fn fit(ranges: &[&str], kind: &str, subtype: &str) -> Fit {
    let covering = ranges.iter().filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let (a, b) = parts.next()?.split_once('/')?;
        let exactness = match (a, b) {
            ("*", "*") => 1,
            (a, "*") if a.eq_ignore_ascii_case(kind) => 2,
            (a, b) if a.eq_ignore_ascii_case(kind) && b.eq_ignore_ascii_case(subtype) => 3,
            _ => return None,
        };
        Some((exactness, weight(parts)))
    });
    // Of two alike the first counts.
    let best = covering.reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.map_or((0, 0), |(exactness, weight)| (weight, exactness))
}

/// The `q` parameter in thousandths; one that cannot be read is none.
fn weight<'a>(mut parameters: impl Iterator<Item = &'a str>) -> u16 {
    let given = parameters.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
    });
    match given {
        None => 1_000,
        Some(text) => thousandths(text).unwrap_or(0),
    }
}

/// `0`, `0.5`, `1.000`: at most three digits, at most one.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let digits = rest.len() <= 3 && rest.bytes().all(|b| b.is_ascii_digit());
    if !digits || !matches!(whole, "0" | "1") {
        return None;
    }
    let whole: u16 = whole.parse().ok()?;
    let parts: u16 = format!("{rest:0<3}").parse().ok()?;
    Some((whole * 1_000 + parts).min(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wants(lines: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::ACCEPT, line.parse().expect("a value"));
        }
        prefers_html(&headers)
    }

    #[test]
    fn browsers_get_pages_and_programs_json() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
        for yes in [
            &[browser][..],
            &["text/html"],
            &["TEXT/HTML"],
            &["text/*"],
            &["text/html;level=1"],
            &["text/html, */*"],
            &["application/json;q=0.9", "text/html"],
            &["text/html;q=0.5, application/json;q=0.4"],
            &["application/json; q=0, text/html;q=0.001"],
            &["text/html, application/json;q=nonsense"],
        ] {
            assert!(wants(yes), "{yes:?}");
        }
        for no in [
            &[][..],
            &[""],
            &["*/*"],
            &["application/json"],
            &["application/*"],
            &["text/plain"],
            &["application/json, text/html"],
            &["text/html, application/json"],
            &["text/html;q=0"],
            &["text/html;q=0.0, */*"],
            &["text/html;q=0.4, application/json;q=0.5"],
            &["text/html;q=0.4, */*"],
            &["text/html;q=2"],
            &["text/html;q=0.1234"],
            &["text/html;q=-1"],
            &["text"],
            &["text/html/x"],
            &[";;,,/"],
        ] {
            assert!(!wants(no), "{no:?}");
        }
    }
}
