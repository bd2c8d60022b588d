//! Release files in an R2 bucket: keys are `<product>/<version>/<platform>`.

use keywright_ports::BoxFuture;
use keywright_ports::{
    Extent, FileInfo, HostBody, Listing, Release, ReleaseBody, ReleaseError, ReleaseStore,
};
use send_wrapper::SendWrapper;
use std::cell::RefCell;
use std::sync::Arc;
use worker::{Bucket, Object, Range, ResponseBody};

/// R2's stream of an object, taken once by the response.
pub(super) type ObjectStream = SendWrapper<RefCell<Option<ResponseBody>>>;

pub(super) struct R2(SendWrapper<Bucket>);

impl R2 {
    pub(super) fn new(bucket: Bucket) -> Self {
        Self(SendWrapper::new(bucket))
    }
}

fn info(object: &Object) -> FileInfo {
    const MILLIS: u64 = 1_000;
    let uploaded = object.uploaded().as_millis() / MILLIS;
    FileInfo {
        size: object.size(),
        modified: i64::try_from(uploaded).ok(),
    }
}

/// The range as R2 takes it; none for the whole object.
fn range(extent: Extent) -> Option<Range> {
    match extent {
        Extent::WHOLE => None,
        Extent {
            offset,
            length: None,
        } => Some(Range::OffsetToEnd { offset }),
        Extent {
            offset,
            length: Some(length),
        } => Some(Range::OffsetWithLength { offset, length }),
    }
}

impl ReleaseStore for R2 {
    fn stat<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<FileInfo>, ReleaseError>> {
        Box::pin(SendWrapper::new(async move {
            let object = self.0.head(key).await.map_err(failed)?;
            Ok(object.as_ref().map(info))
        }))
    }

    fn open<'a>(
        &'a self,
        key: &'a str,
        extent: Extent,
    ) -> BoxFuture<'a, Result<Option<Release>, ReleaseError>> {
        Box::pin(SendWrapper::new(async move {
            let mut get = self.0.get(key);
            if let Some(range) = range(extent) {
                get = get.range(range);
            }
            let Some(object) = get.execute().await.map_err(failed)? else {
                return Ok(None);
            };
            let Some(body) = object.body() else {
                return Ok(None);
            };
            let stream: ObjectStream =
                SendWrapper::new(RefCell::new(Some(body.response_body().map_err(failed)?)));
            Ok(Some(Release {
                info: info(&object),
                body: ReleaseBody::Host(HostBody(Arc::new(stream))),
            }))
        }))
    }

    fn read<'a>(
        &'a self,
        key: &'a str,
        limit: usize,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, ReleaseError>> {
        Box::pin(SendWrapper::new(async move {
            let Some(object) = self.0.get(key).execute().await.map_err(failed)? else {
                return Ok(None);
            };
            match object.body() {
                Some(body) if object.size() <= limit as u64 => {
                    Ok(Some(body.bytes().await.map_err(failed)?))
                }
                _ => Ok(None),
            }
        }))
    }

    fn list<'a>(&'a self, folder: &'a str) -> BoxFuture<'a, Result<Option<Listing>, ReleaseError>> {
        Box::pin(SendWrapper::new(async move {
            let prefix = if folder.is_empty() {
                String::new()
            } else {
                format!("{folder}/")
            };
            let mut listing = Listing::default();
            let mut cursor: Option<String> = None;
            let mut found = folder.is_empty();
            loop {
                let mut page = self.0.list().prefix(prefix.clone()).delimiter("/");
                if let Some(cursor) = cursor.take() {
                    page = page.cursor(cursor);
                }
                let page = page.execute().await.map_err(failed)?;
                let inside = page.delimited_prefixes();
                let objects: Vec<String> = page.objects().iter().map(Object::key).collect();
                found |= !inside.is_empty() || !objects.is_empty();
                // An empty object that some tools make for a folder has no name in it.
                let name = |path: &String| {
                    let name = path.strip_prefix(&prefix)?;
                    (!name.is_empty()).then(|| name.to_owned())
                };
                listing.files.extend(objects.iter().filter_map(name));
                let folders = inside.iter().filter_map(name);
                listing
                    .folders
                    .extend(folders.map(|name| name.trim_end_matches('/').to_owned()));
                cursor = page.cursor();
                if !page.truncated() || cursor.is_none() {
                    break;
                }
            }
            listing.folders.sort();
            listing.files.sort();
            Ok(found.then_some(listing))
        }))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "used as map_err(failed)")]
fn failed(error: worker::Error) -> ReleaseError {
    ReleaseError(error.to_string())
}
