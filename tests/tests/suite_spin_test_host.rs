//! The suite on the Spin components in the test host, with instances that are
//! reused as Spin reuses them.

use keywright_tests::hosts::{Host, Reuse};
use keywright_tests::suite;
use std::process::ExitCode;

fn main() -> ExitCode {
    suite::run(Host::SpinTestHost(Reuse::Default), suite::all())
}
