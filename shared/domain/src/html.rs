//! The encoder of HTML: text becomes text there, never structure.

/// The text as it stands in an element or a quoted attribute.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            // No browser and no mail program shows it.
            '\0' => html.push(char::REPLACEMENT_CHARACTER),
            c => html.push(c),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_once() {
        assert_eq!(
            escape("Q&A \"Pro\" <Ana's>\0"),
            "Q&amp;A &quot;Pro&quot; &lt;Ana&#39;s&gt;\u{fffd}"
        );
        assert_eq!(escape("&amp;"), "&amp;amp;");
    }
}
