//! Progress on standard error, where that is a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar of bytes. Without a terminal nothing is drawn.
pub(crate) fn bytes(what: &str, size: u64) -> ProgressBar {
    let style = "{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec}, {eta}";
    let style = ProgressStyle::with_template(style).map_or_else(
        |_| ProgressStyle::default_bar(),
        |style| style.progress_chars("=> "),
    );
    ProgressBar::new(size)
        .with_style(style)
        .with_message(what.to_owned())
}
