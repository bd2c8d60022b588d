//! Log lines on the console, which Workers Logs and `wrangler tail` read.

use keywright_ports::{Level, LogSink};
use std::sync::Once;

pub(super) struct Console;

impl LogSink for Console {
    fn write(&self, level: Level, text: &str) {
        line(level, text);
    }
}

pub(super) fn line(level: Level, text: &str) {
    match level {
        Level::Info => worker::console_log!("{text}"),
        Level::Warn => worker::console_warn!("{text}"),
        Level::Error => worker::console_error!("{text}"),
    }
}

/// Logs every panic: this target's standard library drops the message. The
/// trap after it ends the instance; the next request gets a fresh one.
pub(super) fn install_panic_hook(function: &'static str) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(move |panic| {
            line(Level::Error, &format!("{function}: {panic}"));
        }));
    });
}
