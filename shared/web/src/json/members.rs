//! Reads the types of requests from a JSON tree. An error names the member and what it has
//! to be.

use super::member_error::{MemberError, Step};
use super::tree::Node;
use crate::names::listed;
use serde::Deserialize;
use serde::de::value::StringDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use std::{fmt, vec};

impl Node {
    fn whole_number<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, MemberError> {
        match self {
            Self::Unsigned(number) => visitor.visit_u64(number),
            Self::Signed(number) => visitor.visit_i64(number),
            _ => Err(MemberError::whole_number()),
        }
    }

    fn text<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, MemberError> {
        match self {
            Self::Text(text) if text.contains('\0') => Err(MemberError::nul()),
            Self::Text(text) => visitor.visit_string(text),
            _ => Err(MemberError::rule("must be text")),
        }
    }

    fn list<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, MemberError> {
        match self {
            Self::List(items) => visitor.visit_seq(Items {
                items: items.into_iter(),
                read: 0,
            }),
            _ => Err(MemberError::rule("must be a list")),
        }
    }

    fn object<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, MemberError> {
        match self {
            Self::Object(members) => visitor.visit_map(Members {
                members: members.into_iter(),
                value: None,
                name: String::new(),
            }),
            _ => Err(MemberError::rule("must be a JSON object")),
        }
    }
}

impl IntoDeserializer<'_, MemberError> for Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! whole_numbers {
    ($($method:ident)+) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, MemberError> {
                self.whole_number(visitor)
            }
        )+
    };
}

impl<'de> Deserializer<'de> for Node {
    type Error = MemberError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, MemberError> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Bool(value) => visitor.visit_bool(value),
            Self::Unsigned(_) | Self::Signed(_) => self.whole_number(visitor),
            Self::Float(number) => visitor.visit_f64(number),
            Self::Text(_) => self.text(visitor),
            Self::List(_) => self.list(visitor),
            Self::Object(_) => self.object(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, MemberError> {
        match self {
            Self::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, MemberError> {
        match self {
            Self::Bool(value) => visitor.visit_bool(value),
            _ => Err(MemberError::rule("must be true or false")),
        }
    }

    whole_numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, MemberError> {
        self.text(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, MemberError> {
        self.text(visitor)
    }

    /// For [`AnyText`].
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, MemberError> {
        match self {
            Self::Text(text) => visitor.visit_string(text),
            _ => self.text(visitor),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, MemberError> {
        self.list(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, MemberError> {
        self.object(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, MemberError> {
        self.object(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, MemberError> {
        visitor.visit_newtype_struct(self)
    }

    /// The words of an enum without values.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, MemberError> {
        match self {
            Self::Text(word) if words.contains(&word.as_str()) => {
                visitor.visit_enum(StringDeserializer::new(word))
            }
            _ => Err(MemberError::rule(format!(
                "must be {}",
                listed(words, "or")
            ))),
        }
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char bytes unit unit_struct tuple tuple_struct identifier
        ignored_any
    }
}

/// Text with any character: its own parser judges every one, as that of a license key does,
/// whose answer to a bad one the contract fixes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnyText(pub String);

impl<'de> Deserialize<'de> for AnyText {
    fn deserialize<D: Deserializer<'de>>(member: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = AnyText;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("text")
            }

            fn visit_str<E>(self, text: &str) -> Result<AnyText, E> {
                Ok(AnyText(text.to_owned()))
            }
        }
        member.deserialize_byte_buf(Text)
    }
}

struct Items {
    items: vec::IntoIter<Node>,
    read: usize,
}

impl<'de> SeqAccess<'de> for Items {
    type Error = MemberError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, MemberError> {
        let Some(item) = self.items.next() else {
            return Ok(None);
        };
        let step = Step::Item(self.read);
        self.read += 1;
        let read = seed.deserialize(item).map_err(|error| error.within(step));
        read.map(Some)
    }
}

struct Members {
    members: vec::IntoIter<(String, Node)>,
    value: Option<Node>,
    name: String,
}

impl<'de> MapAccess<'de> for Members {
    type Error = MemberError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, MemberError> {
        let Some((name, value)) = self.members.next() else {
            return Ok(None);
        };
        if name.contains('\0') {
            return Err(MemberError::nul().within(Step::Member(name)));
        }
        self.name.clone_from(&name);
        self.value = Some(value);
        // An error names the member by itself.
        seed.deserialize(StringDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<T::Value, MemberError> {
        let value = self.value.take().unwrap_or(Node::Null);
        let step = Step::Member(std::mem::take(&mut self.name));
        seed.deserialize(value).map_err(|error| error.within(step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Percent,
        FixedSats,
        SetPrice,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        file_name: String,
        size_bytes: u64,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Product {
        slug: String,
        price_value: Option<i64>,
        #[serde(alias = "override")]
        price_sats: Option<i64>,
        percent: Option<u8>,
        active: Option<bool>,
        kind: Option<Kind>,
        metadata: Option<Value>,
        entitlements: Vec<String>,
        files: Vec<File>,
    }

    fn read(body: &str) -> Result<Product, String> {
        let node = Node::parse(body.as_bytes()).map_err(|error| error.message().to_owned())?;
        Product::deserialize(node).map_err(|error| error.to_string())
    }

    #[test]
    fn a_member_that_does_not_fit_is_named_with_what_it_must_be() {
        for (body, message) in [
            (
                r#"{"price_value":4.99}"#,
                "price_value must be a whole number of cents, or of sats",
            ),
            (
                r#"{"price_value":"499"}"#,
                "price_value must be a whole number of cents, or of sats",
            ),
            (
                r#"{"price_sats":1e3}"#,
                "price_sats must be a whole number of sats",
            ),
            (
                r#"{"price_sats":18446744073709551615}"#,
                "price_sats must not be so large a number",
            ),
            (r#"{"percent":300}"#, "percent must be from 0 to 255"),
            (r#"{"slug":null}"#, "slug must be text"),
            (r#"{"slug":7}"#, "slug must be text"),
            (r#"{"slug":"\u0000"}"#, "slug must not contain U+0000"),
            (
                r#"{"entitlements":["a","\u0000"]}"#,
                "entitlements[1] must not contain U+0000",
            ),
            (
                r#"{"metadata":{"a":[{"\u0000":1}]}}"#,
                "metadata.a[0].\"\\0\" must not contain U+0000",
            ),
            (
                r#"{"metadata":["\u0000"]}"#,
                "metadata[0] must not contain U+0000",
            ),
            (r#"{"active":"yes"}"#, "active must be true or false"),
            (
                r#"{"kind":"free"}"#,
                "kind must be percent, fixed_sats or set_price",
            ),
            (
                r#"{"kind":{"percent":1}}"#,
                "kind must be percent, fixed_sats or set_price",
            ),
            (r#"{"entitlements":"pro"}"#, "entitlements must be a list"),
            (
                r#"{"entitlements":["a",["b"]]}"#,
                "entitlements[1] must be text",
            ),
            (r#"{"files":[[]]}"#, "files[0] must be a JSON object"),
            (
                r#"{"files":[{"size_bytes":1}]}"#,
                "files[0].file_name is missing",
            ),
            (
                r#"{"files":[{"file_name":"a","size_bytes":-1}]}"#,
                "files[0].size_bytes must not be negative",
            ),
            ("[]", "the body must be a JSON object"),
            (r#""x""#, "the body must be a JSON object"),
            (
                r#"{"price_sats":1,"override":2}"#,
                "price_sats must be sent once at most",
            ),
        ] {
            assert_eq!(read(body), Err(message.to_owned()), "{body}");
        }
    }

    #[test]
    fn a_member_that_is_not_known_is_named_with_the_nearest_one() {
        for (body, message) in [
            (
                r#"{"slgu":"x"}"#,
                "unknown member \"slgu\"; did you mean slug?",
            ),
            (
                r#"{"files":[{"file_name":"a","size":1}]}"#,
                "unknown member \"files[0].size\"; did you mean size_bytes?",
            ),
            (
                r#"{"files":[{"q":1}]}"#,
                "unknown member \"files[0].q\"; known are file_name and size_bytes",
            ),
            (r#"{"a b":1}"#, "unknown member \"a b\"; known are "),
        ] {
            let refused = read(body).expect_err(body);
            assert!(refused.starts_with(message), "{refused}");
        }
    }

    #[test]
    fn what_fits_is_read_as_it_is() {
        let body = r#"{"metadata":{"any":{"thing":[1,1.5,null,"x"]}},"price_sats":-1,
                       "kind":"set_price","percent":null,"files":[]}"#;
        let product = Product {
            price_sats: Some(-1),
            kind: Some(Kind::SetPrice),
            metadata: Some(serde_json::json!({ "any": { "thing": [1, 1.5, null, "x"] } })),
            ..Product::default()
        };
        assert_eq!(read(body), Ok(product));
    }

    #[test]
    fn text_with_a_parser_of_its_own_may_have_any_character() {
        let read = |body: &str| {
            let node = Node::parse(body.as_bytes()).expect("JSON");
            AnyText::deserialize(node).map_err(|error| error.to_string())
        };
        assert_eq!(read(r#""a\u0000""#), Ok(AnyText("a\0".to_owned())));
        assert_eq!(read("7"), Err("the body must be text".to_owned()));
    }
}
