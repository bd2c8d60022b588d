//! A mail API over HTTP: where it is, with which headers and body, and what its answers
//! say. Presets for some, a template for any other.

use super::answer::SuccessMember;
use super::template::{BodyFormat, BodyTemplate, TemplateError};
use data_encoding::BASE64;
use std::fmt;

/// An API with a preset, made after its own documentation (docs/mail.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// <https://resend.com>
    Resend,
    /// <https://postmarkapp.com>
    Postmark,
    /// <https://www.mailgun.com>
    Mailgun,
}

impl Preset {
    /// The word in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resend => "resend",
            Self::Postmark => "postmark",
            Self::Mailgun => "mailgun",
        }
    }

    /// Its origin and path; Mailgun has the sending domain in its path, and two regions.
    pub(super) const fn url(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Resend => Some(("https://api.resend.com", "/emails")),
            Self::Postmark => Some(("https://api.postmarkapp.com", "/email")),
            Self::Mailgun => None,
        }
    }

    const fn format(self) -> BodyFormat {
        match self {
            Self::Resend | Self::Postmark => BodyFormat::Json,
            Self::Mailgun => BodyFormat::Multipart,
        }
    }

    /// Tracking is off where the API lets a mail say so: it would replace the link by one
    /// of its own.
    const fn template(self) -> &'static str {
        match self {
            Self::Resend => {
                r#"{"from":"{{from}}","to":["{{to}}"],"reply_to":"{{reply_to}}",
                    "subject":"{{subject}}","text":"{{text}}","html":"{{html}}",
                    "headers":{"Auto-Submitted":"auto-generated"}}"#
            }
            Self::Postmark => {
                r#"{"From":"{{from}}","To":"{{to}}","ReplyTo":"{{reply_to}}",
                    "Subject":"{{subject}}","TextBody":"{{text}}","HtmlBody":"{{html}}",
                    "MessageStream":"outbound","TrackOpens":false,"TrackLinks":"None",
                    "Headers":[{"Name":"Auto-Submitted","Value":"auto-generated"}]}"#
            }
            Self::Mailgun => {
                r#"{"from":"{{from}}","to":"{{to}}","h:Reply-To":"{{reply_to}}",
                    "subject":"{{subject}}","text":"{{text}}","html":"{{html}}",
                    "o:tracking":"no","h:Auto-Submitted":"auto-generated"}"#
            }
        }
    }

    fn headers(self, api_key: &str) -> Vec<(String, String)> {
        let header = |name: &str, value: String| (name.to_owned(), value);
        match self {
            Self::Resend => vec![header("authorization", format!("Bearer {api_key}"))],
            Self::Postmark => vec![
                header("accept", "application/json".to_owned()),
                header("x-postmark-server-token", api_key.to_owned()),
            ],
            Self::Mailgun => {
                let pair = BASE64.encode(format!("api:{api_key}").as_bytes());
                vec![header("authorization", format!("Basic {pair}"))]
            }
        }
    }

    /// The API behind the preset.
    ///
    /// # Errors
    /// None: a test reads every template.
    pub(super) fn api(self, url: String, api_key: &str) -> Result<MailApi, TemplateError> {
        Ok(MailApi {
            url,
            headers: self.headers(api_key),
            template: BodyTemplate::parse(self.template(), self.format())?,
            idempotency_header: match self {
                Self::Resend => Some("idempotency-key".to_owned()),
                Self::Postmark | Self::Mailgun => None,
            },
            success: match self {
                Self::Postmark => SuccessMember::parse("ErrorCode=0"),
                Self::Resend | Self::Mailgun => None,
            },
        })
    }
}

/// A mail API. Its headers hold a credential and do not print.
#[derive(Clone, PartialEq, Eq)]
pub struct MailApi {
    /// Where mails are posted.
    pub url: String,
    /// Names in lower case, with their values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub template: BodyTemplate,
    /// The header that takes a mail's id, where the API takes a mail once for each id.
    pub idempotency_header: Option<String>,
    /// The member of an answer that says whether a mail was taken.
    pub success: Option<SuccessMember>,
}

impl fmt::Debug for MailApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MailApi(..)")
    }
}

/// Why headers are refused; the text follows the name of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeadersError {
    /// Not an object of texts.
    #[error(
        "must be a JSON object of texts such as {{\"Authorization\":\"Bearer {{{{api_key}}}}\"}}"
    )]
    NotTexts,
    /// A name or value that no header has.
    #[error("must have plain names, and values without line breaks")]
    Malformed,
    /// One that is set by itself.
    #[error("must not set Host, Content-Type, Content-Length or User-Agent")]
    Reserved,
    /// A placeholder other than the key, or the key without one.
    #[error("may contain {{{{api_key}}}} only, which stands for MAIL_API_KEY")]
    Placeholder,
}

/// Reads headers, a JSON object of texts, with the key put in for `{{api_key}}`.
///
/// # Errors
/// [`HeadersError`].
pub fn headers(text: &str, api_key: Option<&str>) -> Result<Vec<(String, String)>, HeadersError> {
    const API_KEY: &str = "{{api_key}}";
    let members: std::collections::BTreeMap<String, String> =
        serde_json::from_str(text).map_err(|_| HeadersError::NotTexts)?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let members = members.into_iter().map(|(name, value)| {
        if name.is_empty() || !name.chars().all(is_name) || value.chars().any(char::is_control) {
            return Err(HeadersError::Malformed);
        }
        let name = name.to_ascii_lowercase();
        if ["host", "content-type", "content-length", "user-agent"].contains(&name.as_str()) {
            return Err(HeadersError::Reserved);
        }
        let is_keyed = value.contains(API_KEY);
        if value.replace(API_KEY, "").contains("{{") || (is_keyed && api_key.is_none()) {
            return Err(HeadersError::Placeholder);
        }
        Ok((name, value.replace(API_KEY, api_key.unwrap_or_default())))
    });
    members.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::template::MailValues;
    use serde_json::{Value, json};

    const VALUES: MailValues<'_> = MailValues {
        id: "0199",
        to: "ana@x.example",
        from: "Shop <shop@x.example>",
        from_name: "Shop",
        from_address: "shop@x.example",
        reply_to: None,
        subject: "s",
        text: "t",
        html: "h",
    };

    #[test]
    fn presets_are_what_their_documentation_says() {
        let resend = Preset::Resend.api(String::new(), "re_1").expect("an API");
        assert_eq!(resend.headers[0].1, "Bearer re_1");
        assert_eq!(
            resend.idempotency_header.as_deref(),
            Some("idempotency-key")
        );
        let body: Value = serde_json::from_str(&resend.template.fill(&VALUES).body).expect("JSON");
        assert_eq!(
            body,
            json!({ "from": "Shop <shop@x.example>", "to": ["ana@x.example"], "subject": "s",
                    "text": "t", "html": "h", "headers": { "Auto-Submitted": "auto-generated" } })
        );
        let postmark = Preset::Postmark.api(String::new(), "pm").expect("an API");
        assert!(
            postmark
                .headers
                .contains(&("x-postmark-server-token".to_owned(), "pm".to_owned()))
        );
        assert!(postmark.success.is_some() && postmark.idempotency_header.is_none());
        let body: Value =
            serde_json::from_str(&postmark.template.fill(&VALUES).body).expect("JSON");
        assert_eq!(
            (&body["To"], &body["TextBody"]),
            (&json!("ana@x.example"), &json!("t"))
        );
        let mailgun = Preset::Mailgun.api(String::new(), "key-1").expect("an API");
        assert_eq!(mailgun.headers[0].1, "Basic YXBpOmtleS0x");
        let filled = mailgun.template.fill(&VALUES);
        assert!(
            filled
                .content_type
                .starts_with("multipart/form-data; boundary=")
        );
        assert!(!filled.body.contains("Reply-To"), "{}", filled.body);
        assert!(!format!("{mailgun:?}").contains("YXBp"));
    }

    #[test]
    fn headers_are_texts_with_the_key() {
        let read = |text: &str| headers(text, Some("k1"));
        assert_eq!(
            read(r#"{"Authorization":"Bearer {{api_key}}","X-A":"b"}"#),
            Ok(vec![
                ("authorization".to_owned(), "Bearer k1".to_owned()),
                ("x-a".to_owned(), "b".to_owned())
            ])
        );
        for (text, error) in [
            ("Authorization: x", HeadersError::NotTexts),
            (r#"{"a":1}"#, HeadersError::NotTexts),
            (r#"{"a b":"c"}"#, HeadersError::Malformed),
            (r#"{"":"c"}"#, HeadersError::Malformed),
            (r#"{"a":"b\r\nc: d"}"#, HeadersError::Malformed),
            (r#"{"Content-Length":"1"}"#, HeadersError::Reserved),
            (r#"{"a":"{{key}}"}"#, HeadersError::Placeholder),
        ] {
            assert_eq!(read(text), Err(error), "{text}");
        }
        let keyless = headers(r#"{"a":"{{api_key}}"}"#, None);
        assert_eq!(keyless, Err(HeadersError::Placeholder));
    }
}
