//! The body of a call to a mail API, as a template: read once, and filled in one pass, so
//! that a value is never read as a template, and enters each format by its encoder.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

/// What stands in a template for a value of the mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placeholder {
    /// The address of the only recipient.
    To,
    /// Name and address of the sender.
    From,
    /// The sender's name.
    FromName,
    /// The sender's address.
    FromAddress,
    /// Where answers go; its member is left out where there is none.
    ReplyTo,
    /// The subject.
    Subject,
    /// The text part.
    Text,
    /// The HTML part.
    Html,
    /// The mail's id.
    Id,
}

impl Placeholder {
    const ALL: [Self; 9] = [
        Self::To,
        Self::From,
        Self::FromName,
        Self::FromAddress,
        Self::ReplyTo,
        Self::Subject,
        Self::Text,
        Self::Html,
        Self::Id,
    ];

    /// Without these a template cannot send what it should to whom it should.
    const REQUIRED: [Self; 3] = [Self::To, Self::Subject, Self::Text];

    const fn as_str(self) -> &'static str {
        match self {
            Self::To => "to",
            Self::From => "from",
            Self::FromName => "from_name",
            Self::FromAddress => "from_address",
            Self::ReplyTo => "reply_to",
            Self::Subject => "subject",
            Self::Text => "text",
            Self::Html => "html",
            Self::Id => "id",
        }
    }
}

/// The values of one mail.
#[derive(Debug, Clone, Copy)]
pub struct MailValues<'a> {
    /// The mail's id.
    pub id: &'a str,
    /// The only recipient.
    pub to: &'a str,
    /// Name and address of the sender.
    pub from: &'a str,
    /// The sender's name.
    pub from_name: &'a str,
    /// The sender's address.
    pub from_address: &'a str,
    /// Where answers go.
    pub reply_to: Option<&'a str>,
    /// The subject, on one line.
    pub subject: &'a str,
    /// The text part.
    pub text: &'a str,
    /// The HTML part.
    pub html: &'a str,
}

impl<'a> MailValues<'a> {
    fn of(&self, placeholder: Placeholder) -> Option<&'a str> {
        Some(match placeholder {
            Placeholder::To => self.to,
            Placeholder::From => self.from,
            Placeholder::FromName => self.from_name,
            Placeholder::FromAddress => self.from_address,
            Placeholder::ReplyTo => return self.reply_to,
            Placeholder::Subject => self.subject,
            Placeholder::Text => self.text,
            Placeholder::Html => self.html,
            Placeholder::Id => self.id,
        })
    }
}

/// How the body is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFormat {
    /// `application/json`.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/form-data`.
    Multipart,
}

impl BodyFormat {
    /// The format of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "json" => Some(Self::Json),
            "form" => Some(Self::Form),
            "multipart" => Some(Self::Multipart),
            _ => None,
        }
    }
}

/// Why a template is refused; the text follows the name of its configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// It is not JSON, or not an object.
    #[error("must be a JSON object such as {{\"to\":\"{{{{to}}}}\",\"text\":\"{{{{text}}}}\"}}")]
    NotAnObject,
    /// It names what is no placeholder. That is not shown: it may be a key that somebody put
    /// into braces.
    #[error(
        "has {{{{…}}}} with another name than to, from, from_name, from_address, reply_to, subject, text, html and id"
    )]
    Unknown,
    /// It opens a placeholder and does not close it.
    #[error("has {{{{ without }}}} after it")]
    Open,
    /// It lacks one without which no mail says anything.
    #[error("must contain {{{{{0}}}}}")]
    Missing(&'static str),
    /// A form has names and texts only.
    #[error("must have only texts as members for MAIL_FORMAT form and multipart")]
    NotTexts,
    /// A name that a form cannot have.
    #[error("must have names of letters, digits and -_.:[] for MAIL_FORMAT form and multipart")]
    Name,
}

/// A template that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyTemplate {
    format: BodyFormat,
    members: Vec<(String, Node)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Text(Vec<Part>),
    Constant(Value),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Value(Placeholder),
}

/// A body with its `Content-Type`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilledBody {
    /// Its `Content-Type`.
    pub content_type: String,
    /// The body.
    pub body: String,
}

impl BodyTemplate {
    /// Reads a template: a JSON object, of which every text may hold placeholders such as
    /// `{{text}}`.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn parse(text: &str, format: BodyFormat) -> Result<Self, TemplateError> {
        let value: Value = serde_json::from_str(text).map_err(|_| TemplateError::NotAnObject)?;
        let Value::Object(members) = value else {
            return Err(TemplateError::NotAnObject);
        };
        let members = object(members)?;
        if format != BodyFormat::Json {
            let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.:[]".contains(c);
            for (name, node) in &members {
                if !matches!(node, Node::Text(_)) {
                    return Err(TemplateError::NotTexts);
                }
                if name.is_empty() || !name.chars().all(is_name) {
                    return Err(TemplateError::Name);
                }
            }
        }
        for needed in Placeholder::REQUIRED {
            if !members.iter().any(|(_, node)| node.has(needed)) {
                return Err(TemplateError::Missing(needed.as_str()));
            }
        }
        Ok(Self { format, members })
    }

    /// The body for one mail.
    #[must_use]
    pub fn fill(&self, values: &MailValues<'_>) -> FilledBody {
        match self.format {
            BodyFormat::Json => FilledBody {
                content_type: "application/json".to_owned(),
                body: Value::Object(filled(&self.members, values)).to_string(),
            },
            BodyFormat::Form => FilledBody {
                content_type: "application/x-www-form-urlencoded".to_owned(),
                body: form(&self.texts(values)),
            },
            BodyFormat::Multipart => multipart(&self.texts(values), values.id),
        }
    }

    fn texts(&self, values: &MailValues<'_>) -> Vec<(&str, String)> {
        let members = self.members.iter();
        members
            .filter_map(|(name, node)| match node.fill(values)? {
                Value::String(text) => Some((name.as_str(), text)),
                _ => None,
            })
            .collect()
    }
}

impl Node {
    fn read(value: Value) -> Result<Self, TemplateError> {
        Ok(match value {
            Value::String(text) => Self::Text(parts(&text)?),
            Value::Array(items) => {
                let items = items.into_iter().map(Self::read);
                Self::List(items.collect::<Result<_, _>>()?)
            }
            Value::Object(members) => Self::Object(object(members)?),
            constant => Self::Constant(constant),
        })
    }

    fn has(&self, wanted: Placeholder) -> bool {
        match self {
            Self::Text(parts) => parts.contains(&Part::Value(wanted)),
            Self::Constant(_) => false,
            Self::List(items) => items.iter().any(|item| item.has(wanted)),
            Self::Object(members) => members.iter().any(|(_, node)| node.has(wanted)),
        }
    }

    /// The value; `None` for a text that is nothing but a placeholder without a value.
    fn fill(&self, values: &MailValues<'_>) -> Option<Value> {
        Some(match self {
            Self::Text(parts) => {
                if let [Part::Value(only)] = parts.as_slice() {
                    return values.of(*only).map(Value::from);
                }
                let parts = parts.iter().map(|part| match part {
                    Part::Text(text) => text.as_str(),
                    Part::Value(placeholder) => values.of(*placeholder).unwrap_or_default(),
                });
                Value::String(parts.collect())
            }
            Self::Constant(value) => value.clone(),
            Self::List(items) => items.iter().filter_map(|item| item.fill(values)).collect(),
            Self::Object(members) => Value::Object(filled(members, values)),
        })
    }
}

fn object(members: Map<String, Value>) -> Result<Vec<(String, Node)>, TemplateError> {
    let members = members.into_iter();
    members
        .map(|(name, value)| Ok((name, Node::read(value)?)))
        .collect()
}

fn filled(members: &[(String, Node)], values: &MailValues<'_>) -> Map<String, Value> {
    let members = members.iter();
    members
        .filter_map(|(name, node)| Some((name.clone(), node.fill(values)?)))
        .collect()
}

fn parts(text: &str) -> Result<Vec<Part>, TemplateError> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        if !before.is_empty() {
            parts.push(Part::Text(before.to_owned()));
        }
        let (name, behind) = after.split_once("}}").ok_or(TemplateError::Open)?;
        let name = name.trim();
        let known = Placeholder::ALL
            .into_iter()
            .find(|one| one.as_str() == name);
        parts.push(Part::Value(known.ok_or(TemplateError::Unknown)?));
        rest = behind;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    Ok(parts)
}

/// What stays as it is in a form.
const FORM: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'*');

fn form(members: &[(&str, String)]) -> String {
    let encode = |text: &str| utf8_percent_encode(text, FORM).to_string();
    let members = members.iter();
    let members: Vec<String> = members
        .map(|(name, text)| format!("{}={}", encode(name), encode(text)))
        .collect();
    members.join("&")
}

/// A part for each member (RFC 7578), between lines that no member contains.
fn multipart(members: &[(&str, String)], id: &str) -> FilledBody {
    let mut boundary = format!("keywright-{id}");
    while members.iter().any(|(_, text)| text.contains(&boundary)) {
        boundary.push('x');
    }
    let mut body = String::new();
    for (name, text) in members {
        body.push_str("--");
        body.push_str(&boundary);
        body.push_str("\r\nContent-Disposition: form-data; name=\"");
        body.push_str(name);
        body.push_str("\"\r\n\r\n");
        body.push_str(text);
        body.push_str("\r\n");
    }
    body.push_str("--");
    body.push_str(&boundary);
    body.push_str("--\r\n");
    FilledBody {
        content_type: format!("multipart/form-data; boundary={boundary}"),
        body,
    }
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
