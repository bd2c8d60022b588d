# shellcheck shell=bash
# Helpers shared by the scripts in dev/. Sourced, never run.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
KEYWRIGHT_CACHE=${KEYWRIGHT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/keywright}
# shellcheck source=dev/versions.env
. "$ROOT/dev/versions.env"

# say WORDS: one line of progress, on stderr, so that stdout stays for data.
say() { printf '[%s] %s\n' "${SAY_AS:-setup}" "$*" >&2; }

# die WORDS: the same, and the end.
die() {
    say "error: $*"
    exit 1
}

# need_command NAME ADVICE
need_command() {
    command -v "$1" >/dev/null 2>&1 || die "'$1' is not on the PATH; $2"
}

# long_step LABEL HINT COMMAND...: runs a command that takes a while. Its output
# goes to a log; a line every 30 s shows that it lives; a failure shows the log's
# end. HINT is the usual time in words, for example "about 4 min, once".
long_step() {
    local label=$1 hint=$2 log started status=0 pid waited=0
    shift 2
    mkdir -p "$KEYWRIGHT_CACHE/logs"
    log=$KEYWRIGHT_CACHE/logs/$(printf '%s' "$label" | tr -c 'A-Za-z0-9.\n' '-').log
    say "$label … ($hint)"
    started=$SECONDS
    # Job control gives the command a process group of its own, so that an
    # interrupted set-up can end the compiler and all that it started.
    set -m
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    set +m
    # shellcheck disable=SC2064 # this pid, now
    trap "kill -- -$pid 2>/dev/null; exit 130" INT TERM
    # Polling by the second keeps the wait short for quick commands, and needs
    # nothing but the shell.
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

# last_line FILE: its last line that says something, cut to a screen's width.
last_line() {
    tail -n 5 "$1" 2>/dev/null | tr '\r' '\n' | grep -v '^[[:space:]]*$' | tail -n 1 | cut -c1-90
}

# as_root COMMAND...: runs it as root, through sudo where we are somebody else.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        die "this step needs root and there is no sudo: run it as root: $*"
    fi
}

# load_tools [--for-tests]: runs set-up and takes over what it says. A script that
# was called by one which has done so already does not ask again.
load_tools() {
    local exports
    [ "${KEYWRIGHT_TOOLS_FOR:-}" != "$ROOT" ] || return 0
    exports=$("$ROOT/dev/setup.sh" "$@") || exit 1
    eval "$exports"
    export KEYWRIGHT_TOOLS_FOR=$ROOT
}

# target_folder: where cargo builds for this checkout, unless CARGO_TARGET_DIR says
# otherwise. Below the cache, one for each checkout; see dev/setup/target.sh.
target_folder() {
    printf '%s/target/%s-%s\n' "$KEYWRIGHT_CACHE" "$(basename "$ROOT")" "$(printf '%s' "$ROOT" | sha256sum | cut -c1-8)"
}

# with_wasm_toolchain COMMAND...: runs it with the compiler that knows the target.
with_wasm_toolchain() {
    if [ -n "$KEYWRIGHT_WASM_TOOLCHAIN" ]; then
        RUSTUP_TOOLCHAIN=$KEYWRIGHT_WASM_TOOLCHAIN "$@"
    else
        "$@"
    fi
}

# forget_dead_instance FOLDER: dev.json says "ready". One left by an instance that was
# killed would mislead whoever waits for the next.
forget_dead_instance() {
    local pid
    [ -f "$1/dev.json" ] || return 0
    pid=$(sed -n 's/.*"pid": \([0-9]*\).*/\1/p' "$1/dev.json")
    if [ -z "$pid" ] || ! kill -0 "$pid" 2>/dev/null; then
        rm -f "$1/dev.json"
    fi
}

# require_free_port PORT: fails before anything is built where the port is none, or taken.
require_free_port() {
    case $1 in
    '' | *[!0-9]* | ??????*) die "PORT must be a number from 1 to 65535, not '$1'" ;;
    esac
    [ "$1" -ge 1 ] && [ "$1" -le 65535 ] || die "PORT must be a number from 1 to 65535, not '$1'"
    if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then
        die "port $1 is in use; choose another, for example PORT=$(($1 + 1))"
    fi
}

# say_first_run: how long it takes, where nothing was built in this checkout yet.
say_first_run() {
    [ -f "$(target_folder)/checkout" ] ||
        say "the first run installs its tools and builds everything: about 10 min on 2 cores; later runs take seconds"
}

# stage LABEL COMMAND...: one part of a run that goes on after a failure, so that one
# run shows everything that is wrong. `end_of_stages` then fails for all.
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
