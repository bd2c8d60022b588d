// What a vendor, a buyer and the vendor's application do, with the client that
// openapi-generator makes for typescript-fetch. tests/clients/main.rs sets the
// environment.

import {
  BuyingApi,
  Configuration,
  LicensesApi,
  ProductsApi,
  PublicationFromJSON,
  ReleasesApi,
  ResponseError,
} from './client';

declare const process: { env: Record<string, string>; exitCode: number };

const env = process.env;
const publication = PublicationFromJSON(JSON.parse(env.KEYWRIGHT_PUBLICATION));
const content = new Blob([env.KEYWRIGHT_CONTENT]);
const { product: slug, version } = publication;
const file = publication.files[0];
const as = (accessToken?: string) => new Configuration({ basePath: env.KEYWRIGHT_BASE_URL, accessToken });

function check(holds: unknown, what: unknown): asserts holds {
  if (!holds) throw new Error(JSON.stringify(what));
}

async function main(): Promise<void> {
  const operator = as(env.KEYWRIGHT_ADMIN_KEY);
  const everybody = as();

  const productInput = { name: 'A product', slug, priceSats: 1000 };
  const product = await new ProductsApi(operator).createProduct({ productInput });
  check(product.slug === slug, product);
  const releases = new ReleasesApi(operator);
  const uploadInput = { product: slug, sha256: file.sha256, size: content.size };
  const upload = await releases.startUpload({ uploadInput });
  check(upload.id, upload);
  const stored = await releases.uploadPart({ id: upload.id, offset: upload.offset, body: content });
  check(stored.complete, stored);
  const published = await releases.publishRelease({ publication });
  check(published.release.version === version, published);

  const buying = new BuyingApi(everybody);
  const order = await buying.createOrder({
    idempotencyKey: `order-of-${slug}-1234`,
    purchaseOrder: { product: slug, buyerEmail: 'ana@example.com' },
  });
  await fetch(`${env.KEYWRIGHT_CONTROL_URL}/_control/pay`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ invoice: order.btcpayInvoiceId, how: 'full' }),
  });
  const until = Date.now() + 20_000;
  let progress = await buying.getOrder({ invoiceId: order.invoiceId });
  while (progress.status !== 'settled') {
    check(Date.now() < until, progress);
    await new Promise((resolve) => setTimeout(resolve, 100));
    progress = await buying.getOrder({ invoiceId: order.invoiceId });
  }
  check(progress.licenseKey && progress.token, progress);

  const licenses = new LicensesApi(everybody);
  const validate = (key: string) =>
    licenses.validateLicense({ validateRequest: { key, productSlug: slug, fingerprint: 'a machine' } });
  check((await validate(progress.licenseKey)).ok, 'the key is valid');
  const refused = await validate('LIC1-AAAA-BBBB');
  check(!refused.ok && refused.reason === 'bad_format', refused);

  const release = { product: slug, version, platform: file.platform };
  const status = await new ReleasesApi(everybody)
    .downloadRelease(release)
    .then(() => 200, (error: unknown) => (error instanceof ResponseError ? error.response.status : 0));
  check(status === 401, status);
  const downloaded = await new ReleasesApi(as(progress.token)).downloadRelease(release);
  check((await downloaded.text()) === env.KEYWRIGHT_CONTENT, 'the bytes');
  console.log('bought, validated, published, downloaded');
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
