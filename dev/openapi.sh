#!/usr/bin/env bash
# `make openapi`: writes docs/openapi.json from the handlers' types.
set -euo pipefail

SAY_AS='openapi'
# shellcheck source=dev/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$ROOT"

load_tools --for-tests
KEYWRIGHT_WRITE_OPENAPI=1 cargo test --locked -p keywright-tests --test openapi the_checked_in_copy
