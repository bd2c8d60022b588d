//! Release files in a folder, as on Spin.

use crate::BoxFuture;
use crate::ports::{Listing, Release, ReleaseBody, ReleaseError, ReleaseStore};
use axum::body::Body;
use std::io::ErrorKind;
use std::path::PathBuf;

/// A folder of releases: `<product>/<version>/<platform>`.
pub struct ReleaseFolder(PathBuf);

impl ReleaseFolder {
    /// The folder at `path`.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    fn bytes(&self, key: &str) -> Result<Option<Vec<u8>>, ReleaseError> {
        match std::fs::read(self.0.join(key)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
                    || error.kind() == ErrorKind::IsADirectory =>
            {
                Ok(None)
            }
            Err(error) => Err(ReleaseError(error.to_string())),
        }
    }
}

impl ReleaseStore for ReleaseFolder {
    fn open<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Release>, ReleaseError>> {
        Box::pin(async move {
            Ok(self.bytes(key)?.map(|bytes| Release {
                size: bytes.len() as u64,
                body: ReleaseBody::Stream(Body::from(bytes)),
            }))
        })
    }

    fn read<'a>(
        &'a self,
        key: &'a str,
        limit: usize,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, ReleaseError>> {
        Box::pin(async move { Ok(self.bytes(key)?.filter(|bytes| bytes.len() <= limit)) })
    }

    fn list<'a>(&'a self, folder: &'a str) -> BoxFuture<'a, Result<Option<Listing>, ReleaseError>> {
        Box::pin(async move {
            let entries = match std::fs::read_dir(self.0.join(folder)) {
                Ok(entries) => entries,
                Err(error)
                    if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
                {
                    return Ok(None);
                }
                Err(error) => return Err(ReleaseError(error.to_string())),
            };
            let mut folders: Vec<String> = entries
                .filter_map(Result::ok)
                .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                .filter_map(|entry| entry.file_name().into_string().ok())
                .collect();
            folders.sort();
            Ok(Some(Listing { folders }))
        })
    }
}
