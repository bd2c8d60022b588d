// The Spin host: the real manifest under `spin up`, from a folder of the instance.

import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { shareOf, spinVariables, withoutDatabase } from './config.mjs';
import { Group } from './group.mjs';
import { ROOT } from './packages.mjs';
import { Failure } from './say.mjs';

/** The manifest without the database of these components, as a vendor may write it. */
function leaveOut(manifest, components) {
  for (const component of components) {
    const start = manifest.indexOf(`[component.${component}]`);
    const granted = 'sqlite_databases = ["default"]\n';
    const at = start < 0 ? -1 : manifest.indexOf(granted, start);
    if (at < 0) throw new Failure(`spin.toml grants ${component} no database to leave out`);
    manifest = manifest.slice(0, at) + manifest.slice(at + granted.length);
  }
  return manifest;
}

/** All functions under `spin up`, with SQLite and the releases folder in the instance's folder. */
export class SpinHost {
  name = 'Spin';
  #instance;

  constructor(instance) {
    this.#instance = instance;
  }

  /**
   * Sets up the instance's folder as an application. A manifest's relative paths start
   * from its own folder, so a copy finds the instance's releases beside it, and the
   * modules and pages through links.
   */
  async prepare() {
    const { folder } = this.#instance;
    if (!existsSync(path.join(ROOT, 'build', 'spin'))) {
      throw new Failure('build/spin is not built: run dev/build.sh spin (make spin does it for you)');
    }
    const manifest = readFileSync(path.join(ROOT, 'spin.toml'), 'utf8');
    writeFileSync(path.join(folder, 'spin.toml'), leaveOut(manifest, withoutDatabase()));
    rmSync(path.join(folder, 'build'), { recursive: true, force: true });
    symlinkSync(path.join(ROOT, 'build'), path.join(folder, 'build'));
    rmSync(path.join(folder, 'static'), { recursive: true, force: true });
    symlinkSync(path.join(ROOT, 'static'), path.join(folder, 'static'));
    mkdirSync(path.join(folder, 'releases'), { recursive: true });
  }

  /**
   * Stores release files where the download function reads them.
   * @param {{ key: string, file: string }[]} releases key as `product/version/platform`
   */
  async putReleases(releases) {
    for (const { key, file } of releases) {
      const target = path.join(this.#instance.folder, 'releases', ...key.split('/'));
      mkdirSync(path.dirname(target), { recursive: true });
      copyFileSync(file, target);
    }
  }

  /** Starts the server. Values are in the environment, because command lines are public. */
  start() {
    const { port, folder, state, allowed, values } = this.#instance;
    const wanted = new Set([...allowed.values()].flatMap((names) => [...names]));
    const variables = [...spinVariables(shareOf(wanted, values))].map(([name, value]) => [`SPIN_VARIABLE_${name}`, value]);
    return new Group(
      'spin',
      [
        ...['up', '--from', path.join(folder, 'spin.toml'), '--listen', `127.0.0.1:${port}`],
        ...['--direct-mounts', '--state-dir', state],
      ],
      {
        log: path.join(folder, 'server.log'),
        env: { ...process.env, ...Object.fromEntries(variables) },
        cwd: folder,
      },
    );
  }
}
