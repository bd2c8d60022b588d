// One workerd with the gateway in front of a function, as deployed, and local D1 or R2.
// `wrangler dev` has a Node proxy in front, which costs more than what we measure;
// here both Workers listen by themselves.
//
//   node workerd.mjs make-database FOLDER
//   node workerd.mjs serve FOLDER GATEWAY-PORT VALIDATE-PORT
//   node workerd.mjs store-releases FOLDER RELEASES
//   node workerd.mjs serve-gate FOLDER GATEWAY-PORT DOWNLOAD-PORT
//
// `make-database` makes an empty database below FOLDER and ends, `store-releases` puts
// the files of a folder into a bucket there and ends; the others serve until stdin
// closes or a signal comes. Configuration comes by environment, as in `make dev`.

import { existsSync } from 'node:fs';
import { readFile, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { allowedNames, workers } from '../../dev/serve/manifests.mjs';
import { load, ROOT } from '../../dev/serve/packages.mjs';

const [command, folder, ...rest] = process.argv.slice(2);
const measured = { 'make-database': 'validate', serve: 'validate', 'store-releases': 'download', 'serve-gate': 'download' }[command];
if (!measured || !folder) {
  console.error('usage: workerd.mjs make-database|serve|store-releases|serve-gate FOLDER [RELEASES | GATEWAY-PORT FUNCTION-PORT]');
  process.exit(2);
}
const [gatewayPort, functionPort] = command.startsWith('serve') ? rest : [];
// What is larger is left out: the local R2 takes minutes to store it, and to begin
// with it, which Cloudflare's does not.
const LARGEST = 256 * 1024 * 1024;

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
    r2Buckets: Object.fromEntries((toml.r2_buckets ?? []).map((entry) => [entry.binding, entry.bucket_name])),
    d1Databases: Object.fromEntries((toml.d1_databases ?? []).map((entry) => [entry.binding, entry.database_name])),
    // Only what is measured is there; the gateway looks a binding up when it is asked for.
    serviceBindings: Object.fromEntries(
      (toml.services ?? [])
        .filter(({ service }) => service === `keywright-${measured}`)
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
    workers: [worker('gateway', gatewayPort), worker(measured, functionPort)],
  }),
);
await server.ready;

if (command === 'make-database') {
  const database = await server.getD1Database('DB', 'keywright-validate');
  await database.prepare('SELECT 1').run();
  await server.dispose();
  process.exit();
}

if (command === 'store-releases') {
  const bucket = await server.getR2Bucket('RELEASES', 'keywright-download');
  for (const entry of await readdir(rest[0], { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    const { size } = await stat(file);
    if (size <= LARGEST) await bucket.put(path.relative(rest[0], file), await readFile(file));
  }
  await server.dispose();
  process.exit();
}

console.log('ready');
const end = async () => {
  await server.dispose();
  process.exit();
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, end);
