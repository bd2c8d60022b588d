//! Release files in the folder that the manifest mounts at `/releases`.

use super::{log, send};
use crate::BoxFuture;
use crate::ports::{HostBody, Listing, Release, ReleaseBody, ReleaseError, ReleaseStore};
use axum::body::Body;
use send_wrapper::SendWrapper;
use spin_sdk::wasip3;
use spin_sdk::wasip3::filesystem::preopens;
use spin_sdk::wasip3::filesystem::types::{
    Descriptor, DescriptorFlags, DescriptorType, ErrorCode, OpenFlags, PathFlags,
};
use spin_sdk::wasip3::wit_bindgen::StreamReader;
use std::cell::RefCell;
use std::sync::Arc;

/// Where the manifest mounts the releases.
const MOUNT: &str = "/releases";

/// Files up to this size, in bytes, are answered in one piece: Spin writes the
/// head and a stream separately, and the client's delayed acknowledgement then
/// costs some 40 ms, more than the file itself.
const ONE_PIECE: u64 = 64 * 1024;

/// The host's stream of a file, taken once by the response.
pub(super) type FileStream = SendWrapper<RefCell<Option<StreamReader<u8>>>>;

pub(super) struct MountedReleases;

/// The mounted folder and the path inside it that stands for [`MOUNT`]: with
/// `--direct-mounts` the folder itself is opened, otherwise a copy at `/`.
fn root() -> Result<(Descriptor, &'static str), ReleaseError> {
    let mut copy = None;
    for (descriptor, path) in preopens::get_directories() {
        if path == MOUNT {
            return Ok((descriptor, ""));
        }
        if path == "/" {
            copy = Some((descriptor, "releases/"));
        }
    }
    copy.ok_or_else(|| ReleaseError(format!("nothing is mounted at {MOUNT}")))
}

/// Opens a file or folder without following symbolic links out of it.
async fn open_at(path: &str, flags: OpenFlags) -> Result<Option<Descriptor>, ReleaseError> {
    let (folder, prefix) = root()?;
    let path = format!("{prefix}{path}");
    let path = path.trim_end_matches('/');
    let path = if path.is_empty() { "." } else { path };
    let opened = folder
        .open_at(
            PathFlags::empty(),
            path.to_owned(),
            flags,
            DescriptorFlags::READ,
        )
        .await;
    match opened {
        Ok(descriptor) => Ok(Some(descriptor)),
        Err(ErrorCode::NoEntry | ErrorCode::NotDirectory | ErrorCode::Loop) => Ok(None),
        Err(error) => Err(failed(&error)),
    }
}

async fn open_file(key: &str) -> Result<Option<(Descriptor, u64)>, ReleaseError> {
    let Some(descriptor) = open_at(key, OpenFlags::empty()).await? else {
        return Ok(None);
    };
    let stat = descriptor.stat().await.map_err(|error| failed(&error))?;
    let is_file = matches!(stat.type_, DescriptorType::RegularFile);
    Ok(is_file.then_some((descriptor, stat.size)))
}

impl ReleaseStore for MountedReleases {
    fn open<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Release>, ReleaseError>> {
        Box::pin(send(async move {
            let Some((descriptor, size)) = open_file(key).await? else {
                return Ok(None);
            };
            let (bytes, result) = descriptor.read_via_stream(0);
            if size <= ONE_PIECE {
                let bytes = bytes.collect().await;
                result.await.map_err(|error| failed(&error))?;
                let size = bytes.len() as u64;
                return Ok(Some(Release {
                    size,
                    body: ReleaseBody::Stream(Body::from(bytes)),
                }));
            }
            // The result is awaited to the end: dropped, the instance counts
            // as idle and Spin ends it in the middle of the download.
            wasip3::spawn(async move {
                if let Err(error) = result.await {
                    log::line(&format!("reading a release failed: {error:?}"));
                }
                drop(descriptor);
            });
            let stream: FileStream = SendWrapper::new(RefCell::new(Some(bytes)));
            Ok(Some(Release {
                size,
                body: ReleaseBody::Host(HostBody(Arc::new(stream))),
            }))
        }))
    }

    fn read<'a>(
        &'a self,
        key: &'a str,
        limit: usize,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, ReleaseError>> {
        Box::pin(send(async move {
            let Some((descriptor, size)) = open_file(key).await? else {
                return Ok(None);
            };
            if size > limit as u64 {
                return Ok(None);
            }
            let (bytes, result) = descriptor.read_via_stream(0);
            let bytes = bytes.collect().await;
            result.await.map_err(|error| failed(&error))?;
            Ok((bytes.len() <= limit).then_some(bytes))
        }))
    }

    fn list<'a>(&'a self, folder: &'a str) -> BoxFuture<'a, Result<Option<Listing>, ReleaseError>> {
        Box::pin(send(async move {
            let Some(descriptor) = open_at(folder, OpenFlags::DIRECTORY).await? else {
                return Ok(None);
            };
            let (entries, result) = descriptor.read_directory();
            let entries = entries.collect().await;
            result.await.map_err(|error| failed(&error))?;
            let mut folders: Vec<String> = entries
                .into_iter()
                .filter(|entry| matches!(entry.type_, DescriptorType::Directory))
                .map(|entry| entry.name)
                .collect();
            folders.sort();
            Ok(Some(Listing { folders }))
        }))
    }
}

fn failed(error: &ErrorCode) -> ReleaseError {
    ReleaseError(format!("{error:?}"))
}
