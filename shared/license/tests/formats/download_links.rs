//! Signed download links: vectors of another implementation, the order of the
//! checks, and that a signature is good for exactly one message.

use keywright_license::{
    DownloadLink, LINK_CLOCK_SKEW_SECONDS, LINK_LIFETIME_SECONDS, LicensePayload, LinkError,
    TokenClaims,
};
use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::properties::{config, new_license};
use crate::vectors::{hex_array, license_keys, links, sign, signing_key, text, verify_keys};

const NOW: i64 = 1_800_000_000;
const DLID: &str = "00000000000000000000000000004796";

fn link(product: &str, version: &str, expires: i64) -> DownloadLink {
    DownloadLink::new(product, version, DLID, expires).unwrap()
}

/// What verifying `link` at `NOW` says with its own signature.
fn code(link: &DownloadLink) -> &'static str {
    let token = signing_key().sign_link(link);
    verified(link, &token, NOW)
}

fn verified(link: &DownloadLink, token: &str, now: i64) -> &'static str {
    link.verify(token, &verify_keys(), now)
        .err()
        .map_or("ok", |error| error.code())
}

#[test]
fn another_implementation_signs_the_same() {
    let vectors = links();
    assert_eq!(
        hex_array(&vectors, "publicKeyHex"),
        *signing_key().public_key().as_bytes()
    );
    let cases = vectors["links"].as_array().unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let expires = case["expires"].as_i64().unwrap();
        let link = DownloadLink::new(
            text(case, "product"),
            text(case, "version"),
            text(case, "dlid"),
            expires,
        )
        .unwrap();
        assert_eq!(link.message(), text(case, "message"));
        assert_eq!(signing_key().sign_link(&link), text(case, "token"));
        let now = expires.saturating_sub(LINK_LIFETIME_SECONDS);
        assert_eq!(verified(&link, text(case, "token"), now), "ok", "{case}");
        assert_eq!(
            (link.product(), link.version(), link.download_id()),
            (
                text(case, "product"),
                text(case, "version"),
                text(case, "dlid")
            )
        );
        assert_eq!(link.expires(), expires);
    }
}

#[test]
fn a_link_is_good_for_its_time_only() {
    let longest = LINK_LIFETIME_SECONDS + LINK_CLOCK_SKEW_SECONDS;
    for (expires, expected) in [
        (0, "link-expired"),
        (NOW - 1, "link-expired"),
        (NOW, "link-expired"),
        (NOW + 1, "ok"),
        (NOW + LINK_LIFETIME_SECONDS, "ok"),
        (NOW + longest, "ok"),
        (NOW + longest + 1, "link-too-long"),
        (i64::MAX, "link-too-long"),
    ] {
        assert_eq!(code(&link("demo", "1.2.0", expires)), expected, "{expires}");
    }
    let link = link("demo", "1.2.0", i64::MAX);
    let token = signing_key().sign_link(&link);
    assert_eq!(verified(&link, &token, i64::MIN), "link-too-long");
    assert_eq!(verified(&link, &token, i64::MAX), "link-expired");
}

#[test]
fn the_signature_is_told_before_the_time() {
    let expired = link("demo", "1.2.0", NOW - 1);
    let other = signing_key().sign_link(&link("demo", "1.2.1", NOW - 1));
    assert_eq!(verified(&expired, &other, NOW), "invalid-signature");
    assert_eq!(verified(&expired, "", NOW), "malformed-link");
    let stranger = expired.verify(
        &signing_key().sign_link(&expired),
        &license_keys(),
        NOW - 10,
    );
    assert_eq!(stranger, Err(LinkError::InvalidSignature));
}

#[test]
fn the_token_is_canonical_base64url() {
    let link = link("demo", "1.2.0", NOW + 1);
    let token = signing_key().sign_link(&link);
    assert_eq!(token.len(), 86);
    for text in [
        format!("{token}=="),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{token}A"),
        format!("{token}AA"),
        token[..85].to_owned(),
        // Of the last character only two bits count.
        format!("{}B", &token[..85]),
        format!("+{}", &token[1..]),
        "é".to_owned(),
    ] {
        assert_eq!(verified(&link, &text, NOW), "malformed-link", "{text:?}");
    }
}

#[test]
fn every_flipped_bit_of_the_signature_is_refused() {
    let link = link("demo", "1.2.0", NOW + 1);
    let signature = sign(link.message().as_bytes());
    for bit in 0..signature.len() * 8 {
        let mut flipped = signature;
        flipped[bit / 8] ^= 1 << (bit % 8);
        let token = data_encoding::BASE64URL_NOPAD.encode(&flipped);
        assert_eq!(verified(&link, &token, NOW), "invalid-signature", "{bit}");
    }
}

#[test]
fn fields_outside_the_grammar_make_no_link() {
    let long = "a".repeat(65);
    let field = |product: &str, version: &str, download_id: &str, expires: i64| {
        DownloadLink::new(product, version, download_id, expires).err()
    };
    let bad = |field| Some(LinkError::BadField { field });
    for product in [
        "", "|", "a|b", "A", "-a", "a-", "a.b", "é", "a\n", "{", &long,
    ] {
        assert_eq!(field(product, "1", DLID, 0), bad("product"), "{product:?}");
    }
    for version in [
        "", "|", "1|2", "1..2", ".1", "1.", "-1", "1/2", "1 ", "é", &long,
    ] {
        assert_eq!(field("a", version, DLID, 0), bad("version"), "{version:?}");
    }
    for dlid in [
        "",
        &DLID[1..],
        &format!("{DLID}0"),
        &DLID.replace('4', "A"),
        &DLID.replace('4', "|"),
    ] {
        assert_eq!(field("a", "1", dlid, 0), bad("dlid"), "{dlid:?}");
    }
    assert_eq!(field("a", "1", DLID, -1), bad("expires"));
    assert_eq!(field("a", "1", DLID, i64::MIN), bad("expires"));
    assert_eq!(field("a", "v9.0.0_x+Y-z", DLID, 0), None);
}

#[test]
fn logs_show_no_download_id() {
    let shown = format!("{:?}", link("demo", "1.2.0", NOW));
    assert!(shown.contains("0000…") && !shown.contains(DLID), "{shown}");
}

/// Fields that are often, but not always, of the grammar, and then often close
/// to one another.
fn any_link() -> impl Strategy<Value = Option<DownloadLink>> {
    let field = "[a-c0-2|.]{1,4}";
    let dlid = prop_oneof![Just(DLID.to_owned()), "[0-9a-f|]{32}"];
    (field, field, dlid, -1_i64..120).prop_map(|(product, version, dlid, expires)| {
        DownloadLink::new(&product, &version, &dlid, expires).ok()
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn different_links_have_different_messages(one in any_link(), other in any_link()) {
        let (Some(one), Some(other)) = (one, other) else { return Ok(()) };
        prop_assert_eq!(one == other, one.message() == other.message());
        // The message can be taken apart in one way only.
        let message = one.message();
        let parts: Vec<&str> = message.split('|').collect();
        prop_assert_eq!(parts.len(), 4);
        let again = DownloadLink::new(parts[0], parts[1], parts[2], parts[3].parse().unwrap());
        prop_assert_eq!(again, Ok(one));
    }

    #[test]
    fn a_signature_opens_no_other_link(one in any_link(), other in any_link()) {
        let (Some(one), Some(other)) = (one, other) else { return Ok(()) };
        let now = other.expires() - 1;
        let opened = verified(&other, &signing_key().sign_link(&one), now) == "ok";
        prop_assert_eq!(opened, one == other);
    }

    #[test]
    fn a_message_is_no_payload_of_a_token_or_a_license(link in any_link()) {
        let Some(link) = link else { return Ok(()) };
        let message = link.message();
        prop_assert!(TokenClaims::from_json(message.as_bytes()).is_err());
        prop_assert!(LicensePayload::from_bytes(message.as_bytes()).is_err());
        prop_assert!(message.as_bytes()[0].is_ascii_alphanumeric());
    }

    #[test]
    fn a_payload_of_a_token_or_a_license_is_no_message(license in new_license(), product in ".{1,20}") {
        // What is signed for a token begins with a brace, for a license key
        // with a version below the first digit; a message begins with neither.
        let claims = TokenClaims {
            product,
            channel_expiry: keywright_license::Date::MAX,
            entitlements: license.entitlements.clone(),
            version_floor: None,
            license: None,
            maintenance_until: None,
            issued_at: None,
        };
        let token = signing_key().sign_token(&claims).unwrap();
        let token = keywright_license::Token::parse(&token).unwrap();
        prop_assert_eq!(token.unverified_payload()[0], b'{');
        let key = signing_key().sign_license(&license).unwrap();
        let key = keywright_license::LicenseKey::parse(&key).unwrap();
        prop_assert!(key.unverified_payload().to_bytes()[0] < b'0');
    }

    #[test]
    fn no_text_makes_the_reader_panic(product in any::<String>(), version in any::<String>(), dlid in any::<String>(), token in any::<String>(), expires: i64, now: i64) {
        prop_assert!(DownloadLink::new(&product, &version, &dlid, expires).is_err());
        let link = link("demo", "1.2.0", expires.max(0));
        prop_assert!(link.verify(&token, &verify_keys(), now).is_err());
    }
}
