// One browser for all tests. Every visit is a context of its own, watched from
// its start: a request that leaves the shop, a script's error or a violation of
// the policy fails the test whose visit it was.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, before } from 'node:test';
import { BASE, CHECKOUT } from './instance.mjs';

const { KEYWRIGHT_CHROMIUM, KEYWRIGHT_NODE_MODULES, KEYWRIGHT_SCREENSHOTS } = process.env;
const modules = createRequire(path.join(KEYWRIGHT_NODE_MODULES, 'from-here.js'));
const { chromium } = modules('playwright-core');
const AXE = readFileSync(modules.resolve('axe-core/axe.min.js'), 'utf8');

let browser;

before(async () => {
  browser = await chromium.launch({
    executablePath: KEYWRIGHT_CHROMIUM,
    // Containers run as root and have a small /dev/shm.
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
});
after(() => browser?.close());

/** Milliseconds that anything on a page may take. */
const PATIENCE = 120_000;

/** What a test expects to be refused; the browser reports each as an error. */
const REFUSED = /^Failed to load resource/;

/**
 * A window of a visitor.
 *
 * @param {TestContext} t closes it, and fails where something went wrong
 * @param {object} [options] of the context; `refused` lists paths that may
 *   answer an error or nothing
 */
export async function visit(t, { refused = [], ...options } = {}) {
  const context = await browser.newContext({
    baseURL: BASE,
    locale: 'en-US',
    viewport: { width: 1280, height: 800 },
    ...options,
  });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const troubles = watch(page, refused);
  t.after(async () => {
    await context.close();
    assert.deepEqual(troubles, []);
  });
  return page;
}

function watch(page, refused) {
  const troubles = [];
  const expected = (url) => {
    const { pathname } = new URL(url);
    // A product without releases has no channel.
    return /^\/releases\/[^/]+\/channels\//.test(pathname) || refused.some((some) => pathname.startsWith(some));
  };
  page.on('pageerror', (error) => troubles.push(`error: ${error.message}`));
  page.on('console', (message) => {
    const { url } = message.location();
    if (!['error', 'warning'].includes(message.type())) return;
    if (REFUSED.test(message.text()) && expected(url)) return;
    // The checkout is another server's page.
    if (url.startsWith(CHECKOUT)) return;
    troubles.push(`${message.type()}: ${message.text()} (${url})`);
  });
  page.on('request', (request) => {
    const { origin } = new URL(request.url());
    const shop = page.url().startsWith(BASE) && !request.isNavigationRequest();
    if (origin !== BASE && (shop || origin !== CHECKOUT)) troubles.push(`leaves the shop: ${request.url()}`);
  });
  page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  return troubles;
}

/** Keeps a screenshot of a page as it stands, and sees that nothing is cut off. */
export async function keep(page, name) {
  await fits(page, name);
  await page.screenshot({ path: path.join(KEYWRIGHT_SCREENSHOTS, `${name}.png`), fullPage: true });
}

/** The same, and looks whether the page shuts somebody out. */
export async function look(page, name) {
  await keep(page, name);
  await page.evaluate(AXE);
  const found = await page.evaluate(() =>
    axe.run(document, {
      resultTypes: ['violations'],
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    }),
  );
  const said = found.violations.map(
    ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join('; ')}`,
  );
  assert.deepEqual(said, [], name);
  assert.ok(found.passes.length > 10, `${name}: axe looked at the page`);
}

/** Nothing is wider than the window. */
export async function fits(page, name) {
  const wide = await page.evaluate(() => {
    const { clientWidth, scrollWidth } = document.documentElement;
    return scrollWidth > clientWidth ? `${scrollWidth} > ${clientWidth}` : '';
  });
  assert.equal(wide, '', `${name}: scrolls sideways`);
}

/** Waits for a heading of this text. */
export const heading = (page, text) => page.getByRole('heading', { level: 1, name: text, exact: true }).waitFor();

/** Comes back from the checkout after a payment, by itself or by its link. */
export async function comeBack(page) {
  const back = page.getByRole('link', { name: /^Return to/ });
  const home = page.waitForURL(`${BASE}/thank-you?**`);
  await Promise.race([home, back.waitFor().then(() => back.click(), () => {})]);
  await home;
}

/** The key on the page, once it is there. */
export const keyOn = async (page) => {
  const key = page.getByLabel('license key', { exact: true });
  await key.waitFor();
  return key.textContent();
};
