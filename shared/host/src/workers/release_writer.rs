//! Writing release files into an R2 bucket.

use bytes::Bytes;
use keywright_ports::BoxFuture;
use keywright_ports::{Expected, Part, ReleaseWrite, ReleaseWriteError, Tagged};
use send_wrapper::SendWrapper;
use worker::{Bucket, Conditional, UploadedPart};

pub(super) struct R2Writer(SendWrapper<Bucket>);

impl R2Writer {
    pub(super) fn new(bucket: Bucket) -> Self {
        Self(SendWrapper::new(bucket))
    }
}

impl ReleaseWrite for R2Writer {
    fn begin<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<String, ReleaseWriteError>> {
        Box::pin(SendWrapper::new(async move {
            let upload = self.0.create_multipart_upload(key).execute();
            Ok(upload.await.map_err(failed)?.upload_id().await)
        }))
    }

    fn part<'a>(
        &'a self,
        key: &'a str,
        upload: &'a str,
        number: u16,
        bytes: Bytes,
    ) -> BoxFuture<'a, Result<Part, ReleaseWriteError>> {
        Box::pin(SendWrapper::new(async move {
            let upload = self
                .0
                .resume_multipart_upload(key, upload)
                .map_err(failed)?;
            let part = upload.upload_part(number, bytes.to_vec()).await;
            let tag = part.map_err(failed)?.etag();
            Ok(Part { number, tag })
        }))
    }

    fn complete<'a>(
        &'a self,
        key: &'a str,
        upload: &'a str,
        parts: Vec<Part>,
    ) -> BoxFuture<'a, Result<(), ReleaseWriteError>> {
        Box::pin(SendWrapper::new(async move {
            let upload = self
                .0
                .resume_multipart_upload(key, upload)
                .map_err(failed)?;
            let parts = parts
                .into_iter()
                .map(|part| UploadedPart::new(part.number, part.tag));
            upload.complete(parts).await.map(drop).map_err(failed)
        }))
    }

    fn abort<'a>(
        &'a self,
        key: &'a str,
        upload: &'a str,
    ) -> BoxFuture<'a, Result<(), ReleaseWriteError>> {
        Box::pin(SendWrapper::new(async move {
            let upload = self
                .0
                .resume_multipart_upload(key, upload)
                .map_err(failed)?;
            upload.abort().await.map_err(failed)
        }))
    }

    fn size<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<u64>, ReleaseWriteError>> {
        Box::pin(SendWrapper::new(async move {
            let object = self.0.head(key).await.map_err(failed)?;
            Ok(object.map(|object| object.size()))
        }))
    }

    fn read<'a>(
        &'a self,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Option<Tagged>, ReleaseWriteError>> {
        Box::pin(SendWrapper::new(async move {
            let Some(object) = self.0.get(key).execute().await.map_err(failed)? else {
                return Ok(None);
            };
            let tag = object.etag();
            let body = object.body().ok_or_else(|| {
                ReleaseWriteError::Failed(format!("{key} came without its bytes"))
            })?;
            let bytes = body.bytes().await.map_err(failed)?;
            Ok(Some(Tagged { bytes, tag }))
        }))
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        bytes: Vec<u8>,
        expected: Expected,
    ) -> BoxFuture<'a, Result<bool, ReleaseWriteError>> {
        Box::pin(SendWrapper::new(async move {
            let only_if = match expected {
                Expected::Nothing => Conditional {
                    etag_does_not_match: Some("*".to_owned()),
                    ..Conditional::default()
                },
                Expected::Tag(tag) => Conditional {
                    etag_matches: Some(tag),
                    ..Conditional::default()
                },
            };
            let put = self.0.put(key, bytes).only_if(only_if).execute();
            // No object: the condition did not hold.
            Ok(put.await.map_err(failed)?.is_some())
        }))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "used as map_err(failed)")]
fn failed(error: worker::Error) -> ReleaseWriteError {
    let text = error.to_string();
    if GONE.iter().any(|code| text.contains(code)) {
        ReleaseWriteError::Gone(text)
    } else {
        ReleaseWriteError::Failed(text)
    }
}

/// R2's codes for an upload that does not exist and for a part that is not the
/// one that was stored last; they end its messages.
const GONE: [&str; 2] = ["(10024)", "(10025)"];
