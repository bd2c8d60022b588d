//! Log lines on WASI 0.3's standard error, also from a panic.

use keywright_ports::{Level, LogSink};
use spin_sdk::wasip3;
use std::pin::Pin;
use std::sync::Once;
use std::task::{Context, Waker};

pub(super) struct StandardError;

impl LogSink for StandardError {
    fn write(&self, _: Level, line_text: &str) {
        line(line_text);
    }
}

/// Writes one line.
///
/// The write is started in the caller's own poll: a panic hook gets no second
/// one, because the trap that follows it ends the instance. What the host does
/// not take at once is finished by a task of the request that logs.
pub(super) fn line(text: &str) {
    let (mut writer, reader) = wasip3::wit_stream::new::<u8>();
    let written = wasip3::cli::stderr::write_via_stream(reader);
    let bytes = format!("{text}\n").into_bytes();
    let mut write: Pin<Box<dyn Future<Output = ()>>> = Box::pin(async move {
        writer.write_all(bytes).await;
        drop(writer);
        drop(written);
    });
    if write
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
        .is_pending()
    {
        wasip3::spawn(write);
    }
}

/// Logs every panic: this target's standard library drops the message. The
/// trap after it ends the instance; Spin answers 500 and starts another.
pub(super) fn install_panic_hook(function: &'static str) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(move |panic| line(&format!("{function}: {panic}"))));
    });
}
