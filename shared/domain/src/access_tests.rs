use super::*;
use proptest::prelude::*;

/// Every scope with the roles that grant it, in the order of [`Role::ALL`]:
/// read-only, license-issuer, support, merchant-onboard, full-admin, publisher.
const TABLE: &[(&str, [bool; 6])] = &[
    ("products:read", [true, true, true, true, true, false]),
    ("products:write", [false, false, false, true, true, false]),
    ("policies:read", [true, true, true, true, true, false]),
    ("policies:write", [false, false, false, true, true, false]),
    ("licenses:read", [true, true, true, true, true, false]),
    ("licenses:write", [false, true, true, true, true, false]),
    ("machines:read", [true, true, true, true, true, false]),
    ("machines:write", [false, false, true, false, true, false]),
    ("discount_codes:read", [true, true, true, true, true, false]),
    (
        "discount_codes:write",
        [false, false, false, false, true, false],
    ),
    ("subscriptions:read", [true, true, true, true, true, false]),
    (
        "subscriptions:write",
        [false, false, true, false, true, false],
    ),
    ("webhooks:read", [true, true, true, true, true, false]),
    ("webhooks:write", [false, false, false, false, true, false]),
    (
        "merchant_profiles:read",
        [true, true, true, true, true, false],
    ),
    (
        "merchant_profiles:write",
        [false, false, false, false, true, false],
    ),
    (
        "payment_providers:read",
        [true, true, true, true, true, false],
    ),
    (
        "payment_providers:write",
        [false, false, false, false, false, false],
    ),
    ("rates:read", [true, true, true, true, true, false]),
    ("rates:write", [false, false, false, false, true, false]),
    ("releases:read", [true, true, true, true, true, true]),
    ("releases:write", [false, false, false, false, true, true]),
    (
        "release_offers:write",
        [false, false, false, false, true, false],
    ),
    (
        "release_gates:write",
        [false, false, false, false, true, false],
    ),
    (
        "release_installers:write",
        [false, false, false, false, false, false],
    ),
    ("attention:read", [true, true, true, true, true, false]),
    ("attention:write", [false, false, true, false, true, false]),
    ("audit:read", [true, true, true, true, true, false]),
    ("validations:read", [true, true, true, true, true, false]),
    ("settings:read", [true, true, true, true, true, false]),
    ("tier:read", [true, true, true, true, true, false]),
];

fn key(role: Role, extra: &[Scope]) -> Caller {
    Caller::Key {
        id: "k".to_owned(),
        role,
        extra: extra.to_vec(),
    }
}

#[test]
fn each_role_grants_what_the_table_says() {
    let scopes: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    let rows: Vec<&str> = TABLE.iter().map(|(name, _)| *name).collect();
    assert_eq!(rows, scopes, "every scope has a row");
    for (name, granted) in TABLE {
        let scope: Scope = name.parse().expect("a scope");
        for (role, granted) in Role::ALL.iter().zip(granted) {
            assert_eq!(role.grants(scope), *granted, "{role} {name}");
            assert_eq!(key(*role, &[]).has(scope), *granted, "{role} {name}");
        }
    }
}

/// A leaked key of a build machine shows no sale and no buyer.
#[test]
fn a_publisher_reads_releases_and_nothing_else() {
    let reads: Vec<&str> = Scope::ALL
        .iter()
        .filter(|scope| Role::Publisher.grants(**scope))
        .map(|scope| scope.as_str())
        .collect();
    assert_eq!(reads, ["releases:read", "releases:write"]);
}

#[test]
fn five_scopes_are_given_by_name() {
    let by_name: Vec<Scope> = Scope::ALL
        .iter()
        .copied()
        .filter(|scope| scope.is_a_la_carte())
        .collect();
    assert_eq!(
        by_name,
        [
            Scope::PaymentProvidersWrite,
            Scope::ReleasesWrite,
            Scope::ReleaseOffersWrite,
            Scope::ReleaseGatesWrite,
            Scope::ReleaseInstallersWrite,
        ]
    );
    for role in Role::ALL {
        for scope in [Scope::PaymentProvidersWrite, Scope::ReleaseInstallersWrite] {
            assert!(!role.grants(scope), "{role}");
            assert!(key(*role, &by_name).has(scope), "{role}");
        }
    }
    // One does not bring another along.
    let publishes = key(Role::ReadOnly, &[Scope::ReleasesWrite]);
    for scope in by_name {
        assert_eq!(publishes.has(scope), scope == Scope::ReleasesWrite);
    }
    // A row that holds what cannot be given by name gives nothing.
    let tampered = key(Role::ReadOnly, &[Scope::ProductsWrite]);
    assert!(!tampered.has(Scope::ProductsWrite));
}

#[test]
fn names_are_read_back_and_others_refused() {
    for scope in Scope::ALL {
        assert_eq!(scope.as_str().parse(), Ok(*scope));
    }
    for role in Role::ALL {
        assert_eq!(role.as_str().parse(), Ok(*role));
    }
    for text in [
        "",
        "products",
        "Products:read",
        "products:read ",
        "*:read",
        "*",
    ] {
        assert_eq!(text.parse::<Scope>(), Err(UnknownScope), "{text}");
        assert_eq!(text.parse::<Role>(), Err(UnknownRole), "{text}");
    }
}

proptest! {
    #[test]
    fn no_key_opens_what_only_the_master_may(
        role in proptest::sample::select(Role::ALL),
        extra in proptest::sample::subsequence(Scope::ALL, 0..=Scope::ALL.len()),
        scope in proptest::sample::select(Scope::ALL),
    ) {
        let caller = key(role, &extra);
        prop_assert!(!Gate::Master.opens_to(&caller));
        prop_assert!(Gate::AnyKey.opens_to(&caller));
        let by_name = extra.contains(&scope) && scope.is_a_la_carte();
        prop_assert_eq!(
            Gate::Scope(scope).opens_to(&caller),
            role.grants(scope) || by_name
        );
        prop_assert!(Gate::Master.opens_to(&Caller::Master));
        prop_assert!(Gate::Scope(scope).opens_to(&Caller::Master));
    }
}

#[test]
fn a_scoped_key_ends_unless_it_is_said_never_to() {
    let now = 1_800_000_000;
    for (given, expiry) in [
        (None, Ok(Some(now + 31_536_000))),
        (Some(None), Ok(None)),
        (Some(Some(now + 1)), Ok(Some(now + 1))),
        (Some(Some(now + 94_608_000)), Ok(Some(now + 94_608_000))),
        (Some(Some(now + 94_608_001)), Err(WrongKeyExpiry::TooFar)),
        (Some(Some(now)), Err(WrongKeyExpiry::Past)),
        (Some(Some(0)), Err(WrongKeyExpiry::Past)),
    ] {
        assert_eq!(key_expiry(given, now), expiry, "{given:?}");
    }
}
