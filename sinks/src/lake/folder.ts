/** A lake in a folder: written beside, synced, and given its name by a hard link, which fails when the name is taken. */
import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rm, stat, unlink } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { ConfigError, messageOf, TransientError } from '@millrace/runtime/errors.ts';
import type { ObjectStore } from './objects.ts';

/** Of files that a killed process left half written. */
const staleAfterMs = 86_400_000;

export class FolderStore implements ObjectStore {
  readonly #root: string;
  readonly #temporary: string;
  /** Made and synced by us. */
  readonly #folders = new Set<string>();

  constructor(root: string) {
    this.#root = resolve(root);
    // Out of the way of every glob, and on the same file system: a link cannot leave it.
    this.#temporary = join(this.#root, '_millrace', 'tmp');
  }

  get shown(): string {
    return this.#root;
  }

  async create(name: string, bytes: Uint8Array): Promise<boolean> {
    const path = this.#pathOf(name);
    const temporary = join(this.#temporary, randomUUID());
    return this.#attempt(async () => {
      await this.#makeFolder(this.#temporary);
      await this.#makeFolder(dirname(path));
      try {
        await using file = await open(temporary, 'wx');
        await file.writeFile(bytes);
        await file.sync();
        await link(temporary, path);
      } catch (error) {
        if (codeOf(error) === 'EEXIST') return false;
        // Somebody tidied up; the next attempt makes it anew.
        if (codeOf(error) === 'ENOENT') this.#folders.clear();
        throw error;
      } finally {
        await rm(temporary, { force: true });
      }
      await syncFolder(dirname(path));
      return true;
    });
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    return this.#attempt(() => readFile(this.#pathOf(name)).catch(ignore('ENOENT')));
  }

  async list(folder: string): Promise<readonly string[]> {
    return this.#attempt(async () => {
      const options = { recursive: true, withFileTypes: true } as const;
      const entries = (await readdir(this.#pathOf(folder), options).catch(ignore('ENOENT'))) ?? [];
      return entries
        .filter(entry => entry.isFile())
        .map(entry => relative(this.#root, join(entry.parentPath, entry.name)).split(sep).join('/'));
    });
  }

  async remove(names: readonly string[]): Promise<void> {
    await this.#attempt(async () => {
      const folders = new Set<string>();
      for (const name of names) {
        const path = this.#pathOf(name);
        await unlink(path).catch(ignore('ENOENT'));
        folders.add(dirname(path));
      }
      // Without it, what a compaction replaced could be back after a loss of power.
      for (const folder of folders) await syncFolder(folder).catch(ignore('ENOENT'));
    });
  }

  /** Others may be at work in the same folder: only what is a day old. */
  async tidy(nowMs: number): Promise<void> {
    await this.#attempt(async () => {
      const names = (await readdir(this.#temporary).catch(ignore('ENOENT'))) ?? [];
      for (const name of names) {
        const path = join(this.#temporary, name);
        const made = await stat(path).catch(ignore('ENOENT'));
        if (made !== undefined && nowMs - made.mtimeMs > staleAfterMs) await rm(path, { force: true });
      }
    });
  }

  #pathOf(name: string): string {
    return join(this.#root, ...name.split('/'));
  }

  /** Each folder that is new stands in the one above it, which has to be synced for that. */
  async #makeFolder(folder: string): Promise<void> {
    if (this.#folders.has(folder)) return;
    const first = await mkdir(folder, { recursive: true });
    if (first !== undefined) {
      let made = folder;
      do {
        made = dirname(made);
        await syncFolder(made);
      } while (made.length >= first.length);
    }
    this.#folders.add(folder);
  }

  async #attempt<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const code = codeOf(error);
      if (code === 'EPERM' || code === 'ENOTSUP' || code === 'EMLINK')
        throw ConfigError.of('sinks.lake.folder', `${this.#root}: the file system has no hard links (${code})`);
      // No right to write, no room, a disk that is not mounted: all of it may be mended while we wait.
      throw new TransientError(`${this.#root}: ${messageOf(error)}`, { cause: error });
    }
  }
}

async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r');
  await handle.sync();
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

function ignore(code: string): (error: unknown) => undefined {
  return error => {
    if (codeOf(error) !== code) throw error;
  };
}
