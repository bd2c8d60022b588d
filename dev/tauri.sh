#!/usr/bin/env bash
# `make tauri`: Tauri's own updater reads our feed, downloads and checks what it offers.
# Not part of `make test`: on Linux the build needs WebKitGTK's development files, about
# 160 Debian packages, and takes minutes.
set -euo pipefail

SAY_AS=tauri
# shellcheck source=dev/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$ROOT"

if ! pkg-config --exists webkit2gtk-4.1; then
    die "Tauri needs WebKitGTK's development files: apt-get install libwebkit2gtk-4.1-dev"
fi
load_tools --for-tests
say "building Tauri's updater (minutes, the first time)"
cargo build --locked --manifest-path tests/tauri/Cargo.toml --target-dir "$CARGO_TARGET_DIR/tauri"
export KEYWRIGHT_TEST_TAURI=$CARGO_TARGET_DIR/tauri/debug/tauri-asks
export KEYWRIGHT_TEST_NODE=$KEYWRIGHT_NODE KEYWRIGHT_TEST_NODE_MODULES=$KEYWRIGHT_NODE_MODULES
cargo test --locked -p keywright-tests --test updaters -- tauri
