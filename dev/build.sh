#!/usr/bin/env bash
# Builds the functions for their hosts.
#
#   dev/build.sh [workers|spin|all] [--release] [--sizes] [--for-tests] [--payments] [--only=NAME[,NAME]]
#
# Workers: functions/<name>/build/index.js and index_bg.wasm, made by worker-build.
# Spin: build/spin/<name>.wasm, a core module (Spin makes the component at load).
# Building for both hosts also builds the command line for this machine: build/keywright.
# --only builds just the named functions, for example validate,gateway.
# --payments adds build/btcpay-double, the stand-in that the demo is paid at.
# --for-tests adds modules that only tests run: the probe, and build/tests/spin_host_guest.wasm.
# The default profile is `edge`, which builds in a tenth of the time of `--release`.
set -euo pipefail

SAY_AS=build
# shellcheck source=dev/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=dev/functions.sh
. "$ROOT/dev/functions.sh"

hosts='workers spin'
profile=edge
sizes=
payments=
for argument in "$@"; do
    case $argument in
    workers | spin) hosts=$argument ;;
    all) hosts='workers spin' ;;
    --release) profile=release ;;
    --sizes) sizes=1 ;;
    --for-tests) WITH_PROBE=1 ;;
    --payments) payments=1 ;;
    --only=*) ONLY=${argument#*=} ;;
    *) die "unknown argument '$argument'; usage: dev/build.sh [workers|spin|all] [--release] [--sizes] [--for-tests] [--payments] [--only=NAME[,NAME]]" ;;
    esac
done

load_tools
# wasm-bindgen's macros read this while they expand, and cargo does not notice a
# change: every build for the target must agree with worker-build, which sets it.
export WASM_BINDGEN_USE_JS_SYS=1
export WASM_BINDGEN_BIN WASM_OPT_BIN ESBUILD_BIN CARGO_TARGET_DIR
workers_target=$CARGO_TARGET_DIR
# A function's module has the same file name for both hosts, and cargo keeps only one.
# In a shared folder each host's build would overwrite the other's.
spin_target=$CARGO_TARGET_DIR/spin

# module_of TARGET-FOLDER NAME
module_of() { printf '%s/%s/%s/keywright_%s.wasm\n' "$1" "$WASM_TARGET" "$profile" "${2//-/_}"; }

# cargo_build TARGET-FOLDER FLAGS...
cargo_build() {
    local folder=$1
    shift
    (cd "$ROOT" && with_wasm_toolchain cargo build --locked --target-dir "$folder" --lib --profile "$profile" --target "$WASM_TARGET" "$@")
}

# up_to_date MARK WORDS: whether an earlier run left these words in the mark file.
up_to_date() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }

# worker NAME CARGO-FLAGS...: the JavaScript side of one function. worker-build
# runs cargo once more; with the flags of the build just done that is a no-op.
worker() {
    local name=$1 folder key flags
    folder=$(folder_of "$name")
    shift
    key="$(sha256sum <"$(module_of "$workers_target" "$name")" | cut -c1-64) $profile $WORKER_BUILD_VERSION $WASM_BINDGEN_VERSION"
    if up_to_date "$folder/build/.made-from" "$key" && [ -f "$folder/build/index.js" ]; then
        return
    fi
    say "worker-build $name"
    rm -f "$folder/build/.made-from"
    # wasm-opt takes longer than the compiler and changes only size and speed.
    flags=(--profile "$profile" --no-opt)
    [ "$profile" = edge ] || flags=(--release)
    mkdir -p "$KEYWRIGHT_CACHE/logs"
    if ! (cd "$folder" && with_wasm_toolchain "$WORKER_BUILD" "${flags[@]}" --locked "$@") \
        >"$KEYWRIGHT_CACHE/logs/worker-build-$name.log" 2>&1; then
        tail -n 30 "$KEYWRIGHT_CACHE/logs/worker-build-$name.log" >&2
        die "worker-build failed for $name"
    fi
    printf '%s' "$key" >"$folder/build/.made-from"
}

build_workers() {
    local name flags
    if [ "$profile" = edge ]; then
        mapfile -t flags < <(package_flags workers)
        say "cargo build for Workers: $(functions_for workers | tr '\n' ' ')"
        cargo_build "$workers_target" "${flags[@]}"
        for name in $(functions_for workers); do
            worker "$name" "${flags[@]}"
        done
        return
    fi
    # Release modules are built one by one, as `wrangler deploy` does. So each module has
    # only the features of its own dependencies, and only `sign` contains signing code.
    for name in $(functions_for workers); do
        flags=()
        ! has_feature "$(folder_of "$name")/Cargo.toml" workers || flags=(--features=workers)
        say "cargo build for Workers: $name"
        cargo_build "$workers_target" "--package=keywright-$name" "${flags[@]}"
        worker "$name" "${flags[@]}"
    done
}

build_spin() {
    local name flags
    mkdir -p "$ROOT/build/spin"
    if [ "$profile" = edge ]; then
        mapfile -t flags < <(package_flags spin)
        say "cargo build for Spin: $(functions_for spin | tr '\n' ' ')"
        cargo_build "$spin_target" "${flags[@]}"
    fi
    for name in $(functions_for spin); do
        if [ "$profile" != edge ]; then
            say "cargo build for Spin: $name"
            cargo_build "$spin_target" "--package=keywright-$name" --features=spin
        fi
        # Unchanged files keep their time stamp, which `spin watch` and tests use.
        cmp -s "$(module_of "$spin_target" "$name")" "$ROOT/build/spin/$name.wasm" && continue
        cp "$(module_of "$spin_target" "$name")" "$ROOT/build/spin/$name.wasm.partial"
        mv "$ROOT/build/spin/$name.wasm.partial" "$ROOT/build/spin/$name.wasm"
    done
    [ -z "${WITH_PROBE:-}" ] || build_guest
}

# The guest with which the Spin test host checks itself; it is a separate workspace.
build_guest() {
    say "cargo build for the Spin test host's guest"
    cargo_build "$spin_target" --manifest-path tests/spin_host/guest/Cargo.toml
    mkdir -p "$ROOT/build/tests"
    cp -u "$spin_target/$WASM_TARGET/$profile/spin_host_guest.wasm" "$ROOT/build/tests/"
}

# The command line. Tests use a quick debug build; releases are optimized.
build_cli() {
    local flags=() built=debug
    if [ "$profile" = release ]; then
        flags=(--release)
        built=release
    fi
    say "cargo build for this machine: keywright"
    cargo build --locked --package=keywright-cli "${flags[@]}"
    copy_built "$built/keywright" keywright
}

# The stand-in for BTCPay Server, for `make dev` and `make spin`.
build_payments() {
    say "cargo build for this machine: btcpay-double"
    cargo build --locked --package=keywright-btcpay-double --bin=btcpay-double
    copy_built debug/btcpay-double btcpay-double
}

# copy_built FILE NAME: from the target folder to build/, unless it is there already.
copy_built() {
    mkdir -p "$ROOT/build"
    cmp -s "$CARGO_TARGET_DIR/$1" "$ROOT/build/$2" && return
    cp "$CARGO_TARGET_DIR/$1" "$ROOT/build/$2.partial"
    mv "$ROOT/build/$2.partial" "$ROOT/build/$2"
}

# print_size LABEL FILE
print_size() {
    [ ! -f "$2" ] || printf '%-28s %9d %9d\n' "$1" "$(wc -c <"$2")" "$(gzip -9c "$2" | wc -c)"
}

print_sizes() {
    local name
    printf '%-28s %9s %9s\n' "module ($profile)" bytes gzipped
    for name in $(functions_for workers); do
        [[ $hosts != *workers* ]] || print_size "workers/$name" "$(folder_of "$name")/build/index_bg.wasm"
    done
    for name in $(functions_for spin); do
        [[ $hosts != *spin* ]] || print_size "spin/$name" "$ROOT/build/spin/$name.wasm"
    done
}

[ -n "$(functions_for workers)" ] || die "there is no function ${ONLY:+named $ONLY }in $ROOT/functions"
# One build at a time in a checkout, from compiling to copying out.
mkdir -p "$CARGO_TARGET_DIR"
if command -v flock >/dev/null 2>&1; then
    exec 8>"$CARGO_TARGET_DIR/.keywright-build.lock"
    flock -n 8 || { say "waiting for another build of this checkout" && flock 8; }
fi
for host in $hosts; do
    "build_$host" >&2
done
[ "$hosts" != 'workers spin' ] || [ -n "$ONLY" ] || build_cli >&2
[ -z "$payments" ] || build_payments >&2
[ -z "$sizes" ] || print_sizes
