#!/usr/bin/env bash
# Installs everything that building, running and testing need, once per machine.
#
#   tools=$(dev/setup.sh [--for-tests]) && eval "$tools"
#
# Progress goes to stderr; stdout gets shell `export` lines with the locations.
# Everything is in ${XDG_CACHE_HOME:-~/.cache}/keywright, keyed by version, so a
# second clone starts warm. --for-tests adds tools that only `make test` needs.
set -euo pipefail

# shellcheck source=dev/lib.sh
. "$(dirname "$0")/lib.sh"
for part in toolchain tools npm python commands front chain browser target; do
    # shellcheck source=/dev/null
    . "$ROOT/dev/setup/$part.sh"
done

for_tests=
case ${1:-} in
--for-tests) for_tests=1 ;;
'') ;;
*) die "unknown argument '$1'; usage: dev/setup.sh [--for-tests]" ;;
esac

mkdir -p "$KEYWRIGHT_CACHE"
# Two concurrent setups would overwrite each other's installations.
if command -v flock >/dev/null 2>&1; then
    exec 9>"$KEYWRIGHT_CACHE/setup.lock"
    if ! flock -n 9; then
        say "waiting for another set-up on this machine"
        flock 9
    fi
fi

provide_wasm_toolchain
provide_tools
provide_npm
[ -z "$for_tests" ] || provide_python
[ -z "$for_tests" ] || provide_commands
[ -z "$for_tests" ] || provide_front_servers
[ -z "$for_tests" ] || provide_chain
[ -z "$for_tests" ] || provide_browser
provide_target

for name in KEYWRIGHT_CACHE KEYWRIGHT_NODE KEYWRIGHT_NODE_MODULES KEYWRIGHT_WASM_TOOLCHAIN \
    KEYWRIGHT_PYTHON KEYWRIGHT_PYTHON_SDK KEYWRIGHT_NGINX KEYWRIGHT_CADDY KEYWRIGHT_ANVIL KEYWRIGHT_CHROMIUM WASM_BINDGEN_BIN WASM_OPT_BIN ESBUILD_BIN WORKER_BUILD CARGO_TARGET_DIR; do
    [ -z "${!name+set}" ] || printf 'export %s=%q\n' "$name" "${!name}"
done
