//! One judged transfer as a batch: the change of the transfer, and all that follows of it.

use keywright_ports::{Batch, Database, DatabaseError, ReadHandle, Row, Statement};

/// A batch that changes a transfer, or nothing where another tick judged it first or its
/// block was replaced.
#[derive(Debug)]
pub struct Judgment {
    batch: Batch,
    changed: ReadHandle<Row>,
}

impl Judgment {
    /// `change` answers a row if it changed the transfer; the statements that follow do
    /// nothing otherwise.
    pub(crate) fn new(change: Statement) -> Self {
        let mut batch = Batch::new();
        let changed = batch.read(change);
        Self { batch, changed }
    }

    /// How many statements it takes of what an invocation may run.
    #[must_use]
    pub const fn statement_count(&self) -> usize {
        self.batch.statement_count()
    }

    /// Runs it. Answers whether the transfer was changed.
    ///
    /// # Errors
    /// [`DatabaseError`]: nothing was changed.
    pub async fn run(self, database: &Database) -> Result<bool, DatabaseError> {
        self.batch.run(database).await?.any(self.changed)
    }
}

impl Extend<Statement> for Judgment {
    fn extend<I: IntoIterator<Item = Statement>>(&mut self, statements: I) {
        self.batch.extend(statements);
    }
}
