// `make spin`, with a small program in place of Spin: what it is given, and what
// people are told where it is missing or too old.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { freePort, makeCheckout } from './checkout.mjs';
import { assertProcesses, start, stopAll } from './instance.mjs';

// Answers like the functions would, and shows what it was started with.
const FAKE_SPIN = `#!${process.execPath}
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import path from 'node:path';
const args = process.argv.slice(2);
if (args[0] === '--version') { console.log('spin ' + process.env.FAKE_VERSION + ' (abc 2026-01-01)'); process.exit(); }
const option = (name) => args[args.indexOf(name) + 1];
const [host, port] = option('--listen').split(':');
const variables = Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith('SPIN_VARIABLE_')));
const home = path.dirname(option('--from'));
createServer((request, response) => {
  const json = (body) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  if (request.url === '/started') return json({ args, variables });
  if (request.url === '/style.css') return response.end(readFileSync(path.join(home, 'static/style.css')));
  if (request.url === '/module') return response.end(readFileSync(path.join(home, 'build/spin/sign.wasm')));
  if (request.url.startsWith('/releases/')) return response.end(readFileSync(path.join(home, request.url)));
  json({ ok: true, license_key: 'LIC1-X', token: 'T' });
}).listen(Number(port), host);
`;

let checkout, bin;
before(() => {
  checkout = makeCheckout();
  bin = path.join(checkout.root, 'bin');
  checkout.write('bin/package.json', '{"type":"module"}');
  checkout.write('bin/spin', FAKE_SPIN);
  chmodSync(path.join(bin, 'spin'), 0o755);
  mkdirSync(path.join(checkout.root, 'build/spin'), { recursive: true });
  checkout.write('build/spin/sign.wasm', 'module bytes');
  checkout.write('static/style.css', 'a page');
});
after(() => {
  stopAll();
  checkout.remove();
});

test('Spin gets the unchanged manifest, its values by environment, and the demo', { timeout: 600_000 }, async () => {
  const port = await freePort();
  const server = await start(checkout, port, {
    script: 'serve-spin.mjs',
    environment: { PATH: `${bin}:${process.env.PATH}`, BTCPAY_API_KEY: 'key at the store' },
  });
  assert.ok(server.dev, server.output());
  assert.equal(server.dev.demo.license_key, 'LIC1-X');
  const manifest = path.join(server.folder, 'spin.toml');
  assert.equal(readFileSync(manifest, 'utf8'), readFileSync(path.join(checkout.root, 'spin.toml'), 'utf8'));

  const { args, variables } = await server.get('/started');
  assert.deepEqual(args, [
    ...['up', '--from', manifest, '--listen', `127.0.0.1:${port}`],
    ...['--direct-mounts', '--state-dir', path.join(server.folder, 'state')],
  ]);
  assert.equal(variables.SPIN_VARIABLE_ADMIN_KEY, server.dev.admin_key);
  assert.equal(variables.SPIN_VARIABLE_BTCPAY_API_KEY, 'key at the store');
  assert.equal(variables.SPIN_VARIABLE_PUBLIC_URL, server.dev.base_url);

  const text = async (route) => (await fetch(server.dev.base_url + route)).text();
  assert.equal(await text('/module'), 'module bytes');
  assert.equal(await text('/style.css'), 'a page');
  assert.match(await text('/releases/demo/1.0.0/x86_64-unknown-linux-gnu'), /^#!\/bin\/sh/);

  await assertProcesses(server.folder, true);
  server.child.kill('SIGINT');
  assert.equal(await server.exit, 0, server.output());
  await assertProcesses(server.folder, false);
  assert.ok(!existsSync(path.join(server.folder, 'dev.json')));
});

test('a missing or old Spin is named before anything is built', () => {
  const run = (PATH, FAKE_VERSION) =>
    spawnSync('/bin/bash', [path.join(checkout.root, 'dev/spin.sh')], {
      encoding: 'utf8',
      env: { ...process.env, PATH, FAKE_VERSION },
    });
  // A PATH with what the script itself needs, and surely without a real Spin.
  const few = path.join(checkout.root, 'few');
  mkdirSync(few);
  for (const name of ['dirname', 'head', 'sed', 'sort']) symlinkSync(`/usr/bin/${name}`, path.join(few, name));
  const missing = run(few, '');
  assert.equal(missing.status, 1);
  assert.match(missing.stderr, /'spin' is not on the PATH; install Spin 4\.1 or later/);
  const old = run(`${bin}:${few}`, '4.0.2');
  assert.equal(old.status, 1);
  assert.match(old.stderr, /the spin on the PATH is '4\.0'; the components need Spin 4\.1 or later/);
});
