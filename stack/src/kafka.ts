import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ConfigError, TransientError } from '@millrace/runtime/errors.ts';
import type { ChildSpec } from './child.ts';
import { diskFull, saysDiskFull } from './disk.ts';
import { type Java, serverEnv } from './java.ts';
import { ClassArchive, type Jit, jvmFlags } from './jvm.ts';
import { liveBrokers } from './kafka-probe.ts';
import { javaProperties } from './properties.ts';

/** Where one node listens, all on 127.0.0.1. */
export interface KafkaNodePorts {
  readonly client: number;
  readonly controller: number;
  /** A second door for clients: the node listens on `port` and says it is at `advertised`, where a TCP proxy stands. */
  readonly proxied?: { readonly port: number; readonly advertised: number } | undefined;
}

export interface KafkaPlan {
  readonly home: string;
  readonly java: Java;
  readonly env: NodeJS.ProcessEnv;
  readonly jars: string;
  readonly archives: string;
  readonly nodes: readonly KafkaNodePorts[];
  readonly heapMb: number;
  readonly jit: Jit;
}

/** Largest record batch: 4 MiB, four of the largest reading batches. Followers must be able to fetch it too. */
const MESSAGE_MAX_BYTES = 4 * 1024 * 1024;
const log4jPath = join(import.meta.dirname, '..', 'log4j2.xml');

/**
 * Writes each node's configuration and formats what is not yet formatted; starts nothing.
 * @throws {ConfigError} when the data was made with another number of nodes, or the disk is full.
 */
export async function prepareKafka(plan: KafkaPlan): Promise<ChildSpec[]> {
  const clusterId = clusterIdOf(plan);
  const archive = new ClassArchive(plan.archives, 'kafka', plan.java);
  return Promise.all(
    plan.nodes.map(async (ports, index) => {
      const id = index + 1;
      const directory = join(plan.home, `kafka-${id}`);
      const config = join(directory, 'server.properties');
      await mkdir(directory, { recursive: true });
      if (!existsSync(join(directory, 'data', 'meta.properties'))) await format(plan, id, directory, clusterId);
      writeFileSync(config, serverProperties(plan, id, join(directory, 'data')));
      return {
        name: `kafka-${id}`,
        command: plan.java.command,
        args: () => [
          ...jvmFlags(plan),
          // Of several nodes one records the classes that all of them load.
          ...(id === 1 || archive.exists() ? archive.flags() : []),
          ...javaArgs(plan, 'kafka.Kafka'),
          config,
        ],
        env: serverEnv(plan.env),
        directory,
        logPath: join(plan.home, 'logs', `kafka-${id}.log`),
        probe: async () => {
          if (!(await liveBrokers(ports.client)).some(broker => broker.id === id))
            throw new TransientError(`kafka-${id} is still fenced`);
        },
        readyWithinMs: 90_000,
        // Measured: 0.3–0.5 s alone, 3.5 s when it writes the class archive. The last of three nodes has no quorum
        // left to say goodbye to, and would wait for minutes; a kill loses nothing that was acknowledged.
        stopWithinMs: 8_000,
        ...(id === 1 ? { onEnded: (orderly: boolean) => archive.settle(orderly) } : {}),
      };
    }),
  );
}

/** Each node lists every node: from now on a topic can have its copies. A single node that is ready is the cluster. */
export async function wholeCluster({ nodes }: KafkaPlan, signal?: AbortSignal, withinMs = 30_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  for (const { client } of nodes.length > 1 ? nodes : []) {
    while ((await liveBrokers(client)).length < nodes.length) {
      signal?.throwIfAborted();
      if (Date.now() > deadline)
        throw new TransientError(`the Kafka nodes did not find each other in ${withinMs / 1000} s`);
      await delay(50);
    }
  }
}

/** Java's arguments for one of Kafka's main classes: `org.apache.kafka.tools.TopicCommand`. */
export function javaArgs({ jars }: Pick<KafkaPlan, 'jars'>, mainClass: string): string[] {
  // In a fixed order, for a class archive is tied to the class path as written.
  const names = readdirSync(jars)
    .filter(name => !name.startsWith('questdb-'))
    .sort();
  const classPath = names.map(name => join(jars, name)).join(delimiter);
  return [`-Dlog4j2.configurationFile=${log4jPath}`, '-cp', classPath, mainClass];
}

/** The cluster's id and size stay with the data: nodes of another cluster, or another number of them, must not meet it. */
function clusterIdOf({ home, nodes }: KafkaPlan): string {
  const path = join(home, 'kafka.json');
  if (existsSync(path)) {
    const made = JSON.parse(readFileSync(path, 'utf8')) as { clusterId: string; nodes: number };
    if (made.nodes === nodes.length) return made.clusterId;
    throw ConfigError.of(
      'stack.kafkaNodes',
      `is ${nodes.length}, but the data in ${home} was made with ${made.nodes}; set it back to ${made.nodes}, or set MILLRACE_HOME to another directory`,
    );
  }
  const clusterId = randomBytes(16).toString('base64url').replace(/^-/, 'A'); // StorageTool would take '-…' for an option
  writeFileSync(`${path}.new`, JSON.stringify({ clusterId, nodes: nodes.length }));
  renameSync(`${path}.new`, path);
  return clusterId;
}

/** Formats beside and renames, so that a start cut short leaves no half-formatted data. */
async function format(plan: KafkaPlan, id: number, directory: string, clusterId: string): Promise<void> {
  const draft = join(directory, 'formatting');
  const config = join(directory, 'format.properties');
  rmSync(draft, { recursive: true, force: true });
  writeFileSync(config, serverProperties(plan, id, draft));
  const args = ['-XX:TieredStopAtLevel=1', ...javaArgs(plan, 'kafka.tools.StorageTool')];
  try {
    await promisify(execFile)(plan.java.command, [...args, 'format', '-t', clusterId, '-c', config], {
      env: serverEnv(plan.env),
    });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    if (saysDiskFull(stdout + stderr)) throw diskFull(directory, 'MILLRACE_HOME');
    throw new TransientError(`Kafka's storage could not be formatted: ${stderr.trim() || stdout.trim()}`, {
      cause: error,
    });
  }
  renameSync(draft, join(directory, 'data'));
  rmSync(config);
}

function serverProperties({ nodes }: KafkaPlan, id: number, dataDirectory: string): string {
  const own = nodes[id - 1] as KafkaNodePorts;
  const copies = nodes.length;
  const minInSync = copies === 1 ? 1 : 2;
  const at = (name: string, port: number) => `${name}://127.0.0.1:${port}`;
  const { proxied } = own;
  const properties = {
    'process.roles': 'broker,controller',
    'node.id': id,
    // Static voters: their ports come from here at every start, so that a cluster on free ports finds itself again.
    'controller.quorum.voters': nodes.map(({ controller }, i) => `${i + 1}@127.0.0.1:${controller}`).join(','),
    listeners: [
      at('CLIENT', own.client),
      at('CONTROLLER', own.controller),
      ...(proxied ? [at('PROXIED', proxied.port)] : []),
    ].join(','),
    'advertised.listeners': [at('CLIENT', own.client), ...(proxied ? [at('PROXIED', proxied.advertised)] : [])].join(
      ',',
    ),
    'listener.security.protocol.map': 'CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT',
    'inter.broker.listener.name': 'CLIENT',
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': dataDirectory,
    'message.max.bytes': MESSAGE_MAX_BYTES,
    'replica.fetch.max.bytes': MESSAGE_MAX_BYTES,
    'auto.create.topics.enable': false,
    'default.replication.factor': copies,
    'min.insync.replicas': minInSync,
    'offsets.topic.replication.factor': copies,
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': minInSync,
    'share.coordinator.state.topic.replication.factor': copies,
    'share.coordinator.state.topic.min.isr': minInSync,
    // 50 each by default, which is file handles and start time for nothing on one machine.
    'offsets.topic.num.partitions': 8,
    'transaction.state.log.num.partitions': 8,
    'share.coordinator.state.topic.num.partitions': 8,
    'group.initial.rebalance.delay.ms': 0,
    'broker.session.timeout.ms': 6_000,
    // The default, 128 MiB, is a quarter of the heap.
    'log.cleaner.dedupe.buffer.size': 16 * 1024 * 1024,
  };
  return javaProperties(properties);
}
