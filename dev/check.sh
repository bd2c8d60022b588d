#!/usr/bin/env bash
# `make check`: formatting and lints, for native code and for both hosts.
set -euo pipefail

SAY_AS=check
# shellcheck source=dev/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=dev/functions.sh
. "$ROOT/dev/functions.sh"
cd "$ROOT"

load_tools
say "formatting"
cargo fmt --all --check
say "lints, native"
cargo clippy --workspace --all-targets -- -D warnings

# Debian's compiler comes without clippy; its plain warnings are better than nothing.
lint=(clippy)
with_wasm_toolchain cargo clippy --version >/dev/null 2>&1 || {
    say "no clippy for $WASM_TARGET here; using cargo check"
    lint=(check)
}
# As in dev/build.sh: the same environment, or dependencies would differ unseen.
export WASM_BINDGEN_USE_JS_SYS=1
for host in workers spin; do
    mapfile -t flags < <(package_flags "$host")
    [ "${#flags[@]}" -gt 0 ] || continue
    say "lints, $host"
    if [ "${lint[0]}" = clippy ]; then
        with_wasm_toolchain cargo clippy --target "$WASM_TARGET" "${flags[@]}" -- -D warnings
    else
        RUSTFLAGS="${RUSTFLAGS:-} -D warnings" with_wasm_toolchain cargo check --target "$WASM_TARGET" "${flags[@]}"
    fi
done
if command -v shellcheck >/dev/null 2>&1; then
    say "shell scripts"
    shellcheck -S warning -x dev/*.sh dev/setup/*.sh dev/serve/*.sh
fi
say "all in order"
