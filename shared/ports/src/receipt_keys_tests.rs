use super::*;

fn key(first: u8) -> String {
    let mut bytes = [7; 32];
    bytes[0] = first;
    BASE64.encode(&bytes)
}

fn keys(text: &str) -> Result<ReceiptKeys, NoReceiptKeys> {
    ReceiptKeys::configured(&Config::new([(name::RECEIPT_KEYS, text.to_owned())]))
}

const RECEIPT: ReceiptFacts<'static> = ReceiptFacts {
    id: "r1",
    kind: "btcpay",
    external_ref: "b1",
    invoice_id: Some("i1"),
    product_id: "p1",
    amount: 50_000,
    currency: "SAT",
    received_at: 1_700_000_000,
    license_id: "l1",
};

/// The receipt with each member changed in turn, and with members that would
/// run into each other.
fn others() -> Vec<ReceiptFacts<'static>> {
    vec![
        ReceiptFacts {
            id: "r2",
            ..RECEIPT
        },
        ReceiptFacts {
            kind: "free",
            ..RECEIPT
        },
        ReceiptFacts {
            external_ref: "b2",
            ..RECEIPT
        },
        ReceiptFacts {
            invoice_id: Some("i2"),
            ..RECEIPT
        },
        ReceiptFacts {
            invoice_id: Some(""),
            ..RECEIPT
        },
        ReceiptFacts {
            invoice_id: None,
            ..RECEIPT
        },
        ReceiptFacts {
            product_id: "p2",
            ..RECEIPT
        },
        ReceiptFacts {
            amount: 1,
            ..RECEIPT
        },
        ReceiptFacts {
            amount: -50_000,
            ..RECEIPT
        },
        ReceiptFacts {
            currency: "USD",
            ..RECEIPT
        },
        ReceiptFacts {
            received_at: 0,
            ..RECEIPT
        },
        ReceiptFacts {
            license_id: "l2",
            ..RECEIPT
        },
        ReceiptFacts {
            id: "r1b",
            kind: "tcpay",
            ..RECEIPT
        },
        ReceiptFacts {
            product_id: "",
            invoice_id: Some("i1p1"),
            ..RECEIPT
        },
        ReceiptFacts {
            product_id: "l1",
            license_id: "p1",
            ..RECEIPT
        },
    ]
}

#[test]
fn a_seal_fits_one_receipt_and_no_other() {
    let keys = keys(&key(1)).expect("a key");
    let seal = keys.seal(&RECEIPT);
    assert_eq!(keys.seal(&RECEIPT), seal, "the same each time");
    let seals = [seal];
    assert_eq!(keys.check(&RECEIPT, &seals), SealState::Sealed);
    for other in others() {
        assert_eq!(keys.check(&other, &seals), SealState::Broken, "{other:?}");
        assert_ne!(other.digest(), RECEIPT.digest(), "{other:?}");
    }
}

/// The layout is recorded in databases: a change of it has to be a new version.
#[test]
fn the_layout_of_version_1_stays_what_it_is() {
    let seal = keys(&key(1)).expect("a key").seal(&RECEIPT);
    assert_eq!(seal.key_id, "f062bd9bd8518e00");
    assert_eq!(seal.mac, "v1._MYDuyBcB-duKLOJLjN6tE8c3lOhKVWOJSwSKiuv1uY");
}

#[test]
fn an_older_key_still_counts_and_one_that_is_gone_does_not() {
    let old = keys(&key(1)).expect("a key");
    let both = keys(&format!("{} , {}", key(2), key(1))).expect("two keys");
    let new = keys(&key(2)).expect("a key");
    let by_old = [old.seal(&RECEIPT)];
    assert_eq!(both.check(&RECEIPT, &by_old), SealState::SealedByOlderKey);
    assert_eq!(new.check(&RECEIPT, &by_old), SealState::UnknownKey);
    assert_eq!(
        both.seal(&RECEIPT),
        new.seal(&RECEIPT),
        "the first one seals"
    );
    let by_both = [old.seal(&RECEIPT), new.seal(&RECEIPT)];
    for keys in [&both, &new] {
        assert_eq!(keys.check(&RECEIPT, &by_both), SealState::Sealed);
    }
    assert_eq!(both.check(&RECEIPT, &[]), SealState::Unsealed);
    assert_eq!(format!("{both:?}"), "ReceiptKeys(..)");
}

#[test]
fn a_seal_that_is_garbage_or_of_another_key_counts_for_nothing() {
    let keys = keys(&key(1)).expect("a key");
    let good = keys.seal(&RECEIPT);
    for mac in [
        "",
        "v1.",
        "v1.AAAA",
        "v2.x",
        &good.mac[3..],
        &good.mac[..45],
    ] {
        let seal = Seal {
            mac: mac.to_owned(),
            ..good.clone()
        };
        assert_eq!(
            keys.check(&RECEIPT, std::slice::from_ref(&seal)),
            SealState::Broken,
            "{mac}"
        );
        let seals = [seal, good.clone()];
        assert_eq!(keys.check(&RECEIPT, &seals), SealState::Sealed, "{mac}");
    }
    let renamed = Seal {
        key_id: "0000000000000000".to_owned(),
        ..good
    };
    assert_eq!(keys.check(&RECEIPT, &[renamed]), SealState::UnknownKey);
}

#[test]
fn only_keys_are_taken() {
    let whole = key(1);
    for (text, why) in [
        ("", NoReceiptKeys::Missing),
        ("  ", NoReceiptKeys::Missing),
        ("short", NoReceiptKeys::Malformed),
        (&whole[..40], NoReceiptKeys::Malformed),
        (&"A".repeat(44), NoReceiptKeys::Malformed),
        (&BASE64.encode(&[1; 33]), NoReceiptKeys::Malformed),
        (&format!("{whole},"), NoReceiptKeys::Malformed),
        (&format!(",{whole}"), NoReceiptKeys::Malformed),
        (
            &format!("{whole},{}", BASE64.encode(&[0; 32])),
            NoReceiptKeys::Malformed,
        ),
    ] {
        assert_eq!(keys(text).err(), Some(why), "{text:?}");
    }
    assert!(keys(&format!(" {whole}\n")).is_ok(), "spaces are a slip");
}
