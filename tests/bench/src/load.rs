//! The load generator: a number of kept connections, each with one request on
//! its way at any time. All on one thread, which is enough: it does nothing but
//! copy bytes.

use crate::requests::Workload;
use crate::wire::Connection;
use crate::{Error, cpu};
use hdrhistogram::Histogram;
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// Latencies are kept with three digits, from a microsecond to a minute.
const DIGITS: u8 = 3;
const LONGEST_MICROS: u64 = 60_000_000;

/// A server under load.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its first process.
    pub pid: u32,
}

/// How hard and how long.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Connections.
    pub concurrency: usize,
    /// Before the clock starts.
    pub warm_up: Duration,
    /// While it runs.
    pub measured: Duration,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// Answers in a second.
    pub per_second: f64,
    /// Median latency in milliseconds.
    pub p50: f64,
    /// The latency that one request in a hundred exceeds, in milliseconds.
    pub p99: f64,
    /// Processor time of the server for one request, in microseconds.
    pub cpu: f64,
    /// Answers that came in more than one piece, in percent. Where the server
    /// leaves Nagle's algorithm on, the second piece waits for the client's delayed
    /// acknowledgement, some 40 ms.
    pub split: f64,
}

struct Shared {
    workload: Rc<Workload>,
    latencies: RefCell<Histogram<u64>>,
    split: Cell<u64>,
    recording: Cell<bool>,
    done: Cell<bool>,
}

/// Puts a server under load. For a [`tokio::task::LocalSet`].
///
/// # Errors
/// [`Error`] with the first answer that is not the expected one.
pub async fn measure(
    target: Target,
    workload: &Rc<Workload>,
    load: Load,
) -> Result<Figures, Error> {
    let latencies = Histogram::new_with_bounds(1, LONGEST_MICROS, DIGITS)
        .map_err(|error| Error::new("making a histogram", error))?;
    let shared = Rc::new(Shared {
        workload: workload.clone(),
        latencies: RefCell::new(latencies),
        split: Cell::new(0),
        recording: Cell::new(false),
        done: Cell::new(false),
    });
    let mut connections = JoinSet::new();
    for _ in 0..load.concurrency {
        connections.spawn_local(connection(target.address, shared.clone()));
    }
    let watch = async {
        sleep(load.warm_up).await;
        let (cpu, started) = (cpu::time_of(target.pid)?, Instant::now());
        shared.recording.set(true);
        sleep(load.measured).await;
        shared.recording.set(false);
        let (elapsed, cpu) = (
            started.elapsed(),
            cpu::time_of(target.pid)?.saturating_sub(cpu),
        );
        shared.done.set(true);
        Ok::<_, Error>((elapsed, cpu))
    };
    // A connection ends before its time by failing only.
    let (elapsed, cpu) = tokio::select! {
        watched = watch => watched?,
        failed = first_failure(&mut connections) => return Err(failed),
    };
    while let Some(ended) = connections.join_next().await {
        ended.map_err(|error| Error::new("a connection", error))??;
    }
    let latencies = shared.latencies.borrow();
    figures(&latencies, shared.split.get(), elapsed, cpu)
}

async fn first_failure(connections: &mut JoinSet<Result<(), Error>>) -> Error {
    match connections.join_next().await {
        Some(Ok(Err(error))) => error,
        Some(Err(error)) => Error::new("a connection", error),
        Some(Ok(Ok(()))) | None => Error::say("a connection ended before its time"),
    }
}

async fn connection(address: SocketAddr, shared: Rc<Shared>) -> Result<(), Error> {
    let mut connection = Connection::open(address).await?;
    while !shared.done.get() {
        let sent = Instant::now();
        let pieces = connection.ask(&shared.workload).await?;
        if shared.recording.get() {
            let micros = u64::try_from(sent.elapsed().as_micros()).unwrap_or(LONGEST_MICROS);
            shared.latencies.borrow_mut().saturating_record(micros);
            shared.split.update(|split| split + u64::from(pieces > 1));
        }
    }
    Ok(())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts and times far below 2^53"
)]
fn figures(
    latencies: &Histogram<u64>,
    split: u64,
    elapsed: Duration,
    cpu: Duration,
) -> Result<Figures, Error> {
    let count = latencies.len();
    if count == 0 {
        return Err(Error::say("not one request was answered in time"));
    }
    let millis = |share| latencies.value_at_quantile(share) as f64 / 1_000.0;
    Ok(Figures {
        per_second: count as f64 / elapsed.as_secs_f64(),
        p50: millis(0.5),
        p99: millis(0.99),
        cpu: cpu.as_secs_f64() * 1e6 / count as f64,
        split: split as f64 * 100.0 / count as f64,
    })
}

/// How long one request takes on a connection of its own, in milliseconds.
///
/// # Errors
/// [`Error`] when the answer is not the expected one.
pub async fn once(address: SocketAddr, workload: &Workload) -> Result<f64, Error> {
    let mut connection = Connection::open(address).await?;
    let sent = Instant::now();
    connection.ask(workload).await?;
    Ok(sent.elapsed().as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_follow_from_the_latencies() {
        let mut latencies = Histogram::new_with_bounds(1, LONGEST_MICROS, DIGITS).unwrap();
        latencies.record_n(1_000, 980).unwrap();
        latencies.record_n(8_000, 20).unwrap();
        let (elapsed, cpu) = (Duration::from_secs(2), Duration::from_millis(400));
        let found = figures(&latencies, 50, elapsed, cpu).unwrap();
        assert!((found.per_second - 500.0).abs() < 1e-9, "{found:?}");
        assert!((found.p50 - 1.0).abs() < 0.01, "{found:?}");
        assert!((found.p99 - 8.0).abs() < 0.01, "{found:?}");
        assert!((found.cpu - 400.0).abs() < 1e-9, "{found:?}");
        assert!((found.split - 5.0).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn no_answer_is_no_result() {
        let latencies = Histogram::new_with_bounds(1, LONGEST_MICROS, DIGITS).unwrap();
        figures(&latencies, 0, Duration::from_secs(1), Duration::ZERO).unwrap_err();
    }
}
