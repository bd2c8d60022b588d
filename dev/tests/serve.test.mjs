// dev/serve.mjs as a whole, with real wrangler and workerd.

import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { freePort, makeCheckout } from './checkout.mjs';
import { assertProcesses, start, stopAll } from './instance.mjs';

// Answers every request with the options that it was started with.
const STAND_IN = `#!${process.execPath}
const { createServer } = require('node:http');
const words = process.argv.slice(2);
const options = Object.fromEntries(words.flatMap((word, at) => (at % 2 ? [] : [[word, words[at + 1]]])));
const [host, port] = options['--listen'].split(':');
createServer((_, answer) => answer.end(JSON.stringify(options))).listen(Number(port), host);
`;

let checkout;
before(() => (checkout = makeCheckout()));
after(() => {
  stopAll();
  checkout.remove();
});

test('an instance starts, is seeded once, keeps its state, and ends on Ctrl-C', { timeout: 600_000 }, async () => {
  const port = await freePort();
  const first = await start(checkout, port);
  assert.ok(first.dev, first.output());
  assert.equal(first.dev.base_url, `http://127.0.0.1:${port}`);
  assert.match(first.dev.public_key_pem, /^-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA/);
  assert.deepEqual(first.dev.demo, {
    product: 'demo',
    free_policy: 'free',
    paid_policy: 'pro',
    discount_code: 'FIREFLY',
    license_key: `LIC1-${first.dev.admin_key}`,
    token: 'demo-token',
    release_version: '1.0.0',
    platform: 'x86_64-unknown-linux-gnu',
  });
  assert.equal(statSync(path.join(first.folder, 'dev.json')).mode & 0o077, 0);
  assert.match(first.output(), /ready: http:\/\/127\.0\.0\.1/);
  assert.match(first.output(), /storefront: http:\/\/127\.0\.0\.1:\d+\/buy\/demo \(discount code FIREFLY\)/);
  const release = await fetch(`${first.dev.base_url}/releases/demo/1.0.0/x86_64-unknown-linux-gnu`);
  assert.match(await release.text(), /^#!\/bin\/sh\n/);
  const routes = (await first.get('/calls')).map(({ route }) => route);
  assert.deepEqual(routes, ['products', 'policies', 'policies', 'policies', 'discount-codes', 'licenses']);

  await assertProcesses(first.folder, true);
  first.child.kill('SIGINT');
  assert.equal(await first.exit, 0, first.output());
  assert.ok(!existsSync(path.join(first.folder, 'dev.json')));
  await assertProcesses(first.folder, false);

  const second = await start(checkout, port);
  assert.deepEqual(second.dev?.demo, first.dev.demo, second.output());
  assert.equal(second.dev.admin_key, first.dev.admin_key);
  assert.equal((await second.get('/calls')).length, 6, 'the second start adds nothing');
  second.child.kill('SIGTERM');
  assert.equal(await second.exit, 0);
  await assertProcesses(second.folder, false);
});

test('each function sees its own configuration and nothing else', { timeout: 600_000 }, async () => {
  const port = await freePort();
  const odd = `it's $HOME #1 "quoted" \\n`;
  const server = await start(checkout, port, {
    args: ['--no-seed', '--no-ticks'],
    environment: { BTCPAY_API_KEY: odd, ADMIN_KEY: 'a'.repeat(32) },
  });
  assert.ok(server.dev, server.output());
  assert.equal(server.dev.demo, null);
  const sign = await server.get('/show/sign');
  assert.deepEqual(Object.keys(sign).sort(), ['SIGNING_KEY', 'VERIFY_KEYS']);
  assert.equal(Buffer.from(sign.SIGNING_KEY, 'base64').length, 32);
  assert.deepEqual(await server.get('/show/admin'), {
    ADMIN_KEY: 'a'.repeat(32),
    BTCPAY_API_KEY: odd,
    PUBLIC_URL: `http://127.0.0.1:${port}`,
  });
  assert.deepEqual(await server.get('/show/gateway'), {});
  const log = readFileSync(path.join(server.folder, 'server.log'), 'utf8');
  assert.ok(!log.includes(sign.SIGNING_KEY), 'the signing key must not be logged');
  server.child.kill('SIGTERM');
  assert.equal(await server.exit, 0);
});

test('the demo is paid at a stand-in, unless a server is configured', { timeout: 600_000 }, async () => {
  checkout.write('build/btcpay-double', STAND_IN);
  chmodSync(path.join(checkout.root, 'build/btcpay-double'), 0o755);
  const port = await freePort();
  const server = await start(checkout, port, { args: ['--no-ticks'] });
  assert.ok(server.dev, server.output());
  const { btcpay_url: url, base_url: baseUrl, btcpay_webhook_secret: secret } = server.dev;
  const options = await (await fetch(url)).json();
  assert.equal(options['--webhook'], `${baseUrl}/v1/btcpay/webhook`);
  assert.equal(options['--secret'], secret);
  assert.equal((await server.get('/show/admin')).BTCPAY_API_KEY, options['--api-key']);
  assert.match(server.output(), /press "Pay", no money/);
  server.child.kill('SIGINT');
  assert.equal(await server.exit, 0, server.output());
  await assert.rejects(fetch(url), 'the stand-in has ended too');
  await assertProcesses(server.folder, false);

  for (const [environment, args] of [[{ BTCPAY_URL: 'https://pay.example' }, []], [{ BTCPAY_URL: '' }, []], [{}, ['--no-seed']]]) {
    const without = await start(checkout, port, { args: ['--no-ticks', ...args], environment });
    assert.equal((await without.get('/show/admin')).BTCPAY_API_KEY, undefined, without.output());
    assert.doesNotMatch(without.output(), /stand-in/);
    without.child.kill('SIGINT');
    assert.equal(await without.exit, 0);
  }
  rmSync(path.join(checkout.root, 'build/btcpay-double'));
});

test('two instances run from one checkout, and killing one leaves no process', { timeout: 600_000 }, async () => {
  const [one, two] = [await freePort(), await freePort()];
  const first = await start(checkout, one, { args: ['--no-seed', '--quiet'] });
  const elsewhere = path.join(checkout.root, 'elsewhere');
  const second = await start(checkout, two, {
    args: ['--no-seed', '--quiet'],
    environment: { STATE_DIR: elsewhere },
  });
  assert.ok(first.dev && second.dev, first.output() + second.output());
  assert.notEqual((await first.get('/show/sign')).SIGNING_KEY, (await second.get('/show/sign')).SIGNING_KEY);

  first.child.kill('SIGKILL');
  assert.equal(await first.exit, 'SIGKILL');
  await assertProcesses(first.folder, false);
  assert.deepEqual(await second.get('/healthz'), { ok: true }, 'the other goes on');
  second.child.kill('SIGTERM');
  assert.equal(await second.exit, 0);
  assert.equal(second.output(), '', '--quiet says nothing');
  await assertProcesses(elsewhere, false);
});

test('failures say what is wrong', { timeout: 600_000 }, async () => {
  const port = await freePort();
  const running = await start(checkout, port, { args: ['--no-seed'] });
  const taken = await start(checkout, port, {
    args: ['--no-seed'],
    environment: { STATE_DIR: path.join(checkout.root, 'other') },
  });
  assert.equal(await taken.exit, 1);
  assert.match(taken.output(), new RegExp(`port ${port} is in use`));
  running.child.kill('SIGTERM');
  await running.exit;

  const bad = await start(checkout, 'eighty');
  assert.equal(await bad.exit, 1);
  assert.match(bad.output(), /PORT must be a number/);

  checkout.write('functions/sign/build/index.js', 'this is not JavaScript');
  const broken = await start(checkout, port, { args: ['--no-seed'] });
  assert.equal(await broken.exit, 1);
  assert.match(broken.output(), /was not ready|before it was ready/);
  assert.match(broken.output(), /server\.log/);
  await assertProcesses(broken.folder, false);
});
