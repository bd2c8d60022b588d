#!/bin/sh
# Installs @PRODUCT@ from @URL@.
#
#   curl -fsSL @URL@/releases/@PRODUCT@/install.sh | sh
#
# Nothing is installed unless the vendor's release key, which is pinned below,
# has signed the file and has stated that it is this product, version, channel
# and platform. Variables:
#
#   KEYWRIGHT_TOKEN   the download token of a licensed product
#   VERSION           a version; otherwise the newest one
#   CHANNEL           stable (as usual), rc, beta, alpha or dev
#   PLATFORM          a target triple; otherwise this machine's
#   https_proxy       a proxy, as curl takes it; ~/.curlrc is not read
#   INSTALL_DIR       where to; /usr/local/bin as usual
# What is downloaded is copied into a folder that nobody else can reach, and it
# is that copy which is checked and installed.
set -eu
umask 077
# Bytes are bytes, whatever language the terminal speaks.
export LC_ALL=C

url='@URL@'
product='@PRODUCT@'
program='@PROGRAM@'
public_key='@PUBLIC_KEY@'
public_key_pem='@PUBLIC_KEY_PEM@'
channel=${CHANNEL:-stable}
install_dir=${INSTALL_DIR:-/usr/local/bin}
case $install_dir in
/*) ;;
*) install_dir=$PWD/$install_dir ;;
esac
tab=$(printf '\t')

say() { printf '%s: %s\n' "$product" "$*" >&2; }
die() {
    say "error: $*"
    exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }

# The token goes to curl through a file descriptor: arguments can be read by
# everybody on the machine. Only to the vendor's own address. -q: what a user has in
# ~/.curlrc (an output file, following redirects) is for other uses of curl.
get() {
    if [ -n "${KEYWRIGHT_TOKEN:-}" ]; then
        printf 'header = "Authorization: Bearer %s"\n' "$KEYWRIGHT_TOKEN" |
            curl -q -K - -sS --connect-timeout 15 "$@"
    else
        curl -q -sS --connect-timeout 15 "$@"
    fi
}

# get_whole FILE URL: a small file. It is this shell that writes it: a curl from snap
# may write to few folders.
get_whole() {
    for pause in 0 1 3 9; do
        sleep "$pause"
        status=0
        get -f "$2" >"$1" || status=$?
        # 22: the server has answered, with an error.
        case $status in 0 | 22) break ;; esac
    done
    return "$status"
}

digest_of() {
    if has sha256sum; then
        sha256sum <"$1" | cut -c1-64
    else
        shasum -a 256 <"$1" | cut -c1-64
    fi
}

# Whether programs here have 32 bits: the kernel may have 64 all the same.
is_32_bit() {
    bits=$(getconf LONG_BIT 2>/dev/null || :)
    if [ -z "$bits" ] && has od; then
        # The class in the head of an ELF file.
        case $(od -An -tu1 -j4 -N1 /bin/sh 2>/dev/null || :) in *1) bits=32 ;; esac
    fi
    [ "$bits" = 32 ]
}

# Which platforms this machine runs, the best first.
platforms() {
    system=$(uname -s)
    case $(uname -m) in
    x86_64 | amd64) arch=x86_64 ;;
    i[3-6]86) arch=i686 ;;
    aarch64 | arm64) arch=aarch64 ;;
    armv8l | armv7*) arch=armv7 ;;
    armv6*) arch=arm ;;
    riscv64) arch=riscv64gc ;;
    *) arch=$(uname -m) ;;
    esac
    case $system in
    Linux)
        if is_32_bit; then
            case $arch in x86_64) arch=i686 ;; aarch64) arch=armv7 ;; esac
        fi
        eabi=
        case $arch in arm*) eabi=eabihf ;; esac
        if (ldd --version 2>&1 || :) | grep -qi musl; then
            echo "$arch-unknown-linux-musl$eabi"
        else
            echo "$arch-unknown-linux-gnu$eabi $arch-unknown-linux-musl$eabi"
        fi
        ;;
    Darwin)
        # A terminal under Rosetta says x86_64; the machine is an Apple silicon one.
        if [ "$(sysctl -n sysctl.proc_translated 2>/dev/null || :)" = 1 ]; then
            echo "aarch64-apple-darwin universal-apple-darwin x86_64-apple-darwin"
        else
            echo "$arch-apple-darwin universal-apple-darwin"
        fi
        ;;
    FreeBSD) echo "$arch-unknown-freebsd" ;;
    *) die "$system is not known here; set PLATFORM" ;;
    esac
}

# The version that `latest` leads to for a platform; empty when there is none.
newest() {
    # Behind the body, which may be text about an error.
    target=$(get -w '>%{redirect_url}' \
        "$url/releases/$product/latest/$1?channel=$channel") || die "$url cannot be reached"
    target=${target##*>}
    target=${target%%\?*}
    target=${target%/*}
    printf '%s' "${target##*/}" | sed 's/%2[Bb]/+/g'
}

# The digest that the manifest has for a platform, and for no other.
listed() {
    awk -v platform="$1" -F '"platform":"' '{
        for (i = 2; i <= NF; i++)
            if (index($i, platform "\"") == 1 && match($i, /"sha256":"[0-9a-f]+"/) && RLENGTH == 75) {
                print substr($i, RSTART + 10, 64)
                exit
            }
    }' "$2"
}

# Whether somebody on channel $1 is offered a release of channel $2.
offers() {
    case "$1 $2" in
    *' stable' | 'dev '* | 'alpha alpha' | 'alpha beta' | 'alpha rc' | 'beta beta' | 'beta rc' | 'rc rc') return 0 ;;
    *) return 1 ;;
    esac
}

# Signed messages of one byte, and the key: test 2 of RFC 8032, section 7.1.
known_key='MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw='
known_signature='kqAJqfDUyrhyDoILX2QlQKKye1QWUD+Ps3YiI+vbadoIWsHkPhWZbkWPNhPQ8R2MOHsurrQwKu6wDSkWErsMAA=='

# Whether this program verifies Ed25519 as it is asked to here. Its version does not
# tell: LibreSSL calls itself openssl too, and a Mac's cannot.
verifies() {
    [ -x "$1" ] || has "$1" || return 1
    printf -- '-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n' "$known_key" >known.pem
    printf '%s' "$known_signature" | "$1" base64 -d -A >known.sig 2>/dev/null || return 1
    printf 'r' >known.good
    printf 's' >known.bad
    "$1" pkeyutl -verify -pubin -inkey known.pem -rawin -in known.good -sigfile known.sig \
        >/dev/null 2>&1 || return 1
    ! "$1" pkeyutl -verify -pubin -inkey known.pem -rawin -in known.bad -sigfile known.sig \
        >/dev/null 2>&1
}

# Sets `verifier`, and `openssl` to one that can. Homebrew and MacPorts have theirs
# outside the PATH; those folders may belong to a user, so root does not look there.
find_verifier() {
    if has minisign; then
        verifier=minisign
        return
    fi
    verifier=openssl
    openssl=openssl
    ! verifies openssl || return 0
    if ! is_root; then
        for openssl in \
            "${HOMEBREW_PREFIX:-/opt/homebrew}/opt/openssl@3/bin/openssl" \
            /usr/local/opt/openssl@3/bin/openssl \
            /home/linuxbrew/.linuxbrew/opt/openssl@3/bin/openssl \
            /opt/local/bin/openssl; do
            ! verifies "$openssl" || return 0
        done
    fi
    case $(uname -s) in
    Darwin) advice="run: brew install minisign" ;;
    *) advice="install the package openssl or minisign of this system" ;;
    esac
    die "OpenSSL 3 or minisign is needed to check the vendor's signature; $advice"
}

# check_with_openssl FILE SIGNATURE-FILE FOLDER: both signatures, with the pinned
# key alone.
check_with_openssl() {
    printf '%s\n' "$public_key_pem" >"$3/key.pem"
    sed -n 2p "$2" | "$openssl" base64 -d -A >"$3/packet"
    [ "$(head -c 2 "$3/packet")" = Ed ] && [ "$(wc -c <"$3/packet")" -eq 74 ] ||
        die "the signature is of an unknown kind"
    tail -c 64 "$3/packet" >"$3/signature"
    sed -n 4p "$2" | "$openssl" base64 -d -A >"$3/global"
    {
        cat "$3/signature"
        printf '%s' "$statement"
    } >"$3/stated"
    "$openssl" pkeyutl -verify -pubin -inkey "$3/key.pem" -rawin -in "$1" \
        -sigfile "$3/signature" >/dev/null 2>&1 &&
        "$openssl" pkeyutl -verify -pubin -inkey "$3/key.pem" -rawin -in "$3/stated" \
            -sigfile "$3/global" >/dev/null 2>&1
}

main() {
    has curl || die "curl is needed"
    has sha256sum || has shasum || die "sha256sum or shasum is needed"
    private_folder
    find_verifier
    case ${KEYWRIGHT_TOKEN:-} in
    *[!A-Za-z0-9._~+/=-]*) die "KEYWRIGHT_TOKEN must be a license token: letters, digits, - and _" ;;
    esac
    version=${VERSION:-}
    platform=
    for candidate in ${PLATFORM:-$(platforms)}; do
        found=${VERSION:-$(newest "$candidate")}
        [ -n "$found" ] || continue
        version=$found
        platform=$candidate
        break
    done
    [ -n "$platform" ] ||
        die "there is no release for this machine on the channel $channel; set PLATFORM or CHANNEL"
    case $version in
    '' | *[!A-Za-z0-9.+-]*) die "the server named no version" ;;
    esac
    case $platform in
    '' | *[!a-z0-9_.-]*) die "PLATFORM must be a target triple, such as x86_64-unknown-linux-gnu" ;;
    esac

    escaped=$(printf '%s' "$version" | sed 's/+/%2B/g')
    base=$url/releases/$product/$escaped
    get_whole manifest "$base/MANIFEST" || die "$version has no manifest"
    digest=$(listed "$platform" manifest)
    if [ -z "$digest" ] && [ -z "${PLATFORM:-}" ]; then
        for candidate in $(platforms); do
            digest=$(listed "$candidate" manifest)
            platform=$candidate
            [ -z "$digest" ] || break
        done
    fi
    [ -n "$digest" ] || die "$version has no file for $platform"

    # What the vendor states about the file.
    get_whole sig "$base/$platform.sig" || die "$version has no signature for $platform"
    statement=$(sed -n '3s/^trusted comment: //p' sig)
    stated_channel=
    size=
    check_statement
    say "$version ($stated_channel) for $platform"

    copy
    [ "$(wc -c <file)" -eq "$size" ] && [ "$(digest_of file)" = "$digest" ] || {
        forget
        die "what was downloaded is not what the manifest says; nothing was installed"
    }
    case $verifier in
    minisign) minisign -V -q -P "$public_key" -m file -x sig >/dev/null 2>&1 ;;
    openssl) check_with_openssl file sig . ;;
    esac || {
        forget
        die "the vendor's signature does not verify; nothing was installed"
    }
    put_in_place
    forget
    say "installed $install_dir/$program"
}

# Makes the folder that everything happens in, and stays inside it: its path may
# be given to something else, the folder itself may not.
private_folder() {
    # As root, a TMPDIR that somebody else owns is not used.
    if is_root && [ -n "${TMPDIR:-}" ] && [ ! -O "$TMPDIR" ]; then unset TMPDIR; fi
    work=$(mktemp -d)
    trap 'cd / && rm -rf "$work"' EXIT
    trap 'exit 130' INT TERM HUP
    cd "$work"
    [ -O . ] || die "$work is not our own; set TMPDIR"
}

is_root() { [ "$(id -u)" -eq 0 ]; }

# Whether a folder is ours, and nobody else can write it.
is_private() {
    [ -O "$1" ] || return 1
    # shellcheck disable=SC2012 # the mode is what is looked at
    case $(ls -ld "$1" | cut -c1-11) in
    drwx?-??-? | drwx?-??-?[!+]) return 0 ;;
    *) return 1 ;;
    esac
}

# Sets `cache` to the folder of downloads, where one can be trusted with files
# that are written: not as root (with sudo, HOME may be somebody else's), not
# through a link, and only one that is ours alone. Else it is empty.
find_cache() {
    cache=
    ! is_root || return 0
    folder=${XDG_CACHE_HOME:-${HOME:-}/.cache}/keywright
    case $folder in /*/*/*) ;; *) return 0 ;; esac
    mkdir -p "$folder" 2>/dev/null || :
    if [ -L "$folder" ] || [ ! -d "$folder" ] || ! is_private "$folder"; then
        say "$folder is not ours alone and is not used"
        return 0
    fi
    cache=$folder
}

# Leaves the file, as it was downloaded, in `file` of the private folder.
copy() {
    find_cache
    if [ -z "$cache" ]; then
        download file
        return
    fi
    # In a shell of its own, so that only this one is in the cache's folder.
    (
        cd "$cache" && is_private . || die "$cache was given to somebody else"
        if [ -L "$digest" ] || { [ -e "$digest" ] && [ ! -O "$digest" ]; }; then rm -f "$digest"; fi
        download "$digest"
        cat "$digest"
    ) >file || exit 1
}

# Removes the download from the cache.
forget() {
    [ -z "$cache" ] || rm -f "$cache/$digest"
}

# download FILE: goes on where an earlier one stopped.
download() {
    [ -f "$1" ] || : >"$1"
    if [ "$(wc -c <"$1")" -gt "$size" ]; then : >"$1"; fi
    tries=0
    while [ "$(wc -c <"$1")" -lt "$size" ]; do
        tries=$((tries + 1))
        [ "$tries" -le 5 ] || die "downloading failed; start this again"
        status=0
        get -f -C "$(($(wc -c <"$1")))" "$base/$platform" >>"$1" || status=$?
        case $status in
        0) break ;;
        22) die "downloading failed; a licensed product needs KEYWRIGHT_TOKEN" ;;
        # The server does not go on in the middle.
        33) : >"$1" ;;
        *) say "interrupted, going on" ;;
        esac
    done
}

# The statement has eight items, each of which has to be this one.
check_statement() {
    set -f
    old_ifs=$IFS
    IFS=$tab
    # shellcheck disable=SC2086 # split at the tabs
    set -- $statement
    IFS=$old_ifs
    set +f
    [ $# -ge 8 ] && [ "$3" = "version:$version" ] && [ "$4" = "product:$product" ] &&
        [ "$6" = "platform:$platform" ] && [ "$8" = "sha256:$digest" ] ||
        die "the vendor's signature is for something else; nothing was installed"
    stated_channel=${5#channel:}
    size=${7#size:}
    case $size in
    '' | *[!0-9]*) die "the vendor's signature states no size" ;;
    esac
    [ -n "${VERSION:-}" ] || offers "$channel" "$stated_channel" ||
        die "the newest release is on $stated_channel, which the channel $channel does not offer"
}

# Puts the checked copy in its place. It is handed over as an open file and goes
# into a new folder beside its place first, so that nothing that is written can
# be led elsewhere, and a running program is replaced in one step.
put_in_place() {
    as=
    if ! (umask 022 && mkdir -p "$install_dir" 2>/dev/null) || [ ! -w "$install_dir" ]; then
        has sudo || die "$install_dir cannot be written; set INSTALL_DIR"
        as=sudo
    fi
    # shellcheck disable=SC2016 # the variables are that shell's
    $as sh -c '
        set -eu
        umask 022
        mkdir -p "$1"
        cd "$1"
        if [ -L "$2" ] || { [ -e "$2" ] && [ ! -f "$2" ]; }; then exit 3; fi
        umask 077
        new=$(mktemp -d "./.$2.XXXXXX")
        cd "$new"
        status=0
        cat >new && chmod 755 new && mv -f new "../$2" || status=1
        cd -P ..
        rm -rf "$new"
        exit "$status"
    ' sh "$install_dir" "$program" <file || {
        [ $? -ne 3 ] || die "$install_dir/$program is a link or no file; remove it, or set INSTALL_DIR"
        die "$install_dir/$program cannot be written; nothing was installed"
    }
}

main
