// Paying in USDC: choosing it, what a wallet needs, and the key.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { fits, heading, keyOn, look, visit } from './lib/browser.mjs';
import { BASE, order, payUsdc, post, product, tick } from './lib/instance.mjs';

const SLUG = 'anchor';

before(async () => {
  await product(SLUG, { name: 'Anchor', price_sats: undefined, price_currency: 'USD', price_value: 1_900 });
  // From here on the chain is read.
  await tick('watch');
});

const inUsdc = (slug) => order(slug, { rail: 'usdc' });

test('a buyer chooses USDC, pays to the last digit and gets the key', async (t) => {
  const page = await visit(t);
  await page.goto(`/buy/${SLUG}`);
  await heading(page, 'Anchor');
  await page.getByRole('radio', { name: 'USDC on Polygon' }).check();
  assert.match(await page.locator('#how').textContent(), /^Pay directly to the vendor's wallet/);
  await look(page, 'buy-usdc');
  await page.getByRole('button', { name: 'Pay $19.00' }).click();
  await page.waitForURL(`${BASE}/pay/**`);
  await heading(page, 'Waiting for your payment');
  const [amount, address] = await page.locator('.usdc > div .secret code').allTextContents();
  assert.match(amount, /^19\.00\d{4}$/);
  assert.match(address, /^0x[0-9a-fA-F]{40}$/);
  await page.getByRole('heading', { name: `Send exactly ${amount} USDC on Polygon` }).waitFor();
  await page.getByText('Pay from your own wallet.').waitFor();
  await page.getByRole('timer').getByText(/^Time left: \d+:\d\d/).waitFor();
  const units = Number(amount.replace('.', ''));
  const wallet = await page.getByRole('link', { name: 'Open in a wallet' }).getAttribute('href');
  assert.match(wallet, new RegExp(`^ethereum:0x[0-9a-fA-F]{40}@137/transfer\\?address=${address}&uint256=${units}$`));
  const code = page.getByRole('img', { name: /QR code/ });
  await code.evaluate((image) => image.decode());
  assert.ok(await code.evaluate((image) => image.naturalWidth > 0));
  await look(page, 'pay-usdc');
  for (const width of [320, 3840]) {
    await page.setViewportSize({ width, height: 900 });
    await fits(page, `pay-usdc at ${width}`);
  }

  await payUsdc(address, units);
  await tick('watch');
  await heading(page, 'Thank you!');
  const valid = await post('/v1/validate', { key: await keyOn(page), product_slug: SLUG });
  assert.equal(valid.ok, true);
  assert.equal(await page.locator('.usdc').count(), 0);
});

test('the page of an order in USDC is found again, whatever link led to it', async (t) => {
  const { invoice_id: id, order_id: number } = await inUsdc(SLUG);
  const page = await visit(t, { colorScheme: 'dark' });
  await page.goto(`/status#${id}`);
  await page.getByText('Send exactly 19.00').waitFor();
  await look(page, 'pay-usdc-dark');
  assert.equal(await page.getByRole('link', { name: 'Back to the payment page' }).count(), 0);
  // The order's public number alone shows nothing of it.
  const stranger = await visit(t, { refused: ['/v1/purchase/'] });
  await stranger.goto(`/pay/${number}`);
  await heading(stranger, 'This browser cannot show your key');
});

test('what is not priced in dollars cannot be bought with them', async (t) => {
  const slug = await product('sextant', { name: 'Sextant' });
  const page = await visit(t);
  await page.goto(`/buy/${slug}`);
  await page.getByRole('button', { name: 'Pay 21,000 sats' }).waitFor();
  assert.equal(await page.getByRole('radio', { name: 'USDC on Polygon' }).isVisible(), false);
});
