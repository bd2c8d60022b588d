//! `spin:sqlite/sqlite@3.1.0` for a guest.

use crate::bindings::sqlite::{
    Error, Host, HostConnection, HostConnectionWithStore, QueryResult, RowResult, Value,
};
use crate::database::{Connection, Receiver};
use crate::guest::Guest;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;
use wasmtime::StoreContextMut;
use wasmtime::component::{
    Accessor, Destination, FutureReader, HasSelf, Resource, StreamProducer, StreamReader,
    StreamResult,
};

/// How many connections one instance may hold at once, as in Spin.
const MAX_CONNECTIONS: usize = 256;

/// How many rows wait for a guest that reads more slowly than `SQLite`.
const ROWS_AHEAD: usize = 4;

/// Rows, as a stream of them, and whether the statement came to its end.
type Rows = (
    Vec<String>,
    StreamReader<RowResult>,
    FutureReader<Result<(), Error>>,
);

impl Guest {
    fn open_database(
        &mut self,
        label: &str,
    ) -> wasmtime::Result<Result<Resource<Connection>, Error>> {
        let Some(file) = self.context().databases.get(label) else {
            return Ok(Err(Error::AccessDenied));
        };
        let connection = Connection::new(file);
        if self.connections >= MAX_CONNECTIONS {
            return Ok(Err(Error::Io("too many connections opened".to_owned())));
        }
        self.connections += 1;
        Ok(Ok(self.table.push(connection)?))
    }

    fn connection(&self, handle: &Resource<Connection>) -> wasmtime::Result<Connection> {
        Ok(self.table.get(handle)?.clone())
    }
}

/// Runs blocking work and turns its failure into the guest's error.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, Error> {
    match spawn_blocking(work).await {
        Ok(done) => done.map_err(Error::Io),
        Err(error) => Err(Error::Io(error.to_string())),
    }
}

impl Host for Guest {}

impl HostConnection for Guest {
    async fn open(
        &mut self,
        database: String,
    ) -> wasmtime::Result<Result<Resource<Connection>, Error>> {
        self.open_database(&database)
    }

    async fn execute(
        &mut self,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<Value>,
    ) -> wasmtime::Result<Result<QueryResult, Error>> {
        let connection = self.connection(&connection)?;
        Ok(blocking(move || {
            let mut result = QueryResult {
                columns: Vec::new(),
                rows: Vec::new(),
            };
            connection.run(&statement, parameters, &mut result)?;
            Ok(result)
        })
        .await)
    }

    async fn last_insert_rowid(
        &mut self,
        connection: Resource<Connection>,
    ) -> wasmtime::Result<i64> {
        let connection = self.connection(&connection)?;
        Ok(blocking(move || connection.last_insert_rowid()).await?)
    }

    async fn changes(&mut self, connection: Resource<Connection>) -> wasmtime::Result<u64> {
        let connection = self.connection(&connection)?;
        Ok(blocking(move || connection.changes()).await?)
    }

    async fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.table.delete(connection)?;
        self.connections -= 1;
        Ok(())
    }
}

impl<T: Send> HostConnectionWithStore<T> for HasSelf<Guest> {
    async fn open_async(
        accessor: &Accessor<T, Self>,
        database: String,
    ) -> wasmtime::Result<Result<Resource<Connection>, Error>> {
        accessor.with(|mut access| access.get().open_database(&database))
    }

    async fn execute_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<Value>,
    ) -> wasmtime::Result<Result<Rows, Error>> {
        let connection = accessor.with(|mut access| access.get().connection(&connection))?;
        let (columns, columns_of) = oneshot::channel();
        let (rows, rows_of) = mpsc::channel(ROWS_AHEAD);
        let (end, end_of) = oneshot::channel();
        spawn_blocking(move || {
            let mut sender = RowSender {
                columns: Some(columns),
                rows,
            };
            let result = connection.run(&statement, parameters, &mut sender);
            // Nobody waiting for the end is no error.
            let _ = end.send(result.map_err(Error::Io));
        });
        // A statement that cannot be prepared has no columns, and says why at
        // its end, as in Spin.
        let columns = columns_of.await.unwrap_or_default();
        accessor.with(|mut access| {
            let rows = StreamReader::new(&mut access, RowProducer(rows_of))?;
            let end = FutureReader::new(&mut access, end_of)?;
            Ok(Ok((columns, rows, end)))
        })
    }

    async fn last_insert_rowid_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
    ) -> wasmtime::Result<i64> {
        let connection = accessor.with(|mut access| access.get().connection(&connection))?;
        Ok(blocking(move || connection.last_insert_rowid()).await?)
    }

    async fn changes_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
    ) -> wasmtime::Result<u64> {
        let connection = accessor.with(|mut access| access.get().connection(&connection))?;
        Ok(blocking(move || connection.changes()).await?)
    }
}

impl Receiver for QueryResult {
    fn columns(&mut self, names: Vec<String>) {
        self.columns = names;
    }

    fn row(&mut self, values: Vec<Value>) -> bool {
        self.rows.push(RowResult { values });
        true
    }
}

/// Hands rows from `SQLite`'s thread to the guest.
struct RowSender {
    columns: Option<oneshot::Sender<Vec<String>>>,
    rows: mpsc::Sender<RowResult>,
}

impl Receiver for RowSender {
    fn columns(&mut self, names: Vec<String>) {
        if let Some(columns) = self.columns.take() {
            // A guest that went away is noticed at the first row.
            let _ = columns.send(names);
        }
    }

    fn row(&mut self, values: Vec<Value>) -> bool {
        self.rows.blocking_send(RowResult { values }).is_ok()
    }
}

/// The guest's end of the rows.
struct RowProducer(mpsc::Receiver<RowResult>);

impl<D> StreamProducer<D> for RowProducer {
    type Item = RowResult;
    type Buffer = Option<RowResult>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        store: StoreContextMut<'a, D>,
        mut destination: Destination<'a, RowResult, Option<RowResult>>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        if destination.remaining(store) == Some(0) {
            // The guest asks whether it could read; whether there is a row
            // shows when it does.
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        let row = self.0.poll_recv(context);
        if finish && row.is_pending() {
            return Poll::Ready(Ok(StreamResult::Cancelled));
        }
        Poll::Ready(Ok(match ready!(row) {
            Some(row) => {
                destination.set_buffer(Some(row));
                StreamResult::Completed
            }
            None => StreamResult::Dropped,
        }))
    }
}
