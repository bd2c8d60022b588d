//! Writing XML.

use keywright_web::ApiError;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use std::borrow::Cow;
use std::io;

/// Writes elements without any white space around them: some readers take it
/// for a part of the text.
pub(crate) struct Xml(Writer<Vec<u8>>);

/// Names and values of attributes.
pub(crate) type Attributes<'a> = &'a [(&'a str, &'a str)];

impl Xml {
    /// A whole document with this root.
    ///
    /// # Errors
    /// None in practice: it is written to memory.
    pub(crate) fn document(
        root: &str,
        attributes: Attributes<'_>,
        content: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> Result<String, ApiError> {
        let mut xml = Self(Writer::new(Vec::new()));
        let written = xml.written(root, attributes, content);
        let text = written.and_then(|()| {
            String::from_utf8(xml.0.into_inner())
                .map_err(|error| io::Error::other(error.to_string()))
        });
        text.map_err(|error| ApiError::internal(error.to_string()))
    }

    fn written(
        &mut self,
        root: &str,
        attributes: Attributes<'_>,
        content: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        let declaration = BytesDecl::new("1.0", Some("utf-8"), None);
        self.0.write_event(Event::Decl(declaration))?;
        self.element(root, attributes, content)
    }

    /// An element with what `content` writes in it.
    pub(crate) fn element(
        &mut self,
        name: &str,
        attributes: Attributes<'_>,
        content: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut start = BytesStart::new(name);
        for (name, value) in attributes {
            start.push_attribute((*name, allowed(value).as_ref()));
        }
        self.0.write_event(Event::Start(start))?;
        content(self)?;
        self.0.write_event(Event::End(BytesEnd::new(name)))
    }

    /// An element with a text.
    pub(crate) fn text(
        &mut self,
        name: &str,
        attributes: Attributes<'_>,
        text: &str,
    ) -> io::Result<()> {
        self.element(name, attributes, |xml| {
            xml.0
                .write_event(Event::Text(BytesText::new(&allowed(text))))
        })
    }

    /// An element with a text, where there is one.
    pub(crate) fn optional(&mut self, name: &str, text: Option<&String>) -> io::Result<()> {
        text.map_or(Ok(()), |text| self.text(name, &[], text))
    }
}

/// The text without the characters that no XML document can hold, escaped or
/// not (XML 1.0, production 2).
fn allowed(text: &str) -> Cow<'_, str> {
    let is_allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    if text.chars().all(is_allowed) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.chars().filter(|c| is_allowed(*c)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use quick_xml::Reader;

    /// Attribute and text of the one element of a document.
    fn read(document: &str) -> (String, String) {
        let mut reader = Reader::from_str(document);
        let (mut attribute, mut text) = (String::new(), String::new());
        loop {
            match reader.read_event().expect("well-formed") {
                Event::Start(start) => {
                    for found in start.attributes() {
                        let found = found.expect("an attribute");
                        attribute = found
                            .normalized_value(quick_xml::XmlVersion::Implicit1_0)
                            .expect("a value")
                            .into_owned();
                    }
                }
                Event::Text(found) => text.push_str(&found.xml10_content()),
                Event::GeneralRef(found) => {
                    let named = format!("&{};", found.xml10_content());
                    text.push_str(&quick_xml::escape::unescape(&named).expect("a character"));
                }
                Event::Eof => return (attribute, text),
                _ => {}
            }
        }
    }

    #[test]
    fn documents_are_one_line() {
        let document = Xml::document("a", &[("b", "<\"&'>")], |xml| {
            xml.text("c", &[], "1 < 2 && \u{0}\u{1b}x")?;
            xml.optional("d", None)?;
            xml.element("e", &[], |_| Ok(()))
        });
        assert_eq!(
            document.expect("a document"),
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><a b=\"&lt;&quot;&amp;&apos;&gt;\"><c>1 &lt; 2 &amp;&amp; x</c><e></e></a>"
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(attribute in "[ -~é\u{1f600}]{0,20}", text in "\\PC{0,20}") {
            let document = Xml::document("a", &[], |xml| xml.text("b", &[("c", &attribute)], &text));
            let (found, read) = read(&document.expect("a document"));
            prop_assert_eq!(found, attribute);
            prop_assert_eq!(read, text);
        }
    }
}
