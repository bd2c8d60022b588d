//! Release files in an R2 bucket: keys are `<product>/<version>/<platform>`.

use crate::BoxFuture;
use crate::ports::{HostBody, Listing, Release, ReleaseBody, ReleaseError, ReleaseStore};
use send_wrapper::SendWrapper;
use std::cell::RefCell;
use std::sync::Arc;
use worker::{Bucket, ResponseBody};

/// R2's stream of an object, taken once by the response.
pub(super) type ObjectStream = SendWrapper<RefCell<Option<ResponseBody>>>;

pub(super) struct R2(SendWrapper<Bucket>);

impl R2 {
    pub(super) fn new(bucket: Bucket) -> Self {
        Self(SendWrapper::new(bucket))
    }
}

impl ReleaseStore for R2 {
    fn open<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Release>, ReleaseError>> {
        Box::pin(SendWrapper::new(async move {
            let Some(object) = self.0.get(key).execute().await.map_err(failed)? else {
                return Ok(None);
            };
            let Some(body) = object.body() else {
                return Ok(None);
            };
            let stream: ObjectStream =
                SendWrapper::new(RefCell::new(Some(body.response_body().map_err(failed)?)));
            let body = ReleaseBody::Host(HostBody(Arc::new(stream)));
            Ok(Some(Release {
                size: object.size(),
                body,
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
            let mut folders = Vec::new();
            let mut cursor: Option<String> = None;
            let mut found = folder.is_empty();
            loop {
                let mut page = self.0.list().prefix(prefix.clone()).delimiter("/");
                if let Some(cursor) = cursor.take() {
                    page = page.cursor(cursor);
                }
                let page = page.execute().await.map_err(failed)?;
                let inside = page.delimited_prefixes();
                found |= !inside.is_empty() || !page.objects().is_empty();
                folders.extend(inside.iter().filter_map(|path| {
                    Some(path.strip_prefix(&prefix)?.trim_end_matches('/').to_owned())
                }));
                cursor = page.cursor();
                if !page.truncated() || cursor.is_none() {
                    break;
                }
            }
            folders.sort();
            Ok(found.then_some(Listing { folders }))
        }))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "used as map_err(failed)")]
fn failed(error: worker::Error) -> ReleaseError {
    ReleaseError(error.to_string())
}
