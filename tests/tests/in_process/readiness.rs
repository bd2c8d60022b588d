//! What is wrong with the configuration: in the log when a function starts, and at
//! `GET /readyz` until the shop can sell.

use crate::bench::{Answer, Bench, account_of, played_store};
use crate::usdc_shop::{Market, WALLET, XPUB};
use keywright_native_host::Fault;
use keywright_ports::name;
use serde_json::Value;

const XPRV: &str = "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi";

async fn ready(bench: &Bench) -> Answer {
    bench.get("/readyz").await
}

/// The names of what is wrong, in order.
fn names(answer: &Answer) -> Vec<String> {
    let answer = answer.json();
    let faults = answer["faults"].as_array().expect("a list");
    let name = |fault: &Value| fault["name"].as_str().map(str::to_owned);
    let mut names: Vec<String> = faults.iter().filter_map(name).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_shop_is_ready_once_it_can_be_paid() {
    let pay = played_store();
    let bench = Bench::paid_through(&pay);
    let answer = ready(&bench).await;
    assert_eq!((answer.status, names(&answer)), (200, vec![]), "{answer:?}");
    let without = ready(&Bench::new()).await;
    assert_eq!(without.status, 503, "{without:?}");
    assert_eq!(names(&without), [name::BTCPAY_URL]);
    assert_eq!(without.text("error"), "not_ready");
    // A wallet counts once the chain was read.
    let market = Market::open().await;
    assert_eq!(ready(&market.bench).await.status, 200);
    let unread = ready(&Bench::with(&[(name::WALLET_ADDRESS, WALLET)])).await;
    assert_eq!(unread.status, 503, "{unread:?}");
    assert_eq!(names(&unread), [name::POLYGON_RPC_URLS]);
}

#[tokio::test]
async fn each_name_that_keeps_a_shop_from_selling_is_named_and_no_value_is_shown() {
    let pay = played_store();
    let other = "197f6b23e16c8532c6abc838facd5ea789be0c76b2920334039bfa8b3d368d61";
    for (name, value) in [
        (name::PUBLIC_URL, ""),
        (name::PUBLIC_URL, "shop.example.com"),
        (name::PUBLIC_URL, "https://shop.example.com/licenses"),
        (name::VERIFY_KEYS, ""),
        (name::VERIFY_KEYS, "not-a-key"),
        (name::RECEIPT_KEYS, ""),
        (name::RECEIPT_KEYS, "c2hvcnQ="),
        (name::BTCPAY_URL, "btcpay.example.com"),
        (name::BTCPAY_URL, ""),
        (name::BTCPAY_STORE_ID, "my store"),
        (name::BTCPAY_STORE_ID, ""),
        (name::BTCPAY_API_KEY, ""),
        (name::SIGNING_KEY, ""),
        (name::SIGNING_KEY, "WlpaWg=="),
    ] {
        let mut config = account_of(&pay).to_vec();
        config.push((name, value));
        let answer = ready(&Bench::with(&config)).await;
        assert_eq!(
            (answer.status, names(&answer)),
            (503, vec![name.to_owned()]),
            "{value}"
        );
        let body = answer.json().to_string();
        assert!(value.is_empty() || !body.contains(value), "{body}");
        assert_eq!(answer.headers["cache-control"], "no-store", "{value}");
    }
    // The key of sign belongs to another public key.
    let mut config = account_of(&pay).to_vec();
    config.push((name::VERIFY_KEYS, other));
    assert_eq!(
        names(&ready(&Bench::with(&config)).await),
        [name::SIGNING_KEY]
    );
    for (name, value) in [
        (name::WALLET_ADDRESS, "0xabc"),
        (
            name::WALLET_ADDRESS,
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD",
        ),
        (name::WALLET_XPUB, XPRV),
        (name::WALLET_XPUB, &XPUB[..40]),
    ] {
        let answer = ready(&Bench::with(&[(name, value)])).await;
        assert_eq!(
            (answer.status, names(&answer)),
            (503, vec![name.to_owned()]),
            "{value}"
        );
        assert!(!answer.json().to_string().contains(value));
        // Beside another way of being paid it is reported, and the shop sells.
        let mut config = account_of(&pay).to_vec();
        config.push((name, value));
        let answer = ready(&Bench::with(&config)).await;
        assert_eq!(
            (answer.status, names(&answer)),
            (200, vec![name.to_owned()]),
            "{value}"
        );
    }
}

/// What keeps nothing from being sold, in functions that `purchase` cannot see.
#[tokio::test]
async fn what_is_wrong_with_the_key_of_the_seal_is_listed_and_not_shown() {
    let pay = played_store();
    let signing = keywright_tests::shop::SIGNING_KEY;
    for value in ["", "c2hvcnQ=", "not base64", signing] {
        let mut config = account_of(&pay).to_vec();
        config.push((name::SEAL_KEY, value));
        let answer = ready(&Bench::with(&config)).await;
        let expected = (200, vec![name::SEAL_KEY.to_owned()]);
        assert_eq!((answer.status, names(&answer)), expected, "{value}");
        let body = answer.json().to_string();
        assert!(value.is_empty() || !body.contains(value), "{body}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_mail_is_listed_after_a_tick_until_it_is_mended() {
    let pay = played_store();
    let template = r#"{"to":"{{to}}","text":"{{re_secret}}"}"#;
    let half = [
        (name::MAIL_TRANSPORT, "resend"),
        (name::MAIL_API_KEY, "two words"),
    ];
    let malformed = [(name::MAIL_TEMPLATE, template)];
    for (config, expected) in [
        (&half[..1], &["MAIL_API_KEY", "MAIL_FROM", "MAIL_KEY"][..]),
        (&half[..], &["MAIL_API_KEY", "MAIL_FROM", "MAIL_KEY"]),
        (&malformed[..], &["MAIL_TEMPLATE"]),
    ] {
        let bench = Bench::with(&[&account_of(&pay)[..], config].concat());
        assert_eq!(
            names(&ready(&bench).await),
            [""; 0],
            "before the first tick"
        );
        deliver(&bench).await;
        let answer = ready(&bench).await;
        assert_eq!(
            (answer.status, names(&answer)),
            (
                200,
                expected.iter().map(|name| (*name).to_owned()).collect()
            )
        );
        let body = answer.json().to_string();
        assert!(
            !body.contains("two words") && !body.contains("re_secret"),
            "{body}"
        );
        let mended = bench.redeployed(&account_of(&pay));
        deliver(&mended).await;
        assert_eq!(names(&ready(&mended).await), [""; 0]);
    }
}

async fn deliver(bench: &Bench) {
    let tick = http::Request::post("/v1/cron/deliver")
        .header(
            "authorization",
            format!("Bearer {}", keywright_tests::shop::CRON_TOKEN),
        )
        .body(axum::body::Body::empty());
    assert_eq!(bench.send(tick.expect("a request")).await.status, 200);
}

#[tokio::test]
async fn a_database_that_is_away_is_named() {
    let bench = Bench::paid_through(&played_store());
    bench.shop.database.break_call(0, Fault::Before);
    let answer = ready(&bench).await;
    assert_eq!(
        (answer.status, names(&answer)),
        (503, vec!["database".to_owned()])
    );
    assert_eq!(ready(&bench).await.status, 200);
}

/// Each function says once what is wrong with what it reads, before anything is asked of
/// it.
#[tokio::test]
async fn what_is_wrong_is_in_the_log_when_a_function_starts() {
    let wrong = [
        (name::ADMIN_KEY, "short", 1),
        (name::CRON_TOKEN, "tick-tock", 3),
        (name::PUBLIC_URL, "shop.example.com", 10),
        (name::SIGNING_KEY, "WlpaWg==", 1),
        (name::BTCPAY_URL, "btcpay.example.com", 4),
        (name::BTCPAY_STORE_ID, "my store", 4),
        (name::BTCPAY_WEBHOOK_SECRET, "guessed", 1),
        (name::BTCPAY_BROWSER_URL, "checkout.example.net", 2),
        (name::ZAPRITE_URL, "https://api.zaprite.com/v1", 4),
        (name::WALLET_ADDRESS, "0xabc", 2),
        (name::WALLET_XPUB, XPRV, 1),
        (name::POLYGON_RPC_URLS, "ftp://node.example/v2/topsecret", 1),
        (name::POLYGON_START_BLOCK, "latest", 1),
        (name::USDC_INSTANCE, "second", 2),
        (name::LEGACY_TX_CLAIMS, "maybe", 1),
        (name::SANDBOX_MODE, "maybe", 1),
        (name::INSTANCE_ISSUER_KEY, "a-key-of-nobody", 2),
        (name::INSTANCE_ISSUER_URL, "issuer.example.org", 2),
        (name::INSTANCE_PRODUCT_SLUG, "Hosting!", 2),
        (name::INSTANCE_PRODUCT_ID, "0199", 2),
        (name::INSTANCE_LICENSE, "hosting-for-free", 2),
        (name::RECEIPT_SEALING_UNTIL, "tomorrow", 1),
        (name::CREDENTIALS_KEY, "c2VhbGVk", 4),
        (name::CLIENT_ADDRESS_HEADER, "X Real IP", 7),
        (name::GIT_URL, "git@git.example.com:vendor", 1),
        (name::RELEASES_SENDFILE, "nginx", 1),
        (name::EVENT_DAYS, "a year", 1),
        (name::AUDIT_DAYS, "a century", 1),
        (name::SEAL_KEY, "c2VhbCBrZXk=", 1),
        (name::WEBHOOK_KEY, "dG9vIHNob3J0", 2),
        (name::WEBHOOK_HOSTS, "hooks.house.test", 2),
        (name::WEBHOOK_PRIVATE, "perhaps", 2),
        (name::WEBHOOKS_PER_TICK, "ten thousand", 1),
        (name::WEBHOOK_HOLD_DAYS, "for ever", 1),
        (name::MAIL_TRANSPORT, "pigeon", 1),
        (name::MAIL_URL, "gopher://mail.example/", 1),
        (name::MAIL_API_KEY, "two words", 1),
        (name::MAIL_HEADERS, "Authorization: Bearer k9", 1),
        (
            name::MAIL_TEMPLATE,
            r#"{"to":"{{to}}","text":"{{body}}"}"#,
            1,
        ),
        (name::MAIL_FORMAT, "yaml", 1),
        (name::MAIL_IDEMPOTENCY_HEADER, "Idempotency Key", 1),
        (name::MAIL_SUCCESS, "taken", 1),
        (name::MAIL_FROM, "the shop", 1),
        (name::MAIL_OPERATOR, "ana@x.example,bob@x.example", 1),
        (name::MAIL_KEY, "a2V5", 1),
        (name::MAIL_LANGUAGE, "klingon", 1),
        (name::MAIL_PER_DAY, "plenty", 1),
        (name::MAIL_HOLD_MINUTES, "an hour", 1),
    ];
    let config = wrong.map(|(name, value, _)| (name, value));
    let lines = Bench::with(&config).shop.native.log.lines();
    for (name, value, functions) in wrong {
        let about = format!("\"{name}");
        let said = lines.iter().filter(|line| line.contains(&about)).count();
        assert_eq!(said, functions, "{name}: {lines:#?}");
        assert!(
            !lines.iter().any(|line| line.contains(value)),
            "{value} is shown"
        );
    }
    let pay = played_store();
    let quiet = Bench::with(&account_of(&pay)).shop.native.log.lines();
    assert_eq!(quiet, [""; 0]);
}
