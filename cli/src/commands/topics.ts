import { resolve } from 'node:path';
import { loadConfig } from '@millrace/runtime/config.ts';
import { openKafka } from '@millrace/runtime/kafka/connect.ts';
import { millraceTopics } from '@millrace/runtime/kafka/topics.ts';
import { exitCodes } from '@millrace/runtime/service.ts';
import { type Command, parse } from '../command.ts';
import { sections } from '../sections.ts';
import { runningAddresses } from '../up/running.ts';

export const topics: Command = {
  name: 'topics',
  summary: 'Create the Kafka topics that are missing, and show them all',
  usage: '[--config FILE] [--json]',
  options: '  --json          print JSON',
  example: 'millrace topics --json',
  async run(args) {
    const { values, source } = parse(args, { json: { type: 'boolean' } }, { max: 0 });
    const { kafka, stack } = loadConfig(source, { kafka: sections.kafka, stack: sections.stack });
    const running = runningAddresses(resolve(process.env['MILLRACE_HOME'] ?? stack.home));
    const config = { ...kafka, brokers: kafka.brokers ?? running?.brokers ?? ['127.0.0.1:9092'] };
    const wanted = millraceTopics(config);
    await using admin = await openKafka(config).openAdmin();
    const created = new Set(await admin.ensureTopics(wanted));
    const partitions = await admin.partitions(wanted.map(({ name }) => name));
    const rows = await Promise.all(
      wanted.map(async ({ name, config: settings }) => {
        const ends = await admin.endOffsets(name);
        return {
          topic: name,
          partitions: partitions.get(name) ?? 0,
          records: Number(ends.reduce((sum, end) => sum + end, 0n)),
          cleanup: settings['cleanup.policy'],
          created: created.has(name),
        };
      }),
    );
    if (values.json) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
    else {
      const width = Math.max(...rows.map(({ topic }) => topic.length));
      process.stdout.write(`${'topic'.padEnd(width)}  partitions  appended  cleanup\n`);
      for (const { topic, partitions, records, cleanup, created } of rows) {
        process.stdout.write(
          `${topic.padEnd(width)}  ${String(partitions).padStart(10)}  ${String(records).padStart(8)}  ${cleanup}${created ? '  (created)' : ''}\n`,
        );
      }
    }
    return exitCodes.done;
  },
};
