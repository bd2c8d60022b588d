use super::*;

fn judged(url: &str) -> Result<String, TargetError> {
    let rules = TargetRules {
        allows_private: false,
        public_url: Some("https://shop.example.com"),
    };
    WebhookTarget::parse(url, rules).map(|target| target.origin())
}

#[test]
fn public_hosts_are_taken() {
    for (url, origin) in [
        ("https://hooks.example.com/in", "https://hooks.example.com"),
        (
            "https://hooks.example.com:8443/in?t=1",
            "https://hooks.example.com:8443",
        ),
        ("HTTPS://Hooks.Example.com:443", "https://hooks.example.com"),
        ("https://1.1.1.1/", "https://1.1.1.1"),
        ("https://[2606:4700::1111]/", "https://[2606:4700::1111]"),
        ("https://a_b.example.com/x@y", "https://a_b.example.com"),
        (
            "https://localhost.example.com/",
            "https://localhost.example.com",
        ),
        (
            "https://notinternal.example/",
            "https://notinternal.example",
        ),
        (
            "https://other.shop.example.com/",
            "https://other.shop.example.com",
        ),
    ] {
        assert_eq!(judged(url).as_deref(), Ok(origin), "{url}");
    }
}

#[test]
fn whatever_leads_inside_is_not_public() {
    for host in [
        "[::ffff:7f00:1]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::a9fe:a9fe]",
        "[64:ff9b:1::1]",
        "[2002:7f00:1::]",
        "[2001::1]",
        "[2001:db8::1]",
        "[fe80::1]",
        "[fe81::1]",
        "[fec0::1]",
        "[fc00::1]",
        "[fd12::1]",
        "[ff02::1]",
        "[::]",
        "[::1]",
        "[100::1]",
        "[3fff::1]",
        "2130706433",
        "0177.0.0.1",
        "0x7f.1",
        "0x7f000001",
        "127.1",
        "127.0.1",
        "017700000001",
        "0x7f.0.0.0x1",
        "1.2.3",
        "1.2.3.4.5",
        "256.1.1.1",
        "127.0.0.1",
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "169.254.169.254",
        "172.31.0.1",
        "192.168.1.1",
        "192.0.0.8",
        "198.19.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "localhost",
        "LOCALHOST",
        "a.localhost",
        "localhost.",
        "hooks.example.com.",
        "127.0.0.1.",
        "printer.local",
        "db.internal",
        "sign.spin.internal",
        "metadata",
        "router.lan",
        "x.home.arpa",
        "intranet",
        "a..example.com",
        ".example.com",
    ] {
        for port in ["", ":443", ":8443"] {
            let url = format!("https://{host}{port}/in");
            assert_eq!(judged(&url), Err(TargetError::NotPublic), "{url}");
        }
    }
}

#[test]
fn every_other_fault_is_named() {
    let long = format!("https://hooks.example.com/{}", "a".repeat(2_000));
    for (url, error) in [
        ("", TargetError::Malformed),
        ("hooks.example.com", TargetError::Malformed),
        ("ftp://hooks.example.com", TargetError::Malformed),
        ("https://", TargetError::Malformed),
        ("https:///in", TargetError::Malformed),
        ("https://hooks.example.com:0/", TargetError::Malformed),
        ("https://hooks.example.com:70000/", TargetError::Malformed),
        ("https://hooks.example.com:/", TargetError::Malformed),
        ("https://hooks example.com/", TargetError::Malformed),
        ("https://b\u{fc}cher.example/", TargetError::Malformed),
        ("https://hooks.example.com/\u{e9}", TargetError::Malformed),
        (
            "https://hooks.example.com\\@evil.example/",
            TargetError::Credentials,
        ),
        ("https://127.0.0.1%2f.example.com/", TargetError::Malformed),
        (&long, TargetError::Malformed),
        (
            "https://ana:pw@hooks.example.com/in",
            TargetError::Credentials,
        ),
        ("https://ana@hooks.example.com/in", TargetError::Credentials),
        ("https://hooks.example.com/in#x", TargetError::Fragment),
        ("http://hooks.example.com/in", TargetError::NotHttps),
        ("https://shop.example.com/in", TargetError::OwnShop),
        ("https://SHOP.example.com:8443/in", TargetError::OwnShop),
        ("https://shop.example.com./in", TargetError::OwnShop),
    ] {
        assert_eq!(judged(url), Err(error), "{url}");
    }
}

#[test]
fn an_instance_may_allow_its_own_house() {
    let rules = TargetRules {
        allows_private: true,
        public_url: Some("http://127.0.0.1:8787"),
    };
    for url in [
        "http://127.0.0.1:9000/in",
        "http://localhost/in",
        "https://nas.lan/in",
        "http://[::1]:9000/in",
    ] {
        assert!(WebhookTarget::parse(url, rules).is_ok(), "{url}");
    }
    // What nobody can read one way is refused all the same.
    for url in [
        "http://127.1/in",
        "http://0x7f.1/in",
        "http://localhost./in",
    ] {
        let refused = WebhookTarget::parse(url, rules);
        assert_eq!(refused, Err(TargetError::NotPublic), "{url}");
    }
}
