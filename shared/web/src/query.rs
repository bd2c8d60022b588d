//! The query of a URL, with its rejection in the envelope.

use super::ApiError;
use super::names::{instead, listed, quoted, shown};
use axum::extract::{FromRequestParts, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::Uri;
use http::request::Parts;
use serde::de::value::{Error, MapDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use std::collections::BTreeSet;

/// The members of a query of foreign clients, such as updaters, which add members of
/// their own: those that are not known are ignored.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let text = parts.uri.query().unwrap_or_default().as_bytes();
        if let Some((name, _)) =
            form_urlencoded::parse(text).find(|(_, value)| value.contains('\0'))
        {
            let message = format!("{} must not contain U+0000", shown(&name));
            return Err(ApiError::bad_request(message));
        }
        let query = axum::extract::Query::try_from_uri(&parts.uri);
        query
            .map(|axum::extract::Query(members)| Self(members))
            .map_err(|error| ApiError::bad_request(format!("the query is not valid: {error}")))
    }
}

/// The members of a query whose names are all known: another name is refused, so that a
/// misspelt filter does not list everything. An empty value counts as absent. `T` is a
/// struct without `#[serde(flatten)]`.
#[derive(Debug, Clone, Copy)]
pub struct StrictQuery<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for StrictQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        QueryMembers::read(&parts.uri)?.into_struct(&[]).map(Self)
    }
}

/// The members of a query that have a value, trimmed.
#[derive(Debug)]
pub(crate) struct QueryMembers(Vec<QueryMember>);

#[derive(Debug)]
struct QueryMember {
    name: String,
    value: String,
}

impl QueryMembers {
    /// Reads the query. 400 for a name that is there twice, and for U+0000.
    pub(crate) fn read(uri: &Uri) -> Result<Self, ApiError> {
        let query = uri.query().unwrap_or_default();
        let mut members: Vec<QueryMember> = Vec::new();
        let mut names = BTreeSet::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if name.contains('\0') || value.contains('\0') {
                return Err(ApiError::bad_request(format!(
                    "{} must not contain U+0000",
                    shown(&name)
                )));
            }
            let value = value.trim();
            if value.is_empty() {
                continue;
            }
            if !names.insert(name.clone()) {
                return Err(ApiError::bad_request(format!(
                    "{} must be sent once at most",
                    shown(&name)
                )));
            }
            members.push(QueryMember {
                name: name.into_owned(),
                value: value.to_owned(),
            });
        }
        Ok(Self(members))
    }

    /// The value of a member.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let member = self.0.iter().find(|member| member.name == name);
        member.map(|member| member.value.as_str())
    }

    /// The members as a struct; names in `others` are known beside those of the struct.
    pub(crate) fn into_struct<T: DeserializeOwned>(
        self,
        others: &'static [&'static str],
    ) -> Result<T, ApiError> {
        let members = StructMembers {
            members: self.0,
            others,
        };
        T::deserialize(members).map_err(|error| ApiError::bad_request(error.to_string()))
    }
}

/// In front of a handler that reads no query: refuses one that has a value, because it
/// would change nothing.
pub(crate) async fn no_query(request: Request, next: Next) -> Response {
    match QueryMembers::read(request.uri()).map(|members| members.0.into_iter().next()) {
        Ok(None) => next.run(request).await,
        Ok(Some(unknown)) => {
            ApiError::bad_request(unknown_name(&unknown.name, &[])).into_response()
        }
        Err(error) => error.into_response(),
    }
}

struct StructMembers {
    members: Vec<QueryMember>,
    others: &'static [&'static str],
}

impl<'de> Deserializer<'de> for StructMembers {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("a query is read into a struct"))
    }

    /// serde hands over the names of the struct's members: those that are known.
    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let known = |name: &str| fields.contains(&name) || self.others.contains(&name);
        if let Some(unknown) = self.members.iter().find(|member| !known(&member.name)) {
            let known: Vec<&str> = fields.iter().chain(self.others).copied().collect();
            return Err(Error::custom(unknown_name(&unknown.name, &known)));
        }
        self.members
            .retain(|member| fields.contains(&member.name.as_str()));
        let members = self.members.into_iter();
        visitor.visit_map(MapDeserializer::new(
            members.map(|member| (member.name.clone(), member)),
        ))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        option unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier
        ignored_any
    }
}

fn unknown_name(name: &str, known: &[&str]) -> String {
    let instead = instead(name, known);
    format!("unknown query parameter {}{instead}", quoted(name))
}

impl IntoDeserializer<'_, Error> for QueryMember {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Text that is read as what the member of the struct is.
impl<'de> Deserializer<'de> for QueryMember {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let value = visitor.visit_string(self.value);
        value.map_err(|error: Error| Error::custom(format!("{}: {error}", self.name)))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value.as_str() {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => Err(Error::custom(format!(
                "{} must be true or false",
                self.name
            ))),
        }
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value.parse() {
            Ok(number) => visitor.visit_i64(number),
            Err(_) => Err(Error::custom(format!(
                "{} must be a whole number",
                self.name
            ))),
        }
    }

    /// The words of an enum without values.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if words.contains(&self.value.as_str()) {
            return visitor.visit_enum(self.value.into_deserializer());
        }
        let words = listed(words, "or");
        Err(Error::custom(format!("{} must be {words}", self.name)))
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum State {
        Open,
        All,
        PutAway,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Filter {
        license_id: Option<String>,
        include_inactive: Option<bool>,
        offset: Option<i64>,
        state: Option<State>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Nothing {}

    fn read<T: DeserializeOwned>(query: &str) -> Result<T, String> {
        let uri: Uri = format!("/x?{query}").parse().expect("a URI");
        let members = QueryMembers::read(&uri);
        let read = members.and_then(|members| members.into_struct(&["limit"]));
        read.map_err(|error| error.message().to_owned())
    }

    #[test]
    fn members_are_read_as_what_they_are() {
        let query = "license_id=a%20b&include_inactive=true&offset=-7&state=put_away&limit=5";
        let filter = Filter {
            license_id: Some("a b".to_owned()),
            include_inactive: Some(true),
            offset: Some(-7),
            state: Some(State::PutAway),
        };
        assert_eq!(read(query), Ok(filter));
    }

    #[test]
    fn an_empty_value_counts_as_absent() {
        let none = Filter {
            license_id: None,
            include_inactive: None,
            offset: None,
            state: None,
        };
        let query = "license_id=%20&include_inactive=&offset=&state&nothing=&license_id=";
        assert_eq!(read(query), Ok(none));
        assert_eq!(read(""), Ok(Nothing {}));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (query, message) in [
            (
                "licence_id=x",
                "unknown query parameter \"licence_id\"; did you mean license_id?",
            ),
            (
                "q=x",
                "unknown query parameter \"q\"; known are license_id, include_inactive, offset, state and limit",
            ),
            (
                "include_inactive=1",
                "include_inactive must be true or false",
            ),
            ("offset=1.5", "offset must be a whole number"),
            ("state=closed", "state must be open, all or put_away"),
            ("offset=1&offset=1", "offset must be sent once at most"),
            ("license_id=a%00", "license_id must not contain U+0000"),
        ] {
            assert_eq!(read::<Filter>(query), Err(message.to_owned()));
        }
        assert_eq!(
            read::<Nothing>("x=1"),
            Err("unknown query parameter \"x\"; only limit is known".to_owned())
        );
    }
}
