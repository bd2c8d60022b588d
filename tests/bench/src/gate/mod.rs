//! `keywright-bench gate`: what a download costs, beside nginx with `secure_link`
//! on the same files, and how much memory one takes.
//!
//! - [`files`]: the releases, and what opens them
//! - [`servers`]: nginx, workerd, Spin, and Spin behind nginx
//! - [`load`]: connections that download one file over and over
//! - [`memory`]: a file of 2 GiB, and slow downloads
//! - [`report`]: medians and ratios
//!
//! As in the other run all servers stand ready at once and are measured in turn,
//! round by round, in a rotated order.

pub mod files;
pub mod load;
pub mod memory;
pub mod report;
pub mod servers;

use crate::{Error, cpu, progress};
use files::{Files, Size};
use load::Load;
use report::Results;
use servers::Gate;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// What a run measures.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct Options {
    /// Whether Spin is measured, and Spin behind nginx.
    pub spin: bool,
    /// Whether workerd is measured.
    pub workerd: bool,
    /// Whether the native server is measured, and the same behind nginx.
    pub native: bool,
    /// How often all of it is repeated.
    pub rounds: usize,
    /// Time on the clock for each measurement.
    pub measured: Duration,
    /// The files, each with its numbers of connections.
    pub cells: Vec<(Size, Vec<usize>)>,
    /// Whether memory is measured too.
    pub memory: bool,
}

/// Where to download, and the processes that work for it.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where to connect.
    pub address: SocketAddr,
    /// The first process of each server.
    pub pids: Vec<u32>,
}

impl Target {
    fn processor_time(&self) -> Result<Duration, Error> {
        self.pids.iter().map(|pid| cpu::time_of(*pid)).sum()
    }

    fn memory(&self) -> Result<u64, Error> {
        self.pids.iter().map(|pid| cpu::memory_of(*pid)).sum()
    }
}

/// Measures, and answers with the tables.
///
/// # Errors
/// [`Error`] when a server is missing, does not start, or sends something else
/// than the file.
pub async fn run(options: &Options, folder: &Path, root: &Path) -> Result<String, Error> {
    progress("writing the release files");
    let files = Files::write(folder, options)?;
    let fleet = servers::all(options, &files, root)?;
    let gates = &fleet.gates;
    let mut running = Vec::with_capacity(fleet.servers.len());
    for server in &fleet.servers {
        running.push(server.start().await?);
    }
    let target = |gate: &Gate| Target {
        address: gate.address,
        pids: gate.servers.iter().map(|one| running[*one].pid()).collect(),
    };
    let explain = |gate: &Gate, error: &Error| {
        let last = gate.servers.last().map(|one| &running[*one]);
        last.map_or_else(|| Error::say(""), |one| one.explain(&gate.label, error))
    };
    for gate in gates {
        for (size, _) in &options.cells {
            let verified = load::verify(&target(gate), &files, *size, gate.check).await;
            verified.map_err(|error| explain(gate, &error))?;
        }
    }
    let mut results = Results::new(gates.iter().map(|gate| gate.label.clone()));
    for round in 0..options.rounds {
        for (size, concurrencies) in &options.cells {
            for &concurrency in concurrencies {
                let mut order: Vec<usize> = (0..gates.len()).collect();
                order.rotate_left(round % gates.len());
                for number in order {
                    let gate = &gates[number];
                    let load = Load {
                        concurrency,
                        measured: options.measured,
                    };
                    let request = files.request(*size, gate.check);
                    let figures = load::measure(&target(gate), &request, size.bytes(), load).await;
                    let figures = figures.map_err(|error| explain(gate, &error))?;
                    progress(&format!(
                        "round {}/{}, {} at {concurrency}, {}: {:.0} req/s, {:.0} MB/s",
                        round + 1,
                        options.rounds,
                        size.name(),
                        gate.label,
                        figures.per_second,
                        figures.bytes_per_second / 1e6,
                    ));
                    results.add(*size, concurrency, &gate.label, figures);
                }
            }
        }
    }
    let mut text = report::rates(options, &results);
    if options.memory {
        let mut lines = Vec::new();
        for gate in gates {
            progress(&format!("memory of {}", gate.label));
            let used = memory::measure(&target(gate), &files, gate).await;
            lines.push(used.map_err(|error| explain(gate, &error))?);
        }
        text.push_str(&report::memory(gates, &lines));
    }
    Ok(text)
}
