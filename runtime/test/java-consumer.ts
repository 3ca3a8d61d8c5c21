import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { fetchArtifacts } from '@millrace/stack/fetch.ts';
import { javaArgs } from '@millrace/stack/kafka.ts';

const CONSOLE_CONSUMER = 'org.apache.kafka.tools.consumer.ConsoleConsumer';
const QUIET_MS = 30_000;

/**
 * The first `count` records Kafka's own console consumer reads of these topics at `read_committed`: lines of partition,
 * offset and value.
 */
export async function readWithJava(
  brokers: readonly string[],
  topics: readonly string[],
  count: number,
): Promise<string[]> {
  const { jars } = await fetchArtifacts({ env: process.env, report: () => {} });
  const options: Record<string, string> = {
    'bootstrap-server': brokers.join(','),
    include: topics.join('|'),
    'isolation-level': 'read_committed',
    'timeout-ms': `${QUIET_MS}`,
    'max-messages': `${count}`,
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  const properties = ['print.partition=true', 'print.offset=true'].flatMap(of => ['--formatter-property', of]);
  const { stdout } = await promisify(execFile)(
    'java',
    [
      '-XX:TieredStopAtLevel=1',
      '-Xmx128m',
      ...javaArgs({ jars }, CONSOLE_CONSUMER),
      ...args,
      ...properties,
      '--from-beginning',
    ],
    { maxBuffer: 64 * 1024 * 1024, timeout: 60_000 },
  );
  return stdout.split('\n').filter(line => line.startsWith('Partition:'));
}
