import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { openProxy, type Proxy } from '@millrace/stack/proxy.ts';
import { sharedStack } from '@millrace/stack/testing.ts';
import type { KafkaOptions } from './client.ts';
import { type Kafka, openKafka } from './connect.ts';
import type { KafkaLog } from './outage.ts';

/** For the tests of this folder and of services: the real broker of the test run, with names of one's own. */
export interface TestKafka extends AsyncDisposable {
  readonly kafka: Kafka;
  readonly options: KafkaOptions;
  /** What an operator would have read. */
  readonly said: string[];
  /** A new topic that no other test knows. */
  topic(partitions: number, config?: Record<string, string>): Promise<string>;
}

export interface ProxiedKafka extends TestKafka {
  readonly proxy: Proxy;
  /** The same cluster, not through the proxy. */
  readonly direct: Kafka;
}

export async function testKafka(): Promise<TestKafka> {
  const { brokers } = await sharedStack();
  return build({ brokers }, openKafka({ brokers }));
}

/** Connections of `kafka` go through a proxy of its own. */
export async function proxiedKafka(): Promise<ProxiedKafka> {
  const { brokers } = await sharedStack();
  const [host = '127.0.0.1', port] = brokers[0]?.split(':') ?? [];
  const proxy = await openProxy({ target: { host, port: Number(port) } });
  const direct = openKafka({ brokers });
  const connectVia = () => ({ host: '127.0.0.1', port: proxy.port });
  const built = build({ brokers, connectVia }, direct);
  return { ...built, proxy, direct, [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose]() };
}

function build(where: Pick<KafkaOptions, 'brokers' | 'connectVia'>, direct: Kafka): TestKafka {
  const said: string[] = [];
  const log: KafkaLog = (level, message) => {
    if (level !== 'debug') said.push(`${level} ${message}`);
    if (process.env['MILLRACE_TEST_KAFKA_LOG']) console.error(level, message);
  };
  const options = { ...where, log };
  return {
    kafka: openKafka(options),
    options,
    said,
    async topic(partitions, config = {}) {
      const name = unique('topic');
      await using admin = await direct.openAdmin();
      await admin.ensureTopics([{ name, partitions, replicationFactor: 0, config }]);
      return name;
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

export function unique(what: string): string {
  return `test-${what}-${randomUUID().slice(0, 13)}`;
}

/** Waits until `condition` gives something true. */
export async function eventually<T>(what: string, condition: () => T | Promise<T>, deadlineMs = 15_000): Promise<T> {
  for (const end = Date.now() + deadlineMs; ; ) {
    const result = await condition();
    if (result) return result;
    if (Date.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await sleep(20);
  }
}
