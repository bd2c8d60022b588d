//! Release files in the folder that the manifest mounts at `/releases`.

use super::send;
use super::stretch;
use http_body_util::{BodyExt as _, Full};
use keywright_ports::BoxFuture;
use keywright_ports::{
    Extent, FileInfo, HostBody, Listing, Release, ReleaseBody, ReleaseError, ReleaseStore,
};
use send_wrapper::SendWrapper;
use spin_sdk::wasip3::filesystem::preopens;
use spin_sdk::wasip3::filesystem::types::{
    Descriptor, DescriptorFlags, DescriptorStat, DescriptorType, ErrorCode, OpenFlags, PathFlags,
};
use spin_sdk::wasip3::wit_bindgen::StreamReader;
use std::cell::RefCell;
use std::sync::Arc;

/// Where the manifest mounts the releases.
const MOUNT: &str = "/releases";

/// Stretches up to this size, in bytes, are answered in one piece: Spin writes the
/// end of a stream separately, and the client's delayed acknowledgement then costs
/// some 40 ms. At 1 MiB that is ten times what the file takes; for larger files it
/// is little, and the memory of sixteen downloads in an instance would be much.
const ONE_PIECE: u64 = 1024 * 1024;

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

/// A path below the mounted folder, as the opened folder names it.
fn inside(prefix: &str, path: &str) -> String {
    let path = format!("{prefix}{path}");
    match path.trim_end_matches('/') {
        "" => ".".to_owned(),
        path => path.to_owned(),
    }
}

/// What is not there, is a symbolic link or lies behind one that leads out of
/// the folder is none: the host refuses to follow links out of it.
fn unless_missing<T>(result: Result<T, ErrorCode>) -> Result<Option<T>, ReleaseError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(
            ErrorCode::NoEntry
            | ErrorCode::NotDirectory
            | ErrorCode::Loop
            | ErrorCode::NotPermitted,
        ) => Ok(None),
        Err(error) => Err(failed(&error)),
    }
}

/// Opens a file or folder without following symbolic links out of it.
async fn open_at(path: &str, flags: OpenFlags) -> Result<Option<Descriptor>, ReleaseError> {
    let (folder, prefix) = root()?;
    let opened = folder.open_at(
        PathFlags::empty(),
        inside(prefix, path),
        flags,
        DescriptorFlags::READ,
    );
    unless_missing(opened.await)
}

fn info(stat: &DescriptorStat) -> Option<FileInfo> {
    matches!(stat.type_, DescriptorType::RegularFile).then(|| FileInfo {
        size: stat.size,
        modified: stat
            .data_modification_timestamp
            .as_ref()
            .map(|at| at.seconds),
    })
}

async fn open_file(key: &str) -> Result<Option<(Descriptor, FileInfo)>, ReleaseError> {
    let Some(descriptor) = open_at(key, OpenFlags::empty()).await? else {
        return Ok(None);
    };
    let stat = descriptor.stat().await.map_err(|error| failed(&error))?;
    Ok(info(&stat).map(|info| (descriptor, info)))
}

impl ReleaseStore for MountedReleases {
    fn stat<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<FileInfo>, ReleaseError>> {
        Box::pin(send(async move {
            let (folder, prefix) = root()?;
            let stat = folder.stat_at(PathFlags::empty(), inside(prefix, key));
            let stat = unless_missing(stat.await)?;
            Ok(stat.as_ref().and_then(info))
        }))
    }

    fn open<'a>(
        &'a self,
        key: &'a str,
        extent: Extent,
    ) -> BoxFuture<'a, Result<Option<Release>, ReleaseError>> {
        Box::pin(send(async move {
            let Some((descriptor, info)) = open_file(key).await? else {
                return Ok(None);
            };
            let length = extent.length_in(info.size);
            let body = if length <= ONE_PIECE {
                let bytes = stretch::read(&descriptor, extent.offset, length).await;
                let bytes = bytes.map_err(|error| failed(&error))?;
                let whole = Full::from(bytes).map_err(|never| match never {});
                ReleaseBody::Stream(whole.boxed_unsync())
            } else {
                let bytes = if extent.reaches_end(info.size) {
                    stretch::to_the_end(descriptor, extent.offset)
                } else {
                    stretch::cut(descriptor, extent.offset, length)
                };
                let stream: FileStream = SendWrapper::new(RefCell::new(Some(bytes)));
                ReleaseBody::Host(HostBody(Arc::new(stream)))
            };
            Ok(Some(Release { info, body }))
        }))
    }

    fn read<'a>(
        &'a self,
        key: &'a str,
        limit: usize,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, ReleaseError>> {
        Box::pin(send(async move {
            let Some((descriptor, info)) = open_file(key).await? else {
                return Ok(None);
            };
            if info.size > limit as u64 {
                return Ok(None);
            }
            let bytes = stretch::read(&descriptor, 0, info.size).await;
            bytes.map(Some).map_err(|error| failed(&error))
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
            let mut listing = Listing::default();
            for entry in entries {
                match entry.type_ {
                    DescriptorType::Directory => listing.folders.push(entry.name),
                    DescriptorType::RegularFile => listing.files.push(entry.name),
                    _ => {}
                }
            }
            listing.folders.sort();
            listing.files.sort();
            Ok(Some(listing))
        }))
    }
}

fn failed(error: &ErrorCode) -> ReleaseError {
    ReleaseError(format!("{error:?}"))
}
