//! The client's half of HTTP/1.1, on a connection that is kept. As little work
//! as possible: the client runs on the processors that it measures.

use crate::Error;
use crate::requests::Workload;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Most headers that an answer may have.
const MAX_HEADERS: usize = 32;
/// Largest answer, head and body.
const MAX_ANSWER: usize = 64 * 1024;

/// A kept connection.
pub struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// [`Error`] when nothing listens.
    pub async fn open(address: SocketAddr) -> Result<Self, Error> {
        let stream = TcpStream::connect(address).await;
        let stream = stream.map_err(|error| Error::new("connecting", error))?;
        stream
            .set_nodelay(true)
            .map_err(|error| Error::new("connecting", error))?;
        Ok(Self {
            stream,
            request: Vec::new(),
            answer: Vec::with_capacity(4096),
        })
    }

    /// Sends the next request and reads its answer. Answers in how many pieces it
    /// came.
    ///
    /// # Errors
    /// [`Error`] when the answer is not the expected one, has no length, or the
    /// server closes the connection.
    pub async fn ask(&mut self, workload: &Workload) -> Result<usize, Error> {
        let broken = |error: std::io::Error| Error::new("the connection broke", error);
        let expected = workload.next(&mut self.request);
        self.stream.write_all(&self.request).await.map_err(broken)?;
        self.answer.clear();
        for pieces in 1.. {
            let read = self.stream.read_buf(&mut self.answer).await;
            if read.map_err(broken)? == 0 {
                return Err(Error::say(format!(
                    "the server closed the connection after {} bytes",
                    self.answer.len()
                )));
            }
            if let Some(answer) = parse(&self.answer)? {
                answer.check(expected)?;
                return Ok(pieces);
            }
            if self.answer.len() > MAX_ANSWER {
                break;
            }
        }
        Err(Error::say("the answer is too large"))
    }
}

/// A whole answer.
#[derive(Debug, PartialEq, Eq)]
struct Answer<'a> {
    status: u16,
    body: &'a [u8],
}

/// Reads an answer; `None` while some of it is missing.
fn parse(bytes: &[u8]) -> Result<Option<Answer<'_>>, Error> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    let end = match head.parse(bytes) {
        Ok(httparse::Status::Complete(end)) => end,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(Error::new("the answer is no HTTP", error)),
    };
    let length = head
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))
        .and_then(|header| {
            std::str::from_utf8(header.value)
                .ok()?
                .parse::<usize>()
                .ok()
        })
        // Every answer has one (a chunked one is slow on Spin).
        .ok_or_else(|| Error::say("the answer has no content-length"))?;
    let rest = &bytes[end..];
    if rest.len() > length {
        return Err(Error::say("the answer is longer than its content-length"));
    }
    Ok((rest.len() == length).then_some(Answer {
        status: head.code.unwrap_or_default(),
        body: rest,
    }))
}

impl Answer<'_> {
    fn check(&self, expected: &[String]) -> Result<(), Error> {
        let holds = |text: &String| {
            let text = text.as_bytes();
            self.body.windows(text.len()).any(|window| window == text)
        };
        if self.status == 200 && expected.iter().all(holds) {
            return Ok(());
        }
        Err(Error::say(format!(
            "status {} and {:?} where {expected:?} was expected",
            self.status,
            String::from_utf8_lossy(self.body),
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"ok\":true}";

    #[test]
    fn an_answer_is_read_when_it_is_whole() {
        for cut in 0..WHOLE.len() {
            assert_eq!(parse(&WHOLE[..cut]).unwrap(), None, "{cut}");
        }
        let answer = parse(WHOLE).unwrap().unwrap();
        assert_eq!((answer.status, answer.body), (200, &b"{\"ok\":true}"[..]));
    }

    #[test]
    fn what_is_not_expected_is_refused() {
        let answer = parse(WHOLE).unwrap().unwrap();
        answer.check(&["\"ok\":true".to_owned()]).unwrap();
        let error = answer.check(&["\"ok\":false".to_owned()]).unwrap_err();
        assert!(error.to_string().contains("{\\\"ok\\\":true}"), "{error}");
        let refused = b"HTTP/1.1 500 No\r\ncontent-length: 11\r\n\r\n{\"ok\":true}";
        let refused = parse(refused).unwrap().unwrap();
        refused.check(&["\"ok\":true".to_owned()]).unwrap_err();
    }

    #[test]
    fn a_chunked_or_overlong_answer_is_a_fault() {
        parse(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n").unwrap_err();
        parse(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab").unwrap_err();
        parse(b"SMTP").unwrap_err();
    }
}
