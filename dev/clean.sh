#!/usr/bin/env bash
# `make clean`: removes what was built from this checkout.
set -euo pipefail

# shellcheck source=dev/lib.sh
. "$(dirname "$0")/lib.sh"
# A CARGO_TARGET_DIR that the caller chose stays: it may hold other projects' work.
rm -rf "$ROOT/build" "$ROOT"/functions/*/build "$(target_folder)"
