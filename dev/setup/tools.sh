# shellcheck shell=bash disable=SC2034 # the names are printed by dev/setup.sh
# Command-line tools from crates.io. Sourced by dev/setup.sh.

# cargo_tool CRATE VERSION BINARY MINUTES: installs a tool into its own folder of
# the cache, named by version, and does nothing if it is already there.
cargo_tool() {
    local crate=$1 version=$2 binary=$3 minutes=$4
    local folder=$KEYWRIGHT_CACHE/tools/$crate-$version
    [ -x "$folder/bin/$binary" ] && return
    need_command cargo "install Rust with rustup (https://rustup.rs)"
    # Try the crate's own lock first; a registry mirror may lack a version in it.
    long_step "$crate $version" "about $minutes min, once" cargo_install "$folder" --locked "$crate@$version" || {
        say "$crate: once more with the newest compatible dependencies"
        long_step "$crate $version, unlocked" "about $minutes min, once" cargo_install "$folder" "$crate@$version"
    } || die "cannot install $crate $version"
}

# The build folder is kept until a tool is complete, so that an interrupted build
# continues where it stopped. Little optimization: these tools run for milliseconds,
# and their own build takes minutes.
cargo_install() {
    local folder=$1 build=$KEYWRIGHT_CACHE/tools/build
    shift
    (
        unset RUSTFLAGS CARGO_BUILD_TARGET CARGO_ENCODED_RUSTFLAGS
        CARGO_TARGET_DIR=$build CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off \
            CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
            cargo install --root "$folder" --force "$@"
    ) && rm -rf "$build"
}

# The library in the functions and the tool that reads them share a private format.
# A different version fails late, with a message about schemas.
check_wasm_bindgen_version() {
    local locked
    [ -f "$ROOT/Cargo.lock" ] || return 0
    locked=$(sed -n '/^name = "wasm-bindgen"$/{n;s/^version = "\(.*\)"$/\1/p;}' "$ROOT/Cargo.lock")
    [ "$locked" = "$WASM_BINDGEN_VERSION" ] ||
        die "Cargo.lock has wasm-bindgen ${locked:-(none)}, dev/versions.env has $WASM_BINDGEN_VERSION;" \
            "set WASM_BINDGEN_VERSION to Cargo.lock's"
}

provide_tools() {
    check_wasm_bindgen_version
    cargo_tool worker-build "$WORKER_BUILD_VERSION" worker-build 4
    cargo_tool wasm-bindgen-cli "$WASM_BINDGEN_VERSION" wasm-bindgen-test-runner 4
    WORKER_BUILD=$KEYWRIGHT_CACHE/tools/worker-build-$WORKER_BUILD_VERSION/bin/worker-build
    WASM_BINDGEN_BIN=$KEYWRIGHT_CACHE/tools/wasm-bindgen-cli-$WASM_BINDGEN_VERSION/bin/wasm-bindgen
}
