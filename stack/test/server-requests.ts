import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { fetchArtifacts } from '../src/fetch.ts';
import { javaArgs } from '../src/kafka.ts';
import type { QuestdbServer } from '../src/stack.ts';

/** Kafka's own tool, so that the check does not share a mistake with our clients. */
async function topics(brokers: readonly string[], ...args: string[]): Promise<string> {
  const { jars } = await fetchArtifacts({ env: process.env, report: () => {} });
  const tool = javaArgs({ jars }, 'org.apache.kafka.tools.TopicCommand');
  const { stdout } = await promisify(execFile)('java', [
    '-XX:TieredStopAtLevel=1',
    ...tool,
    '--bootstrap-server',
    brokers.join(','),
    ...args,
  ]);
  return stdout;
}

export async function createTopic(brokers: readonly string[], name: string, partitions: number): Promise<void> {
  await topics(brokers, '--create', '--topic', name, '--partitions', String(partitions));
}

export function describeTopics(brokers: readonly string[]): Promise<string> {
  return topics(brokers, '--describe');
}

/** Rows of one statement over HTTP. */
export async function sql(questdb: QuestdbServer | undefined, statement: string): Promise<unknown> {
  if (!questdb) throw new Error('no QuestDB was started');
  const headers: Record<string, string> = questdb.authorization ? { authorization: questdb.authorization } : {};
  const response = await fetch(`${questdb.httpUrl}/exec?query=${encodeURIComponent(statement)}`, { headers });
  const answer = (await response.json()) as { dataset?: unknown; error?: string };
  if (answer.error) throw new Error(`${statement}: ${answer.error}`);
  return answer.dataset;
}
