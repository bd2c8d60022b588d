# shellcheck shell=bash
# Helpers shared by the scripts in dev/. Sourced, never run.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
KEYWRIGHT_CACHE=${KEYWRIGHT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/keywright}
# shellcheck source=dev/versions.env
. "$ROOT/dev/versions.env"

# say WORDS: prints a line of progress on stderr; stdout is for data.
say() { printf '[%s] %s\n' "${SAY_AS:-setup}" "$*" >&2; }

# die WORDS: prints an error and exits.
die() {
    say "error: $*"
    exit 1
}

# need_command NAME ADVICE
need_command() {
    command -v "$1" >/dev/null 2>&1 || die "'$1' is not on the PATH; $2"
}

# long_step LABEL HINT COMMAND...: runs a slow command. Its output goes to a log, a
# line every 30 s shows that it is alive, and a failure shows the end of the log.
# HINT is the usual time in words, for example "about 4 min, once".
long_step() {
    local label=$1 hint=$2 log started status=0 pid waited=0
    shift 2
    mkdir -p "$KEYWRIGHT_CACHE/logs"
    log=$KEYWRIGHT_CACHE/logs/$(printf '%s' "$label" | tr -c 'A-Za-z0-9.\n' '-').log
    say "$label … ($hint)"
    started=$SECONDS
    # Job control gives the command its own process group, so that an interrupted
    # setup can end the compiler and its children.
    set -m
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    set +m
    # shellcheck disable=SC2064 # this pid, now
    trap "kill -- -$pid 2>/dev/null; exit 130" INT TERM
    # Polling every second keeps the wait short for quick commands, and needs only
    # the shell.
    while kill -0 "$pid" 2>/dev/null; do
        sleep 1
        waited=$((waited + 1))
        if [ $((waited % 30)) -eq 0 ]; then
            say "$label: $((SECONDS - started)) s, $(last_line "$log")"
        fi
    done
    wait "$pid" || status=$?
    trap - INT TERM
    if [ "$status" -ne 0 ]; then
        say "$label failed (exit $status); the end of $log:"
        tail -n 30 "$log" >&2
        return "$status"
    fi
    say "$label: done in $((SECONDS - started)) s"
}

# last_line FILE: its last non-empty line, cut to the width of a screen.
last_line() {
    tail -n 5 "$1" 2>/dev/null | tr '\r' '\n' | grep -v '^[[:space:]]*$' | tail -n 1 | cut -c1-90
}

# as_root COMMAND...: runs it as root, through sudo if necessary.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        die "this step needs root and there is no sudo: run it as root: $*"
    fi
}

# load_tools [--for-tests]: runs setup and exports its results. If the calling script
# has done so already, this does nothing.
load_tools() {
    local exports
    [ "${KEYWRIGHT_TOOLS_FOR:-}" != "$ROOT" ] || return 0
    exports=$("$ROOT/dev/setup.sh" "$@") || exit 1
    eval "$exports"
    export KEYWRIGHT_TOOLS_FOR=$ROOT
}

# target_folder: the build folder of this checkout in the cache, unless
# CARGO_TARGET_DIR names another; see dev/setup/target.sh.
target_folder() {
    printf '%s/target/%s-%s\n' "$KEYWRIGHT_CACHE" "$(basename "$ROOT")" "$(printf '%s' "$ROOT" | sha256sum | cut -c1-8)"
}

# with_wasm_toolchain COMMAND...: runs it with the compiler that has the target.
with_wasm_toolchain() {
    if [ -n "$KEYWRIGHT_WASM_TOOLCHAIN" ]; then
        RUSTUP_TOOLCHAIN=$KEYWRIGHT_WASM_TOOLCHAIN "$@"
    else
        "$@"
    fi
}

# forget_dead_instance FOLDER: removes a dev.json that a killed instance left. The file
# means "ready" to a script that waits for the next instance.
forget_dead_instance() {
    local pid
    [ -f "$1/dev.json" ] || return 0
    pid=$(sed -n 's/.*"pid": \([0-9]*\).*/\1/p' "$1/dev.json")
    if [ -z "$pid" ] || ! kill -0 "$pid" 2>/dev/null; then
        rm -f "$1/dev.json"
    fi
}

# require_free_port PORT: fails before the build if the port is invalid or in use.
require_free_port() {
    case $1 in
    '' | *[!0-9]* | ??????*) die "PORT must be a number from 1 to 65535, not '$1'" ;;
    esac
    [ "$1" -ge 1 ] && [ "$1" -le 65535 ] || die "PORT must be a number from 1 to 65535, not '$1'"
    if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then
        die "port $1 is in use; choose another, for example PORT=$(($1 + 1))"
    fi
}

# say_first_run: prints the duration of a first run if nothing was built here yet.
say_first_run() {
    [ -f "$(target_folder)/checkout" ] ||
        say "the first run installs its tools and builds everything: about 10 min on 2 cores; later runs take seconds"
}

# stage LABEL COMMAND...: runs one part of a run that continues after a failure, so that
# one run shows every problem. `end_of_stages` fails if a stage failed.
failed_stages=
stage() {
    local label=$1 started=$SECONDS
    shift
    say "$label"
    if "$@"; then
        say "$label: passed in $((SECONDS - started)) s"
    else
        say "$label: FAILED after $((SECONDS - started)) s"
        failed_stages="$failed_stages${failed_stages:+, }$label"
    fi
}

end_of_stages() {
    [ -z "$failed_stages" ] || die "failed: $failed_stages"
    say "all passed in $SECONDS s"
}
