//! Uploading a file in parts. The server says where to go on, so that an
//! interrupted upload that is repeated goes on where it was.

use super::api::Api;
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

/// How often an upload is begun anew that the server has forgotten.
const BEGINNINGS: u32 = 3;
/// How often a part may get no further in a row. Another upload of the same
/// file may take turns with this one.
const STANDSTILLS: u32 = 5;
/// Largest part that is held in memory.
const MOST_BYTES: u64 = 100 * 1024 * 1024;

/// How far an upload is.
#[derive(Debug, Deserialize)]
struct State {
    id: Option<String>,
    offset: u64,
    part_size: u64,
    complete: bool,
}

/// Uploads a file, unless the server has its bytes.
pub(super) fn upload(
    server: &Api,
    product: &Slug,
    path: &Path,
    digests: &Digests,
) -> Result<(), CliError> {
    let mut file = open(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let bar = progress::bytes(&format!("uploading {name}"), digests.size);
    let mut beginnings = 0;
    loop {
        beginnings += 1;
        let body = json!({ "product": product, "sha256": digests.sha256, "size": digests.size });
        let state: State = server.post("/v1/admin/releases/uploads", &body)?;
        match send(server, &mut file, path, digests, state, &bar) {
            Err(error) if error.exit() == Exit::Refused && beginnings < BEGINNINGS => {}
            done => {
                bar.finish_and_clear();
                return done;
            }
        }
    }
}

/// Sends parts until the file is there.
fn send(
    server: &Api,
    file: &mut File,
    path: &Path,
    digests: &Digests,
    mut state: State,
    bar: &ProgressBar,
) -> Result<(), CliError> {
    let mut standstills = 0;
    loop {
        bar.set_position(state.offset);
        let Some(id) = state.id.as_ref().filter(|_| !state.complete) else {
            return Ok(());
        };
        let left = digests.size.saturating_sub(state.offset);
        if !(1..=MOST_BYTES).contains(&state.part_size) || left == 0 || standstills > STANDSTILLS {
            return Err(CliError::failed(format!(
                "the upload of {} does not get on at byte {}; try again",
                path.display(),
                state.offset
            )));
        }
        let part = read_part(file, state.offset, state.part_size.min(left))
            .map_err(|error| CliError::file(path, error))?;
        let target = format!("/v1/admin/releases/uploads/{id}?offset={}", state.offset);
        let next: State = server.put(&target, &part)?;
        if next.offset <= state.offset && !next.complete {
            standstills += 1;
        } else {
            standstills = 0;
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
