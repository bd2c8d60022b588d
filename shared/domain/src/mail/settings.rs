//! The settings of mail, as texts of the configuration. Mail is off without
//! `MAIL_TRANSPORT`; what is set is checked all the same.

use super::answer::SuccessMember;
use super::api::{MailApi, Preset, headers};
use super::phrases::Language;
use super::template::{BodyFormat, BodyTemplate};
use crate::email::EmailAddress;
use crate::secrets::check_secret;
use crate::web_url;
use crate::webhook::target::{TargetRules, WebhookTarget};
use data_encoding::BASE64;
use std::fmt;

/// The names that are read, apart from `PUBLIC_URL`.
pub const NAMES: [&str; 14] = [
    "MAIL_TRANSPORT",
    "MAIL_URL",
    "MAIL_API_KEY",
    "MAIL_HEADERS",
    "MAIL_TEMPLATE",
    "MAIL_FORMAT",
    "MAIL_IDEMPOTENCY_HEADER",
    "MAIL_SUCCESS",
    "MAIL_FROM",
    "MAIL_OPERATOR",
    "MAIL_KEY",
    "MAIL_LANGUAGE",
    "MAIL_PER_DAY",
    "MAIL_HOLD_MINUTES",
];

/// Mails in 24 hours where nobody configured it.
const DEFAULT_PER_DAY: i64 = 500;
/// The most that can be configured.
const MOST_PER_DAY: i64 = 1_000_000;
/// After how many minutes without a tick mail is held, where nobody configured it.
const DEFAULT_HOLD_MINUTES: i64 = 60;
/// The bounds of the same: longer than a tick, at most a week.
const HOLD_MINUTES: std::ops::RangeInclusive<i64> = 5..=10_080;

/// How mail leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailTransport {
    /// Over HTTP.
    Api(Box<MailApi>),
    /// Through the e-mail binding of Cloudflare Workers.
    Cloudflare,
}

impl MailTransport {
    /// True where a mail that may have been taken can be handed over again: it is taken
    /// once for its id.
    #[must_use]
    pub fn is_idempotent(&self) -> bool {
        match self {
            Self::Api(api) => api.idempotency_header.is_some(),
            Self::Cloudflare => false,
        }
    }
}

/// Mail that is on. It holds secrets and does not print them.
#[derive(Clone, PartialEq, Eq)]
pub struct MailSettings {
    /// How mail leaves.
    pub transport: MailTransport,
    /// The sender's address.
    pub from: EmailAddress,
    /// Whom attention items are mailed to.
    pub operator: Option<EmailAddress>,
    /// The language of mails to buyers.
    pub language: Language,
    /// Mails in 24 hours.
    pub per_day: i64,
    /// After how many seconds without a tick what was planned before is held.
    pub hold_after: i64,
    /// What the secrets of links are derived with.
    pub link_key: [u8; 32],
    /// Where buyers reach the shop, without a trailing slash.
    pub public_url: String,
}

impl fmt::Debug for MailSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MailSettings(..)")
    }
}

/// Reads the settings; `None` where mail is off. `get` answers the text of a name.
///
/// # Errors
/// What is wrong; each text begins with the name to change and shows no value.
pub fn read<'a>(
    get: impl Fn(&str) -> Option<&'a str>,
) -> Result<Option<MailSettings>, Vec<String>> {
    let mut faults = Faults(Vec::new());
    let from = faults.optional("MAIL_FROM", &get, address);
    let operator = faults.optional("MAIL_OPERATOR", &get, address);
    let link_key = faults.optional("MAIL_KEY", &get, link_key);
    let language = faults.optional("MAIL_LANGUAGE", &get, |text| {
        Language::parse(text).ok_or_else(|| "must be en, de or ar".to_owned())
    });
    let per_day = faults.optional("MAIL_PER_DAY", &get, |text| number(text, 1..=MOST_PER_DAY));
    let hold = faults.optional("MAIL_HOLD_MINUTES", &get, |text| number(text, HOLD_MINUTES));
    let transport = transport(&mut faults, &get);
    let is_off = get("MAIL_TRANSPORT").is_none();
    if is_off && faults.0.is_empty() {
        return Ok(None);
    }
    let public_url = get("PUBLIC_URL").map(|url| url.trim_end_matches('/').to_owned());
    if !is_off {
        faults.require(
            "MAIL_FROM",
            &get,
            "set it to the address that mail comes from",
        );
        faults.require("MAIL_KEY", &get, "make one with: openssl rand -base64 32");
        if public_url.is_none() {
            faults.add(
                "MAIL_TRANSPORT",
                "needs PUBLIC_URL, which links in mails begin with",
            );
        }
    }
    match (transport, from, link_key, public_url) {
        (Some(transport), Some(from), Some(link_key), Some(public_url)) if faults.0.is_empty() => {
            Ok(Some(MailSettings {
                transport,
                from,
                operator,
                language: language.unwrap_or(Language::English),
                per_day: per_day.unwrap_or(DEFAULT_PER_DAY),
                hold_after: hold.unwrap_or(DEFAULT_HOLD_MINUTES) * 60,
                link_key,
                public_url,
            }))
        }
        _ => Err(faults.0),
    }
}

struct Faults(Vec<String>);

impl Faults {
    fn add(&mut self, name: &str, what: &str) {
        self.0.push(format!("{name} {what}"));
    }

    fn require<'a>(&mut self, name: &str, get: impl Fn(&str) -> Option<&'a str>, how: &str) {
        if get(name).is_none() {
            self.0.push(format!("{name} is not configured; {how}"));
        }
    }

    /// The value as `read` has it; `None` without one, or with a fault.
    fn optional<'a, T>(
        &mut self,
        name: &str,
        get: impl Fn(&str) -> Option<&'a str>,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        match read(get(name)?) {
            Ok(value) => Some(value),
            Err(what) => {
                self.add(name, &what);
                None
            }
        }
    }
}

/// What `MAIL_TRANSPORT` may be.
enum Kind {
    Preset(Preset),
    Http,
    Cloudflare,
}

fn kind(text: &str) -> Result<Kind, String> {
    Ok(match text {
        "resend" => Kind::Preset(Preset::Resend),
        "postmark" => Kind::Preset(Preset::Postmark),
        "mailgun" => Kind::Preset(Preset::Mailgun),
        "http" => Kind::Http,
        "cloudflare" => Kind::Cloudflare,
        _ => return Err("must be resend, postmark, mailgun, http or cloudflare".to_owned()),
    })
}

fn transport<'a>(
    faults: &mut Faults,
    get: &impl Fn(&str) -> Option<&'a str>,
) -> Option<MailTransport> {
    let kind = faults.optional("MAIL_TRANSPORT", get, kind);
    // The manifest's own default ends in .invalid.
    let real_url = |name: &str| get(name).filter(|url| !is_unset(url));
    let url = faults.optional("MAIL_URL", real_url, check_url);
    let api_key = faults.optional("MAIL_API_KEY", get, |text| {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        is_plain
            .then(|| text.to_owned())
            .ok_or_else(|| "must be printable ASCII without spaces".to_owned())
    });
    let format = faults.optional("MAIL_FORMAT", get, |text| {
        BodyFormat::parse(text).ok_or_else(|| "must be json, form or multipart".to_owned())
    });
    let template = faults.optional("MAIL_TEMPLATE", get, |text| {
        BodyTemplate::parse(text, format.unwrap_or(BodyFormat::Json)).map_err(|e| e.to_string())
    });
    let own_headers = faults.optional("MAIL_HEADERS", get, |text| {
        headers(text, api_key.as_deref()).map_err(|error| error.to_string())
    });
    let idempotency_header = faults.optional("MAIL_IDEMPOTENCY_HEADER", get, |text| {
        let is_name = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        text.bytes()
            .all(is_name)
            .then(|| text.to_ascii_lowercase())
            .ok_or_else(|| "must be the name of a header such as Idempotency-Key".to_owned())
    });
    let success = faults.optional("MAIL_SUCCESS", get, |text| {
        SuccessMember::parse(text).ok_or_else(|| {
            "must be a member of the answer and its value, such as success=true".to_owned()
        })
    });
    match kind? {
        Kind::Cloudflare => Some(MailTransport::Cloudflare),
        Kind::Http => {
            faults.require(
                "MAIL_URL",
                real_url,
                "set it to the URL that mails are posted to",
            );
            faults.require(
                "MAIL_TEMPLATE",
                get,
                "set it to the JSON object that is posted",
            );
            Some(MailTransport::Api(Box::new(MailApi {
                url: url?,
                headers: own_headers.unwrap_or_default(),
                template: template?,
                idempotency_header,
                success,
            })))
        }
        Kind::Preset(preset) => {
            for name in [
                "MAIL_HEADERS",
                "MAIL_TEMPLATE",
                "MAIL_FORMAT",
                "MAIL_IDEMPOTENCY_HEADER",
                "MAIL_SUCCESS",
            ] {
                if get(name).is_some() {
                    faults.add(name, "is for MAIL_TRANSPORT http only; remove it");
                }
            }
            faults.require("MAIL_API_KEY", get, "set it to the key of the mail API");
            let url = match (url, preset.url()) {
                (Some(url), Some((_, path))) if web_url::check_origin(&url).is_ok() => {
                    format!("{url}{path}")
                }
                (Some(url), _) => url,
                (None, Some((origin, path))) if get("MAIL_URL").is_none() => {
                    format!("{origin}{path}")
                }
                (None, Some((origin, _))) => {
                    if get("MAIL_URL").is_some_and(is_unset) {
                        faults.add(
                            "MAIL_URL",
                            &format!("is not set; on Spin set mail_host to {origin}"),
                        );
                    }
                    return None;
                }
                (None, None) => {
                    if get("MAIL_URL").is_none_or(is_unset) {
                        faults.add("MAIL_URL", "is not configured; set it to https://api.mailgun.net/v3/ or https://api.eu.mailgun.net/v3/, with your domain and /messages behind it");
                    }
                    return None;
                }
            };
            preset
                .api(url, &api_key?)
                .ok()
                .map(|api| MailTransport::Api(Box::new(api)))
        }
    }
}

/// True for the default of Spin's manifest, whose list of hosts cannot be empty.
fn is_unset(url: &str) -> bool {
    web_url::authority(url).is_some_and(|authority| authority.ends_with(".invalid"))
}

/// `https`, or `http` within the house.
fn check_url(url: &str) -> Result<String, String> {
    let wrong = || "must be an https URL without a user name, or http to a private host".to_owned();
    let url = url.trim_end_matches('/');
    let anywhere = TargetRules {
        allows_private: true,
        public_url: None,
    };
    WebhookTarget::parse(url, anywhere).map_err(|_| wrong())?;
    let public = TargetRules::default();
    let is_private = |rest: &str| WebhookTarget::parse(&format!("https://{rest}"), public).is_err();
    match url.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") && !is_private(rest) => {
            Err(wrong())
        }
        _ => Ok(url.to_owned()),
    }
}

fn address(text: &str) -> Result<EmailAddress, String> {
    EmailAddress::parse(text).map_err(|error| error.to_string())
}

fn link_key(text: &str) -> Result<[u8; 32], String> {
    let how = "make one with: openssl rand -base64 32";
    let wrong = || format!("is not 32 bytes in base64; {how}");
    let bytes = BASE64.decode(text.as_bytes()).map_err(|_| wrong())?;
    let key: [u8; 32] = bytes.try_into().map_err(|_| wrong())?;
    check_secret(&key, key.len()).map_err(|weak| format!("{weak}; {how}"))?;
    Ok(key)
}

fn number(text: &str, range: std::ops::RangeInclusive<i64>) -> Result<i64, String> {
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| {
        format!(
            "must be a whole number from {} to {}",
            range.start(),
            range.end()
        )
    })
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
