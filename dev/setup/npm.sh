# shellcheck shell=bash disable=SC2034 # the names are printed by dev/setup.sh
# Tools from npm: wrangler with workerd, esbuild, wasm-opt, and a Node new enough
# to run them. Sourced by dev/setup.sh.

# Installed in the cache under the hash of the manifest and the lock, so that clones
# with the same lock share one copy and a changed lock gets its own.
provide_npm() {
    local folder
    folder=$KEYWRIGHT_CACHE/npm-$(cat "$ROOT/package.json" "$ROOT/package-lock.json" | sha256sum | cut -c1-16)
    KEYWRIGHT_NODE_MODULES=$folder/node_modules
    [ -x "$folder/bin/wasm-opt" ] || install_npm "$folder"
    KEYWRIGHT_NODE=$(readlink "$folder/bin/node")
    WASM_OPT_BIN=$folder/bin/wasm-opt
    ESBUILD_BIN=$folder/bin/esbuild
}

install_npm() {
    local folder=$1 staging node esbuild
    need_command npm "install Node.js with npm (any version; setup installs the one that it uses)"
    rm -rf "$folder" "$folder".partial.*
    staging=$(mktemp -d "$folder.partial.XXXXXX")
    cp "$ROOT/package.json" "$ROOT/package-lock.json" "$staging/"
    # None of the packages needs its install scripts, so none runs.
    (cd "$staging" && long_step "npm packages" "about 1 min, once" \
        npm ci --ignore-scripts --no-audit --no-fund) || die "npm ci failed; see above"
    mkdir "$staging/bin"
    mv "$staging" "$folder"
    chmod 755 "$folder"
    node=$(find_node "$folder/node_modules") || exit 1
    esbuild=$(native_binary "$folder/node_modules" '@esbuild/*/bin/esbuild' esbuild) || exit 1
    ln -s "$node" "$folder/bin/node"
    ln -s "$esbuild" "$folder/bin/esbuild"
    # binaryen's wasm-opt is a script for whatever `node` is on the PATH; worker-build
    # needs a program. Written last: its presence marks a complete installation.
    printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$node" \
        "$folder/node_modules/binaryen/bin/wasm-opt" >"$folder/bin/wasm-opt.partial"
    chmod 755 "$folder/bin/wasm-opt.partial"
    mv "$folder/bin/wasm-opt.partial" "$folder/bin/wasm-opt"
}

# The pinned Node if npm has one for this machine, otherwise the machine's own.
find_node() {
    local node
    for node in "$1"/node-linux-*/bin/node "$(command -v node)"; do
        if [ -x "$node" ] && "$node" -e 'const [a, b] = process.versions.node.split(".").map(Number);
            process.exit(a > 22 || (a === 22 && b >= 12) ? 0 : 1)' 2>/dev/null; then
            printf '%s\n' "$node"
            return
        fi
    done
    die "wrangler needs Node 22.12 or later, and npm has none packaged for $(uname -sm); install one"
}

# native_binary FOLDER PATTERN NAME: the one file of that pattern that is installed.
native_binary() {
    local found
    found=$(compgen -G "$1/$2" | head -n 1)
    [ -n "$found" ] || die "npm installed no $3 for $(uname -sm)"
    printf '%s\n' "$found"
}
