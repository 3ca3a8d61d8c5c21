/**
 * Transactions while brokers die: node runtime/bench/broker-killed.ts
 * Starts three brokers of its own, copies four partitions exactly once, and kills two brokers meanwhile, one after the
 * other, each started again 6 s later. Prints what was copied, and what was doubled, lost or out of order.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openStack } from '@millrace/stack/stack.ts';
import { openKafka } from '../src/kafka/connect.ts';
import { readTopicToEnd } from '../src/kafka/read-to-end.ts';
import { copyAll } from '../test/copier.ts';

const options = { groupId: 'copier', input: 'input', output: 'output', partitions: 4, records: 1500 };
const home = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
try {
  await using stack = await openStack({ home, kafkaNodes: 3, questdb: false });
  const { brokers, nodes } = stack.kafka!;
  const kafka = openKafka({ brokers, log: (level, message) => level !== 'debug' && console.log(level, message) });
  await using admin = await kafka.openAdmin();
  await admin.ensureTopics(
    [options.input, options.output].map(name => ({
      name,
      partitions: options.partitions,
      replicationFactor: 3,
      config: {},
    })),
  );
  const startedAt = performance.now();
  const copying = copyAll(kafka, options);
  for (const node of nodes.slice(0, 2)) {
    await sleep(3000);
    await node.kill();
    console.log('broker', node.id, 'killed');
    await sleep(6000);
    await node.start();
  }
  await copying;
  const seconds = (performance.now() - startedAt) / 1000;
  const next = new Map<string, number>();
  let copies = 0;
  let wrong = 0;
  await readTopicToEnd(kafka, options.output, {}, ({ value }) => {
    const [partition = '', offset] = Buffer.from(value ?? [])
      .toString()
      .split(':');
    if (Number(offset) !== (next.get(partition) ?? 0)) wrong++;
    next.set(partition, Number(offset) + 1);
    copies++;
  });
  console.log(`${copies} of ${options.partitions * options.records} copied in ${seconds.toFixed(1)} s, ${wrong} wrong`);
} finally {
  rmSync(home, { recursive: true, force: true });
}
