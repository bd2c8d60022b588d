//! Log lines on `wasi:cli/stderr`, also from a panic.

use spin_sdk::wasip3;
use std::pin::Pin;
use std::task::{Context, Waker};

/// Writes one line to the component's standard error.
///
/// The write is started at once, in the caller's own poll, because a panic
/// hook gets no second one: the trap that follows it ends the instance. The
/// host's end of the stream takes the bytes then and there. What it did not
/// take is finished by a task of the request that logged it.
///
/// Must be called while the component handles a request.
pub(crate) fn line(text: &str) {
    let (mut writer, reader) = wasip3::wit_stream::new::<u8>();
    let written = wasip3::cli::stderr::write_via_stream(reader);
    let mut bytes = Vec::with_capacity(text.len() + 1);
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(b'\n');
    let mut write: Pin<Box<dyn Future<Output = ()>>> = Box::pin(async move {
        writer.write_all(bytes).await;
        drop(writer);
        drop(written);
    });
    let mut context = Context::from_waker(Waker::noop());
    if write.as_mut().poll(&mut context).is_pending() {
        wasip3::spawn(write);
    }
}

/// Logs every panic: the target's standard library drops the message.
pub(crate) fn install_panic_hook() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|info| line(&format!("panic: {info}"))));
    });
}
