# shellcheck shell=bash
# The commands that the tests run: those of the examples in docs/integrate.md, those
# with which customers check and install releases, and PHP, which reads an update list as
# a Joomla site does. Sourced by dev/setup.sh.

provide_commands() {
    local name missing=
    for name in busybox curl jq minisign openssl wget; do
        command -v "$name" >/dev/null 2>&1 || missing="$missing $name"
    done
    # PHP's XML parser is a separate package.
    php -r 'exit(function_exists("xml_parser_create") ? 0 : 1);' >/dev/null 2>&1 ||
        missing="$missing php-cli php-xml"
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null 2>&1 || die "install:$missing (the tests run them)"
    long_step "apt-get update" "about 10 s" as_root apt-get update
    # shellcheck disable=SC2086 # names, one by one
    long_step "install$missing" "about 20 s, once" as_root \
        env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
}
