// One workerd with the gateway in front of validate, as deployed, and a local D1.
// `wrangler dev` has a Node proxy in front, which costs more than what we measure;
// here both Workers listen by themselves.
//
//   node workerd.mjs make-database FOLDER
//   node workerd.mjs serve FOLDER GATEWAY-PORT VALIDATE-PORT
//
// The first makes an empty database below FOLDER and ends. The second serves until
// stdin closes or a signal comes. Configuration comes by environment, as in `make dev`.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { allowedNames, workers } from '../../dev/serve/manifests.mjs';
import { load, ROOT } from '../../dev/serve/packages.mjs';

const [command, folder, gatewayPort, validatePort] = process.argv.slice(2);
if (!['make-database', 'serve'].includes(command) || !folder) {
  console.error('usage: workerd.mjs make-database|serve FOLDER [GATEWAY-PORT VALIDATE-PORT]');
  process.exit(2);
}

const { Miniflare, Log, LogLevel, convertV4MiniflareOptions } = load('miniflare');

/** A Worker of the checked-in manifests as miniflare wants it. */
function worker(name, port) {
  const { file, toml } = workers(ROOT).find((found) => found.name === name);
  const main = path.resolve(path.dirname(file), toml.main);
  const wasm = path.join(path.dirname(main), 'index_bg.wasm');
  if (!existsSync(wasm)) throw new Error(`${wasm} is not there: run dev/build.sh workers --release`);
  const allowed = allowedNames(ROOT).get(name) ?? new Set();
  return {
    name: toml.name,
    compatibilityDate: toml.compatibility_date,
    modulesRoot: path.dirname(main),
    modules: [
      { type: 'ESModule', path: main },
      { type: 'CompiledWasm', path: wasm },
    ],
    bindings: Object.fromEntries([...allowed].filter((key) => process.env[key]).map((key) => [key, process.env[key]])),
    d1Databases: Object.fromEntries((toml.d1_databases ?? []).map((entry) => [entry.binding, entry.database_name])),
    // Only what is measured is there; the gateway looks a binding up when it is asked for.
    serviceBindings: Object.fromEntries(
      (toml.services ?? [])
        .filter(({ service }) => service === 'keywright-validate')
        .map(({ binding, service }) => [binding, service]),
    ),
    unsafeDirectSockets: port ? [{ host: '127.0.0.1', port: Number(port) }] : [],
  };
}

const server = new Miniflare(
  convertV4MiniflareOptions({
    log: new Log(LogLevel.WARN),
    logRequests: false,
    cf: false,
    resourcePersistencePath: folder,
    workers: [worker('gateway', gatewayPort), worker('validate', validatePort)],
  }),
);
await server.ready;

if (command === 'make-database') {
  const database = await server.getD1Database('DB', 'keywright-validate');
  await database.prepare('SELECT 1').run();
  await server.dispose();
  process.exit();
}

console.log('ready');
const end = async () => {
  await server.dispose();
  process.exit();
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, end);
