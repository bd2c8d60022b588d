// The key of an earlier purchase.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { keyOn, look, visit } from './lib/browser.mjs';
import { order, product } from './lib/instance.mjs';

let bought;

before(async () => {
  await product('regained', { price_sats: 0 });
  bought = await order('regained', { buyer_email: 'Buyer@Example.com' });
});

async function find(page, id, email) {
  await page.getByLabel('Order').fill(id);
  await page.getByLabel('E-mail').fill(email);
  await page.getByRole('button', { name: 'Find my key' }).click();
}

test('the order and its address give the key', async (t) => {
  const page = await visit(t);
  await page.goto('/recover');
  await look(page, 'recover');
  await find(page, ` ${bought.invoice_id}`, 'buyer@example.com');
  assert.equal(await keyOn(page), bought.license_key);
  await page.getByText('It never expires.').waitFor();
  // Whoever cannot see the page is taken to what is new on it.
  assert.ok(await page.locator('#message').evaluate((said) => said === document.activeElement));
  await look(page, 'recover-found');
});

test('a wrong one gives nothing away', async (t) => {
  const page = await visit(t, { refused: ['/v1/recover'] });
  await page.goto('/recover');
  for (const [id, email] of [
    [bought.invoice_id, 'other@example.com'],
    ['nothing', 'buyer@example.com'],
  ]) {
    await find(page, id, email);
    await page.getByRole('alert').getByText('No license matches').waitFor();
  }
  assert.equal(await page.getByLabel('license key', { exact: true }).count(), 0);
  await look(page, 'recover-wrong');
});

test('what is missing is marked, and gets the focus', async (t) => {
  const page = await visit(t);
  await page.goto('/recover');
  await page.getByLabel('Order').fill(bought.invoice_id);
  await page.getByRole('button', { name: 'Find my key' }).click();
  await page.getByRole('alert').getByText('Fill in both fields').waitFor();
  const email = page.getByLabel('E-mail');
  assert.equal(await email.getAttribute('aria-invalid'), 'true');
  assert.ok(await email.evaluate((field) => field === document.activeElement));
  await look(page, 'recover-missing');
});
