//! `keywright release rollout`.

use super::changed;
use super::subject::Subject;
use crate::Report;
use crate::error::CliError;
use crate::place::Where;
use clap::Args;

/// Says to how many in a hundred installations the update feeds offer a
/// version. Each installation stays in or out as the number grows.
#[derive(Debug, Args)]
pub struct Rollout {
    #[command(flatten)]
    subject: Subject,
    /// From 0 to 100.
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=100))]
    percent: u8,
    #[command(flatten)]
    place: Where,
}

impl Rollout {
    pub(crate) fn run(self) -> Result<Report, CliError> {
        let place = self.place.open()?;
        let known = place.get(&self.subject.product, &self.subject.version)?;
        let done = place.rollout(&known, self.percent)?;
        Ok(changed(&done, &format!("is offered to {} %", self.percent)))
    }
}
