//! Keys, tokens and download ids in the forms in which people paste them.

use keywright_license::{
    Credential, CredentialError, DownloadId, FormatError, LicenseKey, Token, clean_pasted,
    verify_license, verify_token,
};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::vectors::{license, license_keys, signing_key, verify_keys};

/// The text in pieces of so many characters.
fn pieces(text: &str, size: usize, between: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let pieces: Vec<String> = characters
        .chunks(size)
        .map(|piece| piece.iter().collect())
        .collect();
    pieces.join(between)
}

/// The text with every character that `replaced` answers for.
fn with(text: &str, replaced: impl Fn(char) -> Option<u32>) -> String {
    let other = |c: char| replaced(c).and_then(char::from_u32).unwrap_or(c);
    text.chars().map(other).collect()
}

/// Every character in its full-width form.
fn full_width(text: &str) -> String {
    with(text, |c| Some(u32::from(c) + 0xfee0))
}

/// What happens to any text that people carry by hand.
fn carried(text: &str) -> Vec<String> {
    let middle = text.len() / 2;
    let inserted = |between: &str| format!("{}{between}{}", &text[..middle], &text[middle..]);
    vec![
        text.to_owned(),
        format!(" {text}"),
        format!("{text}\r\n"),
        format!("\t\u{a0}{text}\u{3000}\u{2003}"),
        pieces(text, 76, " "),
        pieces(text, 76, "\r\n"),
        pieces(text, 64, "=\r\n"),
        pieces(text, 40, "\n    "),
        pieces(text, 60, "\u{2028}"),
        pieces(&format!("> {text}"), 70, "\r\n> "),
        pieces(text, 4, " "),
        format!("\u{feff}{text}"),
        inserted("\u{200b}"),
        inserted("\u{ad}"),
        inserted("\u{ad}\r\n"),
        inserted("\u{2060}\u{200d}\u{200c}"),
        format!("\u{202a}{text}\u{202c}"),
        format!("\u{2066}{text}\u{2069}\u{200e}"),
        format!("\"{text}\""),
        format!("'{text}'"),
        format!("`{text}`"),
        format!("“{text}”"),
        format!("„{text}“"),
        format!("«\u{a0}{text}\u{a0}»"),
        format!("「{text}」"),
        format!("<{text}>"),
        format!("**{text}**"),
        format!("({text})."),
        format!("License key: {text}"),
        format!("Key: {text}"),
        format!("Your license key is:\r\n\r\n\t{text}\r\n\r\n"),
        format!("Lizenzschlüssel\u{ff1a}{text}"),
        format!("KEYWRIGHT_TOKEN={text}"),
        format!("KEYWRIGHT_TOKEN=\"{text}\""),
        format!("{{\"key\": \"{text}\"}}"),
        format!("Authorization: Bearer {text}"),
        text.replace('-', "\u{2010}"),
        text.replace('-', "\u{2011}"),
        text.replace('-', "\u{2013}"),
        text.replace('-', "\u{2014}"),
        text.replace('-', "\u{2212}"),
        text.replace('-', " - "),
        full_width(text),
        with(text, |c| {
            c.is_ascii_digit().then(|| u32::from(c) - 0x30 + 0x1d7f6)
        }),
        with(text, |c| {
            c.is_ascii_uppercase()
                .then(|| u32::from(c) - 0x41 + 0x1d670)
        }),
    ]
}

#[test]
fn a_pasted_key_is_the_key() {
    for name in ["v1", "v2", "v2_perpetual_unbound"] {
        let text = license(name);
        let key = LicenseKey::parse(&text).unwrap();
        let mut forms = carried(&text);
        forms.extend([
            text.to_ascii_lowercase(),
            text.replace("LIC1", "Lic1"),
            format!("License key {text}"),
            format!("- {text}"),
            format!("1. {text}"),
            format!("{text},"),
            text.replace('O', "0")
                .replace('I', "1")
                .replace("L1C1", "LIC1"),
            text.replace('B', "8"),
            full_width(&text.to_ascii_lowercase()),
            format!("Key:\u{200b} {}", pieces(&text, 30, "\u{ad}\n")).replace('-', " – "),
        ]);
        assert!(forms.len() >= 30);
        for pasted in forms {
            assert_eq!(LicenseKey::parse(&pasted).as_ref(), Ok(&key), "{pasted:?}");
            assert!(
                verify_license(&pasted, &license_keys()).is_ok(),
                "{pasted:?}"
            );
            let credential = Credential::parse(&pasted);
            assert_eq!(
                credential,
                Ok(Credential::LicenseKey(key.clone())),
                "{pasted:?}"
            );
        }
    }
}

fn token() -> String {
    let claims = r#"{"product":"editor","channel_expiry":"2099-12-31","entitlements":["ffi>?"],"version_floor":null}"#;
    let claims = keywright_license::TokenClaims::from_json(claims.as_bytes()).unwrap();
    signing_key().sign_token(&claims).unwrap()
}

#[test]
fn a_pasted_token_is_the_token() {
    let text = token();
    let token = Token::parse(&text).unwrap();
    for pasted in carried(&text) {
        let credential = Credential::parse(&pasted);
        assert_eq!(
            credential,
            Ok(Credential::Token(token.clone())),
            "{pasted:?}"
        );
        let claims = verify_token(&pasted, &verify_keys(), "editor", 0);
        assert!(claims.is_ok(), "{pasted:?}");
    }
    // A token's letters have a case.
    let upper = text.to_ascii_uppercase();
    assert!(verify_token(&upper, &verify_keys(), "editor", 0).is_err());
}

#[test]
fn a_pasted_download_id_is_the_id() {
    let id = DownloadId::from_random([0x5a; 14]);
    let text = id.as_str();
    let mut forms = carried(text);
    forms.push(text.to_ascii_uppercase());
    for pasted in forms {
        let credential = Credential::parse(&pasted);
        assert_eq!(
            credential,
            Ok(Credential::DownloadId(id.clone())),
            "{pasted:?}"
        );
    }
}

#[test]
fn other_values_are_cleaned_alike() {
    for value in [
        "019b3c5e-1111-7000-8000-0123456789ab",
        "SPRING_2026-X",
        "0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060",
    ] {
        for pasted in carried(value) {
            assert_eq!(clean_pasted(&pasted), value, "{pasted:?}");
        }
    }
}

#[test]
fn what_is_no_longer_whole_is_refused_with_the_likely_cause() {
    let key = license("v2");
    let id = DownloadId::from_random([0x5a; 14]);
    let id = id.as_str();
    let token = token();
    for (pasted, cause) in [
        (String::new(), "no license key"),
        ("\u{200b} \"\"".to_owned(), "no license key"),
        (
            key[..key.len() - 3].to_owned(),
            "part of the key is missing: the last 3 of",
        ),
        (
            key[..60].to_owned(),
            "part of the key is missing: everything from its second dash",
        ),
        (
            format!("{}{}", &key[..30], &key[33..]),
            "part of the key is missing",
        ),
        (key.replace('-', ""), "the dashes are missing"),
        (format!("{key}{key}"), "the key was pasted more than once"),
        (
            format!("{key}\r\n{key}"),
            "the key was pasted more than once",
        ),
        (
            format!("{key} and your receipt"),
            "characters follow the end of the key",
        ),
        (
            key.replacen('A', "\u{410}", 1),
            "never has the character 'А' (U+0410)",
        ),
        (
            format!("{}9{}", &key[..50], &key[51..]),
            "never has the character '9'",
        ),
        (
            id[1..].to_owned(),
            "part of the download id is missing: 1 of its 32",
        ),
        (format!("{id}{id}"), "a download id has 32 characters"),
        (
            format!("{}0", &id[..31]),
            "a character of the download id is wrong",
        ),
        (token[..80].to_owned(), "part of the token is missing"),
        ("hello world".to_owned(), "token"),
    ] {
        let error = Credential::parse(&pasted).unwrap_err().to_string();
        assert!(error.contains(cause), "{pasted:?}: {error}");
    }
    assert_eq!(Credential::parse(" "), Err(CredentialError::Empty));
    assert_eq!(LicenseKey::parse(" "), Err(FormatError::Empty));
}
