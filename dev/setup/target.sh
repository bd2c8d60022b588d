# shellcheck shell=bash disable=SC2034 # the names are printed by dev/setup.sh
# The folder that cargo builds into. Sourced by dev/setup.sh.
#
# Checkouts cannot share one folder: cargo distinguishes the functions of two
# checkouts only by the time stamps of their sources (a cdylib's files have no hash),
# and would confuse their modules. So each checkout has its own folder, and a new one
# starts with the compiled dependencies of the last.

provide_target() {
    local folder
    folder=$(target_folder)
    # Keep a folder that the caller chose, but not one of another checkout whose
    # setup left it in the environment.
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
    # Last: marks the folder as complete.
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
        # Fingerprints first: cargo writes each after its files, so a build that runs in
        # the other checkout cannot leave us a fingerprint without files. These and the
        # outputs of build scripts are copied, because cargo changes them in place.
        # Libraries are only replaced, so hard links suffice.
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
# name its library differently, so the list excludes our own instead.
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

# Removes the folders of deleted checkouts.
forget_vanished_checkouts() {
    local mark
    for mark in "$KEYWRIGHT_CACHE"/target/*/checkout; do
        [ -f "$mark" ] || continue
        [ -d "$(cat "$mark")" ] || rm -rf "$(dirname "$mark")"
    done
}
