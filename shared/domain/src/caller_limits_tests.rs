use super::*;
use std::collections::HashMap;

fn keys(limit: CallerLimit, address: Option<&str>) -> Vec<String> {
    let address = address.map(|text| text.parse().expect("an address"));
    let buckets = limit.buckets(address);
    buckets.into_iter().map(|(key, _)| key).collect()
}

#[test]
fn a_caller_takes_from_its_address_and_every_network_around_it() {
    assert_eq!(
        keys(CODES, Some("203.0.113.9")),
        ["codes:203.0.113.9", "codes:203.0.113.0/24"]
    );
    assert_eq!(
        keys(CODES, Some("::ffff:203.0.113.9")),
        keys(CODES, Some("203.0.113.9")),
        "IPv4 inside IPv6 is IPv4"
    );
    assert_eq!(
        keys(USDC_ORDERS, Some("2001:db8:1:2:3:4:5:6")),
        [
            "usdc_orders:2001:db8:1:2::/64",
            "usdc_orders:2001:db8:1::/48",
            "usdc_orders:2001:db8::/32",
            "usdc_orders:everybody",
        ]
    );
    assert_eq!(keys(CODES, None), ["codes:unknown"]);
    assert_eq!(
        keys(USDC_ORDERS, None),
        ["usdc_orders:unknown", "usdc_orders:everybody"]
    );
}

#[test]
fn two_networks_never_share_a_bucket() {
    // A /48 and a /64 or /32 that begin alike are told apart by their width.
    let zero = keys(CODES, Some("2001:db8::1"));
    assert_eq!(
        zero,
        [
            "codes:2001:db8::/64",
            "codes:2001:db8::/48",
            "codes:2001:db8::/32"
        ]
    );
}

#[test]
fn a_wider_network_has_more_and_never_as_much_as_all_its_callers() {
    for limit in ALL {
        let name = limit.name;
        let widths = [
            Some(limit.address),
            Some(limit.network),
            Some(limit.provider),
        ];
        let widths: Vec<Rate> = widths
            .into_iter()
            .chain([limit.everybody])
            .flatten()
            .collect();
        for pair in widths.windows(2) {
            let (narrow, wide) = (pair[0], pair[1]);
            assert!(wide.burst > narrow.burst, "{name}");
            assert!(wide.token_millis < narrow.token_millis, "{name}");
            assert!(wide.burst <= 8 * narrow.burst, "{name}");
        }
        // Four callers behind one address of a provider get through at once.
        assert!(limit.network.burst >= 2 * limit.address.burst, "{name}");
    }
}

/// As the manual writes a bucket: `30, 2 s`.
fn written(rate: Rate) -> String {
    let Rate {
        burst,
        token_millis,
    } = rate;
    let per = match (token_millis / 1_000, token_millis % 1_000) {
        (0, millis) => format!("{millis} ms"),
        (seconds, 0) => format!("{seconds} s"),
        (seconds, millis) => format!("{seconds}.{} s", millis / 100),
    };
    format!("{burst}, {per}")
}

#[test]
fn the_manual_has_these_numbers() {
    let manual = include_str!("../../../docs/limits.md");
    for limit in ALL {
        let name = format!("| `{}` |", limit.name);
        let row = manual.lines().find(|line| line.starts_with(&name));
        let row = row.unwrap_or_else(|| panic!("docs/limits.md has no row {name}"));
        let everybody = limit.everybody.map_or("–".to_owned(), written);
        let numbers = format!(
            "| {} | {} | {} | {everybody} |",
            written(limit.address),
            written(limit.network),
            written(limit.provider)
        );
        assert!(row.ends_with(&numbers), "{row}\n{numbers}");
    }
}

/// How many uses these callers, by turns, are given in an hour, from full buckets on.
fn in_an_hour(limit: CallerLimit, callers: &[IpAddr]) -> u64 {
    let mut full_at: HashMap<String, u64> = HashMap::new();
    let (start, mut given) = (1_000_000_000, 0);
    let step = if callers.len() == 1 {
        limit.address.token_millis
    } else {
        limit.network.token_millis
    };
    let mut turn = callers.iter().cycle();
    for now in (start..=start + 3_600_000).step_by(usize::try_from(step).expect("small")) {
        // As many as the buckets give now: whoever is refused leaves it to the next.
        let mut refused = 0;
        while refused < callers.len() {
            let buckets = limit.buckets(turn.next().copied());
            let taken: Option<Vec<(String, u64)>> = buckets
                .into_iter()
                .map(|(bucket, limit)| {
                    let held = full_at.get(&bucket).copied().unwrap_or_default();
                    limit.take(held, now).map(|after| (bucket, after))
                })
                .collect();
            match taken {
                Some(taken) => {
                    full_at.extend(taken);
                    given += 1;
                    refused = 0;
                }
                None => refused += 1,
            }
        }
    }
    given
}

#[test]
fn a_caller_and_a_network_have_this_in_an_hour() {
    let manual = include_str!("../../../docs/limits.md");
    let manual = manual.split("### In an hour").nth(1).expect("the table");
    let network: Vec<IpAddr> = (0..12)
        .map(|number| format!("2001:db8:7:{number:x}::1"))
        .map(|text| text.parse().expect("an address"))
        .collect();
    for limit in ALL {
        let one = in_an_hour(limit, &network[..1]);
        let together = in_an_hour(limit, &network);
        let numbers = format!("| `{}` | {one} | {together} | ", limit.name);
        let is_written = manual.lines().any(|line| line.starts_with(&numbers));
        assert!(is_written, "docs/limits.md lacks {numbers}");
        // The formula of the manual's reader.
        let rate = limit.network;
        let network = u64::from(rate.burst) + 3_600_000 / rate.token_millis;
        assert_eq!(together, network, "{}", limit.name);
    }
}

#[test]
fn only_a_public_address_tells_callers_apart() {
    for address in [
        "203.0.113.9",
        "192.0.2.1",
        "8.8.8.8",
        "100.63.0.1",
        "100.128.0.1",
        "172.32.0.1",
        "2001:db8::1",
        "2606:4700::1",
        "::ffff:203.0.113.9",
    ] {
        assert!(is_public(address.parse().expect("an address")), "{address}");
    }
    for address in [
        "127.0.0.1",
        "127.255.0.1",
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.1.1",
        "100.64.0.1",
        "100.127.255.255",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
    ] {
        assert!(
            !is_public(address.parse().expect("an address")),
            "{address}"
        );
    }
}
