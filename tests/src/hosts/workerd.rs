//! The instance on workerd, with all functions, D1 and R2, as `make dev` starts
//! it.

use super::process::launch;
use super::{Database, Setup, StartError, Started};
use std::path::{Path, PathBuf};

/// Where local D1 keeps its databases, below the folder given to wrangler.
const D1_FOLDER: &str = "v3/d1/miniflare-D1DatabaseObject";

pub(super) async fn start(setup: Setup) -> Result<Started, StartError> {
    let launched = launch("serve.mjs", &setup).await?;
    let database = Database::File(database_file(&launched.state.join(D1_FOLDER))?);
    Ok(Started {
        base_url: launched.base_url,
        database,
        running: Box::new(launched.process),
    })
}

/// The one database in the folder; its name is a hash. `metadata.sqlite` is
/// miniflare's own.
fn database_file(folder: &Path) -> Result<PathBuf, StartError> {
    let failed = |error: &dyn std::fmt::Display| StartError::new("the local D1", error);
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(|error| failed(&error))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "sqlite"))
        .filter(|path| path.file_stem().is_some_and(|name| name != "metadata"))
        .collect();
    match (found.pop(), found.is_empty()) {
        (Some(file), true) => Ok(file),
        _ => Err(failed(&format!(
            "there is not exactly one database in {}",
            folder.display()
        ))),
    }
}
