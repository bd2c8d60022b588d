//! The suite on the Spin components in the test host, with instances that are
//! reused as Spin reuses them.

// compatibility: Hosts and front servers | wasmtime, as Spin uses it | cargo:wasmtime | `make test` | the whole suite on the components of Spin

use keywright_tests::hosts::{Host, Reuse};
use keywright_tests::suite;
use std::process::ExitCode;

fn main() -> ExitCode {
    suite::run(Host::SpinTestHost(Reuse::Default), suite::all())
}
