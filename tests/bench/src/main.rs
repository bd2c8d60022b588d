//! `keywright-bench`: see the library, or `make bench`.

use keywright_bench::cli::{Command, Options};
use keywright_bench::hosts::{self, Runner, Server, Setup};
use keywright_bench::seed::Seed;
use keywright_bench::{Error, gate, plan, progress, report, serve};
use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tempfile::TempDir;
use tokio::task::LocalSet;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = Command::parse(&arguments).and_then(|command| match command {
        Command::Run(options) => run(&options),
        Command::Gate(options) => gate(&options),
        Command::Serve { address, database } => native(serve::run(address, &database)),
        Command::ServeGate { address, releases } => native(serve::run_gate(address, &releases)),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// On all processors.
fn native(serving: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    tokio::runtime::Runtime::new()
        .map_err(|error| Error::new("starting threads", error))?
        .block_on(serving)
}

/// On one thread, so that the servers have the rest.
fn gate(options: &gate::Options) -> Result<(), Error> {
    let folder = folder()?;
    let root = checkout()?;
    let tables = on_one_thread(gate::run(options, folder.path(), &root))?;
    print(&tables)
}

fn folder() -> Result<TempDir, Error> {
    let folder = tempfile::Builder::new()
        .prefix("keywright-bench-")
        .tempdir();
    folder.map_err(|error| Error::new("making a folder", error))
}

/// The checkout this was built in.
fn checkout() -> Result<PathBuf, Error> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    own.canonicalize()
        .map_err(|error| Error::new("finding the checkout", error))
}

fn on_one_thread<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::new("starting a thread", error))?;
    LocalSet::new().block_on(&runtime, work)
}

fn print(tables: &str) -> Result<(), Error> {
    write!(std::io::stdout(), "{tables}").map_err(|error| Error::new("printing", error))
}

/// On one thread, so that the servers have the rest.
fn run(options: &Options) -> Result<(), Error> {
    let folder = folder()?;
    progress(&format!("signing {} license keys", options.licenses));
    let seed = Seed::new(options.licenses)?;
    let servers = servers(options, folder.path(), &seed)?;
    let results = on_one_thread(plan::run(&options.plan, &servers, &seed))?;
    print(&report::tables(&options.plan, &results))
}

/// The servers of a run, native first: it is what the others are compared with.
fn servers(options: &Options, folder: &Path, seed: &Seed) -> Result<Vec<Server>, Error> {
    let mut checkouts = vec![(String::new(), checkout()?)];
    for (label, path) in &options.checkouts {
        let path: PathBuf = path
            .canonicalize()
            .map_err(|error| Error::new(path.display(), error))?;
        checkouts.push((format!(" {label}"), path));
    }
    let mut count = 0;
    let mut fresh = |root| {
        count += 1;
        let folder = folder.join(count.to_string());
        std::fs::create_dir(&folder).map_err(|error| Error::new("making a folder", error))?;
        Ok::<_, Error>(Setup { root, folder, seed })
    };
    progress("filling the databases");
    let mut all = vec![hosts::native(&fresh(&checkouts[0].1)?)?];
    if options.spin {
        let plain = runner(Vec::new());
        for (label, root) in &checkouts {
            all.push(hosts::spin(&fresh(root)?, &format!("Spin{label}"), &plain)?);
        }
        for (label, flags) in &options.spin_variants {
            let runner = runner(flags.clone());
            let label = format!("Spin {label}");
            all.push(hosts::spin(&fresh(&checkouts[0].1)?, &label, &runner)?);
        }
    }
    if options.workerd {
        let node = std::env::var_os("KEYWRIGHT_NODE");
        let node: OsString = node.unwrap_or_else(|| "node".into());
        for (label, root) in &checkouts {
            all.push(hosts::workerd(
                &fresh(root)?,
                &format!("workerd{label}"),
                &node,
            )?);
        }
    }
    Ok(all)
}

/// The tests' own host where the caller names one, else Spin.
fn runner(flags: Vec<String>) -> Runner {
    match std::env::var_os("KEYWRIGHT_BENCH_SPIN_HOST") {
        Some(host) if !host.is_empty() => Runner::TestHost(host.into()),
        _ => Runner::Spin(flags),
    }
}
