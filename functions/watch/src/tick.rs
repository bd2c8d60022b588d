//! One tick: reads the chain a bounded part further.

use crate::Ports;
use keywright_edge::ports::{DatabaseError, Statement};
use serde::Serialize;
use utoipa::ToSchema;

/// What a tick did.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = WatchReport)]
pub(crate) struct Report {
    /// Whether there was nothing to watch.
    idle: bool,
}

/// Runs one tick.
///
/// # Errors
/// [`DatabaseError`].
pub(crate) async fn tick(ports: &Ports) -> Result<Report, DatabaseError> {
    let _: Vec<serde::de::IgnoredAny> = ports.database.query(Statement::new("SELECT 1", [])).await?;
    Ok(Report { idle: true })
}
