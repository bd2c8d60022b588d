//! How a host reads an answer from outside: within its limits, the same on every host.

use crate::outbound::{BodyRule, FetchError, FetchLimits};
use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body::Body;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

/// Waits for the head of an answer and reads its body. `head` sends the request; `over`
/// ends when the time of `limits` does.
///
/// # Errors
/// What `head` answers, and a [`FetchError`] for a limit that is met.
pub async fn answer_within<B, S>(
    host: &str,
    limits: FetchLimits,
    head: impl Future<Output = Result<Response<B>, FetchError>>,
    over: S,
) -> Result<Response<Bytes>, FetchError>
where
    B: Body<Data = Bytes>,
    S: Future<Output = ()>,
{
    let mut over = pin!(over);
    let mut head = pin!(head);
    let answer = poll_fn(|context| match head.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(answer),
        Poll::Pending => {
            let late = |()| Err(FetchError::TimedOut(limits.time));
            over.as_mut().poll(context).map(late)
        }
    });
    let (parts, body) = answer.await?.into_parts();
    let body = body_within(host, limits, body, over).await?;
    Ok(Response::from_parts(parts, body))
}

/// The host of a request, for errors.
#[must_use]
pub fn host_of<T>(request: &Request<T>) -> String {
    request.uri().host().unwrap_or_default().to_owned()
}

async fn body_within<B, S>(
    host: &str,
    limits: FetchLimits,
    body: B,
    mut over: Pin<&mut S>,
) -> Result<Bytes, FetchError>
where
    B: Body<Data = Bytes>,
    S: Future<Output = ()>,
{
    let mut body = pin!(body);
    let mut read = BytesMut::new();
    let fault = loop {
        let step = poll_fn(|context| match body.as_mut().poll_frame(context) {
            Poll::Ready(frame) => Poll::Ready(Some(frame)),
            Poll::Pending => over.as_mut().poll(context).map(|()| None),
        });
        let data = match step.await {
            None => break FetchError::TimedOut(limits.time),
            Some(None) => return Ok(read.freeze()),
            Some(Some(Err(_))) => break FetchError::Unreachable(host.to_owned()),
            Some(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
        };
        let room = limits.bytes.saturating_sub(read.len());
        read.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            break FetchError::TooLarge(limits.bytes);
        }
    };
    match limits.body {
        BodyRule::Whole => Err(fault),
        BodyRule::Beginning => Ok(read.freeze()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body::Frame;
    use std::collections::VecDeque;
    use std::future::{pending, ready};
    use std::task::Context;
    use std::time::Duration;

    /// What a body does at one look.
    enum Look {
        Data(&'static str),
        Breaks,
        Hangs,
    }

    struct Played(VecDeque<Look>);

    impl Body for Played {
        type Data = Bytes;
        type Error = &'static str;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
            match self.0.pop_front() {
                None => Poll::Ready(None),
                Some(Look::Data(data)) => {
                    Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(data.as_bytes())))))
                }
                Some(Look::Breaks) => Poll::Ready(Some(Err("broke off"))),
                Some(Look::Hangs) => Poll::Pending,
            }
        }
    }

    fn limits(body: BodyRule) -> FetchLimits {
        FetchLimits {
            time: Duration::from_secs(1),
            bytes: 5,
            body,
        }
    }

    async fn read(looks: Vec<Look>, rule: BodyRule) -> Result<Bytes, FetchError> {
        let answer = Response::new(Played(looks.into()));
        let is_hanging = matches!(answer.body().0.back(), Some(Look::Hangs));
        let over = async {
            if !is_hanging {
                pending::<()>().await;
            }
        };
        let answer = answer_within("h", limits(rule), ready(Ok(answer)), over).await?;
        Ok(answer.into_body())
    }

    #[tokio::test]
    async fn a_whole_body_is_whole_and_any_other_is_an_error() {
        use Look::{Breaks, Data, Hangs};
        let whole = |looks| read(looks, BodyRule::Whole);
        assert_eq!(whole(vec![Data("ab"), Data("cde")]).await.unwrap(), "abcde");
        assert_eq!(whole(vec![]).await.unwrap(), "");
        let large = whole(vec![Data("abc"), Data("def")]).await;
        assert_eq!(large, Err(FetchError::TooLarge(5)));
        let broken = whole(vec![Data("abc"), Breaks]).await;
        assert_eq!(broken, Err(FetchError::Unreachable("h".to_owned())));
        let late = whole(vec![Data("abc"), Hangs]).await;
        assert_eq!(late, Err(FetchError::TimedOut(Duration::from_secs(1))));
    }

    #[tokio::test]
    async fn of_any_body_the_beginning_is_read() {
        use Look::{Breaks, Data, Hangs};
        let beginning = |looks| read(looks, BodyRule::Beginning);
        let large = vec![Data("abc"), Data("def"), Data("ghi")];
        assert_eq!(beginning(large).await.unwrap(), "abcde");
        assert_eq!(beginning(vec![Data("abc"), Breaks]).await.unwrap(), "abc");
        assert_eq!(beginning(vec![Data("abc"), Hangs]).await.unwrap(), "abc");
        assert_eq!(beginning(vec![Hangs]).await.unwrap(), "");
    }

    #[tokio::test]
    async fn a_head_that_never_comes_is_late() {
        let never = pending::<Result<Response<Played>, FetchError>>();
        let late = answer_within("h", limits(BodyRule::Beginning), never, ready(())).await;
        assert_eq!(
            late.unwrap_err(),
            FetchError::TimedOut(Duration::from_secs(1))
        );
    }
}
