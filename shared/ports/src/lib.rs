//! What a function may be given: one small trait per outside thing, and the typed
//! handle that a function holds. No HTTP framework, no host, no business rule.
//!
//! - [`Function`] and [`Grants`]: what a function may touch; [`Host`] hands it out
//! - [`Database`], [`Reader`]: D1 or `SQLite`; a mutation is one atomic batch
//! - [`Outbound`], [`Sign`], [`Releases`], [`ReleaseWriter`], [`Pages`]
//! - [`Stamps`], [`Config`], [`Log`], [`Later`]: time and ids, settings, log lines,
//!   work after the answer
//! - [`settings`]: the settings of a function, checked when it starts
//! - [`vault`] and [`receipt_keys`]: credentials at rest and seals of receipts, with
//!   keys of the configuration
//! - [`attempt`]: one attempt at a request that carries an `Idempotency-Key`

mod address_header;
mod answer;
pub mod attempt;
mod batch;
mod caller;
mod clock;
mod config;
mod database;
mod endpoint_calls;
pub mod function;
mod later;
mod log;
mod mail_binding;
mod outbound;
mod pages;
pub mod receipt_keys;
mod refusal;
mod release_writer;
mod releases;
pub mod seal;
pub mod settings;
mod sign;
mod unavailable;
pub mod vault;

pub use address_header::AddressHeader;
pub use answer::{answer_within, host_of};
pub use batch::{Batch, BatchRows, ReadHandle};
pub use caller::{Caller, CredentialRefusals};
pub use clock::{Clock, Random, Stamps};
pub use config::{Config, name};
pub use database::{
    Database, DatabaseError, DatabasePort, Migration, Reader, Row, Statement, Value, decode,
};
pub use endpoint_calls::{EndpointCalls, MAX_OPEN_CALLS};
pub use function::{Function, Grants, Host};
pub use later::{Background, Later};
pub use log::{Level, Log, LogSink};
pub use mail_binding::{BoundMail, MailBinding, MailBindingError};
pub use outbound::{
    BodyRule, Fetch, FetchError, FetchLimits, MAX_ANSWER_BYTES, Outbound, TIME_LIMIT,
};
pub use pages::{PageError, PageFiles, Pages};
pub use refusal::Refusal;
pub use release_writer::{Expected, Part, ReleaseWrite, ReleaseWriteError, ReleaseWriter, Tagged};
pub use releases::{
    ByteStream, Extent, FileInfo, HostBody, Listing, Release, ReleaseBody, ReleaseError,
    ReleaseStore, Releases,
};
pub use settings::{Setting, SettingFault};
pub use sign::{
    SealKeyState, Sign, SignCheckpointRequest, SignError, SignLicenseRequest, SignLinkRequest,
    SignReady, SignReadyRequest, SignRefusal, SignRefusalBody, SignedLicense, SignedLink,
    SignedNote,
};
pub use unavailable::Unavailable;

/// A boxed future that may move between threads; wasm hosts wrap theirs.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
