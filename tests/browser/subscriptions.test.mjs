// A subscription: its trial, its first payment, and its end.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { heading, keyOn, look, visit } from './lib/browser.mjs';
import { BASE, post, product } from './lib/instance.mjs';

const CLUB = 'club-page';

before(async () => {
  const monthly = {
    slug: 'monthly',
    name: 'Monthly',
    price_sats_override: 1_000,
    is_recurring: true,
    renewal_period_days: 30,
    trial_days: 14,
  };
  await product(CLUB, { name: 'Club' }, [monthly]);
});

const state = (page, text) => page.locator('#state').getByText(text).first().waitFor();

test('a trial is ordered and paid, and its end is taken back', async (t) => {
  const page = await visit(t);
  await page.goto(`/buy/${CLUB}`);
  await heading(page, 'Club');
  const tier = await page.locator('.tier').textContent();
  assert.match(tier, /14 days free.*1,000 sats every 30 days.*Paid every 30 days/);
  await page.getByText('Needed for the trial').waitFor();
  await look(page, 'buy-trial');
  await page.getByLabel('E-mail').fill('reader@example.com');
  await page.getByRole('button', { name: 'Get your license' }).click();
  const key = await keyOn(page);

  await page.goto('/subscription');
  await look(page, 'subscription-ask');
  await page.getByLabel('License key').fill(key);
  await page.getByRole('button', { name: 'Show my subscription' }).click();
  await heading(page, 'Club: Monthly');
  await state(page, 'Trial');
  await look(page, 'subscription-trial');

  await page.getByLabel('Pay with').selectOption('lightning');
  await page.getByRole('button', { name: 'Pay 1,000 sats' }).click();
  await page.getByRole('button', { name: /^Pay/ }).first().click();
  const back = page.getByRole('link', { name: /^Return to/ });
  const home = page.waitForURL(`${BASE}/subscription**`);
  await Promise.race([home, back.waitFor().then(() => back.click(), () => {})]);
  await home;
  await state(page, 'Active');
  await page.getByRole('heading', { name: 'Payments' }).waitFor();
  await look(page, 'subscription-active');

  page.on('dialog', (dialog) => dialog.accept());
  await page.getByRole('button', { name: 'Cancel the subscription' }).click();
  await state(page, 'Cancelled');
  await page.getByRole('button', { name: 'Resume' }).click();
  await state(page, 'Active');
  const validated = await post('/v1/validate', { key, product_slug: CLUB });
  assert.equal(validated.ok, true);
  assert.equal(validated.is_trial, undefined);
});

test('the link of a mail shows it without the key', async (t) => {
  const order = { product: CLUB, policy_slug: 'monthly', buyer_email: 'linked@example.com' };
  const { license_key } = await post('/v1/purchase', order);
  const answer = await fetch(`${BASE}/v1/subscription`, { headers: { authorization: `Bearer ${license_key}` } });
  const { pay_url } = await answer.json();
  const page = await visit(t);
  await page.goto(pay_url.replace(/^https?:\/\/[^/]+/, ''));
  await heading(page, 'Club: Monthly');
  await page.getByText('To cancel, open this page with the license key.').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Cancel the subscription' }).count(), 0);
  await look(page, 'subscription-link');
});
