/** For tests that need more than npm has: `npm run test:lake` builds it and says where it is. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@millrace/stack/ports.ts';
import { until } from '../testing.ts';
import type { S3Options } from './s3.ts';

const { MILLRACE_TEST_S3_SERVER: s3Server = '', MILLRACE_TEST_SPARK: python = '' } = process.env;

/** To be given to a test as `skip`. */
export const noS3Server = s3Server === '' && 'needs an S3 server: npm run test:lake';
export const noSpark = python === '' && 'needs Apache Spark: npm run test:lake';

export interface S3Server extends AsyncDisposable {
  readonly options: S3Options;
  /** Where the objects lie as files, prefix included: for readers without a client. */
  readonly root: string;
  kill(): Promise<void>;
  /** On the same port and data. */
  start(): Promise<void>;
}

export async function openS3Server(): Promise<S3Server> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-s3-'));
  mkdirSync(join(folder, 'lake'));
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const [region, accessKeyId, secretAccessKey] = ['eu-west-1', 'city', 'hall;=é'];
  let child: ReturnType<typeof spawn> | undefined;
  const kill = async (): Promise<void> => {
    if (child === undefined) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    child = undefined;
  };
  const start = async (): Promise<void> => {
    const env = { PATH: process.env['PATH'], ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey };
    child = spawn(s3Server, ['--quiet', '--port', `127.0.0.1:${port}`, '--region', region, 'posix', folder], {
      env,
      stdio: 'ignore',
    });
    await until('the S3 server', () =>
      fetch(endpoint).then(
        () => true,
        () => false,
      ),
    );
  };
  await start();
  return {
    options: { bucket: 'lake', prefix: 'city/readings-lake', endpoint, region, accessKeyId, secretAccessKey },
    root: join(folder, 'lake', 'city/readings-lake'),
    kill,
    start,
    async [Symbol.asyncDispose]() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export interface ReadBySpark {
  readonly total: readonly (number | string)[];
  readonly folders: readonly (readonly [date: string | null, zone: string | null, rows: number])[];
  readonly nulls: Readonly<Record<string, number>>;
}

/** What `test/read_lake.py` finds, lake by lake. */
export async function readBySpark(...roots: readonly string[]): Promise<readonly ReadBySpark[]> {
  const script = join(import.meta.dirname, '..', '..', 'test', 'read_lake.py');
  const child = spawn(python, [script, ...roots], { stdio: ['ignore', 'pipe', 'pipe'] });
  const out: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on('data', (data: Buffer) => out.push(data));
  child.stderr.on('data', (data: Buffer) => errors.push(data));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`Spark ended with ${code}: ${Buffer.concat(errors).toString().slice(-4000)}`);
  return Buffer.concat(out)
    .toString()
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line) as ReadBySpark);
}
