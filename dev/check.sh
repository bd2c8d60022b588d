#!/usr/bin/env bash
# `make check`: formatting, lints for native code and both hosts, and dependencies.
#
# All checks run even if one fails.
set -euo pipefail

SAY_AS=check
# shellcheck source=dev/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=dev/functions.sh
. "$ROOT/dev/functions.sh"
cd "$ROOT"

load_tools
# The same environment as in dev/build.sh, so that both compile the same dependencies.
export WASM_BINDGEN_USE_JS_SYS=1

lints_native() { cargo clippy --locked --workspace --all-targets -- -D warnings; }

# lints_for HOST
lints_for() {
    local flags
    mapfile -t flags < <(package_flags "$1")
    if with_wasm_toolchain cargo clippy --version >/dev/null 2>&1; then
        with_wasm_toolchain cargo clippy --locked --target "$WASM_TARGET" "${flags[@]}" -- -D warnings
    else
        # The compiler's own warnings are better than nothing.
        say "the toolchain for $WASM_TARGET has no clippy; using cargo check"
        RUSTFLAGS="${RUSTFLAGS:-} -D warnings" with_wasm_toolchain cargo check --locked --target "$WASM_TARGET" "${flags[@]}"
    fi
}

# dependencies: what deny.toml says of them. Advisories need their database, from GitHub.
dependencies() {
    local checks=()
    if ! timeout 60 cargo deny --locked fetch db >/dev/null 2>&1; then
        say "advisories skipped: their database cannot be reached"
        checks=(licenses bans sources)
    fi
    cargo deny --locked check --hide-inclusion-graph "${checks[@]}"
}

stage "formatting" cargo fmt --all --check
stage "lints, native" lints_native
stage "lints, Workers" lints_for workers
stage "lints, Spin" lints_for spin
if cargo deny --version >/dev/null 2>&1; then
    stage "dependencies" dependencies
else
    say "dependencies skipped: cargo-deny is not installed"
fi
if command -v shellcheck >/dev/null 2>&1; then
    stage "shell scripts" shellcheck -S warning -x dev/*.sh dev/setup/*.sh dev/serve/*.sh
fi
end_of_stages
