//! Digests of files, which are read piece by piece.

use crate::error::CliError;
use crate::progress;
use data_encoding::HEXLOWER;
use keywright_domain::release::statement::{Sha256Hex, Sha512Hex};
use sha2::{Digest, Sha256, Sha512};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Bytes that are held in memory at once.
pub(crate) const PIECE_BYTES: usize = 1024 * 1024;

/// Size and digests of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Digests {
    pub(crate) size: u64,
    pub(crate) sha256: Sha256Hex,
    pub(crate) sha512: Sha512Hex,
}

/// SHA-256 in lower-case hex.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

/// Computes both digests from bytes in pieces.
#[derive(Default)]
pub(crate) struct Hashes {
    size: u64,
    sha256: Sha256,
    sha512: Sha512,
}

impl Hashes {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.sha256.update(bytes);
        self.sha512.update(bytes);
    }

    pub(crate) fn finish(self) -> Result<Digests, CliError> {
        let sha256 = Sha256Hex::parse(&HEXLOWER.encode(&self.sha256.finalize()));
        let sha512 = Sha512Hex::parse(&HEXLOWER.encode(&self.sha512.finalize()));
        match (sha256, sha512) {
            (Some(sha256), Some(sha512)) => Ok(Digests {
                size: self.size,
                sha256,
                sha512,
            }),
            _ => Err(CliError::failed("a digest has the wrong length")),
        }
    }
}

/// Size and digests of a file, in one pass.
pub(crate) fn of_file(path: &Path) -> Result<Digests, CliError> {
    let mut file = open(path)?;
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    let bar = progress::bytes("hashing", size);
    let mut hashes = Hashes::default();
    each_piece(&mut file, |piece| {
        hashes.update(piece);
        bar.inc(piece.len() as u64);
        Ok(())
    })
    .map_err(|error| CliError::file(path, error))?;
    bar.finish_and_clear();
    let digests = hashes.finish()?;
    if digests.size == 0 {
        return Err(CliError::usage(format!(
            "{} is empty; a release file must not be empty",
            path.display()
        )));
    }
    Ok(digests)
}

/// Opens a file for reading.
pub(crate) fn open(path: &Path) -> Result<File, CliError> {
    let file = File::open(path).map_err(|error| CliError::file(path, error))?;
    match file.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(file),
        Ok(_) => Err(CliError::file(path, "not a regular file")),
        Err(error) => Err(CliError::file(path, error)),
    }
}

/// Reads to the end, piece by piece.
pub(crate) fn each_piece(
    from: &mut impl Read,
    mut take: impl FnMut(&[u8]) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match from.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(read) => take(&piece[..read])?,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
