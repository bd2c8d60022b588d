// A shop that takes cards: the choice, what is ordered, and the way back.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { heading, look, visit } from './lib/browser.mjs';
import { admin, product } from './lib/instance.mjs';

const SLUG = 'by-card-page';

before(async () => {
  const { id } = await admin('merchant-profiles', { name: 'Cards' });
  await admin('zaprite/connect', { merchant_profile_id: id, api_key: 'zaprite-key' });
  const price = { price_sats: undefined, price_currency: 'USD', price_value: 2_500 };
  await product(SLUG, { name: 'Card app', merchant_profile_id: id, ...price });
});

const choice = (page, name) => page.getByRole('radio', { name, exact: true });

test('a buyer chooses the card, and comes back from its checkout', async (t) => {
  const page = await visit(t);
  await page.goto(`/buy/${SLUG}`);
  await heading(page, 'Card app');
  await choice(page, 'Card').check();
  assert.equal(await choice(page, 'USDC on Polygon').count(), 0, 'not for this business');
  await page.getByText(/^Pay by card .+ Your card is not saved\./).waitFor();
  await look(page, 'buy-by-card');
  // The checkout is Zaprite's; without its address the buyer stays here.
  let ordered;
  let purchase;
  await page.route('**/v1/purchase', async (route) => {
    ordered = route.request().postDataJSON();
    const response = await route.fetch();
    purchase = await response.json();
    await route.fulfill({ response, json: { ...purchase, checkout_url: '' } });
  });
  await page.getByRole('button', { name: /^Pay/ }).click();
  await heading(page, 'Waiting for your payment');
  assert.equal(ordered.rail, 'card');
  assert.match(purchase.checkout_url, /\/order\/od_/);
  // As Zaprite sends buyers back.
  await page.goto(`/thank-you?order_id=${purchase.order_id}?orderId=od_1`);
  await heading(page, 'Waiting for your payment');
});

test('bitcoin stays bitcoin where cards are taken too', async (t) => {
  const page = await visit(t);
  await page.goto(`/buy/${SLUG}`);
  await heading(page, 'Card app');
  await choice(page, 'Card').check();
  await choice(page, 'Bitcoin').check();
  await page.getByText(/^Pay in bitcoin \(Lightning or on-chain\)/).waitFor();
  let ordered;
  await page.route('**/v1/purchase', async (route) => {
    ordered = route.request().postDataJSON();
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), checkout_url: '' } });
  });
  await page.getByRole('button', { name: /^Pay/ }).click();
  await heading(page, 'Waiting for your payment');
  assert.equal(ordered.rail, 'lightning');
});
