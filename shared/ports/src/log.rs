//! The log: one JSON object a line, so that a host's log search can filter.

use serde::Serialize;
use std::sync::Arc;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Something outside misbehaved; nothing was lost.
    Warn,
    /// Our fault.
    Error,
}

/// Where a host writes a line.
pub trait LogSink: Send + Sync {
    /// Writes one line, without its line end.
    fn write(&self, level: Level, line: &str);
}

/// The log of one function.
#[derive(Clone)]
pub struct Log {
    function: &'static str,
    sink: Arc<dyn LogSink>,
}

#[derive(Serialize)]
struct Line<'a> {
    level: Level,
    function: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    request_id: &'a str,
    message: &'a str,
}

impl Log {
    /// A log whose lines carry the function's name.
    #[must_use]
    pub fn new(function: &'static str, sink: Arc<dyn LogSink>) -> Self {
        Self { function, sink }
    }

    /// Writes a line. Secrets, keys and tokens must not be part of `message`.
    /// `request_id` is empty outside a request.
    pub fn write(&self, level: Level, request_id: &str, message: &str) {
        let line = Line {
            level,
            function: self.function,
            request_id,
            message,
        };
        self.sink
            .write(level, &serde_json::to_string(&line).unwrap_or_default());
    }
}
