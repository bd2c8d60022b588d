//! The command line against running instances: natively, on workerd with R2,
//! and on Spin, which cannot write and whose folder the command line fills. The
//! real `minisign` and OpenSSL accept what it signs.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a case fails by panicking; the runner reports it under the case's name"
)]

mod audit;
mod check;
mod customer;
mod downloaders;
mod folder;
mod install;
mod interrupted;
mod keys;
mod names;
mod receipts;
mod release;
mod served;
mod together;
mod tool;

use keywright_tests::hosts::{Configured, Host, Instance, Reuse};
use keywright_tests::suite::{Case, Play, run_all};
use std::process::ExitCode;

/// Names cases of this target.
macro_rules! case {
    ($module:ident :: $name:ident) => {
        Case::new(stringify!($module), stringify!($name), |instance| {
            Box::pin($module::$name(instance))
        })
    };
}

/// What needs no instance runs beside the native one.
fn alone() -> Vec<Case> {
    vec![
        case!(keys::made_and_read_by_minisign),
        case!(folder::published_without_a_server),
        case!(folder::two_jobs_at_once),
        case!(check::genuine_and_tampered),
        case!(install::with_openssl_and_with_minisign),
        case!(install::fails_closed),
        case!(install::installs_the_copy_that_was_checked),
        case!(install::follows_no_links),
        case!(install::finds_the_platform_of_the_machine),
        case!(install::works_with_the_tools_that_people_have),
        case!(install::works_with_busybox),
        case!(install::goes_through_a_proxy),
    ]
}

fn play(prefix: &'static str, host: Host, cases: Vec<Case>) -> Play {
    Play {
        prefix,
        host,
        configured: Configured::Fully,
        cases,
    }
}

fn main() -> ExitCode {
    let everywhere = || {
        vec![
            case!(release::published_promoted_and_taken_back),
            case!(release::refused),
            case!(customer::verified_and_installed),
        ]
    };
    let storing = || {
        vec![
            case!(interrupted::goes_on_where_it_was),
            case!(names::arrive_as_they_are),
            case!(downloaders::download_what_was_bought),
            case!(receipts::shown_and_then_sealed).alone(),
            case!(audit::verified_kept_and_found_changed).alone(),
            case!(together::two_jobs_at_once).alone(),
        ]
    };
    run_all(vec![
        play(
            "native::",
            Host::Native,
            [alone(), everywhere(), storing()].concat(),
        ),
        play(
            "workerd::",
            Host::Workerd,
            [everywhere(), storing()].concat(),
        ),
        play("spin::", Host::SpinTestHost(Reuse::Default), everywhere()),
    ])
}

/// Whether the instance stores releases itself.
fn stores(instance: &Instance) -> bool {
    !matches!(instance.host(), Host::SpinTestHost(_) | Host::Spin)
}
