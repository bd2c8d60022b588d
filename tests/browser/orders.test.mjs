// One order, live: waiting, paid, late, invalid, unknown, and a shop that cannot
// be reached for a while.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { heading, keyOn, look, visit } from './lib/browser.mjs';
import { BASE, CHECKOUT, admin, get, order, product, provider, until } from './lib/instance.mjs';

const SLUG = 'ordered';

before(() => product(SLUG, { name: 'Ordered app' }));

const thankYou = ({ order_id: id, invoice_id: secret }) => `/thank-you?order_id=${id}#${secret}`;

test('a buyer who left the checkout finds the way back', async (t) => {
  const bought = await order(SLUG);
  const page = await visit(t);
  await page.goto(thankYou(bought));
  await heading(page, 'Waiting for your payment');
  await look(page, 'order-pending');
  await page.getByRole('link', { name: 'Back to the payment page' }).click();
  await page.waitForURL(`${CHECKOUT}/**`);
  assert.equal(page.url(), bought.checkout_url);
});

test('the page notices the payment by itself, and says so once', async (t) => {
  const bought = await order(SLUG);
  const page = await visit(t);
  await page.goto(thankYou(bought));
  await heading(page, 'Waiting for your payment');
  const status = page.getByRole('status').first();
  assert.equal(await status.getAttribute('role'), 'status');
  await provider('pay', { invoice: bought.btcpay_invoice_id, how: 'full' });
  await heading(page, 'Thank you!');
  assert.match(await keyOn(page), /^LIC1-/);
  assert.equal(await page.title(), 'Thank you! · Test Operator');
  // Nothing is asked any more.
  let asked = 0;
  page.on('request', () => (asked += 1));
  await new Promise((done) => setTimeout(done, 3_000));
  assert.equal(asked, 0);
});

test('an order that expired says what to do', async (t) => {
  const bought = await order(SLUG);
  const page = await visit(t);
  await page.goto(thankYou(bought));
  await heading(page, 'Waiting for your payment');
  await provider('expire', { invoice: bought.btcpay_invoice_id });
  await heading(page, 'The order expired');
  assert.equal(await page.getByRole('link', { name: 'Back to the payment page' }).count(), 0);
  await look(page, 'order-expired');
  await page.getByRole('link', { name: 'Order again' }).click();
  await heading(page, 'Ordered app');
});

test('a late payment that the vendor accepts ends with the key', async (t) => {
  const bought = await order(SLUG);
  await provider('expire', { invoice: bought.btcpay_invoice_id });
  await until(bought.invoice_id, 'expired');
  const page = await visit(t);
  await page.goto(`${CHECKOUT}/i/${bought.btcpay_invoice_id}`);
  await page.getByRole('button', { name: 'Pay nevertheless' }).click();
  // Another browser ordered, so the way back from the checkout leads to no key here.
  await page.goto(thankYou(bought));
  await page.getByRole('heading', { level: 1, name: /expired|too late/ }).waitFor();
  await look(page, 'order-late');
  await provider('mark', { invoice: bought.btcpay_invoice_id, status: 'Settled' });
  await heading(page, 'Thank you!');
  await keyOn(page);
});

test('a payment that the network refused', async (t) => {
  const bought = await order(SLUG);
  await provider('mark', { invoice: bought.btcpay_invoice_id, status: 'Invalid' });
  await until(bought.invoice_id, 'invalid');
  const page = await visit(t);
  await page.goto(thankYou(bought));
  await heading(page, 'The payment was not accepted');
  await look(page, 'order-invalid');
});

test('each state of a payment has its words', async (t) => {
  const bought = await order(SLUG);
  const progress = await get(`/v1/purchase/${bought.invoice_id}`);
  const page = await visit(t);
  let answer;
  await page.route('**/v1/purchase/*', (route) => route.fulfill({ json: answer }));
  for (const [name, members, headline] of [
    ['processing', { payment_state: 'processing' }, 'Your payment arrived'],
    ['partly', { payment_state: 'underpaid' }, 'Part of your payment arrived'],
    ['overpaid', { status: 'expired', payment_state: 'overpaid' }, 'Your payment arrived too late'],
    ['underpaid', { status: 'expired', payment_state: 'underpaid' }, 'Your payment was incomplete'],
    ['paid-late', { status: 'expired', payment_state: 'paid_late' }, 'Your payment arrived too late'],
    ['unsigned', { status: 'settled', license_id: '1' }, 'Paid. Your key is being created'],
    ['withdrawn', { status: 'settled', license_id: null }, 'This license is not active'],
    // One that is newer than this page is shown as its status.
    ['unheard-of', { status: 'expired', payment_state: 'teleported' }, 'The order expired'],
  ]) {
    answer = { ...progress, ...members };
    // The same address again would only scroll.
    await page.goto('about:blank');
    await page.goto(thankYou(bought));
    await heading(page, headline);
    assert.equal(await page.getByLabel('license key', { exact: true }).count(), 0);
    // Nobody is sent to pay again while the payment is on its way.
    const back = await page.getByRole('link', { name: 'Back to the payment page' }).count();
    assert.equal(back, name === 'partly' ? 1 : 0, name);
    await look(page, `order-${name}`);
  }
});

test('a shop that goes away for a while is asked again', async (t) => {
  const bought = await order(SLUG);
  const page = await visit(t, { refused: ['/v1/purchase/'] });
  await page.goto(thankYou(bought));
  await heading(page, 'Waiting for your payment');
  await page.route('**/v1/purchase/*', (route) => route.abort());
  await page.getByText("We can't reach the shop right now. This page will keep trying.").waitFor();
  await heading(page, 'Waiting for your payment');
  await look(page, 'order-no-answer');
  await provider('pay', { invoice: bought.btcpay_invoice_id, how: 'full' });
  await page.unroute('**/v1/purchase/*');
  await heading(page, 'Thank you!');
  assert.equal(await page.getByText("We can't reach the shop").count(), 0);
});

test('a shop that is away from the start is asked again', async (t) => {
  const bought = await order(SLUG);
  const page = await visit(t, { refused: ['/v1/purchase/'] });
  await page.route('**/v1/purchase/*', (route) =>
    route.fulfill({ status: 503, json: { ok: false, error: 'service_unavailable', message: 'not now' } }),
  );
  await page.goto(thankYou(bought));
  await page.getByText('not now').waitFor();
  await look(page, 'order-unreachable');
  await page.unroute('**/v1/purchase/*');
  await heading(page, 'Waiting for your payment');
});

test('an unknown order can be corrected', async (t) => {
  const bought = await order(SLUG);
  const page = await visit(t, { refused: ['/v1/purchase/'] });
  await page.goto('/thank-you?invoice_id=nothing');
  await heading(page, 'This order does not exist');
  await look(page, 'order-unknown');
  await page.getByLabel('Order', { exact: true }).fill(` ${bought.invoice_id} `);
  await page.getByRole('button', { name: 'Show' }).click();
  await heading(page, 'Waiting for your payment');
  assert.match(page.url(), /\/status#os_[\w-]{43}$/);
});

test('a buyer who comes back from the checkout finds the key in the browser that ordered', async (t) => {
  const page = await visit(t);
  await page.goto(`/buy/${SLUG}`);
  await page.getByRole('button', { name: /^Pay/ }).click();
  await page.waitForURL(`${CHECKOUT}/**`);
  const [kept] = await (async () => {
    await page.goto(`${BASE}/status`);
    return page.evaluate(() => JSON.parse(localStorage.getItem('keywright-orders')));
  })();
  assert.match(kept.secret, /^os_/);
  // The address that the checkout sends the buyer to holds the public number only.
  await page.goto(`/thank-you?order_id=${kept.id}`);
  await heading(page, 'Waiting for your payment');
  await page.getByText('Open this order in another browser').click();
  const link = await page.getByLabel('private link', { exact: true }).textContent();
  assert.equal(link, `${BASE}/status#${kept.secret}`);
  await look(page, 'order-private-link');
  const other = await visit(t);
  await other.goto(link);
  await heading(other, 'Waiting for your payment');
});

test('another browser is told where the key is, and gets none', async (t) => {
  const bought = await order(await product('elsewhere', { name: 'Elsewhere', price_sats: 0 }));
  const page = await visit(t);
  await page.goto(`/thank-you?order_id=${bought.order_id}`);
  await heading(page, 'This browser cannot show your key');
  assert.ok((await page.locator('#state').textContent()).includes(bought.order_id));
  assert.equal(await page.getByLabel('license key', { exact: true }).count(), 0);
  await look(page, 'order-elsewhere');
  await page.getByLabel('Order', { exact: true }).fill(bought.invoice_id);
  await page.getByRole('button', { name: 'Show' }).click();
  assert.equal(await keyOn(page), bought.license_key);
});

test('a secret in the query leaves it', async (t) => {
  const bought = await order(SLUG);
  const page = await visit(t);
  await page.goto(`/thank-you?invoice_id=${bought.invoice_id}&lang=en`);
  await heading(page, 'Waiting for your payment');
  assert.equal(page.url(), `${BASE}/thank-you?lang=en#${bought.invoice_id}`);
});

test('a browser that keeps nothing gets the private link before it leaves', async (t) => {
  const page = await visit(t);
  await page.addInitScript(() => {
    Storage.prototype.setItem = () => {
      throw new Error('kept nothing');
    };
  });
  await page.goto(`/buy/${SLUG}`);
  await page.getByRole('button', { name: /^Pay/ }).click();
  await heading(page, 'Waiting for your payment');
  assert.match(page.url(), /\/thank-you\?order_id=[0-9a-f-]{36}#os_/);
  await page.getByRole('link', { name: 'Back to the payment page' }).waitFor();
});

test('orders made in this browser are listed', async (t) => {
  const page = await visit(t);
  await page.goto('/status');
  await heading(page, 'Your order');
  await look(page, 'status-empty');
  await page.goto(`/buy/${SLUG}`);
  await page.getByRole('button', { name: /^Pay/ }).click();
  await page.waitForURL(`${CHECKOUT}/**`);
  await page.goto(`${BASE}/status`);
  await page.getByRole('link', { name: 'Ordered app' }).waitFor();
  await look(page, 'status');
  await page.getByRole('link', { name: 'Ordered app' }).click();
  await heading(page, 'Waiting for your payment');
});

test('a license that was withdrawn shows no key', async (t) => {
  const slug = await product('withdrawn', { price_sats: 0 });
  const bought = await order(slug);
  await admin(`licenses/${bought.license_id}/suspend`, { reason: 'a test' });
  const page = await visit(t);
  await page.goto(thankYou(bought));
  await heading(page, 'This license is not active');
});

test('copying gives the key, and selects it where it may not copy', async (t) => {
  const bought = await order(await product('copied', { price_sats: 0 }));
  const page = await visit(t, { permissions: ['clipboard-read', 'clipboard-write'] });
  await page.goto(thankYou(bought));
  const key = await keyOn(page);
  const copy = page.getByRole('button', { name: 'Copy license key' });
  await copy.click();
  await page.getByText('Copied', { exact: true }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), key);
  await page.evaluate(() => (navigator.clipboard.writeText = () => Promise.reject(new Error('no'))));
  await copy.click();
  await page.getByText('Selected: press').waitFor();
  assert.equal(await page.evaluate(() => String(getSelection())), key);
});
