//! `keywright audit verify`: compares the audit log with its signed checkpoint, and the
//! checkpoint with the one that was kept.

use super::keys::PinnedKeys;
use super::verdict::{self, Compared};
use crate::CommandOutput;
use crate::error::CliError;
use crate::input;
use crate::repository::{Client, ServerArgs};
use clap::Args;
use keywright_domain::audit_log::leaf::StoredEntry;
use keywright_domain::audit_log::verdict::{LogReader, ServedLeaf, SignedHead, Verdict};
use keywright_license::{Checkpoint, SignedCheckpoint};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Proves that nothing sealed was changed, removed or reordered, and that the log extends
/// the checkpoint of the run before. Exit codes: 0 intact, also when entries were erased or
/// pruned by record; 1 run it again later; 3 not sealed, or signed with a key that was not
/// given; 4 the log is not what was sealed, was rolled back, or was forked.
#[derive(Debug, Args)]
pub struct Verify {
    /// The public key that keywright keygen seal printed, or a file with it; again for a
    /// rotated key.
    #[arg(long = "key", env = "KEYWRIGHT_SEAL_PUBLIC_KEY", value_name = "KEY")]
    keys: Vec<String>,
    /// The file that keeps the checkpoint for the next run. Keep it where the server's
    /// administrators cannot change it.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "keywright-audit.checkpoint"
    )]
    kept: PathBuf,
    #[command(flatten)]
    server: ServerArgs,
}

/// A page of leaves.
#[derive(Deserialize)]
struct LeafPage {
    leaves: Vec<ServedLeaf>,
    unsealed: Vec<StoredEntry>,
}

impl Verify {
    pub(crate) fn run(self) -> Result<CommandOutput, CliError> {
        let keys = PinnedKeys::read(&self.keys)?;
        let kept = kept(&self.kept, &keys)?;
        let api = self
            .server
            .open("ADMIN_KEY, or a key with the scope audit:read,")?;
        let Some(note) = api.read("/v1/admin/audit/checkpoint")? else {
            return Err(verdict::not_sealed(kept.as_ref()));
        };
        let note = String::from_utf8(note).map_err(verdict::unreadable)?;
        let parsed = SignedCheckpoint::parse(&note).map_err(verdict::unreadable)?;
        let signed = keys
            .check(&parsed)
            .map_err(|refusal| verdict::not_signed(refusal, &parsed.key_ids()))?;
        if let Some(kept) = kept.as_ref().filter(|kept| kept.origin != signed.origin) {
            return Err(verdict::other_log(&signed.origin, &kept.origin));
        }
        if !keys.allow(&signed.origin) {
            return Err(verdict::other_log(&signed.origin, "the name in --key"));
        }
        let verdict = read(&api, signed, kept.as_ref())?;
        let compared = Compared {
            signed,
            kept: kept.as_ref(),
        };
        let output = compared.output(verdict)?;
        keep(&self.kept, &note)?;
        Ok(output)
    }
}

/// Reads the whole log and judges it.
fn read(api: &Client, signed: &Checkpoint, kept: Option<&Checkpoint>) -> Result<Verdict, CliError> {
    let head = |checkpoint: &Checkpoint| SignedHead {
        size: checkpoint.size,
        root: checkpoint.root,
    };
    let mut reader = LogReader::new(head(signed), kept.map(head));
    let mut from = 0;
    loop {
        let page: LeafPage = api.get(&format!("/v1/admin/audit/leaves?first={from}"))?;
        for leaf in &page.leaves {
            reader.leaf(leaf);
        }
        // A page whose leaves do not go on would be read forever.
        match page.leaves.last() {
            Some(last) if last.index >= from => from = last.index + 1,
            _ => {
                for entry in &page.unsealed {
                    reader.without_leaf(entry);
                }
                return Ok(reader.finish());
            }
        }
    }
}

/// The checkpoint that was kept; `None` before the first run.
fn kept(path: &Path, keys: &PinnedKeys) -> Result<Option<Checkpoint>, CliError> {
    if !path.exists() {
        return Ok(None);
    }
    let note = input::read_text(path)?;
    let note = SignedCheckpoint::parse(&note)
        .map_err(|error| CliError::file(path, format!("the kept checkpoint is {error}")))?;
    let kept = keys.check(&note).map_err(|refusal| {
        CliError::usage(format!(
            "{}: the kept checkpoint does not count: {refusal}; if the key was rotated, pass the old one as another --key",
            path.display()
        ))
    })?;
    Ok(Some(kept.clone()))
}

/// Writes the checkpoint, whole or not at all.
fn keep(path: &Path, note: &str) -> Result<(), CliError> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    std::fs::write(&partial, note).map_err(|error| CliError::file(&partial, error))?;
    std::fs::rename(&partial, path).map_err(|error| CliError::file(path, error))
}
