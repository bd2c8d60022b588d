//! One small trait per outside thing, and the typed handle a function holds.

pub(crate) mod attempt;
mod clock;
mod config;
mod database;
mod later;
mod log;
mod outbound;
mod pages;
mod release_writer;
mod releases;
mod sign;

pub use clock::{Clock, Random, Stamps};
pub use config::{Config, name};
pub use database::{
    Database, DatabaseError, DatabasePort, Migration, Reader, Row, Statement, Value, decode,
};
pub use later::{Background, Later};
pub use log::{Level, Log, LogSink};
pub use outbound::{Fetch, FetchError, FetchLimits, MAX_ANSWER_BYTES, Outbound, TIME_LIMIT};
pub use pages::{PageError, PageFiles, Pages};
pub use release_writer::{Expected, Part, ReleaseWrite, ReleaseWriteError, ReleaseWriter, Tagged};
pub use releases::{
    Extent, FileInfo, HostBody, Listing, Release, ReleaseBody, ReleaseError, ReleaseStore, Releases,
};
pub use sign::{Sign, SignError, SignLicense, SignLink, SignRefusal, SignedLicense, SignedLink};
