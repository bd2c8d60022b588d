//! The result as tables: medians over the rounds, and the medians of the
//! rounds' own ratios to the first server.

use super::Options;
use super::files::Size;
use super::load::Figures;
use super::memory::Used;
use super::servers::Gate;
use crate::report::{Table, median};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Everything that was measured.
#[derive(Debug)]
pub struct Results {
    labels: Vec<String>,
    figures: BTreeMap<(Size, usize, String), Vec<Figures>>,
}

impl Results {
    pub(super) fn new(labels: impl Iterator<Item = String>) -> Self {
        Self {
            labels: labels.collect(),
            figures: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, size: Size, concurrency: usize, label: &str, figures: Figures) {
        let key = (size, concurrency, label.to_owned());
        self.figures.entry(key).or_default().push(figures);
    }

    fn of(&self, size: Size, concurrency: usize, label: &str) -> &[Figures] {
        let key = (size, concurrency, label.to_owned());
        self.figures.get(&key).map_or(&[], Vec::as_slice)
    }
}

/// Requests and bytes in a second.
#[must_use]
pub(super) fn rates(options: &Options, results: &Results) -> String {
    let mut table = Table::new(&[
        "file",
        "at",
        "server",
        "req/s",
        "MB/s",
        "ratio",
        "CPU ms/GB",
        "ratio",
    ]);
    for (size, concurrencies) in &options.cells {
        for &concurrency in concurrencies {
            let base = results
                .labels
                .first()
                .map_or(&[][..], |label| results.of(*size, concurrency, label));
            for label in &results.labels {
                let rounds = results.of(*size, concurrency, label);
                let of = |figure: fn(&Figures) -> f64| median(rounds.iter().map(figure));
                let ratio = |figure: fn(&Figures) -> f64| {
                    let pairs = rounds.iter().zip(base);
                    format!(
                        "{:.2}",
                        median(pairs.map(|(one, base)| figure(one) / figure(base)))
                    )
                };
                table.row(vec![
                    size.name().to_owned(),
                    concurrency.to_string(),
                    label.clone(),
                    format!("{:.1}", of(|one| one.per_second)),
                    format!("{:.0}", of(|one| one.bytes_per_second) / 1e6),
                    ratio(|one| one.bytes_per_second),
                    format!("{:.0}", of(|one| one.cpu)),
                    ratio(|one| one.cpu),
                ]);
            }
        }
    }
    format!("\ndownloads\n\n{}", table.text())
}

/// What downloads took in memory, in the order of the servers.
#[must_use]
pub(super) fn memory(gates: &[Gate], used: &[Used]) -> String {
    let mut table = Table::new(&[
        "server",
        "before, MiB",
        "one of",
        "MiB more",
        "16 slow ones, MiB more",
    ]);
    let mebi = |bytes: u64| (bytes >> 20).to_string();
    for (gate, used) in gates.iter().zip(used) {
        table.row(vec![
            gate.label.clone(),
            mebi(used.before),
            gate.largest.name().to_owned(),
            mebi(used.largest),
            mebi(used.slow),
        ]);
    }
    let mut text = String::new();
    let _ = write!(text, "\nmemory\n\n{}", table.text());
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn ratios_are_those_of_the_same_round() {
        let figures = |bytes_per_second| Figures {
            per_second: 1.0,
            bytes_per_second,
            cpu: 100.0,
        };
        let mut results = Results::new(["nginx", "Spin"].map(str::to_owned).into_iter());
        for (nginx, spin) in [(4e9, 2e9), (2e9, 1e9)] {
            results.add(Size::Large, 4, "nginx", figures(nginx));
            results.add(Size::Large, 4, "Spin", figures(spin));
        }
        let options = Options {
            spin: true,
            workerd: false,
            native: false,
            rounds: 2,
            measured: Duration::ZERO,
            cells: vec![(Size::Large, vec![4])],
            memory: false,
        };
        let text = rates(&options, &results);
        let spin = text.lines().find(|line| line.contains("Spin")).unwrap();
        let cells: Vec<&str> = spin.split('|').map(str::trim).collect();
        assert_eq!(
            cells,
            [
                "", "200 MiB", "4", "Spin", "1.0", "1500", "0.50", "100", "1.00", ""
            ]
        );
    }
}
