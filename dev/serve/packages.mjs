// npm packages are installed outside the checkout, where `import` does not look.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Failure } from './say.mjs';

/** The checkout. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** The folder of npm packages: dev/setup.sh names it; `npm ci` in the checkout works too. */
export function nodeModules() {
  const folder = process.env.KEYWRIGHT_NODE_MODULES || path.join(ROOT, 'node_modules');
  if (!existsSync(path.join(folder, 'wrangler'))) {
    throw new Failure(`no npm packages in ${folder}: run this through make, or eval "$(dev/setup.sh)" first`);
  }
  return folder;
}

/** Loads a pinned package by name. */
export function load(name) {
  return createRequire(path.join(nodeModules(), 'from-here.js'))(name);
}
