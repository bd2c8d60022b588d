//! Runs the cases on one host as cargo's own test runner would.

use super::Case;
use crate::hosts::{Configured, Host, Instance, RUNS_ALONE, StartError};
use keywright_btcpay_double::Release;
use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::{OnceCell, RwLock};

/// No case takes longer, also on a slow machine that compiles beside.
const LIMIT: Duration = Duration::from_mins(15);

/// Cases on one instance.
pub struct Play {
    /// In front of the cases' names, where a target has several plays.
    pub prefix: &'static str,
    /// Where.
    pub host: Host,
    /// With how much configuration.
    pub configured: Configured,
    /// Which.
    pub cases: Vec<Case>,
}

/// The instance, started when the first case wants it: `--list` starts none.
struct Stage {
    host: Host,
    configured: Configured,
    runtime: Arc<Runtime>,
    instance: OnceCell<Result<Instance, StartError>>,
    /// Held for writing by a case that runs alone.
    turn: RwLock<()>,
}

/// Runs cases on a fully configured host, and prints cargo's summary.
///
/// # Panics
/// When the machine gives no threads.
#[must_use]
pub fn run(host: Host, cases: impl Iterator<Item = Case>) -> ExitCode {
    run_all(vec![Play {
        prefix: "",
        host,
        configured: Configured::Fully,
        cases: cases.collect(),
    }])
}

/// Runs nothing, and says why, as one test that is ignored.
#[must_use]
pub fn skip(reason: &str) -> ExitCode {
    let name = format!("skipped: {reason}");
    let trial = Trial::test(name, || Err("run with what it asks for".into()));
    let trials = vec![trial.with_ignored_flag(true)];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Runs several plays as one target.
///
/// # Panics
/// When the machine gives no threads.
#[must_use]
pub fn run_all(plays: Vec<Play>) -> ExitCode {
    let arguments = Arguments::from_args();
    let runtime = Arc::new(Runtime::new().expect("threads"));
    let mut trials = Vec::new();
    for play in plays {
        let stage = Arc::new(Stage {
            host: play.host,
            configured: play.configured,
            runtime: runtime.clone(),
            instance: OnceCell::new(),
            turn: RwLock::new(()),
        });
        trials.extend(play.cases.into_iter().map(|case| {
            let stage = stage.clone();
            let name = format!("{}{}", play.prefix, case.name());
            Trial::test(name, move || stage.play(case))
        }));
    }
    // An instance ends with the last trial that holds it.
    libtest_mimic::run(&arguments, trials).exit_code()
}

impl Stage {
    fn play(&self, case: Case) -> Result<(), Failed> {
        self.runtime.block_on(async {
            let started = self
                .instance
                .get_or_init(|| Instance::start(self.host, self.configured))
                .await;
            let instance = started
                .as_ref()
                .map_err(|error| Failed::from(error.to_string()))?;
            let _alone;
            let _together;
            if case.alone {
                _alone = self.turn.write().await;
            } else {
                _together = self.turn.read().await;
            }
            let _after = case.alone.then(|| Undo(instance));
            let run = RUNS_ALONE.scope(case.alone, (case.run)(instance));
            tokio::time::timeout(LIMIT, run)
                .await
                .map_err(|_| Failed::from(format!("not done after {LIMIT:?}")))
        })
    }
}

/// Has the payment provider work again, also after a case that failed.
struct Undo<'a>(&'a Instance);

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        self.0.btcpay.clear_faults();
        self.0.btcpay.release(Release::InOrder);
    }
}
