// The secrets of one local instance, generated once and kept in its state folder.

import { createPrivateKey, createPublicKey, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Failure } from './say.mjs';

// RFC 8410: the prefix of the 32 bytes in an Ed25519 PKCS #8 private key and in an
// SPKI public key.
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/**
 * Reads `keys.json` of the folder, or creates it on first use.
 * @returns {{ SIGNING_KEY: string, CREDENTIALS_KEY: string, RECEIPT_KEYS: string, WEBHOOK_KEY: string, SEAL_KEY: string, ADMIN_KEY: string, CRON_TOKEN: string, BTCPAY_WEBHOOK_SECRET: string }}
 *   the first five are 32 bytes in base64, the signing and the seal key Ed25519 seeds;
 *   the others are 43 random characters
 */
export function localKeys(folder) {
  const file = path.join(folder, 'keys.json');
  if (existsSync(file)) {
    let keys;
    try {
      keys = JSON.parse(readFileSync(file, 'utf8'));
    } catch (error) {
      throw new Failure(`${file} is damaged (${error.message}); delete ${folder} to start over`);
    }
    const missing = ['RECEIPT_KEYS', 'WEBHOOK_KEY', 'SEAL_KEY'].filter((name) => !keys[name]);
    if (missing.length === 0) return keys;
    // A folder from before these existed.
    const more = { ...keys };
    for (const name of missing) more[name] = randomBytes(32).toString('base64');
    writePrivate(file, `${JSON.stringify(more, null, 2)}\n`);
    return more;
  }
  const token = () => randomBytes(32).toString('base64url');
  const keys = {
    SIGNING_KEY: randomBytes(32).toString('base64'),
    CREDENTIALS_KEY: randomBytes(32).toString('base64'),
    RECEIPT_KEYS: randomBytes(32).toString('base64'),
    WEBHOOK_KEY: randomBytes(32).toString('base64'),
    SEAL_KEY: randomBytes(32).toString('base64'),
    ADMIN_KEY: token(),
    CRON_TOKEN: token(),
    BTCPAY_WEBHOOK_SECRET: token(),
  };
  writePrivate(file, `${JSON.stringify(keys, null, 2)}\n`);
  return keys;
}

/** Writes a file atomically that only its owner may read. */
export function writePrivate(file, text) {
  const partial = `${file}.partial`;
  writeFileSync(partial, text, { mode: 0o600 });
  renameSync(partial, file);
}

/** The public half, as 32 raw bytes, of a base64 Ed25519 seed; undefined if it is not one. */
export function publicKeyOf(signingKey) {
  const seed = Buffer.from(signingKey, 'base64');
  if (seed.length !== 32) return undefined;
  const der = Buffer.concat([PKCS8_PREFIX, seed]);
  const key = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
  return key.export({ format: 'der', type: 'spki' }).subarray(-32);
}

/** A raw public key as PEM (SPKI), the format of the client libraries. */
export function publicKeyPem(raw) {
  const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), format: 'der', type: 'spki' });
  return key.export({ format: 'pem', type: 'spki' });
}
