/** A gateway for tests: the agent as a process, a real broker, and what arrives there. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { decodeBatch } from '@millrace/wire/batch.ts';
import { decodeReply, encodeCommand } from '@millrace/wire/command.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import mqtt from 'mqtt';
import { openBroker, type TestBroker } from '../../test/broker.ts';
import { childEnv, until } from '../../test/outbox.ts';

export { until } from '../../test/outbox.ts';

export interface Arrived {
  readonly sensor: string;
  readonly metric: string;
  readonly unit: string;
  readonly value: number;
  readonly timeUs: number;
  readonly quality: number;
}

interface SentCommand {
  readonly id: string;
  readonly name: string;
  readonly arguments: unknown;
}

interface ReceivedReply {
  readonly id: string;
  readonly ok: boolean;
  /** JSON, or a sentence. */
  readonly body: string;
}

export interface Gateway extends AsyncDisposable {
  readonly socket: string;
  readonly broker: TestBroker;
  /** Starts the agent and waits for its door. @param outbox more of `edge.outbox`, as YAML. */
  start(outbox?: string): Promise<void>;
  /** Ends the agent in order. */
  stop(): Promise<void>;
  /** The flow's readings that have come to the broker, not those of the agent's own source. */
  arrived(): Arrived[];
  replies(): ReceivedReply[];
  send(command: SentCommand): Promise<void>;
}

const name = 'gw-1' as GatewayId;
const agent = fileURLToPath(import.meta.resolve('../../test/agent.ts'));

export async function openGateway(): Promise<Gateway> {
  const home = mkdtempSync(join(tmpdir(), 'millrace-nodered-'));
  after(() => rmSync(home, { recursive: true, force: true }));
  const broker = await openBroker();
  const socket = join(home, 'agent.sock');
  let child: ChildProcess | undefined;
  let said = '';

  const stop = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  };
  return {
    socket,
    broker,
    stop,
    async start(outbox = '') {
      const file = join(home, 'edge.yaml');
      writeFileSync(
        file,
        `edge:
  gateway: ${name}
  mqtt: { url: "${broker.url}" }
  outbox: { path: outbox.db, groupCommitMs: 5${outbox && `, ${outbox}`} }
  clock: { assume: synced }
  health: { port: 0 }
  sources: [{ type: host, intervalMs: 3600000 }]
`,
      );
      const started = spawn(process.execPath, [agent, file], { env: childEnv(), stdio: ['ignore', 'ignore', 'pipe'] });
      child = started;
      started.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
      after(() => started.kill('SIGKILL'));
      await until('the door', () => {
        if (started.exitCode !== null) throw new Error(said);
        return existsSync(socket);
      });
    },
    arrived: () =>
      broker.publishes
        .filter(({ topic }) => topic.endsWith('/readings'))
        .flatMap(({ payload }) => {
          const { series, seriesIndex, timeUs, value, quality } = decodeBatch(payload);
          return seriesIndex.map((index, i) => {
            const { sensor, metric, unit } = series[index]!;
            return { sensor, metric, unit, value: value[i]!, timeUs: timeUs[i]!, quality: quality[i] ?? 0 };
          });
        })
        .filter(({ sensor }) => sensor.startsWith('flow-')),
    replies: () =>
      broker.publishes
        .filter(({ topic }) => topic.endsWith('/replies'))
        .map(({ payload }) => {
          const { id, ok, body } = decodeReply(payload);
          return { id, ok, body };
        }),
    async send({ id, name: commandName, arguments: given }) {
      const expiresUs = (Date.now() + 60_000) * 1000;
      const command = { id, gateway: name, name: commandName, arguments: JSON.stringify(given), expiresUs };
      const topic = `millrace/v1/${name}/commands`;
      // The agent's door is open before the broker has taken its subscription.
      await until('the agent’s subscription', () => broker.subscribed.has(topic));
      const client = await mqtt.connectAsync(broker.url, { clientId: 'city-hall' });
      await client.publishAsync(topic, Buffer.from(encodeCommand(command)), { qos: 1 });
      await client.endAsync();
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await broker[Symbol.asyncDispose]();
    },
  };
}
