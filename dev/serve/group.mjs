// A server that runs as a group of processes and is never left behind.

import { spawn } from 'node:child_process';
import { openSync, readFileSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT } from './packages.mjs';
import { Failure, say, warn } from './say.mjs';

/** Fails with advice if the port is in use. */
export async function requireFreePort(port) {
  await new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new Failure(`port ${port} is in use; choose another, for example PORT=${port + 1}`)
          : error,
      ),
    );
    probe.listen({ port, host: '127.0.0.1' }, () => probe.close(resolve));
  });
}

/** A free port of 127.0.0.1. */
export async function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen({ port: 0, host: '127.0.0.1' }, () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** The last lines of a log, for a failure's message. */
export function tail(file, lines = 30) {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '(no log)';
  }
}

/** One server and all processes that it starts, in its own process group. */
export class Group {
  #child;
  #log;
  /** Resolves with a sentence once the server has ended, whatever the reason. */
  ended;

  /** While true, the server's output appears on the terminal too. */
  echo = false;

  /** Starts `command` with its output appended to the log file. */
  constructor(command, args, { log, env, cwd }) {
    this.#log = log;
    const output = openSync(log, 'a', 0o600);
    // The guard holds the other end of a pipe: if this process is killed without a
    // chance to clean up, the guard sees the pipe close and ends the group.
    this.#child = spawn('/bin/sh', [path.join(ROOT, 'dev/serve/guard.sh'), command, ...args], {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env,
      cwd,
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.on('data', (piece) => {
        writeSync(output, piece);
        if (this.echo) process.stderr.write(piece);
      });
    }
    this.#child.stdin.on('error', () => {});
    this.ended = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve(`could not start: ${error.message}`));
      this.#child.once('exit', (code, signal) => resolve(`ended with ${signal ?? `exit code ${code}`}`));
    });
  }

  /**
   * Waits until the URL answers.
   *
   * 200 means ready. Another answer that stays for ten seconds is accepted too, with a
   * warning, because an instance that is misconfigured on purpose must be reachable.
   */
  async ready(url, { timeoutSeconds = 90, settleSeconds = 10 } = {}) {
    const started = Date.now();
    let answeredSince;
    let last = 'no answer';
    let dead;
    this.ended.then((how) => (dead = how));
    for (;;) {
      if (dead) throw new Failure(`the server ${dead} before it was ready; end of ${this.#log}:\n${tail(this.#log)}`);
      try {
        const response = await fetch(url, { signal: AbortSignal.timeout(5000), redirect: 'manual' });
        await response.arrayBuffer();
        if (response.status === 200) return;
        last = `status ${response.status}`;
        answeredSince ??= Date.now();
        if (Date.now() - answeredSince > settleSeconds * 1000) {
          warn(`${url} answers ${last}; going on`);
          return;
        }
      } catch (error) {
        last = error.cause?.code ?? error.name;
        answeredSince = undefined;
      }
      if (Date.now() - started > timeoutSeconds * 1000) {
        throw new Failure(
          `${url} was not ready after ${timeoutSeconds} s (${last}); end of ${this.#log}:\n${tail(this.#log)}`,
        );
      }
      await sleep(150);
    }
  }

  /** Ends the server: terminates it, waits a few seconds, then kills it. No process stays. */
  async stop() {
    this.#signal('SIGTERM');
    const graceful = await Promise.race([this.ended.then(() => true), sleep(4000, false)]);
    if (!graceful) say('the server does not end; killing it');
    this.#signal('SIGKILL');
    await this.ended;
  }

  #signal(name) {
    try {
      if (this.#child.pid) process.kill(-this.#child.pid, name);
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  }
}
