#!/usr/bin/env bash
# `make bench`: measures validations on Spin and workerd beside a native server of the
# same crates, and downloads beside nginx; see docs/performance.md. Options are passed
# to the harness:
#
#   dev/bench.sh [--hosts=native,spin] [--rounds=3] …    validations only
#   dev/bench.sh gate [--hosts=spin] [--rounds=3] …      downloads only
#
# An invalid option lists all options.
# Spin is the `spin` on the PATH, or the tests' own host if there is none.
set -euo pipefail

SAY_AS=bench
# shellcheck source=dev/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$ROOT"

load_tools
# shellcheck source=dev/setup/front.sh
. "$ROOT/dev/setup/front.sh"
provide_front nginx
export KEYWRIGHT_NGINX
export KEYWRIGHT_NODE KEYWRIGHT_NODE_MODULES CARGO_TARGET_DIR

say "building the modules as they ship, and the native server"
"$ROOT/dev/build.sh" all --release --only=validate,download,gateway
packages=(-p keywright-bench)
found=$(spin --version 2>/dev/null | sed -n 's/^spin \([0-9][0-9]*\.[0-9][0-9]*\).*/\1/p') || true
if [ -n "$found" ] && [ "$(printf '%s\n' "$SPIN_VERSION" "$found" | sort -V | head -n 1)" = "$SPIN_VERSION" ]; then
    say "Spin is $(spin --version)"
else
    say "there is no spin $SPIN_VERSION or later on the PATH; measuring the tests' own host instead"
    packages+=(-p keywright-spin-host)
    export KEYWRIGHT_BENCH_SPIN_HOST=$CARGO_TARGET_DIR/native/spin-test-host
fi
cargo build --locked --profile native "${packages[@]}"
bench=$CARGO_TARGET_DIR/native/keywright-bench
case ${1:-} in
gate) exec "$bench" "$@" ;;
'') "$bench" run && exec "$bench" gate ;;
*) exec "$bench" run "$@" ;;
esac
