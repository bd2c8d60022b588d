// A throw-away checkout with Workers of a few lines in place of the functions, so
// that the scripts of dev/ are tested without compiling anything.

import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ROOT } from '../serve/packages.mjs';

export { freePort } from '../serve/group.mjs';

const SPIN_TOML = `
spin_manifest_version = 2
[component.sign.variables]
signing_key = "{{ signing_key }}"
verify_keys = "{{ verify_keys }}"
[component.admin.variables]
admin_key = "{{ admin_key }}"
public_url = "{{ public_url }}"
btcpay_api_key = "{{ btcpay_api_key }}"
[component.renew.variables]
cron_token = "{{ cron_token }}"
`;

// Each Worker shows the configuration it was given; the gateway hands requests on
// by the first segment, as far as these tests need it.
const SHOW = `const configured = (env) =>
  Object.fromEntries(Object.entries(env).filter(([, value]) => typeof value === 'string'));`;

const GATEWAY = `${SHOW}
export default { async fetch(request, env) {
  const { pathname } = new URL(request.url);
  if (pathname === '/healthz') return Response.json({ ok: true });
  if (pathname === '/show/gateway') return Response.json(configured(env));
  if (pathname.startsWith('/show/sign')) return env.SIGN.fetch(request);
  if (pathname.startsWith('/v1/cron/')) return env.RENEW.fetch(request);
  return env.ADMIN.fetch(request);
} };`;

const SIGN = `${SHOW}
export default { fetch: (request, env) => Response.json(configured(env)) };`;

// Remembers in D1, so that restarts and the shared database are tested too.
const ADMIN = `${SHOW}
export default { async fetch(request, env) {
  const { pathname } = new URL(request.url);
  if (pathname === '/show/admin') return Response.json(configured(env));
  if (pathname === '/calls') {
    return Response.json((await env.DB.prepare('SELECT route, body FROM calls ORDER BY rowid').all()).results);
  }
  if (pathname.startsWith('/releases/')) {
    const object = await env.RELEASES.get(pathname.slice('/releases/'.length));
    return object ? new Response(object.body) : new Response(null, { status: 404 });
  }
  const body = await request.json();
  if (pathname === '/v1/validate') return Response.json({ ok: body.key === 'LIC1-' + env.ADMIN_KEY });
  if (request.headers.get('authorization') !== 'Bearer ' + env.ADMIN_KEY) return new Response(null, { status: 401 });
  const route = pathname.replace('/v1/admin/', '');
  const text = JSON.stringify(body);
  const known = await env.DB.prepare('SELECT 1 FROM calls WHERE route = ? AND body = ?').bind(route, text).first();
  if (known && route !== 'licenses') return Response.json({ ok: false, error: 'conflict' }, { status: 409 });
  await env.DB.prepare('INSERT INTO calls (route, body) VALUES (?, ?)').bind(route, text).run();
  if (route !== 'licenses') return Response.json({ ok: true });
  return Response.json({ license_key: 'LIC1-' + env.ADMIN_KEY, token: 'demo-token' });
} };`;

const RENEW = `export default { async fetch(request, env) {
  const route = 'tick ' + new URL(request.url).pathname;
  if (request.headers.get('authorization') !== 'Bearer ' + env.CRON_TOKEN) return new Response(null, { status: 404 });
  await env.DB.prepare('INSERT INTO calls (route, body) VALUES (?, ?)').bind(route, '').run();
  return Response.json({ ok: true });
} };`;

const DATABASE = `[[d1_databases]]
binding = "DB"
database_name = "keywright"
migrations_dir = "../../migrations"
`;

const WORKERS = {
  admin: [ADMIN, `${DATABASE}[[r2_buckets]]\nbinding = "RELEASES"\nbucket_name = "keywright-releases"\n`],
  renew: [RENEW, `[triggers]\ncrons = ["* * * * *"]\n${DATABASE}`],
  sign: [SIGN, ''],
};

const settings = (name, main) => `name = "keywright-${name}"
main = "${main}"
compatibility_date = "2026-01-01"
[build]
command = "false"
`;

/** Makes the checkout; returns its root. `remove` ends it. */
export function makeCheckout() {
  const root = mkdtempSync(path.join(tmpdir(), 'keywright-dev-'));
  const write = (file, text) => {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    writeFileSync(path.join(root, file), text);
  };
  cpSync(path.join(ROOT, 'dev'), path.join(root, 'dev'), { recursive: true });
  write('spin.toml', SPIN_TOML);
  write('migrations/0001_calls.sql', 'CREATE TABLE calls (route TEXT NOT NULL, body TEXT NOT NULL);');
  const services = ['sign', 'admin', 'renew']
    .map((name) => `[[services]]\nbinding = "${name.toUpperCase()}"\nservice = "keywright-${name}"\n`)
    .join('');
  write('wrangler.toml', settings('gateway', 'functions/gateway/build/index.js') + services);
  write('functions/gateway/build/index.js', GATEWAY);
  for (const [name, [script, bindings]] of Object.entries(WORKERS)) {
    write(`functions/${name}/build/index.js`, script);
    write(`functions/${name}/wrangler.toml`, settings(name, 'build/index.js') + bindings);
    // A developer's own file beside the configuration must not leak into an instance.
    write(`functions/${name}/.dev.vars`, 'LEAKED=yes\n');
  }
  return { root, write, remove: () => rmSync(root, { recursive: true, force: true }) };
}
