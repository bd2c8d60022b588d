//! Release files in a folder, as on Spin.

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use keywright_ports::BoxFuture;
use keywright_ports::{
    Extent, FileInfo, Listing, Release, ReleaseBody, ReleaseError, ReleaseStore,
};
use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::UNIX_EPOCH;

/// Bytes read at a time.
const PIECE: usize = 64 * 1024;

/// A folder of releases: `<product>/<version>/<platform>`.
pub struct ReleaseFolder(PathBuf);

impl ReleaseFolder {
    /// The folder at `path`.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Where a key is, unless it is nowhere, is a symbolic link itself or lies
    /// behind one that leads outside.
    fn place(&self, key: &str) -> Result<Option<(PathBuf, Metadata)>, ReleaseError> {
        let path = self.0.join(key);
        let found = path
            .symlink_metadata()
            .and_then(|metadata| Ok((path.canonicalize()?, metadata)));
        let Some((real, metadata)) = unless_missing(found)? else {
            return Ok(None);
        };
        let inside = real.starts_with(self.0.canonicalize().map_err(failed)?);
        Ok((inside && !metadata.is_symlink()).then_some((real, metadata)))
    }

    fn file(&self, key: &str) -> Result<Option<(PathBuf, FileInfo)>, ReleaseError> {
        let place = self.place(key)?;
        Ok(place
            .filter(|(_, metadata)| metadata.is_file())
            .map(|(path, metadata)| (path, info(&metadata))))
    }
}

fn info(metadata: &Metadata) -> FileInfo {
    let modified = metadata.modified().ok();
    let since = modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    FileInfo {
        size: metadata.len(),
        modified: since.and_then(|since| i64::try_from(since.as_secs()).ok()),
    }
}

impl ReleaseStore for ReleaseFolder {
    fn stat<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<FileInfo>, ReleaseError>> {
        Box::pin(async move { Ok(self.file(key)?.map(|(_, info)| info)) })
    }

    fn open<'a>(
        &'a self,
        key: &'a str,
        extent: Extent,
    ) -> BoxFuture<'a, Result<Option<Release>, ReleaseError>> {
        Box::pin(async move {
            let Some((path, info)) = self.file(key)? else {
                return Ok(None);
            };
            let mut file = File::open(path).map_err(failed)?;
            file.seek(SeekFrom::Start(extent.offset)).map_err(failed)?;
            let left = extent.length_in(info.size);
            let body =
                ReleaseBody::Stream(Pieces { file, left }.map_err(Into::into).boxed_unsync());
            Ok(Some(Release { info, body }))
        })
    }

    fn read<'a>(
        &'a self,
        key: &'a str,
        limit: usize,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, ReleaseError>> {
        Box::pin(async move {
            let found = self.file(key)?;
            let Some((path, _)) = found.filter(|(_, info)| info.size <= limit as u64) else {
                return Ok(None);
            };
            std::fs::read(path).map(Some).map_err(failed)
        })
    }

    fn list<'a>(&'a self, folder: &'a str) -> BoxFuture<'a, Result<Option<Listing>, ReleaseError>> {
        Box::pin(async move {
            let place = self.place(folder)?;
            let Some((path, _)) = place.filter(|(_, metadata)| metadata.is_dir()) else {
                return Ok(None);
            };
            let mut listing = Listing::default();
            for entry in std::fs::read_dir(path).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                let kind = entry.file_type().map_err(failed)?;
                let Ok(name) = entry.file_name().into_string() else {
                    continue;
                };
                if kind.is_dir() {
                    listing.folders.push(name);
                } else if kind.is_file() {
                    listing.files.push(name);
                }
            }
            listing.folders.sort();
            listing.files.sort();
            Ok(Some(listing))
        })
    }
}

/// The rest of a file, read as the client takes it.
struct Pieces {
    file: File,
    left: u64,
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let wanted = usize::try_from(self.left).map_or(PIECE, |left| left.min(PIECE));
        let mut piece = vec![0; wanted];
        let read = match self.file.read(&mut piece) {
            // It got shorter meanwhile; the promised length cannot be kept.
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            read => read,
        };
        Poll::Ready(Some(read.map(|read| {
            piece.truncate(read);
            self.left -= read as u64;
            Frame::data(piece.into())
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// What is not there, or below a file, is none.
fn unless_missing<T>(result: std::io::Result<T>) -> Result<Option<T>, ReleaseError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(failed(error)),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "used as map_err(failed)")]
fn failed(error: std::io::Error) -> ReleaseError {
    ReleaseError(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::path::Path;
    use tempfile::TempDir;

    /// A folder of releases, with a secret beside it.
    fn home() -> (TempDir, PathBuf) {
        let home = tempfile::tempdir().expect("a folder");
        let releases = home.path().join("releases");
        std::fs::create_dir_all(releases.join("demo/1.0.0")).expect("a folder");
        std::fs::write(releases.join("demo/1.0.0/any"), "0123456789").expect("a file");
        std::fs::write(home.path().join("secret"), "a secret").expect("a file");
        (home, releases)
    }

    async fn bytes(store: &ReleaseFolder, key: &str, extent: Extent) -> Option<Bytes> {
        let release = store.open(key, extent).await.expect("it answers")?;
        let ReleaseBody::Stream(body) = release.body else {
            panic!("a stream of the host");
        };
        Some(body.collect().await.expect("bytes").to_bytes())
    }

    #[tokio::test]
    async fn a_stretch_is_read_and_no_more() {
        let (_home, folder) = home();
        let store = ReleaseFolder::new(folder);
        for (offset, length, expected) in [
            (0, None, "0123456789"),
            (0, Some(10), "0123456789"),
            (0, Some(1), "0"),
            (3, Some(4), "3456"),
            (3, None, "3456789"),
            (9, Some(5), "9"),
            (10, None, ""),
        ] {
            let extent = Extent { offset, length };
            let read = bytes(&store, "demo/1.0.0/any", extent).await;
            assert_eq!(read.as_deref(), Some(expected.as_bytes()), "{extent:?}");
        }
        assert_eq!(bytes(&store, "demo/1.0.0/none", Extent::WHOLE).await, None);
        assert_eq!(bytes(&store, "demo/1.0.0", Extent::WHOLE).await, None);
        let listing = store.list("demo/1.0.0").await.expect("it answers");
        assert_eq!(
            listing.map(|listing| listing.files),
            Some(vec!["any".to_owned()])
        );
    }

    #[tokio::test]
    async fn no_link_leads_outside() {
        let (home, folder) = home();
        let link = |to: &Path, from: &str| symlink(to, folder.join(from)).expect("a link");
        link(&home.path().join("secret"), "demo/1.0.0/file");
        link(home.path(), "demo/out");
        let store = ReleaseFolder::new(folder);
        for key in ["demo/1.0.0/file", "demo/out/secret", "demo/1.0.0/gone"] {
            assert_eq!(bytes(&store, key, Extent::WHOLE).await, None, "{key}");
            assert_eq!(store.stat(key).await, Ok(None), "{key}");
            assert_eq!(store.read(key, 1024).await, Ok(None), "{key}");
        }
        assert_eq!(store.list("demo/out").await, Ok(None));
        let listing = store.list("demo").await.expect("it answers");
        let only = Listing {
            folders: vec!["1.0.0".to_owned()],
            files: Vec::new(),
        };
        assert_eq!(listing, Some(only));
    }
}
