// The Workers host: all functions in one local workerd, run by wrangler.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { devVars, shareOf, withoutDatabase } from './config.mjs';
import { Group } from './group.mjs';
import { writePrivate } from './keys.mjs';
import { nodeModules } from './packages.mjs';
import { Failure, say } from './say.mjs';

// Keys of a wrangler configuration that are for deployments only: a local server must
// not rebuild, and must not claim a public host name.
const DEPLOYMENT_KEYS = ['build', 'env', 'route', 'routes', 'workers_dev', 'account_id', 'preview_urls'];

// The binding that a vendor adds who mails through Cloudflare. Here wrangler writes each
// mail to files and says in the server's log where.
const MAIL_BINDING = { name: 'MAIL' };

/**
 * A wrangler configuration, adapted to run from another folder: its paths are absolute,
 * and databases with one name are one database.
 */
export function localConfig({ file, toml }) {
  const absolute = (value) => path.resolve(path.dirname(file), value);
  const config = structuredClone(toml);
  for (const key of DEPLOYMENT_KEYS) delete config[key];
  config.main = absolute(config.main);
  if (config.assets?.directory) config.assets.directory = absolute(config.assets.directory);
  for (const database of config.d1_databases ?? []) {
    // Workers share a local database if they name the same id; the templates have none.
    database.database_id = database.database_name;
    database.migrations_dir &&= absolute(database.migrations_dir);
  }
  return config;
}

/** All functions under `wrangler dev`, with D1 and R2 in the instance's folder. */
export class WorkersHost {
  name = 'Workers';
  #instance;
  #all;
  #files;

  /**
   * @param instance folder, port, base URL, and the configuration names per function
   * @param all the result of `workers()` in manifests.mjs
   */
  constructor(instance, all) {
    this.#instance = instance;
    this.#all = all;
  }

  /** Writes each Worker's configuration and its share of the values; applies the migrations. */
  async prepare() {
    const { folder, allowed, values } = this.#instance;
    const configs = path.join(folder, 'workers');
    // Remove the configuration of functions and values that no longer exist.
    rmSync(configs, { recursive: true, force: true });
    this.#files = this.#all.map((worker) => {
      const config = localConfig(worker);
      if (withoutDatabase().has(worker.name)) delete config.d1_databases;
      const share = shareOf(allowed.get(worker.name), values);
      if (share.get('MAIL_TRANSPORT') === 'cloudflare') config.send_email ??= [MAIL_BINDING];
      if (!existsSync(config.main)) {
        throw new Failure(`${config.main} is not built: run dev/build.sh workers (make dev does it for you)`);
      }
      mkdirSync(path.join(configs, worker.name), { recursive: true, mode: 0o700 });
      const file = path.join(configs, worker.name, 'wrangler.json');
      writeFileSync(file, `${JSON.stringify(config, null, 2)}\n`);
      // Always written, because without the file wrangler searches for others.
      writePrivate(
        path.join(configs, worker.name, '.dev.vars'),
        devVars(share),
      );
      return { name: worker.name, file, config };
    });
    await this.#migrate();
  }

  // `wrangler d1 migrations apply` takes two seconds even if there is nothing to do, so
  // the hash of the applied files is stored.
  async #migrate() {
    const holder = this.#files.find(({ config }) => config.d1_databases?.some((entry) => entry.migrations_dir));
    if (!holder) return;
    const database = holder.config.d1_databases.find((entry) => entry.migrations_dir);
    const hash = createHash('sha256');
    for (const name of readdirSync(database.migrations_dir).sort()) {
      hash.update(name).update('\0').update(readFileSync(path.join(database.migrations_dir, name)));
    }
    const done = path.join(this.#instance.state, 'migrations-applied');
    const level = hash.digest('hex');
    if (existsSync(done) && readFileSync(done, 'utf8') === level) return;
    say('applying migrations to the local D1');
    await this.#wrangler(['d1', 'migrations', 'apply', database.database_name, '--local', '-c', holder.file]);
    writeFileSync(done, level);
  }

  /**
   * Stores release files where the download function reads them. Call it before `start`.
   * @param {{ key: string, file: string }[]} releases key as `product/version/platform`
   */
  async putReleases(releases) {
    const buckets = this.#files.flatMap(({ config }) => config.r2_buckets ?? []);
    const bucket = buckets.find(({ binding }) => binding === 'RELEASES');
    if (!bucket) throw new Failure('no wrangler.toml binds an R2 bucket as RELEASES');
    const holder = this.#files.find(({ config }) => config.r2_buckets?.includes(bucket));
    const list = path.join(this.#instance.folder, 'releases.json');
    writeFileSync(list, JSON.stringify(releases));
    await this.#wrangler([
      ...['r2', 'bulk', 'put', bucket.bucket_name, '--filename', list],
      ...['--content-type', 'application/octet-stream', '--local', '-c', holder.file],
    ]);
  }

  /** Starts the server. */
  start() {
    const { port, folder } = this.#instance;
    return new Group(
      process.execPath,
      [
        wranglerScript(),
        'dev',
        ...this.#files.flatMap(({ file }) => ['-c', file]),
        ...['--ip', '127.0.0.1', '--port', String(port), '--inspector-port', '0'],
        ...['--persist-to', this.#instance.state, '--show-interactive-dev-session=false'],
      ],
      { log: path.join(folder, 'server.log'), env: this.#environment(), cwd: folder },
    );
  }

  async #wrangler(args) {
    try {
      await promisify(execFile)(
        process.execPath,
        [wranglerScript(), ...args, '--persist-to', this.#instance.state],
        { env: this.#environment(), cwd: this.#instance.folder, timeout: 120_000 },
      );
    } catch (error) {
      throw new Failure(`wrangler ${args.slice(0, 3).join(' ')} failed:\n${error.stdout ?? ''}${error.stderr ?? error}`);
    }
  }

  // Quiet, without telemetry, and separate from other instances: wrangler's registry of
  // running Workers uses names, and every instance has a `keywright-sign`.
  #environment() {
    const { folder } = this.#instance;
    const own = { ...process.env };
    // Each function gets its values from its file, and from nowhere else.
    for (const name of this.#instance.values.keys()) delete own[name];
    return {
      ...own,
      PATH: `${path.dirname(process.execPath)}:${process.env.PATH}`,
      CI: '1',
      NO_COLOR: '1',
      WRANGLER_SEND_METRICS: 'false',
      WRANGLER_SEND_ERROR_REPORTS: 'false',
      WRANGLER_LOG_PATH: path.join(folder, 'wrangler-logs'),
      WRANGLER_REGISTRY_PATH: path.join(folder, 'registry'),
      CLOUDFLARE_CF_FETCH_ENABLED: 'false',
      CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV: 'false',
      CLOUDFLARE_INCLUDE_PROCESS_ENV: 'false',
    };
  }
}

function wranglerScript() {
  return path.join(nodeModules(), 'wrangler', 'bin', 'wrangler.js');
}
