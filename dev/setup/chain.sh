# shellcheck shell=bash disable=SC2034 # the names are printed by dev/setup.sh
# The Ethereum node on which the tests pay: anvil, from npm if npm has it for this
# machine, otherwise the machine's own. Sourced by dev/setup.sh.

provide_chain() {
    KEYWRIGHT_ANVIL=$(compgen -G "$KEYWRIGHT_NODE_MODULES/@foundry-rs/anvil-*/bin/anvil" | head -n 1) ||
        KEYWRIGHT_ANVIL=$(command -v anvil) ||
        die "npm has no anvil packaged for $(uname -sm); install Foundry (the tests run a chain)"
    [ -x "$KEYWRIGHT_ANVIL" ] || chmod 755 "$KEYWRIGHT_ANVIL"
}
