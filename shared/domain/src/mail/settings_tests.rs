use super::*;

const KEY: &str = "Q0dH3k2mWm0h7vXyqkqf3y9Z8c1nN5bTtR4uLwEoJ6A=";
const TEMPLATE: &str = r#"{"to":"{{to}}","subject":"{{subject}}","text":"{{text}}"}"#;

const RESEND: [(&str, &str); 5] = [
    ("MAIL_TRANSPORT", "resend"),
    ("MAIL_API_KEY", "re_1"),
    ("MAIL_FROM", "shop@x.example"),
    ("MAIL_KEY", KEY),
    ("PUBLIC_URL", "https://shop.example/"),
];

fn with(more: &[(&str, &str)]) -> Result<Option<MailSettings>, Vec<String>> {
    read(|name| {
        let mut all = more.iter().chain(&RESEND);
        let value = all
            .find(|(known, _)| *known == name)
            .map(|(_, value)| *value);
        value.filter(|value| !value.is_empty())
    })
}

fn url(more: &[(&str, &str)]) -> String {
    match with(more).expect("settings").expect("mail").transport {
        MailTransport::Api(api) => api.url,
        MailTransport::Cloudflare => "cloudflare".to_owned(),
    }
}

#[test]
fn mail_is_off_until_it_is_configured() {
    assert_eq!(read(|_| None), Ok(None));
    assert_eq!(with(&[("MAIL_TRANSPORT", "")]), Ok(None));
    let settings = with(&[]).expect("settings").expect("mail");
    assert_eq!((settings.per_day, settings.hold_after), (500, 3_600));
    assert_eq!(settings.public_url, "https://shop.example");
    assert!(settings.transport.is_idempotent());
    assert!(!format!("{settings:?}").contains("re_1"));
}

#[test]
fn each_transport_has_its_address() {
    assert_eq!(url(&[]), "https://api.resend.com/emails");
    let spin = [("MAIL_URL", "https://api.resend.com")];
    assert_eq!(url(&spin), "https://api.resend.com/emails");
    let postmark = [("MAIL_TRANSPORT", "postmark")];
    assert_eq!(url(&postmark), "https://api.postmarkapp.com/email");
    let mailgun = "https://api.mailgun.net/v3/mg.x.example/messages";
    let given = [("MAIL_TRANSPORT", "mailgun"), ("MAIL_URL", mailgun)];
    assert_eq!(url(&given), mailgun);
    for own in [
        "https://mail.x.example/send",
        "http://127.0.0.1:8025/send",
        "http://mail.lan/",
    ] {
        let http = [
            ("MAIL_TRANSPORT", "http"),
            ("MAIL_URL", own),
            ("MAIL_TEMPLATE", TEMPLATE),
        ];
        assert_eq!(url(&http), own.trim_end_matches('/'));
    }
    assert_eq!(url(&[("MAIL_TRANSPORT", "cloudflare")]), "cloudflare");
}

#[test]
fn what_is_wrong_begins_with_its_name() {
    for (more, says) in [
        (
            &[("MAIL_TRANSPORT", "pigeon")][..],
            "MAIL_TRANSPORT must be resend, ",
        ),
        (&[("MAIL_FROM", "")], "MAIL_FROM is not configured; "),
        (
            &[("MAIL_FROM", "a@x.example,b@x.example")],
            "MAIL_FROM must be one e-mail",
        ),
        (
            &[("MAIL_OPERATOR", "me")],
            "MAIL_OPERATOR must be an e-mail address",
        ),
        (&[("MAIL_KEY", "")], "MAIL_KEY is not configured; make one"),
        (&[("MAIL_KEY", "c2hvcnQ=")], "MAIL_KEY is not 32 bytes"),
        (&[("MAIL_API_KEY", "")], "MAIL_API_KEY is not configured"),
        (&[("MAIL_API_KEY", "a b")], "MAIL_API_KEY must be printable"),
        (&[("PUBLIC_URL", "")], "MAIL_TRANSPORT needs PUBLIC_URL"),
        (&[("MAIL_LANGUAGE", "tlh")], "MAIL_LANGUAGE must be"),
        (
            &[("MAIL_PER_DAY", "0")],
            "MAIL_PER_DAY must be a whole number",
        ),
        (
            &[("MAIL_HOLD_MINUTES", "4")],
            "MAIL_HOLD_MINUTES must be a whole",
        ),
        (
            &[("MAIL_URL", "ftp://x.example")],
            "MAIL_URL must be an https URL",
        ),
        (
            &[("MAIL_URL", "http://api.resend.com/emails")],
            "MAIL_URL must be an https URL",
        ),
        (
            &[("MAIL_URL", "https://a:b@x.example/")],
            "MAIL_URL must be an https URL",
        ),
        (
            &[("MAIL_URL", "https://mail.invalid")],
            "MAIL_URL is not set; on Spin set mail_host to https://api.resend.com",
        ),
        (
            &[("MAIL_TRANSPORT", "mailgun")],
            "MAIL_URL is not configured; set it to https://api.mailgun.net",
        ),
        (
            &[("MAIL_TEMPLATE", TEMPLATE)],
            "MAIL_TEMPLATE is for MAIL_TRANSPORT http",
        ),
        (
            &[("MAIL_TRANSPORT", "http"), ("MAIL_TEMPLATE", TEMPLATE)],
            "MAIL_URL is not configured; ",
        ),
        (
            &[
                ("MAIL_TRANSPORT", "http"),
                ("MAIL_URL", "https://x.example/"),
            ],
            "MAIL_TEMPLATE is not configured; ",
        ),
        (
            &[
                ("MAIL_TRANSPORT", "http"),
                ("MAIL_URL", "https://x.example/"),
                ("MAIL_TEMPLATE", "{\"to\":\"{{to}}\"}"),
            ],
            "MAIL_TEMPLATE must contain {{subject}}",
        ),
        (
            &[
                ("MAIL_TRANSPORT", "http"),
                ("MAIL_URL", "https://x.example/"),
                ("MAIL_TEMPLATE", "{\"to\":\"{{re_secret}}\"}"),
            ],
            "MAIL_TEMPLATE has {{…}} with another name than to, from, from_name,",
        ),
    ] {
        let faults = with(more).expect_err(says);
        assert!(
            faults.len() == 1 && faults[0].starts_with(says),
            "{says}: {faults:?}"
        );
    }
}

/// A preset must work as soon as it is chosen, so wrong settings of another transport are
/// said while mail is off, too.
#[test]
fn what_is_set_is_checked_while_mail_is_off() {
    let faults = read(|name| (name == "MAIL_FORMAT").then_some("xml"));
    assert_eq!(
        faults,
        Err(vec![
            "MAIL_FORMAT must be json, form or multipart".to_owned()
        ])
    );
}
