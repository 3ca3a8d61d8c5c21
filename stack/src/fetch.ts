import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ConfigError, TransientError } from '@millrace/runtime/errors.ts';
import { type ArtifactLock, mismatches, readLock, wrongSizes } from './artifacts.ts';
import { type Claim, tryClaim } from './claim.ts';
import { diskFull, isDiskFull, prepareDirectory } from './disk.ts';
import { copyDependencies } from './maven.ts';
import type { Report } from './report.ts';

export interface FetchOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly report: Report;
  readonly lock?: ArtifactLock;
  /** How long to wait for another process that is fetching: 15 minutes. */
  readonly waitMs?: number;
}

/** The jars on this machine, checked against the lock. */
export interface Artifacts {
  /** Every jar. */
  readonly jars: string;
  /** Beside them, for class archives; shared between processes, so write to a temporary name and rename. */
  readonly archives: string;
}

/** Twice the lock's 76 MB, for Maven keeps its own copy. */
const ROOM_BYTES = 256 * 1024 * 1024;

/** `$MILLRACE_CACHE`, else `$XDG_CACHE_HOME/millrace`, else `~/.cache/millrace`. */
export function cacheDirectory(env: NodeJS.ProcessEnv): string {
  return env['MILLRACE_CACHE'] || join(env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache'), 'millrace');
}

/**
 * Kafka and QuestDB as jars, fetched on the first call and then taken from the cache. Safe when several processes call
 * it at once: one fetches, the others wait for it.
 * @throws {ConfigError} no Maven, full disk, checksum mismatch. @throws {TransientError} no network.
 */
export async function fetchArtifacts(options: FetchOptions): Promise<Artifacts> {
  const { env, report, waitMs = 15 * 60_000 } = options;
  const lock = options.lock ?? (await readLock());
  const cache = cacheDirectory(env);
  const place = join(cache, `stack-${lock.hash}`);
  const found = { jars: join(place, 'jars'), archives: join(place, 'archives') };
  if ((await wrongSizes(lock, found.jars)).length === 0) return found;

  prepareDirectory(cache, 'MILLRACE_CACHE', ROOM_BYTES);
  using _claim = await soleFetcher(join(cache, 'fetch.lock'), report, waitMs);
  if ((await wrongSizes(lock, found.jars)).length === 0) return found; // another process has just fetched it
  await removeAbandoned(cache);

  const draft = await mkdtemp(join(cache, DRAFT));
  try {
    await fill(draft, lock, options);
    if (existsSync(place)) await rename(place, `${draft}-broken`);
    await rename(draft, place);
  } catch (error) {
    throw isDiskFull(error) ? diskFull(cache, 'MILLRACE_CACHE') : error;
  } finally {
    await removeAbandoned(cache);
  }
  return found;
}

const DRAFT = 'fetching-';

async function fill(draft: string, lock: ArtifactLock, { env, report }: FetchOptions): Promise<void> {
  const totalBytes = lock.artifacts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  report({ kind: 'note', text: `fetching Kafka and QuestDB with Maven, ${Math.round(totalBytes / 1e6)} MB, once` });
  const jars = join(draft, 'jars');
  await mkdir(jars);
  await mkdir(join(draft, 'archives'));
  let shown = -1;
  const onProgress = (receivedBytes: number) => {
    if (receivedBytes === shown) return;
    shown = receivedBytes;
    report({ kind: 'fetch', receivedBytes, totalBytes });
  };
  await copyDependencies(jars, { artifacts: lock.artifacts, env, onProgress });
  const wrong = await mismatches(lock, jars);
  if (wrong.length > 0) {
    throw ConfigError.of(
      'stack/artifacts.lock.json',
      `what Maven brought differs from the lock: ${wrong.join(', ')}; remove these from Maven's local repository and start again; if it happens again, the repository that Maven's settings name serves other files`,
    );
  }
  onProgress(totalBytes);
}

/** Waits while another process fetches; takes over at once when that process dies. */
async function soleFetcher(path: string, report: Report, waitMs: number): Promise<Claim> {
  const deadline = Date.now() + waitMs;
  for (let said = false; ; said = true) {
    const outcome = tryClaim(path);
    if ('claim' in outcome) return outcome.claim;
    const holder = `process ${outcome.heldBy.owner.pid}`;
    if (Date.now() > deadline) throw new TransientError(`${holder} has been fetching Kafka and QuestDB for too long`);
    if (!said) report({ kind: 'note', text: `waiting for ${holder}, which is fetching Kafka and QuestDB` });
    await delay(200);
  }
}

/** Only the holder of the claim calls this, so every draft here belongs to a process that died, or is our own. */
async function removeAbandoned(cache: string): Promise<void> {
  const drafts = (await readdir(cache)).filter(name => name.startsWith(DRAFT));
  await Promise.all(drafts.map(name => rm(join(cache, name), { recursive: true, force: true })));
}
