//! Tests of the license of the instance itself: its configuration.

use super::*;
use keywright_license::{NewLicense, SigningKey};
use keywright_ports::settings::faults;

const PRODUCT: &str = "01990000-0000-7000-8000-000000000001";

fn key(product: &str) -> String {
    let license = NewLicense {
        product_id: product.parse().expect("a UUID"),
        license_id: PRODUCT.parse().expect("a UUID"),
        issued_at: 1,
        expires_at: Some(100),
        trial: false,
        fingerprint_hash: None,
        entitlements: vec!["patron".to_owned()],
    };
    signing_key().sign_license(&license).expect("a key")
}

fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32]).expect("a key")
}

fn config(changes: &[(&'static str, &str)]) -> Config {
    let public = signing_key().public_key().to_hex();
    let usual = [
        (name::INSTANCE_ISSUER_KEY, public.as_str()),
        (name::INSTANCE_ISSUER_URL, "https://issuer.example/"),
        (name::INSTANCE_PRODUCT_SLUG, "hosting"),
        (name::INSTANCE_PRODUCT_ID, PRODUCT),
    ];
    let values = usual.iter().chain(changes);
    let values: std::collections::BTreeMap<_, _> = values.copied().collect();
    let values = values.into_iter().filter(|(_, value)| !value.is_empty());
    Config::new(values.map(|(name, value)| (name, value.to_owned())))
}

#[test]
fn caps_are_off_until_the_issuers_key_is_set() {
    let off = config(&[(name::INSTANCE_ISSUER_KEY, "")]);
    assert!(matches!(
        InstanceLicensing::configured(&off),
        InstanceLicensing::Off
    ));
    let none = Config::new([(
        name::INSTANCE_ISSUER_URL,
        "https://instance-issuer.invalid".to_owned(),
    )]);
    assert!(faults(&[INSTANCE_LICENSE], &none).is_empty());
    let on = InstanceLicensing::configured(&config(&[]));
    let url = on.upgrade_url(&[]).expect("a URL");
    assert_eq!(url, "https://issuer.example/buy/hosting?policy=pro");
    assert_eq!(on.upgrade_url(&["patron".to_owned()]), None);
}

#[test]
fn what_is_wrong_is_named_and_lifts_no_cap() {
    let other = key("01990000-0000-7000-8000-000000000002");
    for (name, value) in [
        (name::INSTANCE_ISSUER_KEY, "nonsense"),
        (name::INSTANCE_ISSUER_URL, ""),
        (name::INSTANCE_ISSUER_URL, "issuer.example"),
        (name::INSTANCE_PRODUCT_SLUG, ""),
        (name::INSTANCE_PRODUCT_SLUG, "No Slug"),
        (name::INSTANCE_PRODUCT_ID, ""),
        (name::INSTANCE_PRODUCT_ID, "hosting"),
        (name::INSTANCE_LICENSE, "LIC1-AAAA"),
        (name::INSTANCE_LICENSE, &other),
    ] {
        let config = config(&[(name, value)]);
        let found = faults(&[INSTANCE_LICENSE], &config);
        let names: Vec<_> = found.iter().map(|fault| fault.name).collect();
        assert_eq!(names, [name], "{value} {found:?}");
        let licensing = InstanceLicensing::configured(&config);
        assert!(licensing.license().is_none());
        assert!(matches!(licensing, InstanceLicensing::On(_)), "{name}");
    }
    let without = faults(
        &[INSTANCE_LICENSE],
        &config(&[(name::INSTANCE_ISSUER_KEY, "")]),
    );
    assert_eq!(without[0].name, name::INSTANCE_ISSUER_KEY);
    let good = config(&[(name::INSTANCE_LICENSE, &key(PRODUCT))]);
    assert!(faults(&[INSTANCE_LICENSE], &good).is_empty());
    let licensing = InstanceLicensing::configured(&good);
    let license = &licensing.license().expect("a license").license;
    assert_eq!(license.entitlements, ["patron"]);
    assert_eq!(license.expires_at, Some(100));
}
