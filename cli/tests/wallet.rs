//! The wallet's commands as the program that people run.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::process::{Command, Output, Stdio};

const WORDS: &str = "test test test test test test test test test test test junk";
const XPUB: &str = "xpub6Ce9NcJvTk36xtLSrJLZqE7wtgA5deCeYs7rSQtreh4cj6ByPtrg9sD7V2FNFLPnf8heNP3FGkeV9qwfzvZNSd54JoNXVsXFYSYwHsnJxqP";

fn wallet(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_keywright"))
        .arg("wallet")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    // A program that reads nothing is one of the cases.
    let _ = child
        .stdin
        .take()
        .expect("its input")
        .write_all(input.as_bytes());
    child.wait_with_output().expect("its end")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

#[test]
fn words_from_a_pipe_become_configuration_and_addresses() {
    for input in [
        WORDS.to_owned(),
        format!("{WORDS}\n"),
        format!("{WORDS}\r\n"),
    ] {
        let said = wallet(&["xpub"], &input);
        assert!(said.status.success(), "{said:?}");
        let out = text(&said.stdout);
        assert!(out.starts_with(&format!("WALLET_XPUB={XPUB}\n")), "{out}");
        assert!(out.contains("address 0: 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"));
        assert!(!out.contains("junk"), "{out}");
    }
    let said = wallet(&["xpub", "--json"], WORDS);
    let json: serde_json::Value = serde_json::from_slice(&said.stdout).expect("JSON");
    assert_eq!(json["WALLET_XPUB"], XPUB);
    assert_eq!(json["path"], "m/44'/60'/0'");
}

#[test]
fn a_passphrase_and_another_account_lead_to_other_keys() {
    let key = |arguments: &[&str], input: &str| {
        let said = wallet(&[&["xpub", "--json"], arguments].concat(), input);
        let json: serde_json::Value = serde_json::from_slice(&said.stdout).expect("JSON");
        json["WALLET_XPUB"].as_str().expect("a key").to_owned()
    };
    let with = key(&["--passphrase"], &format!("{WORDS}\nsecret\n"));
    let other = key(&["--passphrase"], &format!("{WORDS}\nSecret\n"));
    let second = key(&["--account", "1"], WORDS);
    let keys = [XPUB.to_owned(), with, other, second];
    for (at, one) in keys.iter().enumerate() {
        assert!(!keys[..at].contains(one), "{keys:?}");
    }
    // An empty passphrase is none.
    assert_eq!(key(&["--passphrase"], &format!("{WORDS}\n\n")), XPUB);
}

#[test]
fn words_are_never_an_argument_and_never_repeated() {
    let said = wallet(&["xpub", "legal", "winner"], "");
    assert_eq!(said.status.code(), Some(2));
    let said = wallet(
        &["xpub"],
        "legal winner thank year wave sausage worth useful legal winner thank thank\n",
    );
    assert_eq!(said.status.code(), Some(2));
    let all = text(&said.stdout) + &text(&said.stderr);
    assert!(!all.contains("sausage"), "{all}");
    assert!(wallet(&["xpub"], "").status.code() == Some(2));
}
