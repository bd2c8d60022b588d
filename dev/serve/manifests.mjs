// Reads the manifests: spin.toml lists the configuration names of each function, and
// the wrangler.toml files list the bindings of each Worker.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { load } from './packages.mjs';
import { Failure } from './say.mjs';

/** Parses a TOML file. The message names the file, because the user must fix a mistake in it. */
export function readToml(file) {
  let text;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new Failure(`cannot read ${file}: ${error.message}`);
  }
  try {
    return load('smol-toml').parse(text);
  } catch (error) {
    throw new Failure(`${file} is not valid TOML: ${error.message}`);
  }
}

/**
 * Configuration names by function, upper case as on Workers. spin.toml is the only such
 * list: a function that it does not name gets nothing.
 * @returns {Map<string, Set<string>>}
 */
export function allowedNames(root) {
  const components = readToml(path.join(root, 'spin.toml')).component ?? {};
  return new Map(
    Object.entries(components).map(([name, component]) => [
      name,
      new Set(Object.keys(component.variables ?? {}).map((variable) => variable.toUpperCase())),
    ]),
  );
}

/**
 * The Workers of this checkout, the gateway first: `wrangler dev` lets only the
 * first configuration be reached from outside.
 * @returns {{ name: string, file: string, toml: object }[]}
 */
export function workers(root) {
  const found = readdirSync(path.join(root, 'functions'))
    .sort()
    .map((name) => ({ name, file: path.join(root, 'functions', name, 'wrangler.toml') }))
    .filter(({ file }) => existsSync(file));
  return [{ name: 'gateway', file: path.join(root, 'wrangler.toml') }, ...found].map((worker) => ({
    ...worker,
    toml: readToml(worker.file),
  }));
}

/** Functions with a cron trigger: those whose wrangler.toml has `[triggers] crons`. */
export function cronFunctions(all) {
  return all.filter(({ toml }) => toml.triggers?.crons?.length > 0).map(({ name }) => name);
}
