# shellcheck shell=bash disable=SC2034 # the names are printed by dev/setup.sh
# The browser of the storefront's tests: the machine's Chromium, or Debian's.
# Sourced by dev/setup.sh.

provide_browser() {
    if ! KEYWRIGHT_CHROMIUM=$(installed_browser); then
        command -v apt-get >/dev/null 2>&1 ||
            die "install Chromium or Chrome (the storefront is tested in it)"
        long_step "apt-get update" "about 10 s" as_root apt-get update
        # Install a font too: without one, screenshots show no text.
        long_step "chromium" "about 1 min, once" as_root \
            env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium fonts-dejavu-core
        KEYWRIGHT_CHROMIUM=$(installed_browser) || die "the chromium package is installed, but its program was not found"
    fi
}

# installed_browser: the first one on the PATH.
installed_browser() {
    local name
    for name in chromium google-chrome-stable google-chrome; do
        command -v "$name" && return
    done
    return 1
}
