/** The Kafka Streams application of `streams/`, built once with Maven into the cache. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { TransientError } from '@millrace/runtime/errors.ts';
import { cacheDirectory } from '@millrace/stack/fetch.ts';
import { versions } from '@millrace/stack/versions.ts';

const root = join(import.meta.dirname, '..', '..');
const source = join(import.meta.dirname, 'streams');
const schema = join(root, 'wire', 'schema', 'millrace', 'v1', 'readings.proto');

/**
 * @returns the class path. Sources or versions that change make another folder in the cache.
 * @throws {TransientError} when Maven could not build it, with what Maven said.
 */
export async function buildStreams(): Promise<string> {
  const inputs = [join(source, 'pom.xml'), schema, ...globSync(join(source, 'src/**/*.java')).sort()];
  const hash = createHash('sha256').update(versions.kafka);
  for (const path of inputs) hash.update(relative(root, path)).update(readFileSync(path));
  const cache = cacheDirectory(process.env);
  const place = join(cache, `bench-streams-${hash.digest('hex').slice(0, 16)}`);
  if (!existsSync(place)) {
    console.error('building the Kafka Streams application with Maven, once (110 MB with RocksDB)');
    mkdirSync(cache, { recursive: true });
    // Beside its place and renamed, so that a build cut short leaves nothing that looks whole.
    const draft = mkdtempSync(join(cache, 'building-'));
    try {
      await build(draft);
      renameSync(draft, place);
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  }
  return `${join(place, 'classes')}:${join(place, 'jars', '*')}`;
}

async function build(directory: string): Promise<void> {
  // Maven wants to write beside some of what it reads; the repository stays as it is.
  cpSync(source, join(directory, 'source'), { recursive: true });
  const args = [
    '-B',
    '-q',
    '-f',
    join(directory, 'source', 'pom.xml'),
    `-Dkafka.version=${versions.kafka}`,
    `-Dbench.build=${directory}`,
    `-Dwire.schema=${join(root, 'wire', 'schema')}`,
    'process-classes',
  ];
  try {
    await promisify(execFile)('mvn', args, { timeout: 300_000, maxBuffer: 16 * 1024 * 1024 });
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: unknown; stdout?: string; stderr?: string };
    const said = code === 'ENOENT' ? 'no mvn found' : `${stdout}${stderr}`.trim().slice(0, 2000);
    throw new TransientError(`Maven could not build the Kafka Streams application: ${said}`, { cause: error });
  }
}
