//! What a verdict on the audit log means for people, for programs, and for the exit code.

use crate::CommandOutput;
use crate::error::{CliError, Exit};
use keywright_domain::audit_log::verdict::{Finding, IntactLog, Verdict};
use keywright_license::{Checkpoint, CheckpointRefusal};
use serde_json::{Value, json};

/// Most findings that are spelled out for people.
const SHOWN: usize = 20;

/// The two checkpoints that a verdict is about.
pub(super) struct Compared<'a> {
    pub(super) signed: &'a Checkpoint,
    pub(super) kept: Option<&'a Checkpoint>,
}

/// An error with a word for the verdict.
fn refused(exit: Exit, word: &str, message: impl Into<String>) -> CliError {
    CliError::new(exit, message).with("verdict", word)
}

/// There is no checkpoint.
pub(super) fn not_sealed(kept: Option<&Checkpoint>) -> CliError {
    match kept {
        None => refused(
            Exit::Refused,
            "not_sealed",
            "the audit log is not sealed: the server has no checkpoint. Give its sign function a SEAL_KEY; its docs/audit.md says how",
        ),
        Some(kept) => refused(
            Exit::NotGenuine,
            "rolled_back",
            format!(
                "the audit log was rolled back: the server has no checkpoint, but one of {} entries was kept",
                kept.size
            ),
        ),
    }
}

/// The checkpoint cannot be read.
pub(super) fn unreadable(error: impl std::fmt::Display) -> CliError {
    let message = format!("the server's checkpoint cannot be read: {error}");
    refused(Exit::NotGenuine, "bad_checkpoint", message)
}

/// The checkpoint is not signed with a pinned key. `ids` are those that it names.
pub(super) fn not_signed(refusal: CheckpointRefusal, ids: &[String]) -> CliError {
    match refusal {
        CheckpointRefusal::UnknownKey => refused(
            Exit::Refused,
            "unknown_key",
            format!(
                "the checkpoint is signed, but with none of the given keys, so nothing can be said of it; it names the key {}. If the key was rotated, get the new public key from who runs the server and pass it as another --key",
                ids.join(" and ")
            ),
        ),
        CheckpointRefusal::BadSignature => refused(
            Exit::NotGenuine,
            "bad_signature",
            "the checkpoint names a given key, and its signature does not verify: it was changed, or not signed by that key",
        ),
    }
}

/// The checkpoint is of another log.
pub(super) fn other_log(found: &str, expected: &str) -> CliError {
    let message = format!("this is another log: the checkpoint is of {found}, not of {expected}");
    refused(Exit::NotGenuine, "other_log", message)
}

impl Compared<'_> {
    /// The output for a verdict, or the error.
    pub(super) fn output(&self, verdict: Verdict) -> Result<CommandOutput, CliError> {
        let size = self.signed.size;
        let kept = self.kept.map(|kept| kept.size).unwrap_or_default();
        match verdict {
            Verdict::Intact(log) => Ok(self.intact(&log)),
            Verdict::RecordNotSealed => Err(refused(
                Exit::Failed,
                "record_not_sealed",
                "entries were erased or pruned, and the record of that is not sealed yet; run this again after the next tick of renew",
            )),
            Verdict::RolledBack => Err(refused(
                Exit::NotGenuine,
                "rolled_back",
                format!(
                    "the audit log was rolled back: it has {size} sealed entries, and a checkpoint of {kept} was kept. A backup may have been restored"
                ),
            )),
            Verdict::Forked => Err(refused(
                Exit::NotGenuine,
                "forked",
                format!(
                    "the audit log was forked: its checkpoint of {size} entries is signed, but does not extend the one of {kept} that was kept. The server has signed two histories"
                ),
            )),
            Verdict::Altered(findings) => Err(altered(&findings)),
        }
    }

    fn intact(&self, log: &IntactLog) -> CommandOutput {
        let mut lines = vec![format!(
            "the audit log is intact: {} sealed entries of {}",
            log.size, self.signed.origin
        )];
        lines.push(match self.kept {
            Some(kept) if kept.size == log.size => {
                "nothing was sealed since the checkpoint that was kept".to_owned()
            }
            Some(kept) => format!(
                "it extends the checkpoint of {} entries that was kept",
                kept.size
            ),
            None => "no checkpoint was kept before; from now on this one is compared".to_owned(),
        });
        for erased in &log.erased {
            let count = counted(erased.count, "entry", "entries");
            lines.push(format!("{count} erased, by entry {}", erased.by));
        }
        if let Some(pruned) = &log.pruned {
            let last = pruned.count.saturating_sub(1);
            lines.push(format!(
                "entries 0 to {last} pruned, by entry {}",
                pruned.by
            ));
        }
        if log.withheld > 0 {
            let count = counted(log.withheld, "entry is", "entries are");
            lines.push(format!(
                "{count} withheld from this key and compared by hash only; ADMIN_KEY compares them in full"
            ));
        }
        if log.unsealed > 0 {
            let count = counted(log.unsealed, "newer entry is", "newer entries are");
            lines.push(format!("{count} not sealed yet"));
        }
        let mut json = json!(log);
        json["ok"] = true.into();
        json["verdict"] = "intact".into();
        json["origin"] = json!(self.signed.origin);
        json["kept_size"] = json!(self.kept.map(|kept| kept.size));
        CommandOutput {
            text: lines.join("\n"),
            json,
        }
    }
}

fn altered(findings: &[Finding]) -> CliError {
    let mut lines: Vec<String> = findings.iter().take(SHOWN).map(sentence).collect();
    if findings.len() > SHOWN {
        lines.push(format!(
            "and {} more; --json lists all",
            findings.len() - SHOWN
        ));
    }
    let message = format!(
        "the audit log is not what was sealed; do not trust it:\n{}",
        lines.join("\n")
    );
    let findings: Vec<Value> = findings.iter().map(|finding| json!(finding)).collect();
    refused(Exit::NotGenuine, "changed", message).with("findings", findings)
}

fn sentence(finding: &Finding) -> String {
    match finding {
        Finding::Changed { index, sequence } => {
            format!("entry {index} (sequence {sequence}) was changed")
        }
        Finding::Blanked { index, sequence } => {
            format!("entry {index} (sequence {sequence}) was blanked, and no sealed entry records that it was erased")
        }
        Finding::Removed { index, sequence } => {
            format!("entry {index} (sequence {sequence}) was removed, and no sealed entry records that it was pruned")
        }
        Finding::Inserted { sequence } => {
            format!("the entry with sequence {sequence} was inserted among sealed entries")
        }
        Finding::Leaves => "the hashes of the entries do not lead to the signed root: hashes were changed, removed, reordered or inserted".to_owned(),
    }
}

fn counted(count: u64, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}

#[cfg(test)]
mod tests {
    use super::*;
    use keywright_domain::audit_log::verdict::{ErasedEntries, PrunedEntries};

    fn checkpoint(size: u64) -> Checkpoint {
        Checkpoint {
            origin: "shop.example/keywright-audit".to_owned(),
            size,
            root: [0; 32],
        }
    }

    #[test]
    fn an_intact_log_says_what_was_erased_and_pruned_and_by_which_entry() {
        let (signed, kept) = (checkpoint(9), checkpoint(7));
        let compared = Compared {
            signed: &signed,
            kept: Some(&kept),
        };
        let log = IntactLog {
            size: 9,
            erased: vec![ErasedEntries { count: 3, by: 7 }],
            pruned: Some(PrunedEntries { count: 2, by: 8 }),
            withheld: 1,
            unsealed: 2,
        };
        let output = compared.output(Verdict::Intact(log)).expect("an output");
        assert_eq!(
            output.text,
            "the audit log is intact: 9 sealed entries of shop.example/keywright-audit\n\
             it extends the checkpoint of 7 entries that was kept\n\
             3 entries erased, by entry 7\n\
             entries 0 to 1 pruned, by entry 8\n\
             1 entry is withheld from this key and compared by hash only; ADMIN_KEY compares them in full\n\
             2 newer entries are not sealed yet"
        );
        let expected = json!({
            "ok": true, "verdict": "intact", "origin": "shop.example/keywright-audit", "size": 9,
            "kept_size": 7, "erased": [{ "count": 3, "by": 7 }],
            "pruned": { "count": 2, "by": 8 }, "withheld": 1, "unsealed": 2
        });
        assert_eq!(output.json, expected);
    }

    #[test]
    fn every_other_verdict_has_a_word_and_an_exit_code_of_its_own() {
        let (signed, kept) = (checkpoint(9), checkpoint(12));
        let compared = Compared {
            signed: &signed,
            kept: Some(&kept),
        };
        let of = |verdict| compared.output(verdict).err().expect("an error");
        let changed = Finding::Changed {
            index: 2,
            sequence: 3,
        };
        let ids = ["0011aabb".to_owned()];
        let mut words = Vec::new();
        for (error, word, code) in [
            (of(Verdict::RolledBack), "rolled_back", 4),
            (of(Verdict::Forked), "forked", 4),
            (of(Verdict::Altered(vec![changed])), "changed", 4),
            (of(Verdict::RecordNotSealed), "record_not_sealed", 1),
            (
                not_signed(CheckpointRefusal::UnknownKey, &ids),
                "unknown_key",
                3,
            ),
            (
                not_signed(CheckpointRefusal::BadSignature, &ids),
                "bad_signature",
                4,
            ),
            (not_sealed(None), "not_sealed", 3),
            (unreadable("no"), "bad_checkpoint", 4),
            (other_log("a", "b"), "other_log", 4),
        ] {
            let json = error.json();
            assert_eq!(
                (&json["verdict"], &json["exit_code"]),
                (&json!(word), &json!(code))
            );
            assert!(!words.contains(&word), "{word}");
            words.push(word);
        }
        let json = of(Verdict::Altered(vec![changed])).json();
        let finding = json!([{ "kind": "changed", "index": 2, "sequence": 3 }]);
        assert_eq!(json["findings"], finding);
        assert_eq!(not_sealed(Some(&kept)).json()["verdict"], "rolled_back");
    }
}
