//! Stretches of a file: read at once, as the host's own stream, or cut.

use super::log;
use spin_sdk::wasip3::filesystem::types::{Descriptor, ErrorCode};
use spin_sdk::wasip3::wit_bindgen::{StreamReader, StreamResult};
use spin_sdk::wasip3::{self, wit_stream};

/// How much of a cut stretch is in wasm memory at a time, in bytes.
const PIECE: usize = 64 * 1024;

/// Reads a small stretch: exactly `length` bytes, or an error.
pub(super) async fn read(
    file: &Descriptor,
    offset: u64,
    length: u64,
) -> Result<Vec<u8>, ErrorCode> {
    let length = usize::try_from(length).map_err(|_| ErrorCode::Overflow)?;
    let mut read = Vec::with_capacity(length);
    if length == 0 {
        return Ok(read);
    }
    let (mut bytes, result) = file.read_via_stream(offset);
    // A read fills what room there is; the allocator may have given more.
    while read.len() < length {
        let (status, filled) = bytes.read(read).await;
        read = filled;
        if matches!(status, StreamResult::Dropped) {
            break;
        }
    }
    drop(bytes);
    result.await?;
    if read.len() < length {
        // It got shorter since its size was told.
        return Err(ErrorCode::Io);
    }
    read.truncate(length);
    Ok(read)
}

/// The host's own stream, of which no byte passes through wasm memory.
pub(super) fn to_the_end(file: Descriptor, offset: u64) -> StreamReader<u8> {
    let (bytes, result) = file.read_via_stream(offset);
    // The result is awaited to the end: dropped, the instance counts as idle
    // and Spin ends it in the middle of the download.
    wasip3::spawn(async move {
        if let Err(error) = result.await {
            log::line(&format!("reading a release failed: {error:?}"));
        }
        drop(file);
    });
    bytes
}

/// A stretch that ends before its file does. The host's stream knows no end
/// and one byte more than `content-length` breaks the answer, so the bytes are
/// copied, [`PIECE`] by piece; the client's pace sets the pace of the copy.
pub(super) fn cut(file: Descriptor, offset: u64, length: u64) -> StreamReader<u8> {
    let (mut writer, reader) = wit_stream::new::<u8>();
    let (mut bytes, result) = file.read_via_stream(offset);
    wasip3::spawn(async move {
        let mut left = length;
        let mut piece = Vec::new();
        while left > 0 {
            // The same memory each time; a read fills what room there is.
            piece.reserve_exact(PIECE);
            let (status, mut read) = bytes.read(piece).await;
            read.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            left -= read.len() as u64;
            // What comes back is what the client, gone, did not take.
            piece = writer.write_all(read).await;
            if !piece.is_empty() || matches!(status, StreamResult::Dropped) {
                break;
            }
        }
        drop(bytes);
        if let Err(error) = result.await {
            log::line(&format!("reading a release failed: {error:?}"));
        }
        drop(file);
    });
    reader
}
