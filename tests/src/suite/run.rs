//! Runs the cases on one host as cargo's own test runner would.

use super::Case;
use crate::hosts::{Host, Instance, StartError};
use keywright_btcpay_double::Release;
use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::{OnceCell, RwLock};

/// No case takes longer, also on a machine that compiles beside.
const LIMIT: Duration = Duration::from_mins(2);

/// The instance, started when the first case wants it: `--list` starts none.
struct Stage {
    host: Host,
    runtime: Runtime,
    instance: OnceCell<Result<Instance, StartError>>,
    /// Held for writing by a case that runs alone.
    turn: RwLock<()>,
}

/// Runs the cases on a host and prints cargo's summary. `skipped` says why
/// they are all passed over, where they are.
///
/// # Panics
/// When the machine gives no threads.
#[must_use]
pub fn run(host: Host, skipped: Option<&str>, cases: impl Iterator<Item = Case>) -> ExitCode {
    let arguments = Arguments::from_args();
    if let Some(reason) = skipped {
        let name = format!("skipped: {reason}");
        let trial = Trial::test(name, || Err("run with what it asks for".into()));
        return libtest_mimic::run(&arguments, vec![trial.with_ignored_flag(true)]).exit_code();
    }
    let stage = Arc::new(Stage {
        host,
        runtime: Runtime::new().expect("threads"),
        instance: OnceCell::new(),
        turn: RwLock::new(()),
    });
    let trials = cases.map(|case| {
        let stage = stage.clone();
        Trial::test(case.name(), move || stage.play(case))
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    // Ends the instance: it lives in the last of these.
    drop(stage);
    conclusion.exit_code()
}

impl Stage {
    fn play(&self, case: Case) -> Result<(), Failed> {
        self.runtime.block_on(async {
            let started = self
                .instance
                .get_or_init(|| Instance::start(self.host))
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
            tokio::time::timeout(LIMIT, (case.run)(instance))
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
