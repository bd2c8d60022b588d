// Prices in dollars and euros, from the list of products to the key.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { comeBack, heading, keyOn, look, visit } from './lib/browser.mjs';
import { CHECKOUT, admin, post, product } from './lib/instance.mjs';

const COMPASS = 'compass';
const EUROS = 'kompass';

before(async () => {
  await product(
    COMPASS,
    { name: 'Compass', description: 'Finds the way.', price_sats: undefined, price_currency: 'USD', price_value: 1_999 },
    [
      { slug: 'solo', name: 'Solo' },
      { slug: 'crew', name: 'Crew', price_sats_override: 123_405, metadata: { highlight: true } },
      { slug: 'offer', name: 'Offer', price_sats_override: 29 },
    ],
  );
  await admin('discount-codes', { code: 'SEXTANT', kind: 'percent', amount: 3_333, product_slug: COMPASS });
  const dollars = { discount_currency: 'USD', product_slug: COMPASS };
  await admin('discount-codes', { code: 'ANCHOR', kind: 'fixed_sats', amount: 500, ...dollars });
  await admin('discount-codes', { code: 'BUOY', kind: 'set_price', amount: 5, ...dollars, policy_slug: 'offer', featured: true });
  await product(EUROS, { name: 'Kompass', price_sats: undefined, price_currency: 'EUR', price_value: 4_900 });
});

const tier = (page, name) => page.getByRole('radio', { name: new RegExp(`^${name}`) });
const total = (page, text) => page.getByText(`Total: ${text}`, { exact: true }).waitFor();

test('products are listed in their own currency', async (t) => {
  const page = await visit(t);
  await page.goto('/');
  await page.locator('li', { hasText: 'Compass' }).getByText('From $0.29', { exact: true }).waitFor();
  await page.locator('li', { hasText: 'Kompass' }).getByText('€49.00', { exact: true }).waitFor();
});

test('tiers, a featured price and codes are shown to the cent', async (t) => {
  const page = await visit(t);
  await page.goto(`/buy/${COMPASS}`);
  await heading(page, 'Compass');
  await total(page, '$1,234.05');
  assert.match(await page.locator('#how').textContent(), /^Pay in bitcoin \(.+\) at the current exchange rate, directly to the vendor\./);
  const offer = await page.locator('.tier', { hasText: 'Offer' }).textContent();
  assert.match(offer, /\$0\.29 \$0\.05/);
  await tier(page, 'Offer').check();
  await total(page, '$0.05');
  await tier(page, 'Solo').check();
  await total(page, '$19.99');
  await page.getByText('Have a code?').click();
  const code = page.getByLabel('Discount code');
  await code.fill('sextant');
  await page.getByRole('button', { name: 'Apply' }).click();
  // 33.33 % of 19.99 is 6.662667: the broken cent is the buyer's.
  await total(page, '$13.33');
  assert.match(await page.locator('#code-said').textContent(), /33\.33 % off: 6\.66 USD less, 13\.33 USD to pay/);
  await page.getByRole('button', { name: 'Pay $13.33' }).waitFor();
  await look(page, 'buy-dollars');
  await code.fill('ANCHOR');
  await code.press('Enter');
  await total(page, '$14.99');
});

test('an order in dollars is paid in bitcoin, and says both', async (t) => {
  const page = await visit(t);
  await page.goto(`/buy/${COMPASS}?policy=solo`);
  await page.getByRole('button', { name: 'Pay $19.99' }).click();
  await page.waitForURL(`${CHECKOUT}/**`);
  assert.equal(await page.locator('#amount').textContent(), '19.99 USD');
  await page.getByRole('button', { name: 'Pay', exact: true }).click();
  await comeBack(page);
  await heading(page, 'Thank you!');
  const valid = await post('/v1/validate', { key: await keyOn(page), product_slug: COMPASS });
  assert.equal(valid.ok, true);
  // The double's bitcoin costs 50000 dollars: 20 sats a cent.
  assert.match(await page.locator('dl').textContent(), /ProductCompassPlanSoloPrice\$19\.99 \(39,980 sats\)/);
  await look(page, 'thank-you-dollars');
});

test('a price is written as the visitor writes it', async (t) => {
  const page = await visit(t, { locale: 'de-DE' });
  await page.goto(`/buy/${EUROS}`);
  await total(page, '49,00\u00a0€');
});
