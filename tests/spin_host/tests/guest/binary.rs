//! The host as a program of its own.

use crate::support::Fixture;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// A child that does not outlive its test.
struct Host(Child);

impl Drop for Host {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn host(fixture: &Fixture) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spin-test-host"));
    command
        .arg("--manifest")
        .arg(fixture.path("spin.toml"))
        .arg("--state-dir")
        .arg(fixture.path("state"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[tokio::test]
async fn it_serves_and_takes_values_from_both_places() {
    let fixture = Fixture::new();
    let mut command = host(&fixture);
    command
        .env("SPIN_VARIABLE_TOKEN", "from the environment")
        .env("SPIN_VARIABLE_GREETING", "hidden")
        .args(["--variable", "greeting=hello", "--reuse", "1,1"]);
    let mut host = Host(command.spawn().unwrap());
    let mut address = String::new();
    let stdout = host.0.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut address).unwrap();
    let text = async |path: &str| {
        let url = format!("{}{path}", address.trim());
        reqwest::get(url).await.unwrap().text().await.unwrap()
    };
    assert_eq!(text("/variable/key").await, "<from the environment>");
    assert_eq!(text("/variable/both").await, "hello hello");
    assert_eq!(text("/count").await, "1");
    assert_eq!(text("/count").await, "1");
    assert_eq!(text("/log/1").await, "logged");
    let mut log = String::new();
    let stderr = host.0.stderr.take().unwrap();
    BufReader::new(stderr).read_line(&mut log).unwrap();
    assert_eq!(log, "open: line 1\n");
}

#[test]
fn it_says_what_is_missing() {
    let fixture = Fixture::new();
    let output = host(&fixture).output().unwrap();
    assert!(!output.status.success());
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("required variable `token`"), "{message}");
}
