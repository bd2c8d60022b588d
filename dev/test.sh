#!/usr/bin/env bash
# `make test`: everything, from setup to the end-to-end suite on every host.
#
# All runners run even if one fails; each prints its own summary.
set -uo pipefail

SAY_AS='test'
# shellcheck source=dev/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$ROOT" || exit 1

load_tools --for-tests
"$ROOT/dev/build.sh" all --sizes --for-tests || exit 1

# The locations of the tools and modules for the tests.
export KEYWRIGHT_TEST_NODE=$KEYWRIGHT_NODE
export KEYWRIGHT_TEST_NODE_MODULES=$KEYWRIGHT_NODE_MODULES
export KEYWRIGHT_TEST_CHROMIUM=$KEYWRIGHT_CHROMIUM
export KEYWRIGHT_TEST_PYTHON=$KEYWRIGHT_PYTHON
export KEYWRIGHT_TEST_PYTHON_SDK=$KEYWRIGHT_PYTHON_SDK
export KEYWRIGHT_TEST_NGINX=$KEYWRIGHT_NGINX
export KEYWRIGHT_TEST_CADDY=$KEYWRIGHT_CADDY
export KEYWRIGHT_TEST_ANVIL=$KEYWRIGHT_ANVIL
export KEYWRIGHT_TEST_SPIN_MODULES=$ROOT/build/spin
export KEYWRIGHT_TEST_CLI=$ROOT/build/keywright
export KEYWRIGHT_SPIN_GUEST=$ROOT/build/tests/spin_host_guest.wasm
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto}

scripts() { "$KEYWRIGHT_NODE" --test --test-concurrency=1 "$ROOT"/dev/tests/*.test.mjs; }

# The verification crate runs in browsers and at the edge, so its tests run on
# WebAssembly too. The runner starts the `node` on the PATH.
license_on_wasm() {
    PATH=$(dirname "$KEYWRIGHT_NODE"):$PATH \
        CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER=${WASM_BINDGEN_BIN}-test-runner \
        with_wasm_toolchain cargo test --locked -p keywright-license --target "$WASM_TARGET"
}

# Compiling first; then two programs at a time.
native() {
    cargo test --locked --workspace --no-run --message-format=json-render-diagnostics |
        KEYWRIGHT_CACHE=$KEYWRIGHT_CACHE "$KEYWRIGHT_NODE" "$ROOT/dev/test/run.mjs"
}

examples() { cargo test --locked --workspace --doc; }

stage "scripts of dev/" scripts
stage "license crate on WebAssembly" license_on_wasm
stage "workspace" native
stage "examples in the documentation" examples

end_of_stages
