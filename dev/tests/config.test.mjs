// Who gets which configuration, and in which form.

import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { configuration, devVars, shareOf, spinVariables, withoutDatabase } from '../serve/config.mjs';
import { localKeys, publicKeyOf, publicKeyPem } from '../serve/keys.mjs';
import { allowedNames, cronFunctions, workers } from '../serve/manifests.mjs';
import { localConfig } from '../serve/workers.mjs';
import { makeCheckout } from './checkout.mjs';

const BASE = 'http://127.0.0.1:8787';
// RFC 8032, section 7.1, TEST 1.
const SEED = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60';
const PUBLIC = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';
const KEYS = { SIGNING_KEY: Buffer.from(SEED, 'hex').toString('base64'), ADMIN_KEY: 'local', CRON_TOKEN: 'tick' };

function inFolder(work) {
  const folder = mkdtempSync(path.join(tmpdir(), 'keywright-keys-'));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('the public key belongs to the seed', () => {
  assert.equal(publicKeyOf(KEYS.SIGNING_KEY).toString('hex'), PUBLIC);
  assert.equal(publicKeyOf('c2hvcnQ='), undefined);
  const pem = publicKeyPem(Buffer.from(PUBLIC, 'hex'));
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(SEED, 'hex')]);
  const signature = sign(null, Buffer.from('x'), createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
  assert.ok(verify(null, Buffer.from('x'), createPublicKey(pem), signature));
});

test('local keys are made once, long, and readable by their owner only', () =>
  inFolder((folder) => {
    const keys = localKeys(folder);
    for (const name of ['SIGNING_KEY', 'CREDENTIALS_KEY', 'RECEIPT_KEYS', 'WEBHOOK_KEY', 'SEAL_KEY']) assert.equal(Buffer.from(keys[name], 'base64').length, 32);
    for (const name of ['ADMIN_KEY', 'CRON_TOKEN', 'BTCPAY_WEBHOOK_SECRET']) assert.ok(keys[name].length >= 32);
    assert.equal(new Set(Object.values(keys)).size, 8);
    assert.deepEqual(localKeys(folder), keys);
    assert.equal(statSync(path.join(folder, 'keys.json')).mode & 0o077, 0);
    const { RECEIPT_KEYS: _, ...older } = keys;
    writeFileSync(path.join(folder, 'keys.json'), JSON.stringify(older));
    const filledIn = localKeys(folder);
    assert.equal(Buffer.from(filledIn.RECEIPT_KEYS, 'base64').length, 32);
    assert.deepEqual(localKeys(folder), filledIn);
    assert.deepEqual({ ...filledIn, RECEIPT_KEYS: undefined }, { ...keys, RECEIPT_KEYS: undefined });
    writeFileSync(path.join(folder, 'keys.json'), '{');
    assert.throws(() => localKeys(folder), /keys\.json is damaged.*delete/);
  }));

test('the environment wins, an empty value removes, the rest is filled in', () => {
  const names = ['SIGNING_KEY', 'VERIFY_KEYS', 'ADMIN_KEY', 'PUBLIC_URL', 'BTCPAY_URL', 'CRON_TOKEN', 'WEBHOOK_PRIVATE'];
  const environment = { ADMIN_KEY: 'mine', CRON_TOKEN: '', UNRELATED: 'x' };
  assert.deepEqual(Object.fromEntries(configuration(names, environment, KEYS, BASE)), {
    SIGNING_KEY: KEYS.SIGNING_KEY,
    VERIFY_KEYS: PUBLIC,
    ADMIN_KEY: 'mine',
    PUBLIC_URL: BASE,
    WEBHOOK_PRIVATE: '1',
  });
});

test('VERIFY_KEYS follows the signing key unless it is given', () => {
  const verifyKeys = (environment) =>
    configuration(['SIGNING_KEY', 'VERIFY_KEYS'], environment, KEYS, BASE).get('VERIFY_KEYS');
  const other = Buffer.alloc(32, 7).toString('base64');
  assert.equal(verifyKeys({ SIGNING_KEY: other }), publicKeyOf(other).toString('hex'));
  assert.equal(verifyKeys({ SIGNING_KEY: other, VERIFY_KEYS: 'older' }), 'older');
  assert.equal(verifyKeys({ VERIFY_KEYS: '' }), undefined);
  assert.equal(verifyKeys({ SIGNING_KEY: '' }), undefined);
  assert.equal(verifyKeys({ SIGNING_KEY: 'broken' }), undefined);
});

test('a function gets the names that spin.toml hands to it, and no others', () => {
  const checkout = makeCheckout();
  try {
    const allowed = allowedNames(checkout.root);
    const names = [...allowed.values()].flatMap((some) => [...some]);
    const values = configuration(names, { BTCPAY_API_KEY: 'secret' }, KEYS, BASE);
    const share = (name) => [...shareOf(allowed.get(name), values).keys()].sort();
    assert.deepEqual(share('sign'), ['SIGNING_KEY', 'VERIFY_KEYS']);
    assert.deepEqual(share('admin'), ['ADMIN_KEY', 'BTCPAY_API_KEY', 'PUBLIC_URL']);
    assert.deepEqual(share('renew'), ['CRON_TOKEN']);
    assert.deepEqual(share('gateway'), []);

    const all = workers(checkout.root);
    assert.deepEqual(all.map(({ name }) => name), ['gateway', 'admin', 'renew', 'sign']);
    assert.deepEqual(cronFunctions(all), ['renew']);
    checkout.write('spin.toml', '[component');
    assert.throws(() => allowedNames(checkout.root), /spin\.toml is not valid TOML/);
  } finally {
    checkout.remove();
  }
});

test('a local configuration has absolute paths, one database, and nothing of a deployment', () => {
  const toml = {
    name: 'keywright-admin',
    main: 'build/index.js',
    build: { command: 'worker-build --release' },
    routes: ['licenses.example/*'],
    account_id: 'abc',
    env: { production: {} },
    assets: { directory: '../../static' },
    d1_databases: [{ binding: 'DB', database_name: 'keywright', migrations_dir: '../../migrations' }],
    vars: { OPERATOR_NAME: 'x' },
  };
  const before = structuredClone(toml);
  assert.deepEqual(localConfig({ file: '/checkout/functions/admin/wrangler.toml', toml }), {
    name: 'keywright-admin',
    main: '/checkout/functions/admin/build/index.js',
    assets: { directory: '/checkout/static' },
    d1_databases: [
      { binding: 'DB', database_name: 'keywright', database_id: 'keywright', migrations_dir: '/checkout/migrations' },
    ],
    vars: { OPERATOR_NAME: 'x' },
  });
  assert.deepEqual(toml, before, 'what was read stays as it was');
});

test('.dev.vars quotes values so that they stay literal, and refuses what cannot be quoted', () => {
  const lines = devVars(new Map([['A', 'plain'], ['B', `it's`], ['C', `'\``]]));
  assert.equal(lines, "A='plain'\nB=`it's`\nC=\"'`\"\n");
  assert.equal(devVars(new Map()), '');
  assert.throws(() => devVars(new Map([['A', 'two\nlines']])), /A cannot be handed/);
  assert.throws(() => devVars(new Map([['A', `'"\``]])), /A cannot be handed/);
});

test('on Spin an RPC endpoint is its place and its path', () => {
  const list = 'https://a.example/v2/key, http://127.0.0.1:8545';
  assert.deepEqual(Object.fromEntries(spinVariables(new Map([['ADMIN_KEY', 'k'], ['POLYGON_RPC_URLS', list]]))), {
    ADMIN_KEY: 'k',
    POLYGON_RPC_URL: 'https://a.example',
    POLYGON_RPC_PATH: '/v2/key',
    POLYGON_RPC_URL2: 'http://127.0.0.1:8545',
    POLYGON_RPC_PATH2: '/',
  });
  assert.deepEqual([...spinVariables(new Map([['ADMIN_KEY', 'k']]))], [['ADMIN_KEY', 'k']]);
  assert.deepEqual(Object.fromEntries(spinVariables(new Map([['MAIL_URL', 'https://mail.example/v3/send?a=b']]))), {
    MAIL_HOST: 'https://mail.example',
    MAIL_PATH: '/v3/send?a=b',
  });
});

test('on Spin each origin of webhooks is a variable', () => {
  const hosts = (list) => Object.fromEntries(spinVariables(new Map([['WEBHOOK_HOSTS', list]])));
  assert.deepEqual(hosts(' https://hooks.example/, http://127.0.0.1:9999,'), {
    WEBHOOK_HOST1: 'https://hooks.example',
    WEBHOOK_HOST2: 'http://127.0.0.1:9999',
  });
  assert.throws(() => hosts(Array(6).fill('https://a.example').join()), /6 origins, and spin\.toml has variables for 5/);
});

test('functions are named whose optional database is left out', () => {
  assert.deepEqual([...withoutDatabase({})], []);
  assert.deepEqual([...withoutDatabase({ WITHOUT_DATABASE: '' })], []);
  assert.deepEqual([...withoutDatabase({ WITHOUT_DATABASE: 'download' })], ['download']);
});
