#!/usr/bin/env bash
# `make clean`: removes everything that was built from this checkout.
set -euo pipefail

# shellcheck source=dev/lib.sh
. "$(dirname "$0")/lib.sh"
# Keep a CARGO_TARGET_DIR that the caller chose: other projects may use it.
rm -rf "$ROOT/build" "$ROOT"/functions/*/build "$(target_folder)"
