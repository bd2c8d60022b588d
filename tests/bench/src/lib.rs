//! `make bench`: what a validation costs on Spin and on workerd, beside a native
//! server that does the same work with the same crates.
//!
//! - [`seed`]: ten thousand licenses, straight into the database of each host
//! - [`requests`]: what is sent, and what every answer must hold
//! - [`hosts`]: the servers, each a process of its own
//! - [`load`]: the load generator; [`wire`] is its HTTP
//! - [`cpu`]: the processor time of a server
//! - [`plan`]: which host answers what, how often, in which order
//! - [`report`]: medians over the rounds, and ratios to native
//! - [`serve`]: the native server
//! - [`gate`]: the other run, of downloads
//!
//! All hosts stand ready at once and are measured in turn, round by round: a
//! machine that gets slower meanwhile gets slower for all of them. An answer that
//! is not the expected one ends the run, because a server that refuses quickly
//! would look like a fast one.

pub mod cli;
pub mod cpu;
pub mod gate;
pub mod hosts;
pub mod load;
pub mod plan;
mod process;
pub mod report;
pub mod requests;
pub mod seed;
pub mod serve;
pub mod wire;

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);

impl Error {
    /// What was being done, and what came in between.
    pub fn new(what: impl std::fmt::Display, why: impl std::fmt::Display) -> Self {
        Self(format!("{what}: {why}"))
    }

    /// Something to know or do, in one sentence.
    pub fn say(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

/// Progress, on standard error: standard output is for the result.
pub fn progress(line: &str) {
    use std::io::Write as _;
    // Nobody to tell is no reason to stop measuring.
    let _ = writeln!(std::io::stderr(), "[bench] {line}");
}
