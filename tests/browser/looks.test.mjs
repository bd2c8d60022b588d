// How the pages look: on a watch and on a wall, by day and by night, in the
// vendor's colours, and for those who want no motion.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { fits, heading, keep, keyOn, look, visit } from './lib/browser.mjs';
import { BASE, order, product } from './lib/instance.mjs';

const SLUG = 'looks';
let bought;
let waiting;

before(async () => {
  const long = 'Extraordinarily-long-names-without-any-place-to-break-'.repeat(2).slice(0, 100);
  await product(
    SLUG,
    { name: 'Good looks', description: 'Everything about how it looks.', entitlements_catalog: [{ slug: 'x', name: long, description: '' }] },
    [
      { slug: 'free', name: 'Free', price_sats_override: 0, entitlements: ['x'] },
      { slug: 'pro', name: long, price_sats_override: 2_100_000_000, metadata: { highlight: true, description: 'As dear as it gets.' } },
      { slug: 'team', name: 'Team', price_sats_override: 90_000, max_machines: 1_000 },
    ],
  );
  bought = await order(SLUG, { policy_slug: 'free', buyer_email: 'b@example.com' });
  waiting = await order(SLUG, { policy_slug: 'team' });
});

/** Each page with something on it that shows that it is ready. */
const pages = () => [
  ['home', '/', (page) => page.getByRole('link', { name: 'Good looks' }).waitFor()],
  ['buy', `/buy/${SLUG}`, (page) => heading(page, 'Good looks')],
  ['thank-you', `/thank-you#${bought.invoice_id}`, keyOn],
  ['pending', `/thank-you#${waiting.invoice_id}`, (page) => heading(page, 'Waiting for your payment')],
  ['status', '/status', (page) => heading(page, 'Your order')],
  ['recover', '/recover', (page) => heading(page, 'Recover a key')],
  ['not-found', '/nowhere', (page) => heading(page, 'Not found')],
];

const branded = (colour) => (route) =>
  route.fulfill({
    json: {
      name: 'Lantern Works',
      legal_name: 'Lantern Works Ltd.',
      support_url: 'https://lantern.example/help',
      support_email: 'help@lantern.example',
      ...(colour ? { brand_color: colour } : {}),
      rails: ['lightning'],
    },
  });

for (const [name, options, see] of [
  ['light', { colorScheme: 'light' }, look],
  ['dark', { colorScheme: 'dark' }, look],
  ['320', { viewport: { width: 320, height: 640 } }, keep],
  ['3840', { viewport: { width: 3840, height: 2160 } }, keep],
]) {
  test(`every page, ${name}`, async (t) => {
    // The browser asks for an address that is not there.
    const page = await visit(t, { ...options, refused: ['/nowhere'] });
    for (const [title, path, ready] of pages()) {
      await page.goto(path);
      await ready(page);
      await page.getByRole('link', { name: 'Test Operator' }).waitFor();
      await see(page, `${title}-${name}`);
    }
  });
}

test('the text of a page can be twice as large', async (t) => {
  const page = await visit(t, { viewport: { width: 320, height: 640 } });
  for (const [title, path, ready] of pages().slice(0, 6)) {
    await page.goto(path);
    await ready(page);
    await page.evaluate(() => document.documentElement.style.setProperty('font-size', '200%'));
    await fits(page, `${title} at 200 %`);
  }
});

for (const colour of ['#ffd400', '#0a0a0a', '#777777', '#c2185b', '#ffffff']) {
  test(`the vendor's colour ${colour}`, async (t) => {
    const page = await visit(t, { colorScheme: colour === '#0a0a0a' ? 'dark' : 'light' });
    await page.route('**/v1/storefront*', branded(colour));
    await page.goto(`/buy/${SLUG}`);
    await heading(page, 'Good looks');
    await page.getByRole('link', { name: 'Lantern Works' }).waitFor();
    const [ground, ink] = await page.locator('#pay').evaluate((button) => {
      const { backgroundColor, color } = getComputedStyle(button);
      return [backgroundColor, color];
    });
    assert.ok(contrast(ground, ink) >= 4.5, `${ground} on ${ink}: ${contrast(ground, ink)}`);
    const help = page.getByRole('contentinfo').getByRole('link');
    assert.equal(await help.getAttribute('href'), 'https://lantern.example/help');
    await look(page, `brand-${colour.slice(1)}`);
  });
}

/** WCAG 2.2, contrast of two `rgb(r, g, b)`. */
function contrast(...colours) {
  const [light, dark] = colours
    .map((text) => {
      const [red, green, blue] = text.match(/\d+/g).map((part) => {
        const share = part / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    })
    .sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

test('a profile that makes no sense changes nothing', async (t) => {
  const page = await visit(t);
  await page.route('**/v1/storefront*', (route) =>
    route.fulfill({
      json: { name: '<b>x</b>', brand_color: 'red;} *{display:none', support_url: 'javascript:alert(1)', support_email: 'a"b@c.example', rails: [] },
    }),
  );
  await page.goto('/');
  await page.getByRole('link', { name: '<b>x</b>' }).waitFor();
  assert.equal(await page.locator('html').getAttribute('style'), null);
  assert.equal(await page.locator('a[href^="javascript"]').count(), 0);
});

test('nothing moves for who wants no motion', async (t) => {
  for (const [reducedMotion, moving] of [['reduce', false], ['no-preference', true]]) {
    const page = await visit(t, { reducedMotion });
    await page.goto(`/thank-you#${waiting.invoice_id}`);
    await heading(page, 'Waiting for your payment');
    const animations = await page.evaluate(() => document.getAnimations().length);
    assert.equal(animations > 0, moving, reducedMotion);
  }
});

test('a shop with nothing to sell, and one that cannot be reached', async (t) => {
  const page = await visit(t, { refused: ['/v1/products'] });
  await page.route('**/v1/products', (route) => route.fulfill({ json: { products: [] } }));
  await page.goto('/');
  await page.getByText('Nothing is on sale yet.').waitFor();
  await look(page, 'home-empty');
  await page.unroute('**/v1/products');
  await page.route('**/v1/products', (route) => route.abort());
  await page.goto('/');
  await page.getByText('The products could not be loaded.').waitFor();
  await look(page, 'home-unreachable');
});

test('without scripts a page says what it needs', async (t) => {
  const page = await visit(t, { javaScriptEnabled: false });
  for (const path of ['/', `/buy/${SLUG}`, '/status', '/recover', '/thank-you']) {
    await page.goto(path);
    await page.getByText(/needs JavaScript/).waitFor();
  }
});

test('a page is quick: few requests, all its own, and the second time none is sent whole', async (t) => {
  const page = await visit(t);
  const answers = [];
  page.on('response', (response) => answers.push([new URL(response.url()).pathname, response.status()]));
  await page.goto(`/buy/${SLUG}`);
  await heading(page, 'Good looks');
  await page.waitForLoadState('networkidle');
  assert.ok(answers.length <= 15, `${answers.length} requests: ${answers}`);
  assert.ok(answers.every(([, status]) => status === 200));
  const held = await page.request.get(`${BASE}/js/buy.js`);
  const again = await page.request.get(`${BASE}/js/buy.js`, { headers: { 'if-none-match': held.headers().etag } });
  assert.equal(again.status(), 304);
});
