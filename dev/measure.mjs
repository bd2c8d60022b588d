// Times `POST /v1/validate` against a running instance, beside `GET /healthz`, which
// uses no database: compare the two, not the milliseconds.
//   CLIENT_ADDRESS_HEADER=x-forwarded-for make dev, and beside it:
//   node dev/measure.mjs .dev/8787/dev.json
// Bounded: 300 requests one after the other and 1,600 at concurrency 16 for each.

import { readFileSync } from 'node:fs';
import http from 'node:http';

const { base_url: base, demo } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
const body = JSON.stringify({ key: demo.license_key, product_slug: demo.product });
const requests = {
  healthz: () => call('GET', '/healthz'),
  validate: () => call('POST', '/v1/validate', body),
};

// Each validation has its own address, because an address is rate limited.
let callers = 0;
function caller() {
  callers += 1;
  return `10.${(callers >> 16) & 255}.${(callers >> 8) & 255}.${callers & 255}`;
}

/** Sends one request and returns its duration in milliseconds. */
function call(method, path, payload) {
  const started = process.hrtime.bigint();
  return new Promise((resolve, reject) => {
    const headers = { 'x-forwarded-for': caller() };
    if (payload) {
      headers['content-type'] = 'application/json';
      headers['content-length'] = payload.length;
    }
    const request = http.request(`${base}${path}`, { method, agent, headers }, (answer) => {
      answer.resume();
      answer.on('error', reject);
      answer.on('end', () => {
        if (answer.statusCode !== 200) reject(new Error(`${path} answered ${answer.statusCode}`));
        else resolve(Number(process.hrtime.bigint() - started) / 1e6);
      });
    });
    request.on('error', reject);
    request.end(payload);
  });
}

const quantile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];

async function measure(send) {
  const first = await send();
  for (let i = 0; i < 50; i += 1) await send();
  const times = [];
  for (let i = 0; i < 300; i += 1) times.push(await send());
  times.sort((a, b) => a - b);
  const started = process.hrtime.bigint();
  const worker = async () => {
    for (let i = 0; i < 100; i += 1) await send();
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  return { first, median: quantile(times, 0.5), p99: quantile(times, 0.99), perSecond: 1600 / seconds };
}

console.log('route        first ms  median ms    p99 ms  req/s at 16');
for (const [name, send] of Object.entries(requests).reverse()) {
  const { first, median, p99, perSecond } = await measure(send);
  const columns = [first, median, p99].map((value) => value.toFixed(2).padStart(10));
  console.log(`${name.padEnd(10)}${columns.join(' ')}${perSecond.toFixed(0).padStart(13)}`);
}
agent.destroy();
