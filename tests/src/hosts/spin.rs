//! The instance under a real Spin, as `make spin` starts it.

use super::process::launch;
use super::{Database, Setup, StartError, Started};

pub(super) async fn start(setup: Setup) -> Result<Started, StartError> {
    let launched = launch("serve-spin.mjs", &setup).await?;
    let database = Database::File(launched.state.join("sqlite_db.db"));
    Ok(Started {
        base_url: launched.base_url,
        database,
        running: Box::new(launched.process),
    })
}
