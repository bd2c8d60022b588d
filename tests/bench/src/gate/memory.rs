//! How much memory downloads take: one of the largest file at full speed, and
//! sixteen of 200 MiB whose clients hardly read.

use super::Target;
use super::files::{Files, Size};
use super::load::Download;
use super::servers::Gate;
use crate::Error;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const SLOW_DOWNLOADS: usize = 16;
/// How long the slow ones are watched, and how much each reads meanwhile.
const WATCHED: Duration = Duration::from_secs(4);
const READ_BY_EACH: u64 = 8 << 20;
const STEP: Duration = Duration::from_millis(50);

/// What a server needed, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// Before the downloads.
    pub before: u64,
    /// At most during the download of the largest file, on top of that.
    pub largest: u64,
    /// At most during the slow downloads, on top of that, all together.
    pub slow: u64,
}

/// Measures a server that serves nobody else.
///
/// # Errors
/// [`Error`] when a download is cut short.
pub async fn measure(target: &Target, files: &Files, gate: &Gate) -> Result<Used, Error> {
    let before = target.memory()?;
    let mut most = before;
    let mut download = Download::open(target.address).await?;
    let request = files.request(gate.largest, gate.check);
    download.ask(&request, gate.largest.bytes()).await?;
    let mut looked = Instant::now();
    while !download.next().await?.is_empty() {
        if looked.elapsed() > STEP {
            most = most.max(target.memory()?);
            looked = Instant::now();
        }
    }
    let largest = most.saturating_sub(before);
    let start = target.memory()?;
    most = start;
    let request = files.request(Size::Large, gate.check);
    let mut downloads = Vec::new();
    for _ in 0..SLOW_DOWNLOADS {
        let mut download = Download::open(target.address).await?;
        download.ask(&request, Size::Large.bytes()).await?;
        downloads.push((download, 0_u64));
    }
    let started = Instant::now();
    while started.elapsed() < WATCHED {
        let due = u128::from(READ_BY_EACH) * started.elapsed().as_millis() / WATCHED.as_millis();
        for (download, read) in &mut downloads {
            while u128::from(*read) < due {
                *read += download.next().await?.len() as u64;
            }
        }
        most = most.max(target.memory()?);
        sleep(STEP).await;
    }
    Ok(Used {
        before,
        largest,
        slow: most.saturating_sub(start),
    })
}
