#!/usr/bin/env bash
# `make dev`: setup, build, and every function in one local workerd.
set -euo pipefail

SAY_AS=dev
# shellcheck source=dev/lib.sh
. "$(dirname "$0")/lib.sh"

export PORT=${PORT:-8787}
require_free_port "$PORT"
forget_dead_instance "${STATE_DIR:-$ROOT/.dev/$PORT}"
say_first_run
load_tools
"$ROOT/dev/build.sh" workers --payments
exec "$KEYWRIGHT_NODE" "$ROOT/dev/serve.mjs" "$@"
