//! Renders a mail: subject, text and HTML from the same blocks, so that both parts say the
//! same. The parts hold the link, so they are made when the mail is sent and kept nowhere.

use super::encode::{one_line, unlinked, utc_minute};
use super::phrases;
pub use super::phrases::Language;
use crate::html::escape;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// Who sells, as the mail names them.
#[derive(Debug, Clone, Copy)]
pub struct Vendor<'a> {
    /// The name.
    pub name: &'a str,
    /// Where buyers find help.
    pub support_url: Option<&'a str>,
    /// An address for help.
    pub support_email: Option<&'a str>,
}

/// What a mail says.
#[derive(Debug, Clone, Copy)]
pub enum MailContent<'a> {
    /// A license was bought.
    LicenseKey {
        /// The product's name.
        product: &'a str,
        /// The order's id; `None` where there is no order.
        order_id: Option<&'a str>,
        /// Where the key is shown.
        link: &'a str,
        /// Until when, in unix seconds.
        until: i64,
        /// Where a new link can be asked for.
        recover_url: &'a str,
    },
    /// The key of a license was replaced.
    KeyChanged {
        /// The product's name.
        product: &'a str,
        /// Where the new key is shown.
        link: &'a str,
        /// Until when, in unix seconds.
        until: i64,
        /// Where a new link can be asked for.
        recover_url: &'a str,
    },
    /// The licenses of an address were asked for.
    Recovery {
        /// Where they are shown.
        link: &'a str,
        /// Until when, in unix seconds.
        until: i64,
        /// Where a new link can be asked for.
        recover_url: &'a str,
    },
    /// Something needs the operator.
    Attention {
        /// What it is, such as `paid_late`.
        kind: &'a str,
        /// What it is about, such as `invoice`.
        object_kind: &'a str,
        /// The id of that.
        object_id: &'a str,
        /// When it happened, in unix seconds.
        at: i64,
        /// The buyer's address: a stranger's text.
        buyer_email: Option<&'a str>,
        /// Where the list of such items is.
        list_url: &'a str,
    },
}

/// A rendered mail. It holds a link and does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// One line.
    pub subject: String,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
}

impl Message {
    /// What is recorded of it: SHA-256 in lower-case hex, over every part with its length.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for part in [&self.subject, &self.text, &self.html] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        HEXLOWER.encode(&hash.finalize())
    }
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Message(..)")
    }
}

/// Renders a mail. Mails to the operator are in English.
#[must_use]
pub fn render(language: Language, vendor: Vendor<'_>, content: &MailContent<'_>) -> Message {
    let name = one_line(vendor.name);
    let mut mail = match content {
        MailContent::Attention { .. } => Mail::new(Language::English),
        MailContent::LicenseKey { .. }
        | MailContent::KeyChanged { .. }
        | MailContent::Recovery { .. } => Mail::new(language),
    };
    let subject = match *content {
        MailContent::LicenseKey {
            product,
            order_id,
            link,
            until,
            recover_url,
        } => {
            let product = one_line(product);
            mail.paragraph(|isolate| phrases::key_text(language, &isolate(&product)));
            mail.link(link);
            mail.paragraph(|isolate| phrases::until(language, &isolate(&utc_minute(until))));
            mail.link(recover_url);
            if let Some(order_id) = order_id {
                mail.paragraph(|_| phrases::order(language).to_owned());
                mail.code(order_id);
            }
            phrases::key_subject(language, &product)
        }
        MailContent::KeyChanged {
            product,
            link,
            until,
            recover_url,
        } => {
            let product = one_line(product);
            mail.paragraph(|isolate| phrases::changed_text(language, &isolate(&product)));
            mail.link(link);
            mail.paragraph(|isolate| phrases::until(language, &isolate(&utc_minute(until))));
            mail.link(recover_url);
            mail.paragraph(|_| phrases::changed_warning(language).to_owned());
            phrases::changed_subject(language, &product)
        }
        MailContent::Recovery {
            link,
            until,
            recover_url,
        } => {
            mail.paragraph(|_| phrases::recovery_text(language).to_owned());
            mail.link(link);
            mail.paragraph(|isolate| phrases::until(language, &isolate(&utc_minute(until))));
            mail.link(recover_url);
            mail.paragraph(|_| phrases::recovery_ignore(language).to_owned());
            phrases::recovery_subject(language, &name)
        }
        MailContent::Attention {
            kind,
            object_kind,
            object_id,
            at,
            buyer_email,
            list_url,
        } => {
            mail.paragraph(|_| format!("Your shop needs a decision: {kind}, {}.", utc_minute(at)));
            mail.paragraph(|_| format!("It is about this {object_kind}:"));
            mail.code(object_id);
            if let Some(buyer_email) = buyer_email {
                mail.paragraph(|_| format!("Buyer: {}", unlinked(buyer_email)));
            }
            mail.paragraph(|_| "See the list of what is open:".to_owned());
            mail.link(list_url);
            return mail.done(one_line(&format!("Your shop needs a decision: {kind}")));
        }
    };
    if vendor.support_url.is_some() || vendor.support_email.is_some() {
        mail.paragraph(|_| phrases::help(language).to_owned());
        for contact in [vendor.support_email, vendor.support_url]
            .into_iter()
            .flatten()
        {
            mail.code(contact);
        }
    }
    mail.paragraph(|_| name.clone());
    mail.done(one_line(&subject))
}

/// A mail in the making.
struct Mail {
    language: Language,
    text: Vec<String>,
    html: Vec<String>,
}

impl Mail {
    const fn new(language: Language) -> Self {
        Self {
            language,
            text: Vec::new(),
            html: Vec::new(),
        }
    }

    /// A paragraph. `words` is given what isolates a value from the direction of the text
    /// around it.
    fn paragraph(&mut self, words: impl Fn(&dyn Fn(&str) -> String) -> String) {
        let is_isolated = self.language.is_right_to_left();
        let isolate = |value: &str| {
            if is_isolated {
                format!("\u{2068}{value}\u{2069}")
            } else {
                value.to_owned()
            }
        };
        let words = words(&isolate);
        let html = escape(&words);
        self.html.push(format!("<p>{html}</p>"));
        self.text.push(words);
    }

    /// A link on a line of its own, from left to right. In the text part nothing stands
    /// beside it, or programs would make it part of the link.
    fn link(&mut self, url: &str) {
        let escaped = escape(url);
        self.html.push(format!(
            "<p dir=\"ltr\"><bdi dir=\"ltr\"><a href=\"{escaped}\">{escaped}</a></bdi></p>"
        ));
        self.text.push(url.to_owned());
    }

    /// A key, an id or an address on a line of its own, from left to right.
    fn code(&mut self, code: &str) {
        let code = one_line(code);
        let escaped = escape(&code);
        self.html.push(format!(
            "<p dir=\"ltr\"><bdi dir=\"ltr\"><code>{escaped}</code></bdi></p>"
        ));
        self.text.push(code);
    }

    fn done(self, subject: String) -> Message {
        let tag = self.language.tag();
        let direction = if self.language.is_right_to_left() {
            "rtl"
        } else {
            "ltr"
        };
        let title = escape(&subject);
        let html = format!(
            "<!doctype html>\n<html lang=\"{tag}\" dir=\"{direction}\">\n<head>\n\
             <meta charset=\"utf-8\">\n<title>{title}</title>\n</head>\n\
             <body dir=\"{direction}\">\n{}\n</body>\n</html>\n",
            self.html.join("\n")
        );
        Message {
            subject,
            text: format!("{}\n", self.text.join("\n\n")),
            html,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "https://shop.example/recover/mail/ml_abc";

    const VENDOR: Vendor<'_> = Vendor {
        name: "Ana\r\nBcc: x@evil.example",
        support_url: None,
        support_email: Some("help@x.example"),
    };

    fn key(language: Language, product: &str) -> Message {
        let content = MailContent::LicenseKey {
            product,
            order_id: Some("0199-id"),
            link: LINK,
            until: 1_798_763_400,
            recover_url: "https://shop.example/recover",
        };
        render(language, VENDOR, &content)
    }

    #[test]
    fn a_name_is_shown_as_it_is_in_every_part() {
        let name = "Q&A \"Pro\" <Ana's>";
        let mail = key(Language::English, name);
        assert_eq!(mail.subject, format!("Your license for {name}"));
        assert!(mail.text.contains(&format!("license for {name} is ready")));
        let escaped = "Q&amp;A &quot;Pro&quot; &lt;Ana&#39;s&gt;";
        assert!(mail.html.contains(escaped), "{}", mail.html);
        assert!(!mail.html.contains("&amp;amp;") && !mail.html.contains("<Ana"));
    }

    #[test]
    fn no_name_begins_a_header() {
        let mail = key(Language::English, "Demo\r\nBcc: y@evil.example");
        assert!(!mail.subject.chars().any(char::is_control));
        assert!(mail.text.contains("\n\nAna Bcc: x@evil.example\n"));
    }

    #[test]
    fn a_language_has_its_direction_and_links_keep_theirs() {
        for (language, tag, direction) in [
            (Language::English, "en", "ltr"),
            (Language::German, "de", "ltr"),
            (Language::Arabic, "ar", "rtl"),
        ] {
            let mail = key(language, "Demo");
            let head = format!("<html lang=\"{tag}\" dir=\"{direction}\">");
            assert!(mail.html.contains(&head), "{}", mail.html);
            let link = format!("<bdi dir=\"ltr\"><a href=\"{LINK}\">{LINK}</a></bdi>");
            assert!(mail.html.contains(&link), "{}", mail.html);
            assert!(mail.text.lines().any(|line| line == LINK), "{}", mail.text);
            assert!(mail.text.lines().any(|line| line == "0199-id"));
            for part in [&mail.text, &mail.html] {
                assert!(part.contains("2027-01-01 00:30 UTC"), "{part}");
                assert!(part.contains("help@x.example"), "{part}");
            }
            let isolated = mail.text.contains("\u{2068}Demo\u{2069}");
            assert_eq!(isolated, language.is_right_to_left());
            assert_eq!(Language::parse(tag), Some(language));
        }
    }

    #[test]
    fn a_strangers_text_is_in_no_subject_and_no_link() {
        let content = MailContent::Attention {
            kind: "paid_late",
            object_kind: "invoice",
            object_id: "0199-id",
            at: 0,
            buyer_email: Some("pay-at-www.evil.example/x@evil.example"),
            list_url: "https://shop.example/v1/admin/attention",
        };
        let mail = render(Language::Arabic, VENDOR, &content);
        assert_eq!(mail.subject, "Your shop needs a decision: paid_late");
        for part in [&mail.text, &mail.html] {
            assert!(!part.contains("evil.example"), "{part}");
            assert!(part.contains("www[.]evil[.]example[/]x[at]evil[.]example"));
        }
        assert!(mail.html.contains("lang=\"en\" dir=\"ltr\""));
    }

    #[test]
    fn a_recovery_names_the_vendor_and_its_end() {
        let content = MailContent::Recovery {
            link: LINK,
            until: 7_200,
            recover_url: "https://shop.example/recover",
        };
        for language in Language::ALL {
            let mail = render(language, VENDOR, &content);
            assert!(mail.subject.ends_with("Ana Bcc: x@evil.example"));
            assert!(mail.text.contains("1970-01-01 02:00 UTC"), "{}", mail.text);
            assert!(mail.text.contains(LINK) && mail.html.contains(LINK));
        }
    }
}
