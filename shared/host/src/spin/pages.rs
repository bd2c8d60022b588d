//! The storefront's files in the folder that the manifest mounts at `/static`.

use super::send;
use keywright_ports::BoxFuture;
use keywright_ports::{PageError, PageFiles};
use spin_sdk::wasip3::filesystem::preopens;
use spin_sdk::wasip3::filesystem::types::{
    Descriptor, DescriptorFlags, ErrorCode, OpenFlags, PathFlags,
};

/// Where the manifest mounts the folder.
const MOUNT: &str = "/static";

pub(super) struct MountedPages;

impl PageFiles for MountedPages {
    fn read<'a>(&'a self, file: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, PageError>> {
        Box::pin(send(async move {
            let (folder, path) = within(file)?;
            let opened = folder.open_at(
                PathFlags::empty(),
                path,
                OpenFlags::empty(),
                DescriptorFlags::READ,
            );
            let descriptor = match opened.await {
                Ok(descriptor) => descriptor,
                Err(ErrorCode::NoEntry | ErrorCode::NotDirectory) => return Ok(None),
                Err(error) => return Err(failed(&error)),
            };
            let (bytes, result) = descriptor.read_via_stream(0);
            let bytes = bytes.collect().await;
            result.await.map_err(|error| failed(&error))?;
            Ok(Some(bytes))
        }))
    }
}

/// The opened folder and the file's path inside it: with `--direct-mounts` the
/// folder itself is opened, otherwise a copy below `/`.
fn within(file: &str) -> Result<(Descriptor, String), PageError> {
    let mut copy = None;
    for (descriptor, path) in preopens::get_directories() {
        if path == MOUNT {
            return Ok((descriptor, file.to_owned()));
        }
        if path == "/" {
            copy = Some((descriptor, format!("{}/{file}", &MOUNT[1..])));
        }
    }
    copy.ok_or_else(|| PageError(format!("nothing is mounted at {MOUNT}")))
}

fn failed(error: &ErrorCode) -> PageError {
    PageError(format!("{error:?}"))
}
