// The demo data of a new instance, created through the product's own HTTP API.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { writePrivate } from './keys.mjs';
import { Failure, say } from './say.mjs';

/** The demo data. Prices are in sats; the free policy overrides the product's price. */
export const DEMO = {
  product: {
    slug: 'demo',
    name: 'Lantern',
    description: 'A quick, quiet notebook that keeps every page on your own machines. Write in plain text, find anything in a blink, and own what you wrote.',
    price_sats: 21_000,
    entitlements_catalog: [
      { slug: 'notes', name: 'Unlimited notebooks', description: 'As many pages as you like.' },
      { slug: 'sync', name: 'Sync between your own machines', description: 'Encrypted end to end.' },
      { slug: 'share', name: 'Shared notebooks', description: 'With everybody on your team.' },
    ],
  },
  policies: [
    {
      product_slug: 'demo',
      slug: 'free',
      name: 'Free',
      price_sats_override: 0,
      tier_rank: 0,
      entitlements: ['notes'],
      metadata: { description: 'Everything a single desk needs.' },
    },
    {
      product_slug: 'demo',
      slug: 'pro',
      name: 'Pro',
      price_sats_override: 21_000,
      max_machines: 3,
      tier_rank: 1,
      entitlements: ['notes', 'sync'],
      metadata: {
        description: 'For those who write in more than one place.',
        highlight: true,
        marketing_bullets: ['Bought once, no subscription'],
        marketing_bullets_position: 'below',
      },
    },
    {
      product_slug: 'demo',
      slug: 'team',
      name: 'Team',
      price_sats_override: 84_000,
      max_machines: 15,
      tier_rank: 2,
      entitlements: ['notes', 'sync', 'share'],
      metadata: {
        description: 'One license for up to fifteen machines.',
        marketing_bullets: ['Answers within a working day'],
        marketing_bullets_position: 'below',
      },
    },
  ],
  code: { code: 'FIREFLY', kind: 'percent', amount: 2_500, product_slug: 'demo', description: 'For early readers' },
  release: { version: '1.0.0', platform: 'x86_64-unknown-linux-gnu' },
};

/** The demo's release file: small, but long enough to test a range. */
export function releaseFile(folder) {
  const { version, platform } = DEMO.release;
  const file = path.join(folder, 'demo-release');
  const note = `# ${'-'.repeat(76)}\n`.repeat(50);
  writeFileSync(file, `#!/bin/sh\necho 'Lantern ${version} for ${platform}'\n${note}`);
  return file;
}

/** The path of the demo's release: `product/version/platform`. */
export function releaseKey() {
  return `${DEMO.product.slug}/${DEMO.release.version}/${DEMO.release.platform}`;
}

/** Puts the release file into the host's storage, once per instance. */
export async function seedRelease(host, instance) {
  const done = path.join(instance.state, 'release-stored');
  if (existsSync(done)) return;
  say(`storing the demo release ${releaseKey()}`);
  await host.putReleases([{ key: releaseKey(), file: releaseFile(instance.folder) }]);
  writeFileSync(done, releaseKey());
}

/** The files below a folder, without links, which Node's own recursion would follow. */
function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const at = path.join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(at);
    return entry.isFile() ? [at] : [];
  });
}

/** Puts every file below a folder into the host's storage, under its path there. */
export async function storeReleases(host, folder) {
  const releases = filesBelow(path.resolve(folder)).map((file) => ({
    key: path.relative(folder, file).split(path.sep).join('/'),
    file,
  }));
  if (releases.length === 0) throw new Failure(`there is no file in ${folder}`);
  say(`storing ${releases.length} release files of ${folder}`);
  await host.putReleases(releases);
}

/**
 * Creates the product, policies, a discount code and a license if they are missing.
 *
 * Running it again changes nothing: an existing object answers 409, and the license of
 * an earlier start is kept as long as the server accepts it.
 * @returns {Promise<object>} the `demo` part of dev.json
 */
export async function seed(instance) {
  const { baseUrl, values, state } = instance;
  const adminKey = values.get('ADMIN_KEY');
  if (!adminKey) throw new Failure('the demo needs an ADMIN_KEY; start with --no-seed to go without');
  const admin = (route, body) => post(`${baseUrl}/v1/admin/${route}`, body, adminKey);

  await admin('products', DEMO.product);
  for (const policy of DEMO.policies) await admin('policies', policy);
  await admin('discount-codes', DEMO.code);

  const file = path.join(state, 'demo-license.json');
  let license = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
  if (!license || !(await stillValid(baseUrl, license.license_key))) {
    const answer = await admin('licenses', { product_slug: 'demo', policy_slug: 'pro' });
    if (!answer.license_key || !answer.token) {
      throw new Failure(`the admin function issued a license without license_key and token: ${JSON.stringify(answer)}`);
    }
    license = { license_key: answer.license_key, token: answer.token };
    mkdirSync(state, { recursive: true });
    writePrivate(file, `${JSON.stringify(license, null, 2)}\n`);
  }
  return {
    product: DEMO.product.slug,
    free_policy: 'free',
    paid_policy: 'pro',
    discount_code: DEMO.code.code,
    ...license,
    release_version: DEMO.release.version,
    platform: DEMO.release.platform,
  };
}

// After a change of SIGNING_KEY the license needs a new key.
async function stillValid(baseUrl, key) {
  const answer = await post(`${baseUrl}/v1/validate`, { key, product_slug: DEMO.product.slug });
  return answer.ok === true || answer.reason === 'rate_limited';
}

/** POSTs JSON. 409 means that the object exists already, which is fine. */
async function post(url, body, bearer) {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(bearer ? { authorization: `Bearer ${bearer}` } : {}),
    },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  if (!response.ok && response.status !== 409) {
    throw new Failure(`POST ${new URL(url).pathname} answered ${response.status}: ${text.slice(0, 500)}`);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new Failure(`POST ${new URL(url).pathname} did not answer JSON: ${text.slice(0, 500)}`);
  }
}
