// The instance under test, its operator, and the payment provider's double.

import assert from 'node:assert/strict';

const {
  KEYWRIGHT_BASE_URL,
  KEYWRIGHT_BTCPAY_URL,
  KEYWRIGHT_CONTROL_URL,
  KEYWRIGHT_RPC_URL,
  KEYWRIGHT_ADMIN_KEY,
  KEYWRIGHT_CRON_TOKEN,
} = process.env;

/** Where the instance is. */
export const BASE = KEYWRIGHT_BASE_URL;

/** Where the double's checkout pages are. */
export const CHECKOUT = KEYWRIGHT_BTCPAY_URL;

async function call(url, method, body, headers = {}) {
  const response = await fetch(url, {
    method,
    headers: { ...(body ? { 'content-type': 'application/json' } : {}), ...headers },
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  assert.equal(response.status, 200, `${method} ${url}: ${text}`);
  return JSON.parse(text);
}

/** What the operator does: `admin('products', {…})`. */
export const admin = (path, body, method = 'POST') =>
  call(`${BASE}/v1/admin/${path}`, method, body, { authorization: `Bearer ${KEYWRIGHT_ADMIN_KEY}` });

/** What a buyer's program does. */
export const post = (path, body) => call(BASE + path, 'POST', body);
export const get = (path) => call(BASE + path, 'GET');

/** What happens at the payment provider: `pay('pay', {invoice, how: 'full'})`. */
export const provider = (verb, body = {}) => call(`${KEYWRIGHT_CONTROL_URL}/_control/${verb}`, 'POST', body);

/** Somebody pays so many millionths of a USDC to an address, and the network has it. */
export const payUsdc = (to, units) =>
  call(KEYWRIGHT_RPC_URL, 'POST', { jsonrpc: '2.0', id: 1, method: 'double_pay', params: [{ to, units }] });

/** The host's timer. */
export const tick = (cron) => call(`${BASE}/v1/cron/${cron}`, 'POST', {}, { authorization: `Bearer ${KEYWRIGHT_CRON_TOKEN}` });

/** A product of a test's own; answers its slug. */
export async function product(slug, members = {}, policies = []) {
  await admin('products', { slug, name: `The ${slug}`, price_sats: 21_000, ...members });
  for (const policy of policies) {
    await admin('policies', { product_slug: slug, name: policy.slug, ...policy });
  }
  return slug;
}

/** An order by a program; answers the purchase. */
export const order = (slug, members = {}) => post('/v1/purchase', { product: slug, ...members });

/** Waits until an order stands so. */
export async function until(id, status) {
  for (let tries = 0; tries < 3_600; tries += 1) {
    const progress = await get(`/v1/purchase/${id}`);
    if (progress.status === status) return progress;
    await new Promise((done) => setTimeout(done, 50));
  }
  assert.fail(`order ${id} did not become ${status}`);
}
