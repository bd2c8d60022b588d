//! The command line.

use crate::Error;
use crate::gate::{self, files::Size};
use crate::plan::Plan;
use crate::requests::Kind;
use std::path::PathBuf;
use std::time::Duration;

/// How to call it.
pub const USAGE: &str = "\
usage: keywright-bench run [OPTION]...
  --hosts=LIST          of native, spin, workerd; default all, native always
  --kinds=LIST          of healthz, malformed, forged, validate, machine; default all
  --concurrency=LIST    default 1,16,64
  --rounds=N            default 5
  --seconds=N           on the clock for each measurement, default 2
  --licenses=N          default 10000
  --cold-starts=N       default 3
  --spin=LABEL=FLAGS    measure Spin once more, with these flags
  --also=LABEL=CHECKOUT measure Spin and workerd once more, with another checkout's
                        modules, built there with dev/build.sh all --release
  --quick               native only, a second in all: does the harness work?

  keywright-bench serve ADDRESS DATABASE    the native server
";

/// What is wanted.
#[derive(Debug, PartialEq)]
pub enum Command {
    /// A run.
    Run(Options),
    /// A run of downloads.
    Gate(gate::Options),
    /// The native server of downloads.
    ServeGate {
        /// Where it listens.
        address: std::net::SocketAddr,
        /// Its folder of releases.
        releases: PathBuf,
    },
    /// The native server.
    Serve {
        /// Where it listens.
        address: std::net::SocketAddr,
        /// Its database file.
        database: PathBuf,
    },
}

/// What a run measures.
#[derive(Debug, PartialEq)]
pub struct Options {
    /// Whether Spin is measured.
    pub spin: bool,
    /// Whether workerd is measured.
    pub workerd: bool,
    /// Label and flags of further Spins.
    pub spin_variants: Vec<(String, Vec<String>)>,
    /// Label and folder of other checkouts.
    pub checkouts: Vec<(String, PathBuf)>,
    /// Licenses in each database.
    pub licenses: usize,
    /// How much is measured.
    pub plan: Plan,
}

impl Command {
    /// Reads the arguments.
    ///
    /// # Errors
    /// [`Error`] with what is wrong and the usage.
    pub fn parse(arguments: &[String]) -> Result<Self, Error> {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let parsed = match arguments[..] {
            ["run", ref rest @ ..] => Options::parse(rest).map(Self::Run),
            ["gate", ref rest @ ..] => gate_options(rest).map(Self::Gate),
            ["serve-gate", address, releases] => address
                .parse()
                .map_err(|_| format!("{address} is no address"))
                .map(|address| Self::ServeGate {
                    address,
                    releases: releases.into(),
                }),
            ["serve", address, database] => address
                .parse()
                .map_err(|_| format!("{address} is no address"))
                .map(|address| Self::Serve {
                    address,
                    database: database.into(),
                }),
            _ => Err("what shall I do?".to_owned()),
        };
        parsed.map_err(|why| Error::say(format!("{why}\n\n{USAGE}")))
    }
}

impl Options {
    fn parse(arguments: &[&str]) -> Result<Self, String> {
        let mut hosts = vec!["native", "spin", "workerd"];
        let mut kinds = Kind::ALL.to_vec();
        let mut concurrency = vec![1, 16, 64];
        let mut options = Self {
            spin: true,
            workerd: true,
            spin_variants: Vec::new(),
            checkouts: Vec::new(),
            licenses: 10_000,
            plan: Plan {
                cells: Vec::new(),
                rounds: 5,
                cold_starts: 3,
                warm_up: Duration::from_millis(500),
                measured: Duration::from_secs(2),
            },
        };
        for argument in arguments {
            let (name, value) = argument.split_once('=').unwrap_or((argument, ""));
            match name {
                "--hosts" => hosts = value.split(',').collect(),
                "--kinds" => kinds = list(value, kind)?,
                "--concurrency" => concurrency = list(value, number)?,
                "--rounds" => options.plan.rounds = number(value)?,
                "--seconds" => options.plan.measured = seconds(value)?,
                "--licenses" => options.licenses = number(value)?,
                "--cold-starts" => {
                    let count = value.parse().map_err(|_| format!("{value} is no number"))?;
                    options.plan.cold_starts = count;
                }
                "--spin" => {
                    let (label, flags) = pair(value)?;
                    let flags = flags.split_whitespace().map(str::to_owned).collect();
                    options.spin_variants.push((label, flags));
                }
                "--also" => {
                    let (label, folder) = pair(value)?;
                    options.checkouts.push((label, folder.into()));
                }
                "--quick" => {
                    hosts = vec!["native"];
                    concurrency = vec![1, 4];
                    options.licenses = 200;
                    options.plan.rounds = 2;
                    options.plan.cold_starts = 0;
                    options.plan.warm_up = Duration::from_millis(20);
                    options.plan.measured = Duration::from_millis(60);
                }
                _ => return Err(format!("there is no {argument}")),
            }
        }
        let known = ["native", "spin", "workerd"];
        if let Some(host) = hosts.iter().find(|host| !known.contains(host)) {
            return Err(format!("there is no host {host}"));
        }
        options.spin = hosts.contains(&"spin");
        options.workerd = hosts.contains(&"workerd");
        options.plan.cells = kinds
            .into_iter()
            .map(|kind| (kind, concurrency.clone()))
            .collect();
        Ok(options)
    }
}

fn gate_options(arguments: &[&str]) -> Result<gate::Options, String> {
    let mut hosts = vec!["spin", "workerd"];
    let mut files = vec![Size::Small, Size::Large];
    let mut options = gate::Options {
        spin: false,
        workerd: false,
        native: false,
        rounds: 5,
        measured: Duration::from_secs(3),
        cells: Vec::new(),
        memory: true,
    };
    for argument in arguments {
        let (name, value) = argument.split_once('=').unwrap_or((argument, ""));
        match name {
            "--hosts" => hosts = value.split(',').collect(),
            "--files" => files = list(value, file)?,
            "--rounds" => options.rounds = number(value)?,
            "--seconds" => options.measured = seconds(value)?,
            "--no-memory" => options.memory = false,
            "--quick" => {
                hosts = vec!["native"];
                files = vec![Size::Small];
                options.rounds = 2;
                options.measured = Duration::from_millis(80);
                options.memory = false;
            }
            _ => return Err(format!("there is no {argument}")),
        }
    }
    let known = ["native", "spin", "workerd"];
    if let Some(host) = hosts.iter().find(|host| !known.contains(host)) {
        return Err(format!("there is no host {host}"));
    }
    options.spin = hosts.contains(&"spin");
    options.workerd = hosts.contains(&"workerd");
    options.native = hosts.contains(&"native");
    options.cells = files
        .into_iter()
        .map(|size| match size {
            Size::Small => (size, vec![1, 16]),
            Size::Large | Size::Huge => (size, vec![1, 4]),
        })
        .collect();
    Ok(options)
}

fn file(name: &str) -> Result<Size, String> {
    match name {
        "small" => Ok(Size::Small),
        "large" => Ok(Size::Large),
        _ => Err(format!("there is no file {name}")),
    }
}

fn list<T>(value: &str, one: fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    value.split(',').map(one).collect()
}

fn kind(name: &str) -> Result<Kind, String> {
    match name {
        "healthz" => Ok(Kind::Healthz),
        "malformed" => Ok(Kind::Malformed),
        "forged" => Ok(Kind::Forged),
        "validate" => Ok(Kind::Validate),
        "machine" => Ok(Kind::KnownMachine),
        _ => Err(format!("there is no kind {name}")),
    }
}

fn number(value: &str) -> Result<usize, String> {
    let number = value.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| format!("{value} is no number above 0"))
}

fn seconds(value: &str) -> Result<Duration, String> {
    let seconds = value.parse().ok().filter(|seconds| *seconds > 0.0);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| format!("{value} is no number of seconds"))
}

fn pair(value: &str) -> Result<(String, &str), String> {
    let pair = value.split_once('=');
    pair.map(|(label, rest)| (label.to_owned(), rest))
        .ok_or_else(|| format!("{value} has no = after its label"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, Error> {
        let words: Vec<String> = line.split('|').map(str::to_owned).collect();
        Command::parse(&words)
    }

    fn options(line: &str) -> Options {
        match parse(line).unwrap() {
            Command::Run(options) => options,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn everything_is_measured_unless_told_otherwise() {
        let all = options("run");
        assert!(all.spin && all.workerd);
        assert_eq!((all.licenses, all.plan.rounds), (10_000, 5));
        let kinds: Vec<Kind> = all.plan.cells.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, Kind::ALL);
        assert!(all.plan.cells.iter().all(|(_, at)| at == &[1, 16, 64]));
    }

    #[test]
    fn a_run_can_be_narrowed_and_widened() {
        let some = options(
            "run|--hosts=native,spin|--kinds=validate|--concurrency=16|--rounds=2|--seconds=0.5\
             |--spin=one at a time=--max-instance-concurrent-reuse-count 1|--also=before=../old",
        );
        assert!(some.spin && !some.workerd);
        assert_eq!(some.plan.cells, [(Kind::Validate, vec![16])]);
        assert_eq!(some.plan.measured, Duration::from_millis(500));
        let flags = ["--max-instance-concurrent-reuse-count", "1"].map(str::to_owned);
        assert_eq!(
            some.spin_variants,
            [("one at a time".to_owned(), flags.into())]
        );
        assert_eq!(some.checkouts, [("before".to_owned(), "../old".into())]);
    }

    #[test]
    fn downloads_are_a_run_of_their_own() {
        let Command::Gate(all) = parse("gate").unwrap() else {
            panic!("another command");
        };
        assert!(all.spin && all.workerd && !all.native && all.memory);
        let cells = [(Size::Small, vec![1, 16]), (Size::Large, vec![1, 4])];
        assert_eq!(all.cells, cells);
        let Command::Gate(some) = parse("gate|--hosts=spin|--files=large|--no-memory").unwrap()
        else {
            panic!("another command");
        };
        assert!(some.spin && !some.workerd && !some.memory);
        assert_eq!(some.cells, [(Size::Large, vec![1, 4])]);
    }

    #[test]
    fn mistakes_are_explained() {
        for (line, why) in [
            ("", "what shall I do?"),
            ("run|--fast", "there is no --fast"),
            ("run|--hosts=deno", "there is no host deno"),
            ("run|--kinds=x", "there is no kind x"),
            ("run|--rounds=0", "0 is no number above 0"),
            ("run|--seconds=-1", "-1 is no number of seconds"),
            ("run|--also=x", "x has no = after its label"),
            ("gate|--files=medium", "there is no file medium"),
            ("gate|--hosts=x", "there is no host x"),
            ("gate|--fast", "there is no --fast"),
            ("serve|here|db", "here is no address"),
            ("serve-gate|here|releases", "here is no address"),
        ] {
            let error = parse(line).unwrap_err().to_string();
            assert!(
                error.starts_with(why) && error.ends_with(USAGE),
                "{line}: {error}"
            );
        }
    }
}
