//! What a tick did, or why it did nothing.

use keywright_ports::DatabaseError;
use keywright_web::ApiError;
use serde::Serialize;
use utoipa::ToSchema;

/// The counts of a tick.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = WatchReport)]
pub(crate) struct TickReport {
    /// The time of the last block that was read, RFC 3339; null before the first tick,
    /// and when nothing is watched.
    #[schema(required)]
    pub(crate) read_to: Option<String>,
    /// Blocks read.
    pub(crate) blocks: u64,
    /// Blocks read a second time, each for one group of addresses.
    pub(crate) second_blocks: u64,
    /// Calls to endpoints.
    pub(crate) calls: usize,
    /// Endpoints that failed or gave a wrong answer.
    pub(crate) faulty: usize,
    /// Transfers found.
    pub(crate) found: usize,
    /// Orders settled.
    pub(crate) credited: usize,
    /// Transfers left to the operator.
    pub(crate) unmatched: usize,
    /// Transfers that were postponed, because no endpoint could confirm them.
    pub(crate) put_off: usize,
    /// Orders that were not paid in time.
    pub(crate) expired: usize,
}

/// Why a tick did not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TickError {
    /// The configuration is wrong.
    #[error("{0}")]
    Configuration(String),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<TickError> for ApiError {
    fn from(error: TickError) -> Self {
        match error {
            TickError::Configuration(reason) => Self::unavailable(
                "service_unavailable",
                "payments in USDC are misconfigured",
                reason,
            ),
            TickError::Database(error) => error.into(),
        }
    }
}
