use super::*;
use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

fn recorded(text: &str) -> Result<String, EmailError> {
    EmailAddress::parse(text).map(String::from)
}

#[test]
fn an_address_is_recorded_clean() {
    for (text, address) in [
        ("ana@example.com", "ana@example.com"),
        ("Ana.B+c=d_e'f@Example.COM", "Ana.B+c=d_e'f@Example.COM"),
        (" ana@example.com\r\n", "ana@example.com"),
        ("mailto:ana@example.com", "ana@example.com"),
        (
            "MailTo:ana@example.com?subject=x&to=b@c.de",
            "ana@example.com",
        ),
        ("E-mail: ana@example.com", "ana@example.com"),
        ("Ana B. <ana@example.com>", "ana@example.com"),
        ("<mailto:ana@example.com>", "ana@example.com"),
        ("\"ana@example.com\",", "ana@example.com"),
        ("„ana@example.com“", "ana@example.com"),
        ("ana@example.com.", "ana@example.com"),
        ("ana@example.com...;", "ana@example.com"),
        (
            "a\u{200b}na@ex\u{ad}ample\u{2060}.com\u{feff}",
            "ana@example.com",
        ),
        ("\u{202a}ana@example.com\u{202c}", "ana@example.com"),
        ("ａｎａ＠ｅｘａｍｐｌｅ．ｃｏｍ", "ana@example.com"),
        ("ana@example。com", "ana@example.com"),
        ("ana\u{2010}b@ex\u{2011}ample.com", "ana-b@ex-ample.com"),
        ("ana@localhost", "ana@localhost"),
        ("ANA@XN--MNCHEN-3YA.example", "ANA@münchen.example"),
        ("ana@MU\u{308}NCHEN.example", "ana@münchen.example"),
        ("A\u{308}NA@example.com", "äna@example.com"),
        ("ana@データ.example", "ana@データ.example"),
        ("ana@xn--99999999.Example", "ana@xn--99999999.Example"),
    ] {
        assert_eq!(recorded(text), Ok(address.to_owned()), "{text:?}");
    }
}

#[test]
fn what_is_no_address_is_refused_with_its_cause() {
    let long = format!("{}@example.com", "a".repeat(250));
    for (text, error) in [
        ("", EmailError::NoAt),
        ("ana", EmailError::NoAt),
        ("mailto:", EmailError::NoAt),
        ("ana(at)example.com", EmailError::NoAt),
        ("ana@example.com, bob@example.com", EmailError::SeveralAts),
        ("@example.com", EmailError::Name),
        ("ana smith@example.com", EmailError::Name),
        ("ana\0@example.com", EmailError::Name),
        ("ana,b@example.com", EmailError::Name),
        ("ana@", EmailError::Host),
        ("ana@.", EmailError::Host),
        ("ana@example..com", EmailError::Host),
        ("ana@.example.com", EmailError::Host),
        ("ana@-example.com", EmailError::Host),
        ("ana@example-.com", EmailError::Host),
        ("ana@exa mple.com", EmailError::Host),
        ("ana@example.com/x", EmailError::Host),
        ("ana@example_1.com", EmailError::Host),
        ("ana@xn--.example", EmailError::Host),
        (&long, EmailError::Long),
        (&"a".repeat(100_000), EmailError::Long),
    ] {
        assert_eq!(recorded(text), Err(error), "{text:?}");
    }
}

#[test]
fn addresses_that_are_one_are_compared_as_one() {
    for (one, other) in [
        ("Ana@Example.com", "ana@example.COM"),
        ("ÄNA@example.com", "a\u{308}na@example.com"),
        ("ana@münchen.example", "ana@xn--mnchen-3ya.example"),
        ("ana@MÜNCHEN.example", "ana@XN--MNCHEN-3YA.EXAMPLE"),
        ("ana@例え.テスト", "ana@xn--r8jz45g.xn--zckzah"),
        ("mailto:ana@example.com", "ana@example.com."),
        ("ＡＮＡ@example.com", "ana@example.com"),
        ("ΆΝΝΑ@example.com", "άννα@example.com"),
        ("press, two keys", "Press, two keys "),
    ] {
        assert_eq!(folded(one), folded(other), "{one} {other}");
    }
    for (one, other) in [
        ("ana@example.com", "ana@example.org"),
        ("ana@example.com", "an.a@example.com"),
        ("ana@gmal.example", "ana@gmail.example"),
        ("ana@strasse.example", "ana@straße.example"),
        // A Cyrillic а.
        ("ana@example.com", "\u{430}na@example.com"),
    ] {
        assert_ne!(folded(one), folded(other), "{one} {other}");
    }
}

/// RFC 3492, section 7.1.
#[test]
fn punycode_is_read_as_its_standard_says() {
    for (label, text) in [
        ("ihqwcrb4cv8a8dqg056pqjye", "他们为什么不说中文"),
        ("proprostnemluvesky-uyb24dma41a", "pročprostěnemluvíčesky"),
        ("egbpdaj6bu4bxfgehfvwxn", "ليهمابتكلموشعربي؟"),
        (
            "-with-super-monkeys-pc58ag80a8qai00g7n9n",
            "安室奈美恵-with-super-monkeys",
        ),
        ("mnchen-3ya", "münchen"),
        ("bcher-kva", "bücher"),
    ] {
        assert_eq!(punycode(label).as_deref(), Some(text), "{label}");
    }
    for label in ["", "a-", "99999999", "\u{e4}", "a!"] {
        assert_eq!(punycode(label), None, "{label}");
    }
}

proptest! {
    #[test]
    fn texts_are_composed_as_unicode_says(text in "[a-zA-Z\u{300}-\u{345}\u{c0}-\u{24f}\u{370}-\u{3ff}\u{1100}-\u{11ff}\u{ac00}-\u{ac80}\u{1e00}-\u{1fff}\u{900}-\u{97f}]{0,20}|\\PC{0,20}") {
        prop_assert_eq!(composed(&text), text.nfc().collect::<String>());
    }

    #[test]
    fn a_recorded_address_reads_back_as_itself(text in "\\PC{0,12}@\\PC{1,12}|[a-zA-Zäß.+-]{1,9}@[a-zäÖ-]{1,9}\\.[a-z]{2}") {
        if let Ok(address) = EmailAddress::parse(&text) {
            prop_assert_eq!(EmailAddress::parse(address.as_str()), Ok(address.clone()));
            prop_assert_eq!(folded(&text), address.folded());
            // As SQLite's lower(trim(…)) makes it.
            prop_assert_eq!(address.as_str().trim(), address.as_str());
        }
    }

    #[test]
    fn no_label_stops_the_reader(label in "[a-z0-9-]{0,40}") {
        let _ = punycode(&label);
    }
}

#[test]
fn a_mail_goes_to_the_host_in_ascii() {
    for (typed, mailed) in [
        ("Ana@Example.com", "Ana@Example.com"),
        ("ana@münchen.example", "ana@xn--mnchen-3ya.example"),
        ("ana@xn--mnchen-3ya.example", "ana@xn--mnchen-3ya.example"),
        (
            "ana@bücher.münchen.example",
            "ana@xn--bcher-kva.xn--mnchen-3ya.example",
        ),
        ("ana@例え.テスト", "ana@xn--r8jz45g.xn--zckzah"),
        ("ana@правда.example", "ana@xn--80aafi6cg.example"),
    ] {
        let address = EmailAddress::parse(typed).expect(typed);
        assert_eq!(address.for_mail(), mailed);
        let again = EmailAddress::parse(&address.for_mail()).expect(typed);
        assert_eq!(again.folded(), address.folded());
    }
}
