//! The suite: exchanges over HTTP, and what every host has to answer. A case
//! has its own product, so that cases run side by side and in any order.
//!
//! `tests/suite_*.rs` run it, one target for each host.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a case fails by panicking; the runner reports it under the case's name"
)]

mod access;
mod activity;
mod admin;
mod afterwards;
mod api_keys;
mod attention;
mod audit_seal;
mod bodies;
mod cards;
mod catalog_changes;
mod catalogue;
mod claims;
mod connecting;
mod deliveries;
mod discount_codes;
mod discounts;
mod download;
mod errors;
mod faults;
pub mod floor;
mod forgery;
mod gate;
mod gate_alone;
mod handed_over;
mod huge;
mod keys;
mod license_changes;
mod licenses;
mod links;
mod machines;
mod mail;
mod mail_binding;
mod merchant_profiles;
mod pages;
mod prices;
mod private_sign;
mod purchase;
mod races;
mod ranges;
mod receipts;
mod reconcile;
mod records;
mod recover;
mod redeem;
mod releases;
mod repeating;
mod rotation;
mod run;
mod sale;
mod seat_races;
mod storefront;
mod subscriptions;
mod traversal;
mod unconfigured;
mod updates;
mod usdc;
mod validate;
mod webhook;
mod webhooks;

pub use run::{Play, run, run_all, skip};

use crate::hosts::{Host, Instance};
use keywright_ports::BoxFuture;

/// One exchange, or a few that belong together.
#[derive(Clone, Copy)]
pub struct Case {
    module: &'static str,
    name: &'static str,
    /// Whether no other case may run meanwhile: it has the payment provider
    /// fail, changes the database itself, or is a rush that fills the machine.
    alone: bool,
    run: for<'a> fn(&'a Instance) -> BoxFuture<'a, ()>,
}

impl Case {
    /// A case beside those of the suite. `module` is its topic's
    /// `module_path!()`.
    #[must_use]
    pub const fn new(
        module: &'static str,
        name: &'static str,
        run: for<'a> fn(&'a Instance) -> BoxFuture<'a, ()>,
    ) -> Self {
        Self {
            module,
            name,
            alone: false,
            run,
        }
    }

    /// The same, with no other case beside it: it has the payment provider
    /// fail, or changes the database itself.
    #[must_use]
    pub const fn alone(self) -> Self {
        Self {
            alone: true,
            ..self
        }
    }

    /// `topic::case`
    #[must_use]
    pub fn name(&self) -> String {
        let topic = self.module.rsplit("::").next().unwrap_or_default();
        format!("{topic}::{}", self.name)
    }
}

/// The cases of a file; `alone` marks those that no other may run beside.
macro_rules! cases {
    (@alone) => { false };
    (@alone alone) => { true };
    ($($name:ident $($alone:ident)?),* $(,)?) => {
        /// What this file tries.
        pub(super) const CASES: &[super::Case] = &[$(super::Case {
            module: module_path!(),
            name: stringify!($name),
            alone: super::cases!(@alone $($alone)?),
            run: |instance| Box::pin($name(instance)),
        }),*];
    };
}
use cases;

/// Cases for an instance that has its address and nothing else.
#[must_use]
pub fn unconfigured() -> Vec<Case> {
    unconfigured::CASES.to_vec()
}

/// Cases for an instance whose release gate has no database.
#[must_use]
pub fn gate_alone() -> Vec<Case> {
    gate_alone::CASES.to_vec()
}

/// Cases for an instance whose signing key was changed.
#[must_use]
pub fn rotated() -> Vec<Case> {
    rotation::CASES.to_vec()
}

/// Cases for an instance that mails through the platform's e-mail binding.
#[must_use]
pub fn with_mail_binding() -> Vec<Case> {
    mail_binding::CASES.to_vec()
}

/// Cases for an instance with the huge file; some only for one that runs in
/// this process.
#[must_use]
pub fn with_huge_file(host: Host) -> Vec<Case> {
    let here = matches!(host, Host::Native | Host::SpinTestHost(_));
    let cases = huge::CASES.iter();
    cases
        .filter(|case| here || !huge::IN_THIS_PROCESS.contains(&case.name))
        .copied()
        .collect()
}

/// Cases for an instance behind a front server that sends the files: what is
/// right without one is right with it.
#[must_use]
pub fn behind_front() -> Vec<Case> {
    [
        download::CASES,
        handed_over::CASES,
        ranges::CASES,
        traversal::CASES,
    ]
    .concat()
}

/// Every case for a fully configured instance.
pub fn all() -> impl Iterator<Item = Case> {
    [
        access::CASES,
        activity::CASES,
        audit_seal::CASES,
        admin::CASES,
        afterwards::CASES,
        api_keys::CASES,
        attention::CASES,
        bodies::CASES,
        cards::CASES,
        catalog_changes::CASES,
        catalogue::CASES,
        claims::CASES,
        connecting::CASES,
        discount_codes::CASES,
        discounts::CASES,
        download::CASES,
        errors::CASES,
        faults::CASES,
        forgery::CASES,
        gate::CASES,
        keys::CASES,
        machines::CASES,
        mail::CASES,
        merchant_profiles::CASES,
        license_changes::CASES,
        licenses::CASES,
        links::CASES,
        pages::CASES,
        prices::CASES,
        private_sign::CASES,
        purchase::CASES,
        races::CASES,
        ranges::CASES,
        receipts::CASES,
        reconcile::CASES,
        records::CASES,
        recover::CASES,
        redeem::CASES,
        releases::CASES,
        repeating::CASES,
        sale::CASES,
        seat_races::CASES,
        storefront::CASES,
        subscriptions::CASES,
        traversal::CASES,
        updates::CASES,
        usdc::CASES,
        validate::CASES,
        webhook::CASES,
        webhooks::CASES,
    ]
    .into_iter()
    .flatten()
    .copied()
}
