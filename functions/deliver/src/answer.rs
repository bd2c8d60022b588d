//! What is kept of an answer, for the operator who looks for the reason. It is a
//! stranger's text: cut, cleaned, and never read for anything but its status and one
//! header.

use http::Response;
use http::header::{HeaderMap, RETRY_AFTER};

/// How much is kept of a head and of a body, in bytes.
const MAX_KEPT: usize = 4_096;

/// The head as lines, without what a receiver might want kept to itself.
pub(crate) fn head(headers: &HeaderMap) -> String {
    let mut text = String::new();
    for (name, value) in headers {
        if matches!(
            name.as_str(),
            "set-cookie" | "authorization" | "proxy-authorization"
        ) {
            continue;
        }
        text.push_str(name.as_str());
        text.push_str(": ");
        text.push_str(&clean(value.as_bytes()));
        text.push('\n');
        if text.len() > MAX_KEPT {
            break;
        }
    }
    cut(text)
}

/// The beginning of a body.
pub(crate) fn body<B: AsRef<[u8]>>(answer: &Response<B>) -> String {
    let bytes = answer.body().as_ref();
    let end = bytes.len().min(MAX_KEPT);
    cut(clean(bytes.get(..end).unwrap_or_default()))
}

/// What the answer asks to wait, as it stands in the header.
pub(crate) fn retry_after<B>(answer: &Response<B>) -> Option<&str> {
    answer.headers().get(RETRY_AFTER)?.to_str().ok()
}

/// Text with replacement characters for what is not text: control characters and the NUL
/// byte, which databases refuse, too.
fn clean(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars()
        .map(|c| {
            if c.is_control() && !matches!(c, '\n' | '\t') {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect()
}

/// The beginning that fits, cut at a character.
fn cut(mut text: String) -> String {
    let mut end = text.len().min(MAX_KEPT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_cut_at_a_character_and_has_no_controls() {
        let kept = |bytes: Vec<u8>| body(&Response::new(bytes));
        assert_eq!(kept(b"a\0b\x1b[2J\n".to_vec()), "a\u{fffd}b\u{fffd}[2J\n");
        assert_eq!(kept(vec![0x1f, 0x8b, 8]), "\u{fffd}\u{fffd}\u{fffd}");
        let long = format!("{}\u{1f600}{}", "a".repeat(MAX_KEPT - 2), "b".repeat(100));
        let cut = kept(long.into_bytes());
        assert!(
            cut.len() <= MAX_KEPT && cut.starts_with("aaa"),
            "{}",
            cut.len()
        );
    }

    #[test]
    fn a_head_is_lines_without_cookies() {
        let mut headers = HeaderMap::new();
        headers.insert("x-why", "no\tmore".parse().unwrap());
        headers.insert("set-cookie", "session=1".parse().unwrap());
        assert_eq!(head(&headers), "x-why: no\tmore\n");
        headers.insert("x-long", "a".repeat(10_000).parse().unwrap());
        assert_eq!(head(&headers).len(), MAX_KEPT);
    }
}
