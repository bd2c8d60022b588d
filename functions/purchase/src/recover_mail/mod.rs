//! Recovery by mail: asking for a link, and the page that it leads to. Asking tells nobody
//! whether an address is known; the page shows nothing until its button is pressed, so that
//! a program that follows links in mails learns and spends nothing.

pub(crate) mod ask;
mod html;
pub(crate) mod open;
pub(crate) mod show;
