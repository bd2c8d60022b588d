# shellcheck shell=bash disable=SC2034 # the names are printed by dev/setup.sh
# The folder that cargo builds into. Sourced by dev/setup.sh.
#
# It cannot be one folder for all checkouts: cargo tells the functions of two
# checkouts apart by the time stamps of their sources only (a cdylib's files carry
# no hash), and would take one checkout's module for the other's. So each checkout
# has its own, and a new one begins with the compiled dependencies of the last.

provide_target() {
    local folder
    folder=$(target_folder)
    # A folder that the caller chose stays; one of another checkout, left in the
    # environment by its set-up, does not.
    case ${CARGO_TARGET_DIR:-} in
    '' | "$KEYWRIGHT_CACHE"/target/*) ;;
    *) return 0 ;;
    esac
    CARGO_TARGET_DIR=$folder
    [ ! -f "$folder/checkout" ] || return 0
    rm -rf "$folder"
    mkdir -p "$folder"
    inherit_dependencies "$folder"
    forget_vanished_checkouts
    # Last: the sign that the folder is whole.
    printf '%s\n' "$ROOT" >"$folder/checkout"
}

# inherit_dependencies FOLDER: from the checkout that was built most recently.
inherit_dependencies() {
    local newest names ours
    # shellcheck disable=SC2012 # names of our own making, and only ls sorts by time
    newest=$(ls -td "$KEYWRIGHT_CACHE"/target/*/.rustc_info.json 2>/dev/null | head -n 1) || true
    [ -n "$newest" ] && [ -f "$ROOT/Cargo.lock" ] || return 0
    newest=$(dirname "$newest")
    say "taking over compiled dependencies from $(cat "$newest/checkout" 2>/dev/null || echo "$newest")"
    names=$(packages_with_source yes | paste -sd ' ')
    ours=$(packages_with_source no | tr '-' '_' | paste -sd ' ')
    (
        cd "$newest" || exit 1
        # First the fingerprints: cargo writes each after the files it speaks for, so
        # that a build going on over there cannot hand us a fingerprint without files.
        # These and the outputs of build scripts are copied, because cargo changes them
        # in place; libraries are only ever replaced, so links will do.
        find . -path '*/.fingerprint/*' -type f | of_packages .fingerprint "$names" | copy_to "$1" --preserve=all
        find . -path '*/build/*' -type f | of_packages build "$names" | copy_to "$1" --preserve=all
        find . -path '*/deps/*' -type f \( -name '*.rlib' -o -name '*.rmeta' -o -name '*.so' -o -name '*.d' \) |
            without_libraries "$ours" | copy_to "$1" --link
        cp -p .rustc_info.json "$1/"
    )
}

# packages_with_source yes|no: the lock's packages from a registry, or our own, which
# have no `source` in it.
packages_with_source() {
    awk -v wanted="$1" '
        function flush() { if (name != "" && source == wanted) print name; name = "" }
        /^\[\[package\]\]/ { flush(); source = "no" }
        /^name = / { gsub(/"/, "", $3); name = $3 }
        /^source = / { source = "yes" }
        END { flush() }' "$ROOT/Cargo.lock" | sort -u
}

# of_packages FOLDER NAMES: of the paths on stdin, those whose part after FOLDER is
# name-hash of a named package.
of_packages() {
    awk -v folder="$1" -v names="$2" '
        BEGIN { split(names, list, " "); for (i in list) known[list[i]] }
        {
            rest = $0
            sub(".*/" folder "/", "", rest)
            sub(/-[0-9a-f]+\/.*/, "", rest)
            if (rest in known) print
        }'
}

# without_libraries NAMES: all but the libraries of that name. A registry package may
# call its library something else, so these are told apart by what they are not.
without_libraries() {
    awk -v names="$1" '
        BEGIN { split(names, list, " "); for (i in list) ours[list[i]] }
        {
            rest = $0
            sub(/.*\/deps\//, "", rest)
            sub(/^lib/, "", rest)
            sub(/(-[0-9a-f]+)?\.[a-z]+$/, "", rest)
            if (!(rest in ours)) print
        }'
}

# copy_to FOLDER CP-FLAG: the files on stdin, with their paths. -p keeps the times
# that cargo compares.
copy_to() { tr '\n' '\0' | xargs -0 -r cp --parents -p "$2" -t "$1"; }

# A checkout that is gone needs its folder no more.
forget_vanished_checkouts() {
    local mark
    for mark in "$KEYWRIGHT_CACHE"/target/*/checkout; do
        [ -f "$mark" ] || continue
        [ -d "$(cat "$mark")" ] || rm -rf "$(dirname "$mark")"
    done
}
