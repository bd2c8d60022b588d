//! Reading the fields of a JSON body, noting what is wrong or unknown.

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::errors::FieldError;
use crate::money::parse_amount;

/// What was found out about a body.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) errors: Vec<FieldError>,
    /// Paths of fields that the API does not have.
    pub(crate) unknown: Vec<String>,
}

/// An object being read. A field that is absent or null is `None`; so is one of
/// a wrong type, which is noted.
pub(crate) struct Fields<'a> {
    object: &'a Map<String, Value>,
    prefix: &'a str,
    notes: &'a mut Notes,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(
        object: &'a Map<String, Value>,
        prefix: &'a str,
        notes: &'a mut Notes,
    ) -> Self {
        Self {
            object,
            prefix,
            notes,
        }
    }

    /// Notes the fields that are not among these.
    pub(crate) fn only(&mut self, known: &[&str]) {
        for name in self
            .object
            .keys()
            .filter(|name| !known.contains(&name.as_str()))
        {
            self.notes.unknown.push(format!("{}{name}", self.prefix));
        }
    }

    pub(crate) fn error(&mut self, path: impl Into<String>, message: &str) {
        self.notes.errors.push(FieldError::new(path, message));
    }

    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        self.convert(name, "a string is expected", |value| match value {
            Value::String(text) => Some(text.clone()),
            // The original turns numbers and booleans into text.
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        })
    }

    pub(crate) fn flag(&mut self, name: &str) -> Option<bool> {
        self.convert(name, "true or false is expected", Value::as_bool)
    }

    pub(crate) fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        self.convert(name, "an array of strings is expected", |value| {
            let items = value.as_array()?.iter();
            items
                .map(|item| item.as_str().map(ToOwned::to_owned))
                .collect()
        })
    }

    /// A whole number of minutes.
    pub(crate) fn minutes(&mut self, name: &str) -> Option<i64> {
        self.convert(name, "a whole number of minutes is expected", Value::as_i64)
    }

    pub(crate) fn percentage(&mut self, name: &str) -> Option<Decimal> {
        self.convert(name, "a number is expected", |value| {
            parse_amount(value).ok().flatten()
        })
    }

    /// An amount: a string or a number; blank is absent.
    pub(crate) fn amount(&mut self, name: &str) -> Option<Decimal> {
        let value = self.object.get(name)?;
        let Ok(amount) = parse_amount(value) else {
            self.note(name, "an amount is expected, as a string or a number");
            return None;
        };
        amount
    }

    pub(crate) fn object(&mut self, name: &str) -> Option<Map<String, Value>> {
        self.convert(name, "an object is expected", |value| {
            value.as_object().cloned()
        })
    }

    /// Reads an object inside.
    pub(crate) fn within<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Fields<'_>) -> T,
    ) -> Option<T> {
        let object = self.object(name)?;
        let prefix = format!("{}{name}.", self.prefix);
        Some(read(&mut Fields::new(&object, &prefix, self.notes)))
    }

    fn convert<T>(
        &mut self,
        name: &str,
        expected: &str,
        convert: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.object.get(name).filter(|value| !value.is_null())?;
        let converted = convert(value);
        if converted.is_none() {
            self.note(name, expected);
        }
        converted
    }

    fn note(&mut self, name: &str, message: &str) {
        let path = format!("{}{name}", self.prefix);
        self.notes.errors.push(FieldError::new(path, message));
    }
}
