// An operator connects a store, and buyers pay at it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { comeBack, heading, keyOn, look, visit } from './lib/browser.mjs';
import { BASE, CHECKOUT, admin, post, product } from './lib/instance.mjs';

test("an operator agrees on BTCPay's page, and the store sells", async (t) => {
  const business = await admin('merchant-profiles', { name: 'Harbour', brand_color: '#0a5c36' });
  const slug = await product('harbour-light', { name: 'Harbour light', merchant_profile_id: business.id });
  const { authorize_url: asked } = await admin('btcpay/connect', { merchant_profile_id: business.id });
  const page = await visit(t);
  await page.goto(asked);
  await page.getByLabel('ShopStore').check();
  await page.getByRole('button', { name: 'Authorize' }).click();
  await heading(page, 'The store is connected');
  assert.equal(new URL(page.url()).origin, BASE);
  await look(page, 'store-connected');

  await page.goto(`/buy/${slug}`);
  await heading(page, 'Harbour light');
  await page.getByRole('link', { name: 'Harbour' }).waitFor();
  await page.getByRole('button', { name: 'Pay 21,000 sats' }).click();
  await page.waitForURL(`${CHECKOUT}/**`);
  await page.getByRole('button', { name: 'Pay', exact: true }).click();
  await comeBack(page);
  await heading(page, 'Thank you!');
  const valid = await post('/v1/validate', { key: await keyOn(page), product_slug: slug });
  assert.equal(valid.ok, true);
});

test('an address that nobody asked for connects nothing', async (t) => {
  const page = await visit(t, { refused: ['/v1/btcpay/authorize/callback'] });
  const answer = await page.goto('/v1/btcpay/authorize/callback?state=made-up&apiKey=k');
  assert.equal(answer.status(), 400);
  await heading(page, 'The store is not connected');
  await look(page, 'store-not-connected');
});
