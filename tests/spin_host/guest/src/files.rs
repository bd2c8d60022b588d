//! Read-only folders the manifest mounts, and files as response bodies.

use spin_sdk::http::HeaderMap;
use spin_sdk::wasip3::filesystem::preopens;
use spin_sdk::wasip3::filesystem::types::{
    Descriptor, DescriptorFlags, DescriptorType, ErrorCode, OpenFlags, PathFlags,
};
use spin_sdk::wasip3::http::types::{self as wasi_http, Fields};
use spin_sdk::wasip3::wit_bindgen::{FutureReader, StreamReader, StreamResult};
use spin_sdk::wasip3::{self, wit_future, wit_stream};

/// How much of a range is read at once, in bytes.
const PUMP_BYTES: u64 = 64 * 1024;

/// A mounted folder, and the path inside it that stands for `mount`.
pub(crate) struct Folder {
    descriptor: Descriptor,
    prefix: String,
}

impl Folder {
    /// Finds the folder mounted at `mount`, e.g. `/releases`.
    ///
    /// `spin up --direct-mounts` pre-opens `/releases` itself; plain `spin up`
    /// pre-opens one copy of everything at `/`.
    pub(crate) fn mounted(mount: &str) -> Option<Self> {
        let mut root = None;
        for (descriptor, path) in preopens::get_directories() {
            if path == mount {
                return Some(Self {
                    descriptor,
                    prefix: String::new(),
                });
            }
            if path == "/" {
                root = Some(Self {
                    descriptor,
                    prefix: format!("{}/", mount.trim_matches('/')),
                });
            }
        }
        root
    }

    /// The names in the folder, sorted, each with whether it is a folder.
    pub(crate) async fn list(&self) -> Result<Vec<(String, bool)>, ErrorCode> {
        let (entries, result) = if self.prefix.is_empty() {
            self.descriptor.read_directory()
        } else {
            let folder = self
                .descriptor
                .open_at(
                    PathFlags::empty(),
                    self.prefix.trim_end_matches('/').to_owned(),
                    OpenFlags::DIRECTORY,
                    DescriptorFlags::READ,
                )
                .await?;
            folder.read_directory()
        };
        let mut names: Vec<(String, bool)> = entries
            .collect()
            .await
            .into_iter()
            .map(|entry| (entry.name, matches!(entry.type_, DescriptorType::Directory)))
            .collect();
        result.await?;
        names.sort();
        Ok(names)
    }

    /// Opens a file for reading. Symbolic links are not followed.
    pub(crate) async fn open(&self, name: &str) -> Result<File, ErrorCode> {
        let descriptor = self
            .descriptor
            .open_at(
                PathFlags::empty(),
                format!("{}{name}", self.prefix),
                OpenFlags::empty(),
                DescriptorFlags::READ,
            )
            .await?;
        let stat = descriptor.stat().await?;
        if !matches!(stat.type_, DescriptorType::RegularFile) {
            return Err(ErrorCode::NoEntry);
        }
        Ok(File {
            descriptor,
            size: stat.size,
        })
    }
}

/// An open file.
pub(crate) struct File {
    descriptor: Descriptor,
    size: u64,
}

impl File {
    /// Its size in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The bytes from `start` (inclusive) to `end` (exclusive) as a stream for
    /// a response body.
    ///
    /// Up to the end of the file the host's own stream is handed on and no
    /// byte passes through this component. A range that stops earlier has to
    /// be pumped: the host's stream knows no end, and one byte more than
    /// `content-length` breaks the response.
    pub(crate) fn stream(self, start: u64, end: u64) -> StreamReader<u8> {
        let (mut bytes, result) = self.descriptor.read_via_stream(start);
        if end >= self.size {
            // The result is awaited to the end: it is what tells the host
            // that this instance still works. Dropped, the instance counts as
            // idle and is taken away in the middle of the download.
            wasip3::spawn(async move {
                if let Err(error) = result.await {
                    crate::log::line(&format!("reading a file failed: {error:?}"));
                }
                drop(self);
            });
            return bytes;
        }
        let (mut writer, reader) = wit_stream::new::<u8>();
        wasip3::spawn(async move {
            let mut left = end.saturating_sub(start);
            while left > 0 {
                // A read fills at most the buffer's capacity.
                let room = usize::try_from(left.min(PUMP_BYTES)).unwrap_or(0);
                let (status, mut read) = bytes.read(Vec::with_capacity(room)).await;
                read.truncate(room);
                left -= read.len() as u64;
                let unsent = writer.write_all(read).await;
                if !unsent.is_empty() || matches!(status, StreamResult::Dropped) {
                    break;
                }
            }
            drop(writer);
            drop(bytes);
            drop(result);
            drop(self);
        });
        reader
    }
}

/// A response whose body is a stream the host may serve by itself.
pub(crate) fn response(
    status: u16,
    headers: HeaderMap,
    body: StreamReader<u8>,
) -> Result<wasi_http::Response, wasi_http::ErrorCode> {
    let headers = Fields::try_from(headers)
        .map_err(|error| wasi_http::ErrorCode::InternalError(Some(error.to_string())))?;
    let (response, _sent) = wasi_http::Response::new(headers, Some(body), no_trailers());
    response
        .set_status_code(status)
        .map_err(|()| wasi_http::ErrorCode::InternalError(Some("bad status".to_owned())))?;
    Ok(response)
}

/// A future that says at once: no trailers.
fn no_trailers() -> FutureReader<Result<Option<wasi_http::Trailers>, wasi_http::ErrorCode>> {
    // The dropped writing end sends the default.
    let (_, reader) = wit_future::new(|| Ok(None));
    reader
}
