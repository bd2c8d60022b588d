//! What is written after the answer, many at once: the validation log, the
//! machines' signs of life and the charges of rate limits.

use keywright_ports::{Later, Statement};
use keywright_store::seats::machines::{self, LastSeen};
use keywright_store::seats::validation_log::{self, ValidationEntry};
use keywright_web::rate_limit::{Charge, charge};

/// One note of the journal.
pub(crate) enum Note {
    /// A validation, for the log.
    Validated(ValidationEntry),
    /// A machine that was seen.
    Seen(LastSeen),
    /// What was taken from a rate limit, and when, in unix milliseconds.
    Charged(Charge, u64),
}

/// The journal of this function.
pub(crate) type Journal = keywright_services::journal::Journal<Note>;

/// One batch for these notes: at most one statement of each kind.
pub(crate) fn statements(notes: &[Note]) -> Vec<Statement> {
    let mut entries = Vec::new();
    let mut signs = Vec::new();
    let mut charges = Vec::new();
    let mut charged_at = 0;
    for note in notes {
        match note {
            Note::Validated(entry) => entries.push(entry),
            Note::Seen(seen) => signs.push(seen),
            Note::Charged(charge, at) => {
                charges.push(charge);
                charged_at = charged_at.max(*at);
            }
        }
    }
    let mut statements = Vec::new();
    if !entries.is_empty() {
        statements.push(validation_log::append(&entries));
    }
    if !signs.is_empty() {
        statements.push(machines::refresh(&signs));
    }
    if !charges.is_empty() {
        statements.push(charge(&charges, charged_at));
    }
    statements
}

/// The way to write notes in a request.
pub(crate) struct Notes<'a> {
    pub(crate) journal: &'a Journal,
    pub(crate) later: &'a Later,
}

impl Notes<'_> {
    /// Adds a note.
    pub(crate) async fn add(&self, note: Note) {
        self.journal.add(self.later, note).await;
    }
}
