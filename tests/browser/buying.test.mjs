// Buying, from a product's page to its key.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { comeBack, heading, keyOn, look, visit } from './lib/browser.mjs';
import { CHECKOUT, admin, get, post, product } from './lib/instance.mjs';

const LANTERN = 'lantern';

before(async () => {
  await product(
    LANTERN,
    {
      name: 'Lantern',
      description: 'A quick, quiet notebook that keeps every page on your own machines.',
      entitlements_catalog: [
        { slug: 'notes', name: 'Unlimited notebooks', description: '' },
        { slug: 'sync', name: 'Sync between your machines', description: '' },
        { slug: 'internal', name: 'Not for show', description: '' },
      ],
    },
    [
      { slug: 'free', name: 'Free', price_sats_override: 0, entitlements: ['notes'], metadata: { description: 'For one desk.' } },
      {
        slug: 'pro',
        name: 'Pro',
        price_sats_override: 21_000,
        max_machines: 3,
        entitlements: ['notes', 'sync', 'internal'],
        metadata: {
          description: 'For several desks.',
          highlight: true,
          marketing_bullets: ['Bought once'],
          marketing_bullets_position: 'below',
          hidden_entitlements: ['internal'],
        },
      },
      { slug: 'year', name: 'Yearly', price_sats_override: 5_000, max_machines: 0, duration_seconds: 31_536_000, is_trial: true },
    ],
  );
  await admin('discount-codes', { code: 'FIREFLY', kind: 'percent', amount: 2_500, product_slug: LANTERN });
  await admin('discount-codes', { code: 'GIFT', kind: 'free_license', product_slug: LANTERN, policy_slug: 'pro' });
});

/** The field for a code, which opens at a press. */
async function codeField(page) {
  const field = page.getByLabel('Discount code');
  if (!(await field.isVisible())) await page.getByText('Have a code?').click();
  return field;
}

const tier = (page, name) => page.getByRole('radio', { name: new RegExp(`^${name}`) });
const total = (page, text) => page.getByText(`Total: ${text}`, { exact: true }).waitFor();

test('the recommended tier is chosen first, and each says what it is', async (t) => {
  const page = await visit(t);
  await page.goto(`/buy/${LANTERN}`);
  await heading(page, 'Lantern');
  assert.equal(await page.title(), 'Buy Lantern · Test Operator');
  assert.ok(await tier(page, 'Pro').isChecked());
  await total(page, '21,000 sats');
  const points = await page.locator('.tier', { hasText: 'Pro' }).getByRole('listitem').allTextContents();
  assert.deepEqual(points, ['Unlimited notebooks', 'Sync between your machines', 'Bought once', '3 machines', 'Never expires']);
  const yearly = await page.locator('.tier', { hasText: 'Yearly' }).textContent();
  assert.match(yearly, /Trial.*Unlimited machines.*Valid for 1 year/);
  await look(page, 'buy');
  await tier(page, 'Free').check();
  await total(page, 'Free');
  await page.getByRole('button', { name: 'Get your license' }).waitFor();
  await look(page, 'buy-free');
});

test('an address can choose the tier', async (t) => {
  const page = await visit(t);
  await page.goto(`/buy/${LANTERN}?policy=year`);
  await total(page, '5,000 sats');
  assert.ok(await tier(page, 'Yearly').isChecked());
});

test('a free tier is had at once', async (t) => {
  const page = await visit(t);
  await page.goto(`/buy/${LANTERN}?policy=free`);
  await page.getByRole('button', { name: 'Get your license' }).click();
  await heading(page, 'Thank you!');
  assert.match(page.url(), /\/thank-you\?order_id=[0-9a-f-]{36}#os_[\w-]{43}$/);
  const key = await keyOn(page);
  const valid = await post('/v1/validate', { key, product_slug: LANTERN });
  assert.deepEqual([valid.ok, valid.entitlements], [true, ['notes']]);
  await look(page, 'thank-you');
  for (const summary of await page.locator('summary').all()) await summary.click();
  await look(page, 'thank-you-open');
});

test('a paid tier is paid at the checkout, and the buyer comes back to the key', async (t) => {
  const page = await visit(t);
  await page.goto('/buy/lantern');
  await page.getByLabel('E-mail').fill('buyer@example.com');
  await page.getByRole('button', { name: 'Pay 21,000 sats' }).click();
  await page.waitForURL(`${CHECKOUT}/**`);
  assert.match(await page.locator('#amount').textContent(), /^0\.00021/);
  await page.getByRole('button', { name: 'Pay', exact: true }).click();
  await comeBack(page);
  await heading(page, 'Thank you!');
  const valid = await post('/v1/validate', { key: await keyOn(page), product_slug: LANTERN });
  assert.deepEqual(valid.entitlements, ['notes', 'sync', 'internal']);
  const facts = await page.locator('dl').textContent();
  assert.match(facts, /Date.*ProductLanternPlanProPrice21,000 satsValidNever expires$/);
  // Not an extension of Joomla.
  assert.equal(await page.getByText('Joomla').count(), 0);
  assert.equal(await page.getByRole('link', { name: 'Back to the payment page' }).count(), 0);
});

test('a buyer who comes back from the checkout finds the form as it was', async (t) => {
  const page = await visit(t);
  await page.goto('/buy/lantern');
  await tier(page, 'Yearly').check();
  await page.getByLabel('E-mail').fill('back@example.com');
  const code = await codeField(page);
  await code.fill('FIREFLY');
  await code.press('Enter');
  await page.getByRole('button', { name: 'Pay 3,750 sats' }).click();
  await page.waitForURL(`${CHECKOUT}/**`);
  await page.goBack();
  await total(page, '3,750 sats');
  assert.ok(await tier(page, 'Yearly').isChecked());
  assert.equal(await page.getByLabel('E-mail').inputValue(), 'back@example.com');
});

test('the featured price stays where it is better than the code', async (t) => {
  await product('better', { price_sats: undefined, price_currency: 'USD', price_value: 4_900 }, [{ slug: 'one', name: 'One' }]);
  const off = { product_slug: 'better', discount_currency: 'USD' };
  await admin('discount-codes', { code: 'LIFTOFF', kind: 'percent', amount: 3_000, product_slug: 'better', featured: true });
  await admin('discount-codes', { code: 'TENOFF', kind: 'fixed_sats', amount: 1_000, ...off });
  const page = await visit(t);
  await page.goto('/buy/better');
  await total(page, '$34.30');
  const code = await codeField(page);
  await code.fill('TENOFF');
  await code.press('Enter');
  await page.getByText('LIFTOFF already gives you a better price', { exact: true }).waitFor();
  await total(page, '$34.30');
  await page.getByRole('button', { name: 'Pay $34.30' }).click();
  await page.waitForURL(`${CHECKOUT}/**`);
  assert.equal(await page.locator('#amount').textContent(), '34.30 USD');
});

test('a phone sees the total and the button at once', async (t) => {
  const page = await visit(t, { viewport: { width: 390, height: 800 } });
  await page.goto('/buy/lantern');
  await total(page, '21,000 sats');
  for (const name of ['#total', '#pay']) {
    const { y, height } = await page.locator(name).boundingBox();
    assert.ok(y >= 0 && y + height <= 800, `${name} is at ${y}`);
  }
  await look(page, 'buy-phone');
});

test('a code is tried, taken back, and used', async (t) => {
  const page = await visit(t);
  await page.goto('/buy/lantern');
  const code = await codeField(page);
  await code.fill('firefly');
  await page.getByRole('button', { name: 'Apply' }).click();
  await total(page, '15,750 sats');
  assert.match(await page.locator('#code-said').textContent(), /25 % off/);
  await look(page, 'buy-code');
  await tier(page, 'Yearly').check();
  await total(page, '3,750 sats');
  await code.fill('NOSUCH');
  await code.press('Enter');
  await page.locator('#code[aria-invalid=true]').waitFor();
  await total(page, '5,000 sats');
  assert.notEqual(await page.locator('#code-said').textContent(), '');
  await look(page, 'buy-bad-code');
  await tier(page, 'Pro').check();
  await code.fill('gift');
  await page.getByRole('button', { name: 'Apply' }).click();
  await total(page, 'Free');
  await page.getByRole('button', { name: 'Get your license' }).click();
  await heading(page, 'Thank you!');
  assert.equal((await post('/v1/validate', { key: await keyOn(page), product_slug: LANTERN })).ok, true);
});

test('what the page says of a code ends with the code', async (t) => {
  const page = await visit(t);
  await page.goto('/buy/lantern');
  const code = await codeField(page);
  await code.fill('FIREFLY');
  await code.press('Enter');
  await total(page, '15,750 sats');
  // Changed and not tried: the old price would be a promise that is not kept.
  await code.fill('FIREFLIES');
  await total(page, '21,000 sats');
  await code.fill('');
  await total(page, '21,000 sats');
  assert.equal(await page.locator('#code-said').textContent(), '');
});

test('a code that cannot be used stops the order and says so', async (t) => {
  const page = await visit(t, { refused: ['/v1/purchase'] });
  await page.goto('/buy/lantern');
  await (await codeField(page)).fill('NOSUCH');
  await page.getByRole('button', { name: 'Pay 21,000 sats' }).click();
  await page.getByRole('alert').getByText('Your order could not be placed.').waitFor();
  await look(page, 'buy-refused');
});

test('a featured code is in the price from the start', async (t) => {
  await product('featured', {}, [{ slug: 'one', name: 'One', price_sats_override: 10_000 }]);
  await admin('discount-codes', {
    code: 'SPRING', kind: 'fixed_sats', amount: 4_000, product_slug: 'featured', featured: true, description: 'Spring sale',
  });
  const page = await visit(t);
  await page.goto('/buy/featured');
  await total(page, '6,000 sats');
  assert.match(await page.locator('.tier .price').textContent(), /10,000 sats 6,000 sats Spring sale/);
  await look(page, 'buy-featured');
  await page.getByRole('button', { name: 'Pay 6,000 sats' }).click();
  await page.waitForURL(`${CHECKOUT}/**`);
  assert.match(await page.locator('#amount').textContent(), /^0\.00006/);
});

test('a product without tiers has its own price and no choice', async (t) => {
  await product('single', { name: 'Single', price_sats: 0 });
  const page = await visit(t);
  await page.goto('/buy/single');
  await total(page, 'Free');
  assert.equal(await page.locator('#tier-choice').isVisible(), false);
  await look(page, 'buy-single');
  await page.getByRole('button', { name: 'Get your license' }).click();
  await heading(page, 'Thank you!');
});

test('an address that is none is said at its field, which gets the focus', async (t) => {
  const page = await visit(t);
  await page.goto('/buy/lantern');
  const email = page.getByLabel('E-mail');
  await email.fill('no address');
  await page.getByRole('button', { name: /^Pay/ }).click();
  await page.getByText('Enter a valid e-mail address.').waitFor();
  assert.ok(await email.evaluate((field) => field === document.activeElement));
  assert.equal(await email.getAttribute('aria-invalid'), 'true');
  await look(page, 'buy-bad-email');
  await email.fill('b@example.com');
  assert.equal(await email.getAttribute('aria-invalid'), null);
  assert.equal(await page.locator('#email-said').textContent(), '');
});

test('a button that is pressed twice orders once', async (t) => {
  await product('twice', { price_sats: 5 });
  const page = await visit(t);
  const orders = [];
  page.on('request', (request) => request.method() === 'POST' && orders.push(request.url()));
  await page.goto('/buy/twice');
  await page.getByRole('button', { name: 'Pay 5 sats' }).dblclick();
  await page.waitForURL(`${CHECKOUT}/**`);
  assert.equal(orders.length, 1);
});

test('an order whose answer was lost is found again, not made twice', async (t) => {
  await product('lost', { price_sats: 0 });
  const page = await visit(t, { refused: ['/v1/purchase'] });
  const made = [];
  await page.route('**/v1/purchase', async (route) => {
    const response = await route.fetch();
    made.push((await response.json()).invoice_id);
    if (made.length === 1) await route.abort();
    else await route.fulfill({ response });
  });
  await page.goto('/buy/lost');
  await page.getByRole('button', { name: 'Get your license' }).click();
  await page.getByText('The shop could not be reached.').waitFor();
  await page.getByRole('button', { name: 'Get your license' }).click();
  await heading(page, 'Thank you!');
  assert.equal(made.length, 2);
  assert.equal(made[0], made[1]);
});

test('a whole purchase by keyboard', async (t) => {
  const page = await visit(t);
  await page.goto('/buy/lantern');
  await total(page, '21,000 sats');
  const { keyboard } = page;
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.value || document.activeElement.textContent);
  const seen = () =>
    page.evaluate(() => {
      const element = document.activeElement.closest('.tier') ?? document.activeElement;
      return getComputedStyle(element).outlineStyle;
    });
  const tabTo = async (wanted) => {
    for (let presses = 0; presses < 15; presses += 1) {
      await keyboard.press('Tab');
      assert.equal(await seen(), 'solid', `the focus is seen on ${await focused()}`);
      if ((await focused()) === wanted) return;
    }
    assert.fail(`Tab does not lead to ${wanted}`);
  };
  await keyboard.press('Tab');
  assert.equal(await focused(), 'Skip to content');
  await look(page, 'buy-skip-link');
  await tabTo('pro');
  await keyboard.press('ArrowDown');
  await total(page, 'Free');
  assert.equal(await focused(), 'free');
  await keyboard.press('ArrowUp');
  await total(page, '21,000 sats');
  await look(page, 'buy-keyboard');
  await tabTo('email');
  await keyboard.type('keys@example.com');
  await tabTo('Have a code?');
  await keyboard.press('Enter');
  await tabTo('code');
  await keyboard.type('FIREFLY');
  await keyboard.press('Tab');
  await keyboard.press('Space');
  await total(page, '15,750 sats');
  await tabTo('pay');
  await keyboard.press('Enter');
  await page.waitForURL(`${CHECKOUT}/**`);
  await keyboard.press('Tab');
  await keyboard.press('Enter');
  await comeBack(page);
  await heading(page, 'Thank you!');
  const key = await keyOn(page);
  await tabTo(key);
  await keyboard.press('Tab');
  assert.equal(await focused(), 'Copy');
});

test('an unknown product is said to be unknown', async (t) => {
  const page = await visit(t, { refused: ['/v1/products'] });
  await page.goto('/buy/nothing');
  await heading(page, 'Not on sale');
  await look(page, 'buy-unknown');
  await page.getByRole('alert').getByRole('link', { name: 'All products' }).click();
  await heading(page, 'Products');
});

test('a shop that cannot be reached says so', async (t) => {
  const page = await visit(t, { refused: ['/v1/'] });
  await page.route('**/v1/**', (route) => route.abort());
  await page.goto('/buy/lantern');
  await heading(page, 'This product could not be loaded');
  await look(page, 'buy-unreachable');
});

test('a payment provider that fails is said, and the order can be tried again', async (t) => {
  await product('unlucky', { price_sats: 7 });
  const page = await visit(t, { refused: ['/v1/purchase'] });
  let failing = true;
  const answer = { ok: false, error: 'upstream_error', message: 'the payment provider could not make an invoice; try again later' };
  await page.route('**/v1/purchase', (route) =>
    failing ? route.fulfill({ status: 502, json: answer }) : route.continue(),
  );
  await page.goto('/buy/unlucky');
  await page.getByRole('button', { name: 'Pay 7 sats' }).click();
  await page.getByText('try again later').waitFor();
  failing = false;
  await page.getByRole('button', { name: 'Pay 7 sats' }).click();
  await page.waitForURL(`${CHECKOUT}/**`);
});

test('what the operator writes is shown as it is written', async (t) => {
  const evil = '<img src=x onerror="document.title=`owned`"><b>bold</b>';
  const name = evil.slice(0, 60);
  await product(
    'markup',
    { name, description: evil, entitlements_catalog: [{ slug: 'e', name: `${evil} entitlement`, description: evil }] },
    [
      {
        slug: 'one', name, price_sats_override: 0, entitlements: ['e'],
        metadata: { description: `${evil} tier`, marketing_bullets: [`${evil} bullet`] },
      },
    ],
  );
  await admin('discount-codes', {
    code: 'EVIL', kind: 'percent', amount: 100, product_slug: 'markup', featured: true, description: `${evil} code`,
  });
  const page = await visit(t);
  await page.route('**/v1/discount-codes/preview?**', (route) =>
    route.fulfill({ json: { valid: false, reason: 'expired', message: `${evil} message`, base_price_sats: 0 } }),
  );
  const harmless = async () => {
    assert.equal(await page.locator('img, b').count(), 0);
    assert.doesNotMatch(await page.title(), /^owned/);
  };
  await page.goto('/buy/markup');
  await heading(page, name);
  for (const text of [evil, `${evil} entitlement`, `${evil} tier`, `${evil} bullet`]) {
    await page.getByText(text, { exact: true }).first().waitFor();
  }
  await (await codeField(page)).fill('x');
  await page.getByRole('button', { name: 'Apply' }).click();
  await page.getByText(`${evil} message`, { exact: true }).waitFor();
  await harmless();
  await look(page, 'buy-markup');
  await page.goto('/');
  await page.getByRole('link', { name, exact: true }).waitFor();
  await harmless();
  const { invoice_id: id } = await post('/v1/purchase', { product: 'markup', policy_slug: 'one' });
  await page.goto(`/status#${id}`);
  await heading(page, 'Thank you!');
  await page.getByText(name, { exact: true }).first().waitFor();
  await harmless();
  assert.equal((await get(`/v1/purchase/${id}`)).product_name, name);
});
