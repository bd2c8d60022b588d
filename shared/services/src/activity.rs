//! Writes down what happens too often for an audit entry each time
//! (`keywright_store::operator::activity`), after the answer.

use crate::journal::Journal;
use keywright_ports::function::PortError;
use keywright_ports::{BoxFuture, Caller, CredentialRefusals, Host, Later, Stamps};
use keywright_store::operator::activity::{ActivityKind, Occurrence, statements};

/// The way to write occurrences down, after the answer; cheap to clone. An occurrence is
/// lost when the host stops before it was written, which takes at most
/// [`GATHER_MILLIS`](crate::journal::GATHER_MILLIS).
#[derive(Clone)]
pub struct ActivityLog {
    journal: Journal<Occurrence>,
    stamps: Stamps,
}

impl ActivityLog {
    /// The log of a function.
    ///
    /// # Errors
    /// [`PortError`] when the function may not write to the database.
    pub fn open(host: &Host) -> Result<Self, PortError> {
        let (clock, log) = (host.clock.clone(), host.log.clone());
        Ok(Self {
            journal: Journal::new(host.database()?, clock, log, statements),
            stamps: host.stamps(),
        })
    }

    /// Notes that this happened in a request of this caller.
    pub async fn note(&self, later: &Later, caller: Caller, kind: ActivityKind, subject: &str) {
        let occurrence = Occurrence {
            kind,
            subject: subject.to_owned(),
            at: self.stamps.now(),
            network: caller.network,
            request_id: caller.request_id,
            audit_id: self.stamps.new_id(),
        };
        self.journal.add(later, occurrence).await;
    }
}

impl CredentialRefusals for ActivityLog {
    fn note<'a>(&'a self, later: &'a Later, caller: Caller, subject: String) -> BoxFuture<'a, ()> {
        let kind = ActivityKind::CredentialRefused;
        Box::pin(async move { Self::note(self, later, caller, kind, &subject).await })
    }
}
