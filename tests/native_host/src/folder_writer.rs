//! Writing release files into a folder, with the promises of R2: a file appears
//! whole, and is replaced only where it is still what was expected.

use bytes::Bytes;
use data_encoding::HEXLOWER;
use keywright_ports::BoxFuture;
use keywright_ports::{Expected, Part, ReleaseWrite, ReleaseWriteError, Tagged};
use sha2::{Digest, Sha256};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// A folder of releases that may be written.
pub struct FolderWriter {
    folder: PathBuf,
    /// Held while what is there is compared and replaced.
    turn: Mutex<()>,
}

impl FolderWriter {
    /// The folder at `path`.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self {
            folder: path,
            turn: Mutex::new(()),
        }
    }

    /// Where the parts of an upload are until it is complete.
    fn parts_of(&self, key: &str, upload: &str) -> PathBuf {
        self.folder.join(format!("{key}.{upload}"))
    }

    fn read_now(&self, key: &str) -> std::io::Result<Option<Tagged>> {
        let bytes = match std::fs::read(self.folder.join(key)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            bytes => bytes?,
        };
        let tag = tag_of(&bytes);
        Ok(Some(Tagged { bytes, tag }))
    }

    fn put_now(&self, key: &str, bytes: &[u8], expected: &Expected) -> std::io::Result<bool> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let there = self.read_now(key)?.map(|there| there.tag);
        let wanted = match expected {
            Expected::Nothing => None,
            Expected::Tag(tag) => Some(tag),
        };
        if there.as_ref() != wanted {
            return Ok(false);
        }
        write_whole(&self.folder.join(key), |file| file.write_all(bytes))?;
        Ok(true)
    }

    fn complete_now(&self, key: &str, upload: &str, parts: &[Part]) -> std::io::Result<()> {
        let folder = self.parts_of(key, upload);
        let parts: Vec<PathBuf> = parts
            .iter()
            .map(|part| folder.join(file_of(part)))
            .collect();
        // A part that another one replaced is not there under its tag.
        for part in &parts {
            std::fs::metadata(part)?;
        }
        write_whole(&self.folder.join(key), |file| {
            for part in &parts {
                std::io::copy(&mut std::fs::File::open(part)?, file)?;
            }
            Ok(())
        })?;
        std::fs::remove_dir_all(folder)
    }

    fn part_now(
        &self,
        key: &str,
        upload: &str,
        number: u16,
        bytes: &[u8],
    ) -> std::io::Result<Part> {
        let folder = self.parts_of(key, upload);
        let part = Part {
            number,
            tag: tag_of(bytes),
        };
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name().into_string().unwrap_or_default();
            if name.starts_with(&format!("{number}-")) {
                std::fs::remove_file(entry.path())?;
            }
        }
        std::fs::write(folder.join(file_of(&part)), bytes)?;
        Ok(part)
    }
}

fn file_of(part: &Part) -> String {
    format!("{}-{}", part.number, part.tag)
}

fn tag_of(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

/// Writes a file beside its place and moves it there.
fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut std::fs::File) -> std::io::Result<()>,
) -> std::io::Result<()> {
    std::fs::create_dir_all(path.parent().unwrap_or(path))?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", new_name()));
    let mut file = std::fs::File::create(&beside)?;
    write(&mut file)?;
    std::fs::rename(&beside, path)
}

/// A name that nothing in the folder has: it is written by one process.
fn new_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("partial-{}-{number}", std::process::id())
}

impl ReleaseWrite for FolderWriter {
    fn begin<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<String, ReleaseWriteError>> {
        Box::pin(async move {
            let upload = new_name();
            std::fs::create_dir_all(self.parts_of(key, &upload)).map_err(failed)?;
            Ok(upload)
        })
    }

    fn part<'a>(
        &'a self,
        key: &'a str,
        upload: &'a str,
        number: u16,
        bytes: Bytes,
    ) -> BoxFuture<'a, Result<Part, ReleaseWriteError>> {
        Box::pin(async move { self.part_now(key, upload, number, &bytes).map_err(gone) })
    }

    fn complete<'a>(
        &'a self,
        key: &'a str,
        upload: &'a str,
        parts: Vec<Part>,
    ) -> BoxFuture<'a, Result<(), ReleaseWriteError>> {
        Box::pin(async move { self.complete_now(key, upload, &parts).map_err(gone) })
    }

    fn abort<'a>(
        &'a self,
        key: &'a str,
        upload: &'a str,
    ) -> BoxFuture<'a, Result<(), ReleaseWriteError>> {
        Box::pin(async move { std::fs::remove_dir_all(self.parts_of(key, upload)).map_err(failed) })
    }

    fn size<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<u64>, ReleaseWriteError>> {
        Box::pin(async move {
            match std::fs::metadata(self.folder.join(key)) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                there => there.map(|there| Some(there.len())).map_err(failed),
            }
        })
    }

    fn read<'a>(
        &'a self,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Option<Tagged>, ReleaseWriteError>> {
        Box::pin(async move { self.read_now(key).map_err(failed) })
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        bytes: Vec<u8>,
        expected: Expected,
    ) -> BoxFuture<'a, Result<bool, ReleaseWriteError>> {
        Box::pin(async move { self.put_now(key, &bytes, &expected).map_err(failed) })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "used as map_err(failed)")]
fn failed(error: std::io::Error) -> ReleaseWriteError {
    ReleaseWriteError::Failed(error.to_string())
}

/// As [`failed`], where a missing file is a missing upload.
fn gone(error: std::io::Error) -> ReleaseWriteError {
    match error.kind() {
        ErrorKind::NotFound => ReleaseWriteError::Gone(error.to_string()),
        _ => failed(error),
    }
}
