//! Lines of JSON-RPC on standard input and output. Nothing else is ever written there.

use super::server::Server;
use crate::error::CliError;
use rmcp::ServiceExt;
use rmcp::service::ServerInitializeError;
use serde_json::Value;
use std::io::{BufRead, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::runtime::{Builder, Handle};

/// Bytes between the thread that reads lines and the server.
const BUFFER: usize = 64 * 1024;

/// Serves until standard input ends.
pub(super) fn serve(server: Server) -> Result<(), CliError> {
    let failed = |error: &dyn std::fmt::Display| CliError::failed(format!("mcp: {error}"));
    let runtime = Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(|error| failed(&error))?;
    let (lines, input) = tokio::io::duplex(BUFFER);
    let handle = runtime.handle().clone();
    // A read of standard input cannot be cancelled, so it has a thread that nobody waits for.
    std::thread::spawn(move || read(lines, &handle));
    runtime.block_on(async {
        let running = match server.serve((input, Output)).await {
            Ok(running) => running,
            // The client left before it said anything.
            Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
            Err(error) => return Err(failed(&error)),
        };
        running.waiting().await.map_err(|error| failed(&error))?;
        Ok(())
    })
}

/// Passes lines on until the input ends or nobody listens.
fn read(mut lines: DuplexStream, runtime: &Handle) {
    let mut filter = Opening::default();
    for line in std::io::stdin().lock().split(b'\n') {
        let Ok(mut line) = line else { return };
        if !filter.passes(&line) {
            continue;
        }
        line.push(b'\n');
        if runtime.block_on(lines.write_all(&line)).is_err() {
            return;
        }
    }
}

/// Drops notifications that come before the first `initialize`. The library would end the
/// connection at one, and nobody waits for an answer to it.
#[derive(Default)]
struct Opening {
    is_over: bool,
}

impl Opening {
    fn passes(&mut self, line: &[u8]) -> bool {
        if self.is_over {
            return true;
        }
        let message: Value = serde_json::from_slice(line).unwrap_or_default();
        self.is_over = message["method"] == "initialize";
        let is_notification = message["method"].is_string() && message["id"].is_null();
        !is_notification
    }
}

/// Standard output, written as lines come: this process has nothing else to do meanwhile.
struct Output;

impl AsyncWrite for Output {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Poll::Ready(std::io::stdout().write(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(std::io::stdout().flush())
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.poll_flush(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_before_the_opening_is_dropped() {
        let mut opening = Opening::default();
        let notification = br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
        assert!(!opening.passes(notification));
        for other in ["", "no JSON", r#"{"id":1,"method":"server/discover"}"#] {
            assert!(opening.passes(other.as_bytes()), "{other}");
        }
        assert!(!opening.passes(notification));
        assert!(opening.passes(br#"{"id":2,"method":"initialize"}"#));
        assert!(opening.passes(notification));
    }
}
