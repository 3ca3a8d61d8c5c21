import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** One jar as it must be. */
export interface Artifact {
  readonly name: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** `stack/artifacts.lock.json`: everything the stack runs, byte for byte. */
export interface ArtifactLock {
  readonly artifacts: readonly Artifact[];
  /** Of the file's text: names the cache directory, so that another lock never meets this one's jars. */
  readonly hash: string;
}

export const lockPath = join(import.meta.dirname, '..', 'artifacts.lock.json');

export async function readLock(path = lockPath): Promise<ArtifactLock> {
  const text = await readFile(path, 'utf8');
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
  return { artifacts: (JSON.parse(text) as Pick<ArtifactLock, 'artifacts'>).artifacts, hash };
}

/** Names of the jars that are missing or have another size: the cheap check of every start. */
export async function wrongSizes(lock: ArtifactLock, directory: string): Promise<string[]> {
  const checks = lock.artifacts.map(async ({ name, sizeBytes }) => {
    const found = await stat(join(directory, name)).catch(() => undefined);
    return found?.size === sizeBytes ? [] : [name];
  });
  return (await Promise.all(checks)).flat();
}

/** Names of the jars that differ from the lock, and of those that the lock does not know. Reads every byte. */
export async function mismatches(lock: ArtifactLock, directory: string): Promise<string[]> {
  const present = await readdir(directory);
  const known = new Set(lock.artifacts.map(({ name }) => name));
  const wrong = present.filter(name => !known.has(name));
  for (const { name, sha256 } of lock.artifacts) {
    if (!present.includes(name) || (await sha256Of(join(directory, name))) !== sha256) wrong.push(name);
  }
  return wrong;
}

export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
