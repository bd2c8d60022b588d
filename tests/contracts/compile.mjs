// Compiles the contracts of the tests and prints their programs as JSON:
//   {"Usdc": "0x60…", "ContractWallet": "0x60…"}
// Usage: node tests/contracts/compile.mjs NODE_MODULES

import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const solc = createRequire(join(process.argv[2], 'solc', 'package.json'))('./index.js');

const files = readdirSync(here).filter((file) => file.endsWith('.sol'));
const sources = Object.fromEntries(
  files.map((file) => [file, { content: readFileSync(join(here, file), 'utf8') }]),
);
const output = JSON.parse(
  solc.compile(
    JSON.stringify({
      language: 'Solidity',
      sources,
      settings: {
        // What every chain of today runs.
        evmVersion: 'paris',
        optimizer: { enabled: true, runs: 200 },
        outputSelection: { '*': { '*': ['evm.bytecode.object'] } },
      },
    }),
  ),
);
const wrong = (output.errors ?? []).filter((error) => error.severity === 'error');
if (wrong.length > 0) {
  console.error(wrong.map((error) => error.formattedMessage).join('\n'));
  process.exit(1);
}
const programs = Object.values(output.contracts).flatMap((contracts) => Object.entries(contracts));
console.log(
  JSON.stringify(
    Object.fromEntries(programs.map(([name, { evm }]) => [name, `0x${evm.bytecode.object}`])),
  ),
);
