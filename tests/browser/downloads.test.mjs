// Downloads of what was bought.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { keyOn, look, visit } from './lib/browser.mjs';
import { get, order, product } from './lib/instance.mjs';

// Published with every instance under test: 1.0.0 for all, 1.1.0 for `pro` only.
const SLUG = 'extension';

const AGENTS = {
  windows: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  mac: 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  linux: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  phone: 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1',
};

before(() =>
  product(SLUG, { price_sats: 0 }, [
    { slug: 'basic', price_sats_override: 0 },
    { slug: 'pro', price_sats_override: 0, entitlements: ['pro'] },
  ]),
);

const bought = async (policy) => `/thank-you?invoice_id=${(await order(SLUG, { policy_slug: policy })).invoice_id}`;

test('the newest version that the license is for is offered', async (t) => {
  const page = await visit(t);
  for (const [policy, version] of [['basic', '1.0.0'], ['pro', '1.1.0']]) {
    await page.goto(await bought(policy));
    await page.getByRole('heading', { name: `Download version ${version}`, exact: true }).waitFor();
    await page.getByRole('button', { name: /^All platforms, \d+ bytes$/ }).waitFor();
  }
  await look(page, 'downloads');
});

test('a press downloads the file', async (t) => {
  const page = await visit(t);
  const address = await bought('basic');
  const { token } = await get(`/v1/purchase/${new URLSearchParams(address.split('?')[1]).get('invoice_id')}`);
  const asked = [];
  await page.route('**/v1/downloads/link', (route) => {
    asked.push([route.request().postDataJSON(), route.request().headers().authorization]);
    return route.fulfill({ json: { url: `/releases/${SLUG}/1.0.0/any?token=${token}`, expires_at: '2030-01-01T00:00:00Z' } });
  });
  await page.goto(address);
  const key = await keyOn(page);
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: /^All platforms/ }).click();
  const file = await (await download).path();
  assert.match(readFileSync(file, 'utf8'), /^what a manifest lists: extension-1\.0\.0-any/);
  assert.deepEqual(asked, [[{ product: SLUG, version: '1.0.0', platform: 'any' }, `Bearer ${key}`]]);
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
