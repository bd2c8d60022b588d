# shellcheck shell=bash
# Which functions there are, read from functions/. Sourced after dev/lib.sh.

# functions_for HOST: names, one a line. A function is for a host when its manifest
# has a feature of that name; one that names no host at all is for Workers only.
functions_for() {
    local manifest
    for manifest in "$ROOT"/functions/*/Cargo.toml; do
        [ -f "$manifest" ] || continue
        if has_feature "$manifest" "$1" ||
            { [ "$1" = workers ] && ! has_feature "$manifest" spin; }; then
            basename "$(dirname "$manifest")"
        fi
    done
}

has_feature() { grep -Eq "^$2[[:space:]]*=[[:space:]]*\[" "$1"; }

# package_flags HOST: what cargo needs to build all functions of a host at once.
# One call for all, so that dependencies are compiled once and side by side. The
# long forms with `=`, because worker-build takes any other first word for a path.
package_flags() {
    local name features=
    for name in $(functions_for "$1"); do
        printf -- '--package=keywright-%s\n' "$name"
        if has_feature "$ROOT/functions/$name/Cargo.toml" "$1"; then
            features=$features,keywright-$name/$1
        fi
    done
    [ -z "$features" ] || printf -- '--features=%s\n' "${features#,}"
}
