//! Mail: what is planned, claimed and sent, and who asked for it. No row holds what a mail
//! says or the secret of its link.

pub mod mail_changes;
pub mod mail_claims;
pub mod mail_links;
pub mod mail_list;
pub mod mail_planning;
pub mod mail_requests;
pub mod mail_results;
pub mod mail_state;
