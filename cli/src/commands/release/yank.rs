//! `keywright release yank` and `unyank`.

use super::changed;
use super::subject::Subject;
use crate::Report;
use crate::error::CliError;
use crate::place::Where;
use clap::Args;

/// Takes a version back: it is never `latest` and in no update feed. Whoever
/// names the version still gets it.
#[derive(Debug, Args)]
pub struct Yank {
    #[command(flatten)]
    subject: Subject,
    /// Why, for people.
    #[arg(long, default_value = "")]
    reason: String,
    #[command(flatten)]
    place: Where,
}

/// Offers a version again that was taken back.
#[derive(Debug, Args)]
pub struct Unyank {
    #[command(flatten)]
    subject: Subject,
    #[command(flatten)]
    place: Where,
}

impl Yank {
    pub(crate) fn run(self) -> Result<Report, CliError> {
        let place = self.place.open()?;
        let known = place.get(&self.subject.product, &self.subject.version)?;
        let done = place.yank(&known, Some(&self.reason))?;
        Ok(changed(&done, "is taken back"))
    }
}

impl Unyank {
    pub(crate) fn run(self) -> Result<Report, CliError> {
        let place = self.place.open()?;
        let known = place.get(&self.subject.product, &self.subject.version)?;
        let done = place.yank(&known, None)?;
        Ok(changed(&done, "is offered again"))
    }
}
