//! The suite on the Spin components in the test host: all of it with instances
//! that are reused as Spin does, and a part with a fresh instance for every
//! request.

use keywright_tests::hosts::{Host, Reuse};
use keywright_tests::suite;
use std::process::ExitCode;

fn main() -> ExitCode {
    suite::run(Host::SpinTestHost(Reuse::Default), None, suite::all())
}
