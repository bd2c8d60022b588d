// The demo, against a small server that plays the admin and validate functions.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { DEMO, seed, seedRelease, storeReleases } from '../serve/seed.mjs';
import { startTicks } from '../serve/ticks.mjs';

let server, calls, answer, instance;

beforeEach(async () => {
  calls = [];
  const known = new Set();
  let issued = 0;
  // What the real routes do, as far as seeding sees it; a test may override it.
  answer = ({ route, body, bearer }) => {
    if (route === '/v1/validate') return [200, { ok: body.key === `key-${issued}`, reason: 'bad_signature' }];
    if (bearer !== 'Bearer secret') return [401, { ok: false }];
    if (route === '/v1/admin/licenses') {
      issued += 1;
      return [201, { license_key: `key-${issued}`, token: `token-${issued}` }];
    }
    const name = `${route} ${body.product_slug} ${body.slug ?? body.code}`;
    if (known.has(name)) return [409, { ok: false, error: 'conflict' }];
    known.add(name);
    return [201, { ok: true }];
  };
  server = createServer(async (request, response) => {
    let text = '';
    for await (const piece of request) text += piece;
    const call = { route: request.url, body: text && JSON.parse(text), bearer: request.headers.authorization };
    calls.push(call);
    const [status, body] = answer(call);
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const folder = mkdtempSync(path.join(tmpdir(), 'keywright-seed-'));
  const baseUrl = `http://127.0.0.1:${server.address().port}`;
  instance = { baseUrl, folder, state: folder, values: new Map([['ADMIN_KEY', 'secret']]) };
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
  rmSync(instance.folder, { recursive: true });
});

test('seeding makes a product, free and paid policies, a discount code and a license', async () => {
  const demo = await seed(instance);
  assert.deepEqual(calls.map(({ route }) => route), [
    '/v1/admin/products',
    '/v1/admin/policies',
    '/v1/admin/policies',
    '/v1/admin/policies',
    '/v1/admin/discount-codes',
    '/v1/admin/licenses',
  ]);
  assert.equal(calls[1].body.price_sats_override, 0);
  assert.ok(calls[2].body.price_sats_override > 0);
  assert.deepEqual(demo, {
    product: 'demo',
    free_policy: 'free',
    paid_policy: 'pro',
    discount_code: 'FIREFLY',
    license_key: 'key-1',
    token: 'token-1',
    release_version: '1.0.0',
    platform: 'x86_64-unknown-linux-gnu',
  });
});

test('seeding again changes nothing and keeps the license', async () => {
  const demo = await seed(instance);
  calls.length = 0;
  assert.deepEqual(await seed(instance), demo);
  assert.ok(!calls.some(({ route }) => route === '/v1/admin/licenses'));
});

test('a license that the server no longer takes is replaced; a busy server is no reason', async () => {
  await seed(instance);
  const usual = answer;
  answer = (call) =>
    call.route === '/v1/validate' ? [200, { ok: false, reason: 'rate_limited' }] : usual(call);
  assert.equal((await seed(instance)).license_key, 'key-1');
  answer = (call) => (call.route === '/v1/validate' ? [200, { ok: false, reason: 'revoked' }] : usual(call));
  assert.equal((await seed(instance)).license_key, 'key-2');
});

test('what goes wrong is reported with the route and the answer', async () => {
  answer = () => [500, { ok: false, error: 'internal', message: 'request 7' }];
  await assert.rejects(seed(instance), /POST \/v1\/admin\/products answered 500: .*request 7/);
  answer = () => [200, '<html>'];
  await assert.rejects(seed(instance), /did not answer JSON: <html>/);
  answer = () => [200, { ok: true }];
  await assert.rejects(seed(instance), /without license_key and token/);
  instance.values.clear();
  await assert.rejects(seed(instance), /needs an ADMIN_KEY/);
});

test('the release is stored once, under product, version and platform', async () => {
  const stored = [];
  const host = { putReleases: async (releases) => stored.push(...releases.map(({ key }) => key)) };
  await seedRelease(host, instance);
  await seedRelease(host, instance);
  assert.deepEqual(stored, [`demo/${DEMO.release.version}/${DEMO.release.platform}`]);
});

test('every file below a folder is stored under its path', async () => {
  const source = path.join(instance.folder, 'given');
  mkdirSync(path.join(source, 'app', '1.0.0'), { recursive: true });
  writeFileSync(path.join(source, 'app', 'MANIFEST.json'), '{}');
  writeFileSync(path.join(source, 'app', '1.0.0', 'linux'), 'bytes');
  const stored = new Map();
  const host = { putReleases: async (releases) => releases.forEach(({ key, file }) => stored.set(key, file)) };
  await storeReleases(host, source);
  assert.deepEqual([...stored.keys()].sort(), ['app/1.0.0/linux', 'app/MANIFEST.json']);
  assert.equal(readFileSync(stored.get('app/1.0.0/linux'), 'utf8'), 'bytes');
  mkdirSync(path.join(source, 'empty'));
  await assert.rejects(storeReleases(host, path.join(source, 'empty')), /there is no file in/);
});

test('ticks call each cron function with the token, go on after a failure, and stop', async () => {
  answer = ({ route }) => (route.endsWith('watch') ? [500, { ok: false }] : [200, { ok: true }]);
  const complaints = [];
  const original = console.error;
  console.error = (...words) => complaints.push(words.join(' '));
  try {
    const stop = startTicks({ baseUrl: instance.baseUrl, token: 'tick', names: ['renew', 'watch'], periodMs: 100 });
    while (calls.length < 4) await new Promise((resolve) => setTimeout(resolve, 20));
    stop();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const count = calls.length;
    await new Promise((resolve) => setTimeout(resolve, 250));
    assert.equal(calls.length, count);
  } finally {
    console.error = original;
  }
  assert.deepEqual(new Set(calls.map(({ route }) => route)), new Set(['/v1/cron/renew', '/v1/cron/watch']));
  assert.ok(calls.every(({ bearer }) => bearer === 'Bearer tick'));
  assert.match(complaints[0], /tick of watch failed: status 500/);
});
