# shellcheck shell=bash disable=SC2034 # the names are printed by dev/setup.sh
# A Rust toolchain that compiles for $WASM_TARGET. Sourced by dev/setup.sh.
#
# The short way is `rustup target add`. Machines that can reach only package
# registries take the long way: Debian's compiler, with the target's standard library
# built once from Debian's copy of its source.

# has_target RUSTC...: whether this compiler finds a standard library for the target.
has_target() {
    local folder
    folder=$("$@" --print target-libdir --target "$WASM_TARGET" 2>/dev/null) || return 1
    compgen -G "$folder/libcore-*.rlib" >/dev/null
}

# Sets KEYWRIGHT_WASM_TOOLCHAIN to the name of a rustup toolchain, or to nothing if
# there is no rustup and the `cargo` on the PATH is the right one.
provide_wasm_toolchain() {
    if command -v rustup >/dev/null 2>&1; then
        provide_with_rustup
    elif command -v rustc >/dev/null 2>&1 && has_target rustc; then
        KEYWRIGHT_WASM_TOOLCHAIN=
    else
        provide_debian_toolchain
        has_target rustc || die "'rustc' on the PATH ($(command -v rustc)) has no $WASM_TARGET;" \
            "install rustup (https://rustup.rs), or put /usr/bin before it"
        KEYWRIGHT_WASM_TOOLCHAIN=
    fi
}

# KEYWRIGHT_ROAD=short|long in the environment allows only one way, to test the long
# way on a machine where the short one works.
provide_with_rustup() {
    local active
    active=$(cd "$ROOT" && rustup show active-toolchain 2>/dev/null | cut -d' ' -f1)
    if [ "${KEYWRIGHT_ROAD:-short}" = short ] && [ -n "$active" ] &&
        has_target rustup run "$active" rustc; then
        KEYWRIGHT_WASM_TOOLCHAIN=$active
        return
    fi
    # Linked by an earlier run: do not contact rustup's server again.
    if linked_toolchain_works; then
        KEYWRIGHT_WASM_TOOLCHAIN=$LINKED_TOOLCHAIN
        return
    fi
    if [ "${KEYWRIGHT_ROAD:-short}" = short ] && [ -n "$active" ] && add_target_with_rustup "$active"; then
        KEYWRIGHT_WASM_TOOLCHAIN=$active
        return
    fi
    [ -z "${KEYWRIGHT_ROAD:-}" ] || [ "$KEYWRIGHT_ROAD" = long ] ||
        die "rustup cannot add $WASM_TARGET to '$active', and KEYWRIGHT_ROAD=$KEYWRIGHT_ROAD forbids the other road"
    say "taking Debian's compiler for $WASM_TARGET"
    provide_debian_toolchain
    rustup toolchain link "$LINKED_TOOLCHAIN" /usr
    linked_toolchain_works ||
        die "the linked toolchain $LINKED_TOOLCHAIN does not find $WASM_TARGET in /usr/lib/rustlib"
    KEYWRIGHT_WASM_TOOLCHAIN=$LINKED_TOOLCHAIN
}

linked_toolchain_works() {
    rustup toolchain list 2>/dev/null | grep -q "^$LINKED_TOOLCHAIN\b" && debian_std_is_current &&
        has_target rustup run "$LINKED_TOOLCHAIN" rustc
}

# Without network access `rustup target add` hangs instead of failing: hence the limit.
add_target_with_rustup() {
    say "rustup target add $WASM_TARGET … (at most 20 s)"
    timeout 20 rustup target add --toolchain "$1" "$WASM_TARGET" >/dev/null 2>&1 </dev/null
    if has_target rustup run "$1" rustc; then
        say "rustup installed $WASM_TARGET for $1"
    else
        say "rustup's server did not answer"
        return 1
    fi
}

provide_debian_toolchain() {
    command -v apt-get >/dev/null 2>&1 ||
        die "$WASM_TARGET is missing and this system has no apt-get:" \
            "give rustup a way to its server and run 'rustup target add $WASM_TARGET'"
    if ! debian_packages_present; then
        long_step "apt-get update" "about 10 s" as_root apt-get update
        # shellcheck disable=SC2086 # a list of package names
        long_step "apt-get install" "about 1 min, once" as_root \
            env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $DEBIAN_RUST_PACKAGES
    fi
    link_debian_linker
    debian_std_is_current || build_debian_std
}

debian_packages_present() {
    # shellcheck disable=SC2086 # a list of package names
    dpkg-query -W -f '${Status}\n' $DEBIAN_RUST_PACKAGES 2>/dev/null |
        grep -c '^install ok installed$' | grep -qx "$(echo $DEBIAN_RUST_PACKAGES | wc -w)"
}

# rustc looks for its linker beside its libraries; Debian installs it elsewhere.
link_debian_linker() {
    local host bin
    host=$(/usr/bin/rustc -vV | sed -n 's/^host: //p')
    bin=/usr/lib/rustlib/$host/bin
    [ -x "$DEBIAN_LLD" ] || die "$DEBIAN_LLD is missing although its package is installed"
    [ "$(readlink "$bin/rust-lld" 2>/dev/null)" = "$DEBIAN_LLD" ] && return
    as_root mkdir -p "$bin"
    as_root ln -sfn "$DEBIAN_LLD" "$bin/rust-lld"
}

# The library fits one compiler build, so it is rebuilt after an upgrade. It includes
# the `test` crate, for tests that run on WebAssembly.
DEBIAN_STD_STAMP=/usr/lib/rustlib/$WASM_TARGET/keywright-std

debian_std_is_current() {
    [ -x /usr/bin/rustc ] && [ -f "$DEBIAN_STD_STAMP" ] &&
        [ "$(cat "$DEBIAN_STD_STAMP")" = "$(/usr/bin/rustc -V), std and test" ]
}

build_debian_std() {
    local work stamp
    work=$(mktemp -d)
    mkdir "$work/src"
    printf '%s\n' '[package]' 'name = "std-seed"' 'edition = "2021"' \
        '[lib]' 'crate-type = ["cdylib"]' 'path = "src/lib.rs"' >"$work/Cargo.toml"
    : >"$work/src/lib.rs"
    # The library needs bitcode, or a later build with fat LTO cannot read it.
    # -Zbuild-std is unstable, hence RUSTC_BOOTSTRAP. Its crates are vendored in
    # the source package, so nothing is downloaded. Unset the caller's settings that
    # name another toolchain, wrapper or folder.
    (
        cd "$work" || exit 1
        unset RUSTUP_TOOLCHAIN RUSTC_WRAPPER CARGO_BUILD_TARGET CARGO_ENCODED_RUSTFLAGS
        CARGO_TARGET_DIR=$work/target RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc RUSTFLAGS=-Cembed-bitcode=yes \
            long_step "the standard library for $WASM_TARGET" "about 1 min, once" \
            /usr/bin/cargo build --release --target "$WASM_TARGET" -Zbuild-std=std,panic_abort,test
    ) || die "cannot build the standard library; see above"
    rm -f "$work/target/$WASM_TARGET/release/deps/"*std_seed*
    stamp=$work/stamp
    printf '%s, std and test\n' "$(/usr/bin/rustc -V)" >"$stamp"
    as_root rm -rf "/usr/lib/rustlib/$WASM_TARGET"
    as_root mkdir -p "/usr/lib/rustlib/$WASM_TARGET/lib"
    as_root cp "$work/target/$WASM_TARGET/release/deps/"*.rlib "/usr/lib/rustlib/$WASM_TARGET/lib/"
    # Last, so that an interrupted copy does not count as complete.
    as_root cp "$stamp" "$DEBIAN_STD_STAMP"
    as_root chmod -R a+rX "/usr/lib/rustlib/$WASM_TARGET"
    rm -rf "$work"
}
