//! Uploads a file in parts. The server says which byte comes next, so that repeating an
//! interrupted upload resumes it.

use super::client::Client;
use crate::digest::{Digests, open};
use crate::error::{CliError, Exit};
use crate::progress;
use indicatif::ProgressBar;
use keywright_domain::slug::Slug;
use serde::Deserialize;
use serde_json::json;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// How often an upload is started, when the server has forgotten it.
const MAX_STARTS: u32 = 3;
/// How many parts in a row may make no progress. Another upload of the same file may
/// alternate with this one.
const MAX_STALLS: u32 = 5;
/// Largest part that is held in memory.
const MAX_PART_BYTES: u64 = 100 * 1024 * 1024;

/// The progress of an upload.
#[derive(Debug, Deserialize)]
struct UploadState {
    id: Option<String>,
    offset: u64,
    part_size: u64,
    complete: bool,
}

/// Uploads a file, unless the server has its bytes already.
pub(super) fn upload(
    server: &Client,
    product: &Slug,
    path: &Path,
    digests: &Digests,
) -> Result<(), CliError> {
    let mut file = open(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let bar = progress::bytes(&format!("uploading {name}"), digests.size);
    let mut starts = 0;
    loop {
        starts += 1;
        let body = json!({ "product": product, "sha256": digests.sha256, "size": digests.size });
        let state: UploadState = server.post("/v1/admin/releases/uploads", &body)?;
        match send(server, &mut file, path, digests, state, &bar) {
            Err(error) if error.exit() == Exit::Refused && starts < MAX_STARTS => {}
            done => {
                bar.finish_and_clear();
                return done;
            }
        }
    }
}

/// Sends parts until the upload is complete.
fn send(
    server: &Client,
    file: &mut File,
    path: &Path,
    digests: &Digests,
    mut state: UploadState,
    bar: &ProgressBar,
) -> Result<(), CliError> {
    let mut stalls = 0;
    loop {
        bar.set_position(state.offset);
        let Some(id) = state.id.as_ref().filter(|_| !state.complete) else {
            return Ok(());
        };
        let left = digests.size.saturating_sub(state.offset);
        if !(1..=MAX_PART_BYTES).contains(&state.part_size) || left == 0 || stalls > MAX_STALLS {
            return Err(CliError::failed(format!(
                "the upload of {} makes no progress at byte {}; try again",
                path.display(),
                state.offset
            )));
        }
        let part = read_part(file, state.offset, state.part_size.min(left))
            .map_err(|error| CliError::file(path, error))?;
        let target = format!("/v1/admin/releases/uploads/{id}?offset={}", state.offset);
        let next: UploadState = server.put_bytes(&target, &part)?;
        if next.offset <= state.offset && !next.complete {
            stalls += 1;
        } else {
            stalls = 0;
        }
        state = next;
    }
}

fn read_part(file: &mut File, offset: u64, length: u64) -> std::io::Result<Vec<u8>> {
    let length = usize::try_from(length).map_err(std::io::Error::other)?;
    let mut part = vec![0; length];
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(&mut part)?;
    Ok(part)
}
