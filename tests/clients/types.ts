// What a vendor, a buyer and the vendor's application do, with the types that
// openapi-typescript generates. tests/clients/main.rs sets the environment.

import createClient from 'openapi-fetch';
import type { components, paths } from './schema';

declare const process: { env: Record<string, string>; exitCode: number };

const env = process.env;
const baseUrl = env.KEYWRIGHT_BASE_URL;
const publication: components['schemas']['Publication'] = JSON.parse(env.KEYWRIGHT_PUBLICATION);
const content = new TextEncoder().encode(env.KEYWRIGHT_CONTENT);
const { product: slug, version } = publication;
const file = publication.files[0];
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

/** The body of an answer that has to be 200. */
function ok<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  if (answer.data === undefined) throw new Error(`${answer.response.status} ${JSON.stringify(answer.error)}`);
  return answer.data;
}

function check(holds: unknown, what: unknown): asserts holds {
  if (!holds) throw new Error(JSON.stringify(what));
}

async function main(): Promise<void> {
  const everybody = createClient<paths>({ baseUrl });
  const operator = createClient<paths>({ baseUrl, headers: bearer(env.KEYWRIGHT_ADMIN_KEY) });

  const product = { name: 'A product', slug, price_sats: 1000 };
  check(ok(await operator.POST('/v1/admin/products', { body: product })).slug === slug, 'the product');
  const upload = ok(
    await operator.POST('/v1/admin/releases/uploads', {
      body: { product: slug, sha256: file.sha256, size: content.length },
    }),
  );
  check(upload.id, upload);
  const stored = ok(
    await operator.PUT('/v1/admin/releases/uploads/{id}', {
      params: { path: { id: upload.id }, query: { offset: upload.offset } },
      headers: { 'Content-Type': 'application/octet-stream' },
      body: content as unknown as string,
      bodySerializer: (bytes) => bytes,
    }),
  );
  check(stored.complete, stored);
  check(ok(await operator.POST('/v1/admin/releases', { body: publication })).release.version === version, 'the release');

  const order = ok(
    await everybody.POST('/v1/purchase', {
      params: { header: { 'Idempotency-Key': `order-of-${slug}-1234` } },
      body: { product: slug, buyer_email: 'ana@example.com' },
    }),
  );
  await fetch(`${env.KEYWRIGHT_CONTROL_URL}/_control/pay`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ invoice: order.btcpay_invoice_id, how: 'full' }),
  });
  const path = { invoice_id: order.invoice_id };
  const until = Date.now() + 20_000;
  let progress = ok(await everybody.GET('/v1/purchase/{invoice_id}', { params: { path } }));
  while (progress.status !== 'settled') {
    check(Date.now() < until, progress);
    await new Promise((resolve) => setTimeout(resolve, 100));
    progress = ok(await everybody.GET('/v1/purchase/{invoice_id}', { params: { path } }));
  }
  check(progress.license_key && progress.token, progress);

  const validate = async (key: string) =>
    ok(await everybody.POST('/v1/validate', { body: { key, product_slug: slug, fingerprint: 'a machine' } }));
  check((await validate(progress.license_key)).ok, 'the key is valid');
  const refused = await validate('LIC1-AAAA-BBBB');
  check(!refused.ok && refused.reason === 'bad_format', refused);

  const release = { params: { path: { product: slug, version, platform: file.platform } } };
  const download = '/releases/{product}/{version}/{platform}' as const;
  check((await everybody.GET(download, release)).response.status === 401, 'a token is needed');
  const downloaded = ok(
    await everybody.GET(download, { ...release, headers: bearer(progress.token), parseAs: 'text' }),
  );
  check(downloaded === env.KEYWRIGHT_CONTENT, 'the bytes');
  console.log('bought, validated, published, downloaded');
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
