import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { ConfigError, TransientError } from '@millrace/runtime/errors.ts';
import type { Artifact } from './artifacts.ts';
import { diskFull, saysDiskFull } from './disk.ts';
import { versions } from './versions.ts';

const pomPath = join(import.meta.dirname, '..', 'pom.xml');

/**
 * Copies what `pom.xml` names into a directory, with the operator's own Maven and its settings.
 * @param onProgress Bytes arrived so far, of the artifacts given.
 * @throws {ConfigError} when Maven is missing or the disk is full.
 * @throws {TransientError} when something could not be downloaded.
 */
export async function copyDependencies(directory: string, { artifacts, env, onProgress }: MavenOptions): Promise<void> {
  const args = [
    '-f',
    pomPath,
    `-Dkafka.version=${versions.kafka}`,
    `-Dlog4j.version=${versions.log4j}`,
    `-Dquestdb.version=${versions.questdb}`,
    `org.apache.maven.plugins:maven-dependency-plugin:${versions.mavenDependencyPlugin}:copy-dependencies`,
    `-DoutputDirectory=${directory}`,
    '-DincludeScope=runtime',
  ];
  const progress = downloadProgress(artifacts);
  let output = '';
  const code = await new Promise<number | null>((resolve, reject) => {
    const mvn = spawn('mvn', args, { env, stdio: ['ignore', 'pipe', 'pipe'], cwd: directory });
    const decoder = new StringDecoder('utf8');
    const hear = (chunk: Buffer) => {
      const text = decoder.write(chunk);
      output = (output + text).slice(-64_000);
      for (const line of text.split(/[\r\n]+/)) onProgress(progress(line));
    };
    mvn.stdout.on('data', hear);
    mvn.stderr.on('data', hear);
    mvn.on('error', (error: NodeJS.ErrnoException) => reject(error.code === 'ENOENT' ? noMaven() : error));
    mvn.on('close', resolve);
  });
  if (code !== 0) throw failure(output, directory);
}

export interface MavenOptions {
  readonly artifacts: readonly Artifact[];
  readonly env: NodeJS.ProcessEnv;
  readonly onProgress: (receivedBytes: number) => void;
}

/**
 * Bytes arrived, from Maven's own lines: `Downloaded from …/x.jar (…)` for whole files and `Progress (2): 1.2/30 MB |
 * 12 kB` for those under way. A line torn between two chunks is lost, and the next one corrects the figure.
 */
export function downloadProgress(artifacts: readonly Artifact[]): (line: string) => number {
  const sizes = new Map(artifacts.map(({ name, sizeBytes }) => [name, sizeBytes]));
  const total = artifacts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let completeBytes = 0;
  let shownBytes = 0;
  return line => {
    const name = /Downloaded from .*\/([^/\s]+\.jar) \(/.exec(line)?.[1];
    if (name) {
      completeBytes += sizes.get(name) ?? 0;
      sizes.delete(name);
    }
    const underWay = line.startsWith('Progress (') ? progressBytes(line) : 0;
    shownBytes = Math.max(shownBytes, Math.min(total, completeBytes + underWay));
    return shownBytes;
  };
}

function progressBytes(line: string): number {
  const unit = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 };
  return line
    .slice(line.indexOf(':') + 1)
    .split('|')
    .map(part => /([\d.]+)(?:\/[\d.]+)? (B|kB|MB|GB)/.exec(part))
    .reduce((sum, match) => sum + (match ? Number(match[1]) * unit[match[2] as keyof typeof unit] : 0), 0);
}

function noMaven(): ConfigError {
  return ConfigError.of(
    'PATH',
    'no mvn found, and the first start fetches Kafka and QuestDB with Maven; install it (Debian: apt install maven; macOS: brew install maven), or run `docker compose up` and point the configuration at its servers',
  );
}

function failure(output: string, directory: string): ConfigError | TransientError {
  if (saysDiskFull(output)) return diskFull(directory, 'MILLRACE_CACHE');
  const lines = output.split('\n').filter(line => /ERROR/.test(line));
  const said = lines[0]?.replace(/^.*?ERROR\S*\s*/, '').slice(0, 400) ?? 'it said nothing';
  return new TransientError(
    `Maven could not fetch Kafka and QuestDB; check the network, or the mirror in Maven's settings.xml, and start again. Maven said: ${said}`,
  );
}
