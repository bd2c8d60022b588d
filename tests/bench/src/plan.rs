//! The run: all servers stand ready, and each measurement is made on one after
//! the other before the next begins.

use crate::hosts::{Entrance, Running, Server};
use crate::load::{self, Figures, Load};
use crate::requests::{Kind, Workload};
use crate::seed::Seed;
use crate::{Error, progress};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::sleep;

/// Spin ends an instance that had nothing to do for a second.
const SILENCE: Duration = Duration::from_secs(2);

/// How much is measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Kinds of requests, each with the numbers of connections to try.
    pub cells: Vec<(Kind, Vec<usize>)>,
    /// How often all of it is repeated.
    pub rounds: usize,
    /// How often a server is started for its first request.
    pub cold_starts: usize,
    /// Time before the clock starts.
    pub warm_up: Duration,
    /// Time on the clock.
    pub measured: Duration,
}

/// Which measurement: kind, connections, label of the entrance.
pub type Key = (Kind, usize, String);

/// Everything that was measured.
#[derive(Debug, Default)]
pub struct Results {
    /// Labels of the entrances, the one to compare with first.
    pub labels: Vec<String>,
    /// A figure for each round.
    pub figures: BTreeMap<Key, Vec<Figures>>,
    /// First requests, by label.
    pub cold: BTreeMap<String, Vec<Cold>>,
}

/// A server's first request, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cold {
    /// From the start of the process until it listens.
    pub start: f64,
    /// The first request of all.
    pub first: f64,
    /// The first one after two seconds of silence.
    pub after_silence: f64,
}

/// Measures the servers; the first one is what the others are compared with.
///
/// # Errors
/// [`Error`] when a server does not start or gives one wrong answer.
pub async fn run(plan: &Plan, servers: &[Server], seed: &Seed) -> Result<Results, Error> {
    let mut results = Results {
        labels: entrances(servers)
            .map(|(_, one)| one.label.clone())
            .collect(),
        ..Results::default()
    };
    cold_starts(plan, servers, seed, &mut results).await?;
    let mut running = Vec::with_capacity(servers.len());
    for server in servers {
        running.push(server.start().await?);
    }
    let kinds = plan.cells.iter().map(|(kind, _)| *kind);
    let workloads: BTreeMap<Kind, Rc<Workload>> = kinds
        .map(|kind| (kind, Rc::new(Workload::new(kind, seed))))
        .collect();
    for round in 0..plan.rounds {
        for (kind, concurrencies) in &plan.cells {
            for &concurrency in concurrencies {
                let load = Load {
                    concurrency,
                    warm_up: plan.warm_up,
                    measured: plan.measured,
                };
                // Nobody is always first, or always after the same neighbour.
                let mut order: Vec<_> = entrances(servers).collect();
                let count = order.len();
                order.rotate_left(round % count);
                for (server, entrance) in order {
                    let workload = &workloads[kind];
                    let figures = measure(&running[server], entrance, workload, load).await?;
                    progress(&format!(
                        "round {}/{}, {} at {concurrency}, {}: {:.0} req/s, p50 {:.2} ms, p99 {:.2} ms, {:.0} µs CPU",
                        round + 1,
                        plan.rounds,
                        kind.name(),
                        entrance.label,
                        figures.per_second,
                        figures.p50,
                        figures.p99,
                        figures.cpu,
                    ));
                    let key = (*kind, concurrency, entrance.label.clone());
                    results.figures.entry(key).or_default().push(figures);
                }
            }
        }
    }
    Ok(results)
}

/// Every way in, with the number of its server.
fn entrances(servers: &[Server]) -> impl Iterator<Item = (usize, &Entrance)> {
    let numbered = servers.iter().enumerate();
    numbered.flat_map(|(number, server)| server.entrances.iter().map(move |one| (number, one)))
}

async fn measure(
    running: &Running,
    entrance: &Entrance,
    workload: &Rc<Workload>,
    load: Load,
) -> Result<Figures, Error> {
    let target = running.target(entrance);
    load::measure(target, workload, load)
        .await
        .map_err(|error| {
            let what = format!("{}, {}", entrance.label, workload.kind.name());
            running.explain(&what, &error)
        })
}

async fn cold_starts(
    plan: &Plan,
    servers: &[Server],
    seed: &Seed,
    results: &mut Results,
) -> Result<(), Error> {
    let workload = Workload::new(Kind::Validate, seed);
    for start in 0..plan.cold_starts {
        for (server, entrance) in entrances(servers) {
            let running = servers[server].start().await?;
            let explained = |error| running.explain(&entrance.label, &error);
            let first = load::once(entrance.address, &workload).await;
            let first = first.map_err(explained)?;
            sleep(SILENCE).await;
            let after_silence = load::once(entrance.address, &workload).await;
            let cold = Cold {
                start: running.started_in.as_secs_f64() * 1e3,
                first,
                after_silence: after_silence.map_err(explained)?,
            };
            progress(&format!(
                "start {}/{}, {}: {:.0} ms, first request {first:.1} ms, after silence {:.1} ms",
                start + 1,
                plan.cold_starts,
                entrance.label,
                cold.start,
                cold.after_silence,
            ));
            results
                .cold
                .entry(entrance.label.clone())
                .or_default()
                .push(cold);
        }
    }
    Ok(())
}
