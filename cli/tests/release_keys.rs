//! Release keys in the forms that other tools write them.

// compatibility: Downloads and installers | minisign crate, which Tauri's signer uses | cargo:minisign | `make test` | makes keys as `tauri signer generate` does; `keywright` signs with them

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use data_encoding::BASE64;
use minisign::KeyPair;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const PASSWORD: &str = "TAURI_SIGNING_PRIVATE_KEY_PASSWORD";

/// Publishes into a folder; `number` makes the version a new one.
fn publish(folder: &Path, number: usize, key: &[&str], variables: &[(&str, &str)]) -> Output {
    let file = folder.join("app.exe");
    std::fs::write(&file, b"a program").expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_keywright"));
    command
        .env_clear()
        .args(["release", "publish", "--product", "demo"]);
    command.args(["--platform", "any", "--version", &format!("1.0.{number}")]);
    command.arg("--folder").arg(folder).args(key).arg(file);
    command.envs(variables.iter().copied()).stdin(Stdio::null());
    command.output().expect("the program")
}

#[test]
fn a_key_of_tauri_signs_releases() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let mut number = 0;
    for password in ["", "correct horse"] {
        // As `tauri signer generate` writes them: the whole file of minisign in base64.
        let pair = KeyPair::generate_encrypted_keypair(Some(password.to_owned())).expect("a key");
        let plain = pair.sk.to_box(None).expect("a key").into_string();
        let tauri = BASE64.encode(plain.as_bytes());
        let path = folder.join("tauri.key");
        std::fs::write(&path, &tauri).expect("a file");
        let path = path.to_str().expect("a plain path");
        let escaped = plain.replace('\n', "\\n");
        let (first, second) = tauri.split_at(100);
        let broken = format!("\u{feff}\"{first}\r\n{second}\"\r\n");
        let with_line_end = format!("{password}\r\n");
        let password = (PASSWORD, password);
        for (key, variables) in [
            (vec!["--key", path], vec![password]),
            (
                vec!["--key", path],
                vec![(PASSWORD, with_line_end.as_str())],
            ),
            (vec![], vec![password, ("KEYWRIGHT_RELEASE_KEY", path)]),
            (
                vec![],
                vec![password, ("KEYWRIGHT_RELEASE_KEY", tauri.as_str())],
            ),
            (vec![], vec![password, ("TAURI_SIGNING_PRIVATE_KEY", path)]),
            (
                vec![],
                vec![password, ("TAURI_SIGNING_PRIVATE_KEY", escaped.as_str())],
            ),
            (
                vec![],
                vec![password, ("TAURI_SIGNING_PRIVATE_KEY", broken.as_str())],
            ),
        ] {
            number += 1;
            let done = publish(folder, number, &key, &variables);
            assert!(
                done.status.success(),
                "{number}: {}",
                String::from_utf8_lossy(&done.stderr)
            );
        }
        let without = publish(folder, 100, &["--key", path], &[]);
        let wrong = publish(folder, 101, &["--key", path], &[(PASSWORD, "wrong")]);
        assert_eq!(without.status.success(), password.1.is_empty());
        assert_eq!(wrong.status.code(), Some(2));
        let said = String::from_utf8_lossy(&without.stderr);
        assert!(
            without.status.success() || said.contains("set KEYWRIGHT_RELEASE_PASSWORD"),
            "{said}"
        );
    }
    // The key is in no help text, and a missing one is named.
    let none = publish(folder, 102, &[], &[]);
    let said = String::from_utf8_lossy(&none.stderr);
    assert!(said.contains("--key FILE is required"), "{said}");
    let help = publish(
        folder,
        103,
        &["--help"],
        &[("KEYWRIGHT_RELEASE_KEY", "secret-text")],
    );
    assert!(!String::from_utf8_lossy(&help.stdout).contains("secret-text"));
}
