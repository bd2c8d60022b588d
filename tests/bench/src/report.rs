//! The result as tables (Markdown, aligned): medians over the rounds. A ratio is
//! the median of the rounds' own ratios, so that what slows a round down for all
//! does not count.

use crate::load::Figures;
use crate::plan::{Cold, Plan, Results};
use std::fmt::Write as _;

/// Writes the tables.
#[must_use]
pub fn tables(plan: &Plan, results: &Results) -> String {
    let mut text = String::new();
    for (kind, concurrencies) in &plan.cells {
        let _ = writeln!(text, "\n{}\n", kind.name());
        let mut table = Table::new(&[
            "at", "host", "req/s", "min", "max", "ratio", "p50 ms", "ratio", "p99 ms", "ratio",
            "CPU µs", "ratio", "split %",
        ]);
        for &concurrency in concurrencies {
            let of = |label: &str| {
                let key = (*kind, concurrency, label.to_owned());
                results.figures.get(&key).map_or(&[][..], Vec::as_slice)
            };
            let base = results.labels.first().map_or(&[][..], |label| of(label));
            for label in &results.labels {
                table.row(line(concurrency, label, of(label), base));
            }
        }
        text.push_str(&table.text());
    }
    if !results.cold.is_empty() {
        let _ = writeln!(text, "\nfirst requests, ms\n");
        text.push_str(&cold(results).text());
    }
    text
}

fn line(concurrency: usize, label: &str, rounds: &[Figures], base: &[Figures]) -> Vec<String> {
    let rates: Vec<f64> = rounds.iter().map(|round| round.per_second).collect();
    let lowest = rates.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = rates.iter().copied().fold(0.0, f64::max);
    let ratio = |figure: fn(&Figures) -> f64| {
        let pairs = rounds.iter().zip(base);
        let ratios = pairs.map(|(one, base)| figure(one) / figure(base));
        format!("{:.2}", median(ratios))
    };
    let of = |figure: fn(&Figures) -> f64| median(rounds.iter().map(figure));
    vec![
        concurrency.to_string(),
        label.to_owned(),
        format!("{:.0}", median(rates.iter().copied())),
        format!("{lowest:.0}"),
        format!("{highest:.0}"),
        ratio(|one| one.per_second),
        format!("{:.2}", of(|one| one.p50)),
        ratio(|one| one.p50),
        format!("{:.2}", of(|one| one.p99)),
        ratio(|one| one.p99),
        format!("{:.0}", of(|one| one.cpu)),
        ratio(|one| one.cpu),
        format!("{:.1}", of(|one| one.split)),
    ]
}

fn cold(results: &Results) -> Table {
    let mut table = Table::new(&["host", "until it listens", "first", "after 2 s of silence"]);
    for label in &results.labels {
        let starts = results.cold.get(label).map_or(&[][..], Vec::as_slice);
        let of = |figure: fn(&Cold) -> f64| median(starts.iter().map(figure));
        table.row(vec![
            label.clone(),
            format!("{:.0}", of(|one| one.start)),
            format!("{:.1}", of(|one| one.first)),
            format!("{:.1}", of(|one| one.after_silence)),
        ]);
    }
    table
}

/// The middle one, or the mean of the two in the middle; not a number without any.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => values[half],
        _ => f64::midpoint(values[half - 1], values[half]),
    }
}

pub(crate) struct Table(Vec<Vec<String>>);

impl Table {
    pub(crate) fn new(heads: &[&str]) -> Self {
        let heads: Vec<String> = heads.iter().map(|&head| head.to_owned()).collect();
        let rule = heads.iter().map(|_| "---".to_owned()).collect();
        Self(vec![heads, rule])
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.0.push(cells);
    }

    pub(crate) fn text(&self) -> String {
        let columns = self.0.first().map_or(0, Vec::len);
        let width = |column: usize| {
            let cells = self.0.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for row in &self.0 {
            for (cell, width) in row.iter().zip(&widths) {
                let _ = write!(text, "| {cell:<width$} ");
            }
            text.push_str("|\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requests::Kind;
    use std::collections::BTreeMap;
    use std::time::Duration;

    fn figures(per_second: f64, cpu: f64) -> Figures {
        Figures {
            per_second,
            p50: 1.0,
            p99: 2.0,
            cpu,
            split: 0.0,
        }
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        // The second round ran at half speed for both: the ratio is 0.5 in each.
        let key = |label: &str| (Kind::Validate, 16, label.to_owned());
        let results = Results {
            labels: vec!["native".to_owned(), "spin".to_owned()],
            figures: BTreeMap::from([
                (
                    key("native"),
                    vec![figures(4000.0, 50.0), figures(2000.0, 50.0)],
                ),
                (
                    key("spin"),
                    vec![figures(2000.0, 150.0), figures(1000.0, 150.0)],
                ),
            ]),
            cold: BTreeMap::new(),
        };
        let plan = Plan {
            cells: vec![(Kind::Validate, vec![16])],
            rounds: 2,
            cold_starts: 0,
            warm_up: Duration::ZERO,
            measured: Duration::ZERO,
        };
        let text = tables(&plan, &results);
        let spin = text.lines().find(|line| line.contains("| spin")).unwrap();
        let cells: Vec<&str> = spin.split('|').map(str::trim).collect();
        assert_eq!(
            cells,
            [
                "", "16", "spin", "1500", "1000", "2000", "0.50", "1.00", "1.00", "2.00", "1.00",
                "150", "3.00", "0.0", ""
            ]
        );
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert!((median([3.0, 1.0, 2.0].into_iter()) - 2.0).abs() < f64::EPSILON);
        assert!((median([4.0, 1.0, 2.0, 3.0].into_iter()) - 2.5).abs() < f64::EPSILON);
        assert!(median(std::iter::empty()).is_nan());
    }
}
