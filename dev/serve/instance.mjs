// Runs one local instance, from an empty folder to a ready server, and ends it.

import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { configuration } from './config.mjs';
import { requireFreePort } from './group.mjs';
import { localKeys, publicKeyOf, publicKeyPem, writePrivate } from './keys.mjs';
import { allowedNames, cronFunctions, workers } from './manifests.mjs';
import { nodeModules, ROOT } from './packages.mjs';
import { startPayments } from './payments.mjs';
import { Failure, say, setQuiet } from './say.mjs';
import { seed, seedRelease, storeReleases } from './seed.mjs';
import { startTicks } from './ticks.mjs';

const USAGE = `Options:
  --no-seed   start with an empty database
  --no-ticks  leave the cron functions alone
  --quiet     say nothing unless something is wrong
Environment:
  PORT        default 8787; the server listens on 127.0.0.1 only
  STATE_DIR   where keys, database and dev.json are; default .dev/<port>
  RELEASES_FROM  a folder of <product>/<version>/<platform> to store before the start
  WITHOUT_DATABASE  functions whose optional database is left out: download
  SIGNING_KEY, ADMIN_KEY, BTCPAY_URL, …  any configuration name; empty means "not configured".
              Without BTCPAY_URL the seeded demo is paid at a stand-in for BTCPay Server`;

/**
 * Runs an instance until a signal ends it. Exits the process.
 * @param {(instance: object, all: object[]) => object} createHost
 * @param {(port: number) => string} folderName of the state below .dev
 */
export async function run(createHost, folderName) {
  const options = parse();
  setQuiet(options.quiet);
  try {
    process.exitCode = await serve(options, createHost, folderName);
  } catch (error) {
    // Our own failures explain themselves; for others print the stack.
    console.error('[dev] error:', error instanceof Failure ? error.message : error);
    process.exitCode = 1;
  }
  // A hanging request must not delay the exit.
  process.exit();
}

function parse() {
  const switches = Object.fromEntries(['no-seed', 'no-ticks', 'quiet', 'help'].map((name) => [name, { type: 'boolean' }]));
  try {
    const { values } = parseArgs({ options: switches });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    return { seed: !values['no-seed'], ticks: !values['no-ticks'], quiet: values.quiet ?? false };
  } catch (error) {
    console.error(`[dev] ${error.message}\n${USAGE}`);
    process.exit(2);
  }
}

async function serve(options, createHost, folderName) {
  const told = untilTold();
  const port = portOf(process.env.PORT);
  nodeModules();
  await requireFreePort(port);
  const instance = describe(port, folderName(port));
  const announcement = path.join(instance.folder, 'dev.json');
  // Its presence means "ready", so remove the file of an earlier run.
  rmSync(announcement, { force: true });

  const all = workers(ROOT);
  // First, because the configuration of the functions contains its address.
  const payments = options.seed ? await startPayments(instance) : undefined;
  try {
    return await serveWith(payments, { options, instance, all, announcement, told }, createHost);
  } finally {
    await payments?.stop();
  }
}

async function serveWith(payments, { options, instance, all, announcement, told }, createHost) {
  const host = createHost(instance, all);
  say(`preparing ${host.name} in ${instance.folder}`);
  await host.prepare();
  if (options.seed) await seedRelease(host, instance);
  if (process.env.RELEASES_FROM) await storeReleases(host, process.env.RELEASES_FROM);
  if (told.signal) return 0;

  const server = host.start();
  let stopTicks = () => {};
  try {
    const work = (async () => {
      await server.ready(`${instance.baseUrl}/healthz`);
      const demo = options.seed ? await seed(instance) : undefined;
      const token = instance.values.get('CRON_TOKEN');
      if (options.ticks && token) {
        stopTicks = startTicks({ baseUrl: instance.baseUrl, token, names: cronFunctions(all) });
      }
      writePrivate(announcement, `${JSON.stringify(summary(instance, demo), null, 2)}\n`);
      if (!options.quiet) {
        printWhatToTry(instance, demo, payments !== undefined);
        server.echo = true;
      }
    })();
    await Promise.race([work, told.promise]);
    if (told.signal) return 0;
    const how = await Promise.race([server.ended, told.promise]);
    if (told.signal) return 0;
    throw new Failure(`the server ${how}; its log is ${path.join(instance.folder, 'server.log')}`);
  } finally {
    stopTicks();
    rmSync(announcement, { force: true });
    await server.stop();
    say('ended');
  }
}

// Ctrl-C, a closed terminal, and `kill` all end the instance.
function untilTold() {
  const told = { signal: undefined, promise: undefined };
  told.promise = new Promise((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
      process.on(name, () => {
        told.signal = name;
        resolve(name);
      });
    }
  });
  return told;
}

function portOf(text) {
  const port = Number(text || 8787);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new Failure(`PORT must be a number from 1 to 65535, not '${text}'`);
  }
  return port;
}

function describe(port, folderName) {
  const folder = path.resolve(process.env.STATE_DIR || path.join(ROOT, '.dev', folderName));
  const state = path.join(folder, 'state');
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const baseUrl = `http://127.0.0.1:${port}`;
  const allowed = allowedNames(ROOT);
  const names = new Set([...allowed.values()].flatMap((some) => [...some]));
  const values = configuration(names, process.env, localKeys(folder), baseUrl);
  return { port, folder, state, baseUrl, allowed, values };
}

/** The content of dev.json, for scripts and tests. */
function summary({ baseUrl, values }, demo) {
  const raw = publicKeyOf(values.get('SIGNING_KEY') ?? '');
  return {
    base_url: baseUrl,
    admin_key: values.get('ADMIN_KEY') ?? null,
    cron_token: values.get('CRON_TOKEN') ?? null,
    public_key_pem: raw ? publicKeyPem(raw) : null,
    btcpay_webhook_secret: values.get('BTCPAY_WEBHOOK_SECRET') ?? null,
    btcpay_url: values.get('BTCPAY_URL') ?? null,
    demo: demo ?? null,
    pid: process.pid,
  };
}

function printWhatToTry({ baseUrl, folder }, demo, isPaidHere) {
  const lines = [`ready: ${baseUrl}`, `keys and addresses are in ${path.join(folder, 'dev.json')}`];
  if (demo) {
    lines.push(`storefront: ${baseUrl}/buy/${demo.product} (discount code ${demo.discount_code})`);
    if (isPaidHere) {
      lines.push(
        'buy: choose a paid plan there. The checkout is a stand-in for BTCPay Server: press "Pay", no money',
        '     moves, and the page of your order shows the license key and the download',
      );
    }
    const json = (body) => `-H 'content-type: application/json' -d '${JSON.stringify(body)}'`;
    const file = `releases/${demo.product}/${demo.release_version}/${demo.platform}`;
    lines.push(
      'try:',
      `  curl ${baseUrl}/v1/products/${demo.product}/policies`,
      `  curl ${baseUrl}/v1/validate ${json({ key: demo.license_key })}`,
      `  curl ${baseUrl}/v1/purchase ${json({ product: demo.product, policy_slug: demo.free_policy })}`,
      `  curl -OJ -H 'authorization: Bearer ${demo.token}' ${baseUrl}/${file}`,
    );
  }
  lines.push('Ctrl-C ends it');
  console.error(lines.join('\n'));
}
