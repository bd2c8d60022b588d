//! Mail through a binding of the platform, where it has one.

use crate::BoxFuture;

/// A mail for a binding. It holds a link and does not print.
#[derive(Clone)]
pub struct BoundMail {
    /// Name of the sender.
    pub from_name: String,
    /// Address of the sender.
    pub from_address: String,
    /// The only recipient.
    pub to: String,
    /// Where answers go.
    pub reply_to: Option<String>,
    /// One line.
    pub subject: String,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
}

/// Why a binding did not take a mail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailBindingError {
    /// It said so, with a code where it has one.
    #[error("{message}")]
    Refused {
        /// Such as `E_RECIPIENT_SUPPRESSED`.
        code: Option<String>,
        /// For people.
        message: String,
    },
    /// It did not answer in time.
    #[error("the e-mail binding did not answer in time")]
    TimedOut,
}

/// What a host implements: hands one mail over.
pub trait MailBinding: Send + Sync {
    /// Answers the platform's id of the mail.
    fn send(&self, mail: BoundMail) -> BoxFuture<'_, Result<String, MailBindingError>>;
}
