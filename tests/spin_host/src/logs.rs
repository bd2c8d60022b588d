//! What components and the host write, line by line, kept for the tests.

use std::collections::BTreeMap;
use std::io;
use std::io::Write as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

/// All logs of a running application.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    components: Mutex<BTreeMap<String, Vec<String>>>,
    host: Mutex<Vec<String>>,
    /// Whether each line also goes to this process's standard error.
    echo: bool,
}

impl Logs {
    /// Logs that only the tests read, or that are also shown.
    pub(crate) fn new(echo: bool) -> Self {
        Self {
            echo,
            ..Self::default()
        }
    }

    /// The lines of a component so far.
    pub(crate) fn component(&self, name: &str) -> Vec<String> {
        lock(&self.components)
            .get(name)
            .cloned()
            .unwrap_or_default()
    }

    /// The lines of the host so far: traps, refused requests.
    pub(crate) fn host(&self) -> Vec<String> {
        lock(&self.host).clone()
    }

    /// Adds a line of the host's own.
    pub(crate) fn host_line(&self, line: String) {
        self.show("host", &line);
        lock(&self.host).push(line);
    }

    fn component_line(&self, name: &str, line: String) {
        self.show(name, &line);
        lock(&self.components)
            .entry(name.to_owned())
            .or_default()
            .push(line);
    }

    fn show(&self, who: &str, line: &str) {
        if self.echo {
            // A closed standard error is no reason to stop serving.
            let _ = writeln!(io::stderr().lock(), "{who}: {line}");
        }
    }
}

/// A lock whose holder panicked still guards whole lines.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Standard output or standard error of a component.
#[derive(Debug, Clone)]
pub(crate) struct ComponentOutput {
    logs: Arc<Logs>,
    component: String,
}

impl ComponentOutput {
    pub(crate) fn new(logs: Arc<Logs>, component: &str) -> Self {
        Self {
            logs,
            component: component.to_owned(),
        }
    }
}

impl IsTerminal for ComponentOutput {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for ComponentOutput {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(LineWriter {
            output: self.clone(),
            partial: Vec::new(),
        })
    }
}

/// Cuts one stream into lines. Writing never waits, so that a component can
/// log on its way into a trap.
struct LineWriter {
    output: ComponentOutput,
    partial: Vec<u8>,
}

impl LineWriter {
    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&self.partial).into_owned();
        self.partial.clear();
        self.output
            .logs
            .component_line(&self.output.component, line);
    }
}

impl AsyncWrite for LineWriter {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        for &byte in bytes {
            if byte == b'\n' {
                self.end_line();
            } else {
                self.partial.push(byte);
            }
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for LineWriter {
    fn drop(&mut self) {
        if !self.partial.is_empty() {
            self.end_line();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ComponentOutput, Logs};
    use std::sync::Arc;
    use tokio::io::AsyncWriteExt as _;
    use wasmtime_wasi::cli::StdoutStream as _;

    #[tokio::test]
    async fn streams_become_lines() {
        let logs = Arc::new(Logs::new(false));
        let output = ComponentOutput::new(Arc::clone(&logs), "sign");
        let mut first = Box::into_pin(output.async_stream());
        let mut second = Box::into_pin(output.async_stream());
        first.write_all(b"one\ntw").await.unwrap();
        second.write_all(b"other\n").await.unwrap();
        first.write_all(b"o\n\nend").await.unwrap();
        assert_eq!(logs.component("sign"), ["one", "other", "two", ""]);
        drop(first);
        assert_eq!(
            logs.component("sign").last().map(String::as_str),
            Some("end")
        );
        assert!(logs.component("admin").is_empty());
    }
}
