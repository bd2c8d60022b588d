#!/usr/bin/env bash
# `make spin`: setup, build, and every function under a real Spin.
set -euo pipefail

SAY_AS=spin
# shellcheck source=dev/lib.sh
. "$(dirname "$0")/lib.sh"

# Check first: without Spin there is no point in building.
need_command spin "install Spin $SPIN_VERSION or later (https://spinframework.dev/install) and run this again;
       'make dev' runs the same functions on workerd, and 'make test' tests the Spin components without it"
found=$(spin --version 2>/dev/null | sed -n 's/^spin \([0-9][0-9]*\.[0-9][0-9]*\).*/\1/p')
[ "$(printf '%s\n' "$SPIN_VERSION" "${found:-0}" | sort -V | head -n 1)" = "$SPIN_VERSION" ] ||
    die "the spin on the PATH is '${found:-of unknown version}'; the components need Spin $SPIN_VERSION or later"

export PORT=${PORT:-3000}
require_free_port "$PORT"
forget_dead_instance "${STATE_DIR:-$ROOT/.dev/spin-$PORT}"
say_first_run
load_tools
"$ROOT/dev/build.sh" spin --payments
exec "$KEYWRIGHT_NODE" "$ROOT/dev/serve-spin.mjs" "$@"
