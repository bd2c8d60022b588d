//! A batch whose answers are asked for by handle, not by position: a statement can move
//! within the batch, and an answer that is not there is an error, never "not found".

use crate::database::{Database, DatabaseError, Row, Statement, decode};
use serde::de::DeserializeOwned;
use std::marker::PhantomData;

/// Statements that run as one atomic batch, in the order in which they were added.
#[derive(Debug, Default)]
pub struct Batch {
    statements: Vec<Statement>,
}

/// Where the rows of one statement of a [`Batch`] will be.
#[derive(Debug)]
pub struct ReadHandle<T> {
    at: usize,
    row: PhantomData<fn() -> T>,
}

/// The rows of a batch that ran.
#[derive(Debug)]
pub struct BatchRows {
    /// `None` for rows that were taken.
    rows: Vec<Option<Vec<Row>>>,
}

impl Batch {
    /// A batch without statements.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a statement whose rows nobody reads.
    pub fn write(&mut self, statement: Statement) {
        self.statements.push(statement);
    }

    /// Adds a statement and answers the handle of its rows.
    pub fn read<T>(&mut self, statement: Statement) -> ReadHandle<T> {
        let at = self.statements.len();
        self.statements.push(statement);
        ReadHandle {
            at,
            row: PhantomData,
        }
    }

    /// How many statements were added: an invocation on D1 may run 50.
    #[must_use]
    pub const fn statement_count(&self) -> usize {
        self.statements.len()
    }

    /// Runs it as [`Database::batch`] does: one round trip, all or nothing.
    pub async fn run(self, database: &Database) -> Result<BatchRows, DatabaseError> {
        database.batch(self.statements).await.map(BatchRows::new)
    }

    /// Runs it as [`Database::aside`] does, for what goes on beside a request.
    pub async fn run_aside(self, database: &Database) -> Result<BatchRows, DatabaseError> {
        database.aside(self.statements).await.map(BatchRows::new)
    }
}

/// Adds statements whose rows nobody reads.
impl Extend<Statement> for Batch {
    fn extend<I: IntoIterator<Item = Statement>>(&mut self, statements: I) {
        self.statements.extend(statements);
    }
}

impl BatchRows {
    fn new(rows: Vec<Vec<Row>>) -> Self {
        Self {
            rows: rows.into_iter().map(Some).collect(),
        }
    }

    fn take(&mut self, at: usize) -> Result<Vec<Row>, DatabaseError> {
        let rows = self.rows.get_mut(at).and_then(Option::take);
        rows.ok_or_else(|| DatabaseError::Row(format!("statement {at} of the batch has no answer")))
    }

    /// All rows of a statement.
    #[expect(clippy::needless_pass_by_value, reason = "rows are taken once")]
    pub fn all<T: DeserializeOwned>(
        &mut self,
        read: ReadHandle<T>,
    ) -> Result<Vec<T>, DatabaseError> {
        decode(self.take(read.at)?)
    }

    /// The first row of a statement, where there is one.
    pub fn first<T: DeserializeOwned>(
        &mut self,
        read: ReadHandle<T>,
    ) -> Result<Option<T>, DatabaseError> {
        Ok(self.all(read)?.into_iter().next())
    }

    /// The first row of a statement that always has one, such as a count.
    ///
    /// # Errors
    /// [`DatabaseError::Row`] without one.
    pub fn one<T: DeserializeOwned>(&mut self, read: ReadHandle<T>) -> Result<T, DatabaseError> {
        let at = read.at;
        let row = self.first(read)?;
        row.ok_or_else(|| DatabaseError::Row(format!("statement {at} of the batch has no row")))
    }

    /// Whether a statement has rows.
    #[expect(clippy::needless_pass_by_value, reason = "rows are taken once")]
    pub fn any(&mut self, read: ReadHandle<Row>) -> Result<bool, DatabaseError> {
        Ok(!self.take(read.at)?.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BoxFuture;
    use crate::database::DatabasePort;
    use serde::Deserialize;
    use std::sync::Arc;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Count {
        count: i64,
    }

    /// Answers the same rows whatever it is asked.
    struct Fixed(Vec<Vec<Row>>);

    impl DatabasePort for Fixed {
        fn batch(&self, _: Vec<Statement>) -> BoxFuture<'_, Result<Vec<Vec<Row>>, DatabaseError>> {
            Box::pin(async { Ok(self.0.clone()) })
        }

        fn query(&self, _: Statement) -> BoxFuture<'_, Result<Vec<Row>, DatabaseError>> {
            Box::pin(async { Ok(Vec::new()) })
        }
    }

    fn counts(counts: &[i64]) -> Vec<Row> {
        let row = |count: &i64| Row::from_iter([("count".to_owned(), (*count).into())]);
        counts.iter().map(row).collect()
    }

    fn database(rows: Vec<Vec<Row>>) -> Database {
        Database::new(Arc::new(Fixed(rows)))
    }

    fn statement() -> Statement {
        Statement::new("SELECT 1", [])
    }

    #[tokio::test]
    async fn each_handle_reads_the_rows_of_its_statement() {
        let mut batch = Batch::new();
        batch.write(statement());
        let two = batch.read::<Count>(statement());
        let none = batch.read::<Count>(statement());
        batch.extend([statement()]);
        let one = batch.read::<Count>(statement());
        let some = batch.read::<Row>(statement());
        let rows = vec![
            counts(&[9]),
            counts(&[1, 2]),
            counts(&[]),
            counts(&[9]),
            counts(&[3]),
            counts(&[4]),
        ];
        let mut rows = batch.run(&database(rows)).await.expect("rows");
        assert_eq!(rows.one(one), Ok(Count { count: 3 }));
        assert_eq!(
            rows.all(two),
            Ok(vec![Count { count: 1 }, Count { count: 2 }])
        );
        assert_eq!(rows.first(none), Ok(None));
        assert_eq!(rows.any(some), Ok(true));
    }

    #[tokio::test]
    async fn a_missing_row_is_an_error() {
        let mut batch = Batch::new();
        let count = batch.read::<Count>(statement());
        let mut rows = batch.run(&database(vec![Vec::new()])).await.expect("rows");
        assert!(matches!(rows.one(count), Err(DatabaseError::Row(_))));
    }

    #[tokio::test]
    async fn an_answer_too_few_or_too_many_is_an_error() {
        for answers in [0, 1, 3] {
            let mut batch = Batch::new();
            batch.write(statement());
            let _last = batch.read::<Count>(statement());
            let rows = batch.run(&database(vec![Vec::new(); answers])).await;
            let Err(DatabaseError::Row(text)) = rows else {
                panic!("{rows:?}");
            };
            assert_eq!(text, format!("2 statements have {answers} answers"));
        }
    }
}
