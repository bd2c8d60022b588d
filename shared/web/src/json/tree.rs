//! A JSON text as a tree that keeps what serde's own values lose: it knows at which member
//! a text goes wrong, and refuses what readers of JSON understand differently: a member
//! that is there twice, and half of a surrogate pair.

use super::member_error::{Step, path_text};
use crate::ApiError;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeSet;
use std::fmt;

/// A JSON value.
#[derive(Debug, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    /// The members in their order; each name once.
    Object(Vec<(String, Node)>),
}

impl Node {
    /// Reads a JSON text. 400 for what is not JSON, and for text that readers cut or
    /// replace; 422 for what no request has. Where there is a member, it is named.
    pub(super) fn parse(body: &[u8]) -> Result<Self, ApiError> {
        if body.trim_ascii().is_empty() {
            return Err(ApiError::bad_request("the body is empty"));
        }
        let Ok(text) = std::str::from_utf8(body) else {
            return Err(ApiError::bad_request("the body must be UTF-8 text"));
        };
        let mut place = Place::default();
        let mut json = serde_json::Deserializer::from_str(text);
        let read = NodeSeed(&mut place).deserialize(&mut json);
        let read = read.and_then(|node| json.end().map(|()| node));
        read.map_err(|error| place.refuse(&error))
    }
}

/// Where the reader is, and why it stopped.
#[derive(Default)]
struct Place {
    path: Vec<Step>,
    refusal: Option<&'static str>,
}

impl Place {
    fn stop<E: serde::de::Error>(&mut self, refusal: &'static str) -> E {
        self.refusal = Some(refusal);
        E::custom(refusal)
    }

    /// The answer to a text that could not be read. The words of the parser stay here.
    fn refuse(self, error: &serde_json::Error) -> ApiError {
        let words = error.to_string();
        let refusal = self.refusal.or_else(|| {
            [
                ("lone leading surrogate", HALF_PAIR),
                ("unexpected end of hex escape", HALF_PAIR),
                ("number out of range", "must not be so large a number"),
                ("recursion limit", "must not be nested so deeply"),
            ]
            .into_iter()
            .find_map(|(begins, refusal)| words.starts_with(begins).then_some(refusal))
        });
        match refusal {
            Some(refusal) => {
                let message = format!("{} {refusal}", path_text(&self.path));
                if refusal == HALF_PAIR {
                    ApiError::bad_request(message)
                } else {
                    ApiError::unprocessable(message)
                }
            }
            None if error.is_eof() => {
                ApiError::bad_request("the body is not valid JSON: it ends early")
            }
            None => ApiError::bad_request(format!(
                "the body is not valid JSON: there is a mistake at line {}, column {}",
                error.line(),
                error.column()
            )),
        }
    }
}

const HALF_PAIR: &str = "must not contain half of a surrogate pair";
const TWICE: &str = "must be sent once at most";

struct NodeSeed<'p>(&'p mut Place);

impl<'de> DeserializeSeed<'de> for NodeSeed<'_> {
    type Value = Node;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Node, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NodeSeed<'_> {
    type Value = Node;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Signed(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Float(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        loop {
            self.0.path.push(Step::Item(list.len()));
            let Some(item) = items.next_element_seed(NodeSeed(&mut *self.0))? else {
                break;
            };
            self.0.path.pop();
            list.push(item);
        }
        self.0.path.pop();
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let mut object: Vec<(String, Node)> = Vec::new();
        // A tree, because a stranger decides how many names there are, and which.
        let mut names = BTreeSet::new();
        while let Some(name) = members.next_key::<String>()? {
            self.0.path.push(Step::Member(name.clone()));
            if !names.insert(name.clone()) {
                return Err(self.0.stop(TWICE));
            }
            let value = members.next_value_seed(NodeSeed(&mut *self.0))?;
            self.0.path.pop();
            object.push((name, value));
        }
        Ok(Node::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    /// A body of nothing but names: compared with each other, they would take minutes.
    #[test]
    fn many_names_are_read_and_one_that_comes_again_is_found() {
        let mut body = "{\"x\":0".to_owned();
        for name in 0..150_000 {
            let _ = write!(body, ",\"{name:x}\":0");
        }
        assert!(Node::parse(format!("{body}}}").as_bytes()).is_ok());
        let again = refused(format!("{body},\"x\":1}}").as_bytes());
        assert_eq!(again, (422, "x must be sent once at most".to_owned()));
    }

    fn refused(body: &[u8]) -> (u16, String) {
        let error = Node::parse(body).expect_err("a refusal");
        (error.status().as_u16(), error.message().to_owned())
    }

    #[test]
    fn a_text_that_is_not_json_is_400_in_our_words() {
        for (body, message) in [
            ("", "the body is empty"),
            (" \n", "the body is empty"),
            ("{\"a\":1", "the body is not valid JSON: it ends early"),
            (
                "{\"a\":1} x",
                "the body is not valid JSON: there is a mistake at line 1, column 9",
            ),
            (
                "{\n'a'}",
                "the body is not valid JSON: there is a mistake at line 2, column 1",
            ),
            (
                "{\"a\":1,}",
                "the body is not valid JSON: there is a mistake at line 1, column 8",
            ),
            (
                "\u{feff}{}",
                "the body is not valid JSON: there is a mistake at line 1, column 1",
            ),
        ] {
            assert_eq!(
                refused(body.as_bytes()),
                (400, message.to_owned()),
                "{body}"
            );
        }
        assert_eq!(
            refused(b"{\"a\":\"\xff\"}").1,
            "the body must be UTF-8 text"
        );
    }

    #[test]
    fn what_readers_understand_differently_is_refused_by_name() {
        for (body, message) in [
            (r#"{"a":1,"a":2}"#, "a must be sent once at most"),
            (
                r#"{"a":{"b":[0,{"c":1,"c":1}]}}"#,
                "a.b[1].c must be sent once at most",
            ),
            (
                r#"{"a":{"b":"x\ud83dx"}}"#,
                "a.b must not contain half of a surrogate pair",
            ),
            (
                r#"{"a":"\udc00"}"#,
                "a must not contain half of a surrogate pair",
            ),
            (
                r#"{"a":"\ud83d\u0041"}"#,
                "a must not contain half of a surrogate pair",
            ),
            (r#"{"a":[1,1e999]}"#, "a[1] must not be so large a number"),
        ] {
            let status = if message.contains("surrogate") {
                400
            } else {
                422
            };
            assert_eq!(
                refused(body.as_bytes()),
                (status, message.to_owned()),
                "{body}"
            );
        }
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let (status, message) = refused(deep.as_bytes());
        assert_eq!(status, 422);
        assert!(
            message.starts_with("a[0][0]") && message.ends_with("must not be nested so deeply")
        );
        assert!(message.len() < 200, "{message}");
    }

    #[test]
    fn a_good_text_is_kept_whole() {
        let pair = Node::parse(r#" {"b":"\ud83d\ude00","a":[null,-1,1.5,true]} "#.as_bytes());
        let list = vec![
            Node::Null,
            Node::Signed(-1),
            Node::Float(1.5),
            Node::Bool(true),
        ];
        let members = vec![
            ("b".to_owned(), Node::Text("\u{1f600}".to_owned())),
            ("a".to_owned(), Node::List(list)),
        ];
        assert_eq!(pair, Ok(Node::Object(members)));
    }
}
