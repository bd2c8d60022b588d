//! The compiled `keywright`, and other programs.

pub(crate) use keywright_tests::command_line::keywright;
use keywright_tests::hosts::Instance;
use keywright_tests::shop::ADMIN_KEY;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What a run said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// The JSON of a run that has to have worked.
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Checks for a refusal with this exit code, whose message has these words.
    pub(crate) fn is_refused(&self, code: i32, words: &str) {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.err.contains(words), "{words}: {self:?}");
    }
}

/// Runs a command to its end, on a thread where it blocks nobody.
pub(crate) async fn run(mut command: Command) -> Said {
    let ended = tokio::task::spawn_blocking(move || command.output()).await;
    said(&ended.expect("a thread").expect("the program starts"))
}

fn said(output: &Output) -> Said {
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs `keywright --json` with these arguments.
pub(crate) fn json(arguments: &[&str]) -> impl Future<Output = Said> + use<> {
    run(keywright(&[&["--json"], arguments].concat()))
}

/// Runs another program; its name has to be on the PATH.
pub(crate) async fn other(name: &str, arguments: &[&str]) -> Said {
    let mut command = Command::new(name);
    command.args(arguments).stdin(Stdio::null());
    run(command).await
}

/// A folder with a release key that has no password.
pub(crate) struct Vendor {
    folder: tempfile::TempDir,
}

impl Vendor {
    pub(crate) async fn new() -> Self {
        let vendor = Self {
            folder: tempfile::tempdir().expect("a folder"),
        };
        let (secret, public) = (vendor.path("release.key"), vendor.path("release.pub"));
        let made = json(&[
            "keygen",
            "release",
            "--no-password",
            "--secret",
            &secret,
            "--public",
            &public,
        ]);
        made.await.ok();
        vendor
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        path.to_str().expect("a plain path").to_owned()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file; answers its path.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.path(name);
        std::fs::write(&path, bytes).expect("a file");
        path
    }

    /// Where an instance is, for the command line: with the folder where it
    /// cannot store releases itself.
    pub(crate) fn place(&self, instance: &Instance) -> Vec<String> {
        let key = self.file("api-key", format!("{ADMIN_KEY}\n").as_bytes());
        let url = instance.api.base_url();
        let mut place = vec!["--server", url, "--api-key-file", &key]
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>();
        if !crate::stores(instance) {
            let folder = instance.releases();
            place.push("--folder".to_owned());
            place.push(folder.to_str().expect("a plain path").to_owned());
        }
        place
    }
}

/// `release COMMAND …` at a place.
pub(crate) fn release(place: &[String], arguments: &[&str]) -> impl Future<Output = Said> + use<> {
    let place: Vec<&str> = place.iter().map(String::as_str).collect();
    json(&[&["release"], arguments, &place].concat())
}
