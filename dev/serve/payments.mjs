// The demo's payment provider: the stand-in for BTCPay Server that the tests use, with a
// checkout page whose buttons pay. No money moves, and the product contains none of it.

import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { freePort, Group } from './group.mjs';
import { ROOT } from './packages.mjs';
import { say } from './say.mjs';

/** The id of the only store. */
const STORE = 'lantern';

/** Where dev/build.sh puts the stand-in; see `build_payments` there. */
const PROGRAM = path.join(ROOT, 'build', 'btcpay-double');

/**
 * Starts the stand-in and enters it in the configuration, unless a BTCPay Server is
 * configured (or BTCPAY_URL is set but empty: no payments at all).
 * @param instance its values gain BTCPAY_URL and what belongs to it
 * @returns {Promise<Group | undefined>} the running stand-in
 */
export async function startPayments({ folder, baseUrl, values }, environment = process.env) {
  if (environment.BTCPAY_URL !== undefined) return undefined;
  if (!existsSync(PROGRAM)) {
    say('nothing can be paid: build/btcpay-double is not built (make dev builds it)');
    return undefined;
  }
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const apiKey = randomBytes(20).toString('hex');
  const secret = values.get('BTCPAY_WEBHOOK_SECRET') ?? randomBytes(32).toString('base64url');
  const options = [
    ...['--listen', `127.0.0.1:${port}`, '--store', STORE, '--api-key', apiKey],
    ...['--webhook', `${baseUrl}/v1/btcpay/webhook`, '--secret', secret],
  ];
  const log = path.join(folder, 'btcpay.log');
  const server = new Group(PROGRAM, options, { log, env: process.env, cwd: folder });
  try {
    await server.ready(`${url}/api/v1/health`);
  } catch (error) {
    await server.stop();
    throw error;
  }
  values.set('BTCPAY_URL', url);
  values.set('BTCPAY_STORE_ID', STORE);
  values.set('BTCPAY_API_KEY', apiKey);
  values.set('BTCPAY_WEBHOOK_SECRET', secret);
  return server;
}
