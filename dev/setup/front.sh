# shellcheck shell=bash
# The front servers that docs/deploy.md puts before Spin, for the tests and `make bench`.
# Sourced by dev/setup.sh and dev/bench.sh.
#
# If they are missing, Debian's packages are unpacked into the cache instead of
# installed. So no service starts, now or at the next boot, and root is not needed.

# provide_front NAME: sets KEYWRIGHT_<NAME> to its program.
provide_front() {
    local name=$1 variable folder program
    variable=KEYWRIGHT_$(printf '%s' "$name" | tr '[:lower:]' '[:upper:]')
    for program in "$(command -v "$name" || true)" "/usr/sbin/$name" "/usr/bin/$name"; do
        if [ -x "$program" ]; then
            printf -v "$variable" '%s' "$program"
            return
        fi
    done
    folder=$KEYWRIGHT_CACHE/front/$name
    if [ ! -d "$folder" ]; then
        command -v apt-get >/dev/null 2>&1 ||
            die "install $name without starting it (the tests put it before Spin)"
        long_step "unpack $name" "about 10 s, once" unpack_package "$name" "$folder"
    fi
    for program in "$folder/usr/sbin/$name" "$folder/usr/bin/$name"; do
        [ ! -x "$program" ] || printf -v "$variable" '%s' "$program"
    done
    [ -n "${!variable:-}" ] || die "Debian's package $name has no program of that name; install $name"
}

# unpack_package NAME FOLDER
unpack_package() {
    local work=$2.partial
    rm -rf "$work"
    mkdir -p "$work/root"
    apt-cache show "$1" >/dev/null 2>&1 || as_root apt-get update
    # Outdated package lists may name a version that no longer exists.
    (cd "$work" && { apt-get download "$1" || { as_root apt-get update && apt-get download "$1"; }; })
    dpkg-deb -x "$work/$1"_*.deb "$work/root"
    mv "$work/root" "$2"
    rm -rf "$work"
}

provide_front_servers() {
    provide_front nginx
    provide_front caddy
}
