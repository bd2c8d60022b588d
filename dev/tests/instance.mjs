// Starts dev/serve.mjs or dev/serve-spin.mjs of a throw-away checkout, for tests.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

// What a developer may have set must not decide over these tests.
const OWN_NAMES = ['STATE_DIR', 'SIGNING_KEY', 'VERIFY_KEYS', 'ADMIN_KEY', 'PUBLIC_URL', 'CRON_TOKEN', 'BTCPAY_URL', 'BTCPAY_API_KEY'];

const started = [];

/** Ends what a failed test left running. For `after` hooks. */
export function stopAll() {
  for (const child of started) child.kill('SIGKILL');
}

/**
 * Starts an instance; resolves once dev.json is there or the script has ended.
 * @returns the process, its exit (code or signal), its folder, its output so far,
 *   dev.json (undefined when it ended before), and `get` for a JSON answer
 */
export async function start(checkout, port, { script = 'serve.mjs', args = [], environment = {} } = {}) {
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !OWN_NAMES.includes(name)));
  const child = spawn(process.execPath, [path.join(checkout.root, 'dev', script), ...args], {
    env: { ...clean, PORT: String(port), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => (output += piece));
  let ended = false;
  const exit = new Promise((resolve) =>
    child.once('close', (code, signal) => {
      ended = true;
      resolve(code ?? signal);
    }),
  );
  const name = script === 'serve.mjs' ? String(port) : `spin-${port}`;
  const folder = environment.STATE_DIR ?? path.join(checkout.root, '.dev', name);
  const file = path.join(folder, 'dev.json');
  while (!ended && !existsSync(file)) await sleep(100);
  return {
    child,
    exit,
    folder,
    output: () => output,
    dev: ended ? undefined : JSON.parse(readFileSync(file, 'utf8')),
    get: async (route) => (await fetch(`http://127.0.0.1:${port}${route}`)).json(),
  };
}

// Processes of an instance: by their command line or working directory.
function processesOf(folder) {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return line.includes(folder) || readlinkSync(`/proc/${pid}/cwd`).startsWith(folder);
      } catch {
        return false;
      }
    });
}

/** Asserts that the instance had processes, or that soon it has none. */
export async function assertProcesses(folder, wanted) {
  if (wanted) {
    assert.ok(processesOf(folder).length > 0, 'a running instance has processes');
    return;
  }
  for (let waited = 0; waited < 600 && processesOf(folder).length > 0; waited += 1) await sleep(100);
  assert.deepEqual(processesOf(folder), []);
}
