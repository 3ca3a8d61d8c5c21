import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultPgAccount } from './questdb.ts';
import { openStack } from './stack.ts';

/** Servers for tests. Each test makes topics and tables of its own, named so that no other test meets them. */
export interface TestStack extends AsyncDisposable {
  readonly brokers: string[];
  readonly questdb: {
    readonly httpUrl: string;
    readonly pg: { readonly host: string; readonly port: number; readonly user: string; readonly password: string };
  };
  /** Does nothing: the servers end with the test run, or with this process when they are its own. */
  [Symbol.asyncDispose](): Promise<void>;
}

let own: Promise<TestStack> | undefined;

/**
 * The one start that all tests of a run share. `scripts/test.ts` starts it and gives its addresses in
 * MILLRACE_TEST_KAFKA (`host:port,…`), MILLRACE_TEST_QUESTDB (HTTP URL) and MILLRACE_TEST_QUESTDB_PG (`host:port`);
 * a test file run alone gets servers of its own, on free ports in a temporary directory, until its process ends.
 */
export function sharedStack(env: NodeJS.ProcessEnv = process.env): Promise<TestStack> {
  const { MILLRACE_TEST_KAFKA: kafka, MILLRACE_TEST_QUESTDB: httpUrl, MILLRACE_TEST_QUESTDB_PG: pg } = env;
  if (kafka && httpUrl && pg) {
    const [host = '127.0.0.1', port] = pg.split(':');
    return Promise.resolve({
      brokers: kafka.split(','),
      questdb: { httpUrl, pg: { host, port: Number(port), ...defaultPgAccount } },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  }
  own ??= startOwn(env);
  return own;
}

async function startOwn(env: NodeJS.ProcessEnv): Promise<TestStack> {
  const home = mkdtempSync(join(tmpdir(), 'millrace-test-'));
  const removeHome = () => rmSync(home, { recursive: true, force: true });
  try {
    const stack = await openStack({ home, questdbJit: 'quick', env });
    const { kafka, questdb } = stack;
    if (!kafka || !questdb) throw new Error('both servers were asked for');
    stack.unref();
    process.once('exit', () => {
      // The last chance before the process is gone, and synchronous: nothing here is worth an orderly stop.
      for (const { pid } of [...kafka.nodes, questdb]) if (pid) process.kill(pid, 'SIGKILL');
      removeHome();
    });
    return {
      brokers: [...kafka.brokers],
      questdb: { httpUrl: questdb.httpUrl, pg: questdb.pg },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  } catch (error) {
    removeHome();
    throw error;
  }
}
