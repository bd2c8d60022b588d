# shellcheck shell=bash disable=SC2034 # the names are printed by dev/setup.sh
# A Python for the tests, with the published SDK and its own tests, Schemathesis, and
# generators of clients with the Java and the Go that they need. Sourced by dev/setup.sh.

provide_python() {
    local folder interpreter
    need_command python3 "install Python 3.11 or later"
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        die "python3 is $(python3 --version 2>&1); install Python 3.11 or later"
    # Keyed by the interpreter too: a virtual environment belongs to one.
    interpreter=$(python3 -c 'import sys; print(sys.executable, sys.version)')
    folder=$KEYWRIGHT_CACHE/python-$( (cat "$ROOT"/dev/requirements*.txt && echo "$interpreter") | sha256sum | cut -c1-16)
    KEYWRIGHT_PYTHON=$folder/bin/python
    KEYWRIGHT_PYTHON_SDK=$folder/sdk
    [ -f "$folder/complete" ] && return
    [ "$(python_pins "$ROOT/dev/requirements.txt")" = "$(python_pins "$ROOT/dev/requirements-hashes.txt")" ] ||
        die "dev/requirements-hashes.txt has other packages than dev/requirements.txt; make it with the command in it"
    rm -rf "$folder"
    if ! python3 -m venv "$folder" >/dev/null 2>&1; then
        # Debian has a part of the module in a separate package.
        command -v apt-get >/dev/null 2>&1 || die "python3 -m venv does not work; install Python's venv module"
        long_step "apt-get update" "about 10 s" as_root apt-get update
        long_step "python3-venv" "about 20 s, once" as_root \
            env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3-venv
        rm -rf "$folder"
        python3 -m venv "$folder" || die "python3 -m venv does not work; see above"
    fi
    long_step "Python packages" "about 30 s, once" "$KEYWRIGHT_PYTHON" -m pip install \
        --disable-pip-version-check --no-input --no-deps --require-hashes \
        -r "$ROOT/dev/requirements-hashes.txt" ||
        die "pip failed; see above"
    # No build isolation: the build tools are pinned and already installed.
    long_step "Python SDK's source" "about 5 s, once" "$KEYWRIGHT_PYTHON" -m pip download \
        --disable-pip-version-check --no-input --no-deps --no-binary :all: --no-build-isolation \
        --require-hashes --dest "$folder" -r "$ROOT/dev/requirements-source.txt" ||
        die "pip failed; see above"
    mkdir "$KEYWRIGHT_PYTHON_SDK"
    tar -xzf "$folder"/keysat_licensing_client-*.tar.gz -C "$KEYWRIGHT_PYTHON_SDK" --strip-components=1 ||
        die "the Python SDK's source archive cannot be unpacked"
    : >"$folder/complete"
}

# python_pins FILE: its packages with their versions, in one form.
python_pins() {
    grep -oE '^[A-Za-z0-9_.-]+==[^ ]+' "$1" | tr 'A-Z_' 'a-z-' | LC_ALL=C sort
}
