// Downloads of what was bought.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { keyOn, look, visit } from './lib/browser.mjs';
import { BASE, admin, get, order } from './lib/instance.mjs';

// Published with every instance under test: 1.0.0 for all, 1.1.0 for `pro` only.
const SLUG = 'extension';

const AGENTS = {
  windows: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  mac: 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  linux: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  phone: 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1',
};

// On sale, and its releases recorded, before any test.
before(async () => {
  for (const policy of [{ slug: 'basic' }, { slug: 'pro', entitlements: ['pro'] }]) {
    await admin('policies', { product_slug: SLUG, name: policy.slug, ...policy });
  }
});

const bought = async (policy) => `/thank-you#${(await order(SLUG, { policy_slug: policy })).invoice_id}`;

test('the newest version that the license is for is offered', async (t) => {
  const page = await visit(t);
  for (const [policy, version] of [['basic', '1.0.0'], ['pro', '1.1.0']]) {
    await page.goto(await bought(policy));
    await page.getByRole('heading', { name: `Download version ${version}`, exact: true }).waitFor();
    await page.getByRole('button', { name: /^All platforms, \d+ bytes$/ }).waitFor();
  }
  await look(page, 'downloads');
});

test('a press downloads the file by a link of its own', async (t) => {
  const page = await visit(t);
  await page.goto(await bought('basic'));
  const key = await keyOn(page);
  const answered = page.waitForResponse('**/v1/downloads/link');
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: /^All platforms/ }).click();
  const link = await answered;
  assert.deepEqual(link.request().postDataJSON(), { product: SLUG, version: '1.0.0', platform: 'any' });
  assert.equal(await link.request().headerValue('authorization'), `Bearer ${key}`);
  assert.equal(link.status(), 200);
  const { url, expires_at: ends } = await link.json();
  const minutes = (Date.parse(ends) - Date.now()) / 60_000;
  assert.ok(minutes > 4 && minutes < 6, `${minutes} minutes`);
  // What opens the file is good for this file, and is not the key.
  assert.ok(url.startsWith(`${BASE}/`) && !url.includes(key), url);
  const got = await download;
  assert.equal(got.url(), url);
  assert.match(readFileSync(await got.path(), 'utf8'), /^what a manifest lists: extension-1\.0\.0-any/);
  await page.getByRole('button', { name: /^All platforms/ }).waitFor();
  assert.equal(await page.getByRole('alert').count(), 0);
});

test('a license that was suspended meanwhile opens no download, and the page says so', async (t) => {
  const page = await visit(t, { refused: ['/v1/downloads/link'] });
  const address = await bought('basic');
  await page.goto(address);
  const { license_id: id } = await get(`/v1/purchase/${address.split('#')[1]}`);
  await admin(`licenses/${id}/suspend`, { reason: 'a test' });
  await page.getByRole('button', { name: /^All platforms/ }).click();
  await page.getByRole('alert').getByText('The download did not start.').waitFor();
});

test('a download that is refused says why', async (t) => {
  const page = await visit(t, { refused: ['/v1/downloads/link'] });
  await page.route('**/v1/downloads/link', (route) =>
    route.fulfill({ status: 403, json: { ok: false, error: 'maintenance-over', message: 'the license includes no newer versions' } }),
  );
  await page.goto(await bought('basic'));
  await page.getByRole('button', { name: /^All platforms/ }).click();
  await page.getByRole('alert').getByText('The license includes no newer versions').waitFor();
  await look(page, 'download-refused');
});

for (const [name, first] of [
  ['windows', 'Windows (64-bit Intel/AMD)'],
  ['mac', 'macOS (Intel and Apple silicon)'],
  ['linux', 'Linux (64-bit Intel/AMD)'],
  ['phone', ''],
]) {
  test(`the visitor's own platform is first: ${name}`, async (t) => {
    const page = await visit(t, { userAgent: AGENTS[name] });
    const artifacts = [
      'aarch64-apple-darwin',
      'aarch64-unknown-linux-gnu',
      'universal-apple-darwin',
      'x86_64-apple-darwin',
      'x86_64-pc-windows-msvc',
      'x86_64-unknown-linux-gnu',
      'x86_64-unknown-linux-gnu.deb',
    ].map((platform) => ({ platform, size_bytes: 12_345_678 }));
    const latest = { version: '2.0.0', artifacts };
    await page.route('**/channels/stable.json', (route) => route.fulfill({ json: { latest, recent: [latest] } }));
    await page.goto(await bought('basic'));
    const buttons = page.getByRole('button', { name: /12\.3 MB$/ });
    await buttons.first().waitFor();
    assert.equal(await buttons.count(), artifacts.length);
    const main = page.locator('.downloads .main-action');
    if (first) assert.equal(await main.textContent(), `${first}, 12.3 MB`);
    assert.equal(await main.count(), first ? 1 : 0);
    if (first) assert.match(await buttons.first().textContent(), new RegExp(`^${first.replace(/[()/]/g, '\\$&')}`));
    await look(page, `downloads-${name}`);
  });
}
