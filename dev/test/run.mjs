// Runs the test programs that cargo built, two at a time, the longest first: most of
// them wait for servers, so one at a time leaves the processors idle.
//
//   cargo test --no-run --message-format=json … | node dev/test/run.mjs
//
// What a program prints appears in one piece when it ends. Exits with 1 when one failed.

import { spawn } from 'node:child_process';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

/** How many run at once. More would wait for the processors, and their cases with them. */
const AT_ONCE = Math.min(2, availableParallelism());
const PROGRESS_SECONDS = 30;

/** Seconds that each program took last time, so that the longest can go first. */
const durationsFile = path.join(process.env.KEYWRIGHT_CACHE ?? '.', 'test-durations.json');

/** The programs that cargo's messages name; anything else goes to the terminal. */
async function programs() {
  const found = [];
  for await (const line of createInterface({ input: process.stdin })) {
    let message;
    try {
      message = JSON.parse(line);
    } catch {
      console.log(line);
      continue;
    }
    if (message.reason !== 'compiler-artifact' || !message.profile.test || !message.executable) continue;
    const folder = path.dirname(message.manifest_path);
    found.push({
      name: `${path.basename(folder)}/${message.target.name} (${message.target.kind[0]})`,
      source: path.relative(folder, message.target.src_path),
      folder,
      file: message.executable,
    });
  }
  return found;
}

function lastDurations() {
  try {
    return existsSync(durationsFile) ? JSON.parse(readFileSync(durationsFile, 'utf8')) : {};
  } catch {
    return {};
  }
}

function remember(durations) {
  const partial = `${durationsFile}.${process.pid}`;
  writeFileSync(partial, JSON.stringify(durations, null, 1));
  renameSync(partial, durationsFile);
}

/** Runs one as cargo does: in its package's folder, and with the variables that tell where that is. */
function run(program) {
  return new Promise((resolve) => {
    const started = Date.now();
    const child = spawn(program.file, [], {
      cwd: program.folder,
      env: { ...process.env, CARGO_MANIFEST_DIR: program.folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => output.push(piece));
    const end = (how) => {
      const seconds = (Date.now() - started) / 1000;
      resolve({ program, how, seconds, output: Buffer.concat(output).toString() });
    };
    child.once('error', (error) => end(error.message));
    child.once('close', (code, signal) => end(code === 0 ? '' : (signal ?? `exit code ${code}`)));
  });
}

const all = await programs();
const durations = lastDurations();
// A program that was never run may be a long one.
const expected = ({ name, source }) => durations[name] ?? (source.startsWith('tests') ? 1000 : 1);
const waiting = all.toSorted((a, b) => expected(b) - expected(a));
const running = new Map();
const failed = [];
let done = 0;
const progress = setInterval(() => {
  const now = [...running].map(([program, started]) => `${program.name} for ${Math.round((Date.now() - started) / 1000)} s`);
  console.error(`[test] ${done} of ${all.length} programs done; running: ${now.join(', ')}`);
}, PROGRESS_SECONDS * 1000);

async function worker() {
  for (let program = waiting.shift(); program; program = waiting.shift()) {
    running.set(program, Date.now());
    const { how, seconds, output } = await run(program);
    running.delete(program);
    done += 1;
    durations[program.name] = Math.round(seconds * 10) / 10;
    console.log(`     Running ${program.source} (${program.file})\n${output}`);
    if (how) {
      failed.push(`${program.name}: ${how}`);
      console.log(`error: ${program.name} failed (${how})\n`);
    }
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, worker));
clearInterval(progress);
remember(durations);
if (all.length === 0) failed.push('cargo built no test program');
for (const line of failed) console.error(`[test] failed: ${line}`);
process.exit(failed.length > 0 ? 1 : 0);
