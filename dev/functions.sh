# shellcheck shell=bash
# Which functions there are, read from functions/. Sourced after dev/lib.sh.

# A list with commas; where it is set, the other functions are left out.
ONLY=

# functions_for HOST: names, one a line. A function is for a host when its manifest
# has a feature of that name; one that names no host at all is for Workers only.
functions_for() {
    local manifest
    for manifest in "$ROOT"/functions/*/Cargo.toml ${WITH_PROBE:+"$ROOT/tests/probe/Cargo.toml"}; do
        [ -f "$manifest" ] || continue
        case ,${ONLY:-$(basename "$(dirname "$manifest")")}, in
        *,"$(basename "$(dirname "$manifest")"),"*) ;;
        *) continue ;;
        esac
        if has_feature "$manifest" "$1" ||
            { [ "$1" = workers ] && ! has_feature "$manifest" spin; }; then
            basename "$(dirname "$manifest")"
        fi
    done
}

# folder_of NAME: where a function is. The probe is one for tests only; it is built
# beside the others where WITH_PROBE is set.
folder_of() {
    if [ "$1" = probe ]; then echo "$ROOT/tests/probe"; else echo "$ROOT/functions/$1"; fi
}

has_feature() { grep -Eq "^$2[[:space:]]*=[[:space:]]*\[" "$1"; }

# package_flags HOST: what cargo needs to build all functions of a host at once.
# One call for all, so that dependencies are compiled once and side by side. The
# long forms with `=`, because worker-build takes any other first word for a path.
package_flags() {
    local name features=
    for name in $(functions_for "$1"); do
        printf -- '--package=keywright-%s\n' "$name"
        if has_feature "$(folder_of "$name")/Cargo.toml" "$1"; then
            features=$features,keywright-$name/$1
        fi
    done
    [ -z "$features" ] || printf -- '--features=%s\n' "${features#,}"
}
