# shellcheck shell=bash
# Lists the functions of functions/. Sourced after dev/lib.sh.

# A comma-separated list; if it is set, only these functions are built.
ONLY=

# functions_for HOST: names, one per line. A function is for a host if its manifest has
# a feature of that name; a function without such a feature is for Workers only.
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

# folder_of NAME: the folder of a function. The probe is for tests only; it is built
# beside the others if WITH_PROBE is set.
folder_of() {
    if [ "$1" = probe ]; then echo "$ROOT/tests/probe"; else echo "$ROOT/functions/$1"; fi
}

has_feature() { grep -Eq "^$2[[:space:]]*=[[:space:]]*\[" "$1"; }

# package_flags HOST: the cargo flags that build all functions of a host at once.
# One call builds all, so that dependencies are compiled once and in parallel. The
# flags have the form `--x=y`, because worker-build reads any other first word as a path.
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
