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
#[path = "members_tests.rs"]
mod tests;
