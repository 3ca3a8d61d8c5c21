import { resolve } from 'node:path';
import { InvariantError } from '@millrace/runtime/errors.ts';
import { kafkaPorts, questdbAccount, questdbPorts } from './addresses.ts';
import { Child, type ChildExit, type ChildSpec } from './child.ts';
import { diskFull, isDiskFull } from './disk.ts';
import { fetchArtifacts } from './fetch.ts';
import { claimHome } from './home.ts';
import type { ProcessIdentity } from './identity.ts';
import { findJava } from './java.ts';
import type { Jit } from './jvm.ts';
import { type KafkaPlan, prepareKafka, wholeCluster } from './kafka.ts';
import { type Lifeline, openLifeline } from './lifeline.ts';
import { basic, defaultPgAccount, prepareQuestdb, type QuestdbPlan } from './questdb.ts';
import type { Report } from './report.ts';

/** Where ports are asked for, 0 or nothing is any free one. A parsed section `stack` (config.ts) fits as it is. */
export interface StackOptions {
  /** Directory of data, logs and lock; made when missing. */
  readonly home: string;
  readonly kafkaNodes?: 0 | 1 | 3 | undefined;
  /** Of the first node; further nodes take the next ones. */
  readonly kafkaPort?: number | undefined;
  /** One a node: gives each node a second listener that advertises this port, where the caller puts a TCP proxy. */
  readonly kafkaAdvertisedPorts?: readonly number[] | undefined;
  readonly kafkaHeapMb?: number | undefined;
  /** `quick` by default: measured, it costs the broker no throughput. */
  readonly kafkaJit?: Jit | undefined;
  readonly questdb?: boolean | undefined;
  readonly questdbHttpPort?: number | undefined;
  readonly questdbPgPort?: number | undefined;
  readonly questdbHealthPort?: number | undefined;
  readonly questdbUser?: string | undefined;
  readonly questdbPassword?: string | undefined;
  readonly questdbHeapMb?: number | undefined;
  /** `full` by default. */
  readonly questdbJit?: Jit | undefined;
  readonly report?: Report | undefined;
  /** A server died and nobody asked it to. */
  readonly onDied?: ((exit: ChildExit) => void) | undefined;
  /** Shared with the caller's own children; else the stack opens one of its own. */
  readonly lifeline?: Lifeline | undefined;
  /** Gives up the start: everything begun is ended, and `openStack` rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** The child process itself (`kill`, `stop`, `start`, `freeze`, `thaw`, `pid`) and where it listens on 127.0.0.1. */
export type KafkaNode = Child & {
  readonly id: number;
  readonly port: number;
  /** Where a proxy must send what it gets on the node's advertised port. */
  readonly proxiedPort: number | undefined;
};

export interface KafkaServers {
  /** `127.0.0.1:9092`, one a node. */
  readonly brokers: readonly string[];
  /** Those that lead clients through the proxies; empty without `kafkaAdvertisedPorts`. */
  readonly proxiedBrokers: readonly string[];
  readonly nodes: readonly KafkaNode[];
}

/** The child process itself, as with Kafka, and its addresses. */
export type QuestdbServer = Child & {
  /** `http://127.0.0.1:9000`, without the account. */
  readonly httpUrl: string;
  /** Value of the Authorization header; undefined when HTTP is open. */
  readonly authorization: string | undefined;
  readonly pg: { readonly host: string; readonly port: number; readonly user: string; readonly password: string };
  /** `/status` and `/metrics`; needs no account. */
  readonly healthUrl: string;
};

export interface Stack extends AsyncDisposable {
  readonly home: string;
  readonly kafka: KafkaServers | undefined;
  readonly questdb: QuestdbServer | undefined;
  /** Resolves with the first server that died and nobody asked it to; never rejects. */
  readonly died: Promise<ChildExit>;
  /** Lets this process end while the servers still run; the lifeline then ends them. */
  unref(): void;
  /** Stops all servers in order and lets go of the data. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Real Kafka and QuestDB as child processes on loopback, ready for requests when this resolves; on a second start they
 * go on where the first stopped. They end with this process, however it ends.
 * @throws {ConfigError} what the operator must mend: no Java or Maven, a port or the directory in use, a full disk.
 * @throws {TransientError} no network for the first start; a server that does not come up, with its last log lines.
 */
export async function openStack(options: StackOptions): Promise<Stack> {
  try {
    return await open(options);
  } catch (error) {
    throw isDiskFull(error) ? diskFull(options.home, 'MILLRACE_HOME') : error;
  }
}

async function open(options: StackOptions): Promise<Stack> {
  const { kafkaNodes = 1, questdb: wantsQuestdb = true, env = process.env, report = () => {}, signal } = options;
  const home = resolve(options.home);
  const account = questdbAccount(options);
  await using releasers = new AsyncDisposableStack();

  const java = await findJava(env);
  const { jars, archives } = await fetchArtifacts({ env, report });
  signal?.throwIfAborted();
  const claim = releasers.use(await claimHome(home, report));
  const lifeline = options.lifeline ?? releasers.use(openLifeline());

  const shared = { home, java, env, jars, archives } as const;
  const kafkaPlan: KafkaPlan = {
    ...shared,
    nodes: await kafkaPorts(options),
    heapMb: options.kafkaHeapMb ?? 512,
    jit: options.kafkaJit ?? 'quick',
  };
  const questdbPlan: QuestdbPlan | undefined = wantsQuestdb
    ? {
        ...shared,
        ports: await questdbPorts(options),
        account,
        heapMb: options.questdbHeapMb ?? 512,
        jit: options.questdbJit ?? 'full',
      }
    : undefined;
  const kafkaSpecs = kafkaNodes === 0 ? [] : await prepareKafka(kafkaPlan);

  const { promise: died, resolve: reportDeath } = Promise.withResolvers<ChildExit>();
  const children: Child[] = [];
  const childOf = (spec: ChildSpec): Child => {
    const child = new Child(spec, {
      lifeline,
      onChange: () => claim.update(running(children)),
      onDied: exit => {
        reportDeath(exit);
        options.onDied?.(exit);
      },
    });
    children.push(child);
    return child;
  };
  const nodes = kafkaSpecs.map((spec, index) => kafkaNode(childOf(spec), index + 1, kafkaPlan));
  const questdb = questdbPlan && questdbServer(childOf(prepareQuestdb(questdbPlan)), questdbPlan);

  releasers.defer(async () => {
    await Promise.all(children.map(child => child.stop()));
  });
  await startAll(children, signal);
  await wholeCluster(kafkaPlan, signal);

  const owned = releasers.move();
  return {
    home,
    kafka: kafkaNodes === 0 ? undefined : kafkaServers(nodes, kafkaPlan),
    questdb,
    died,
    unref: () => {
      for (const child of children) child.unref();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function kafkaNode(child: Child, id: number, { nodes }: KafkaPlan): KafkaNode {
  const ports = nodes[id - 1];
  if (!ports) throw new InvariantError(`no ports planned for kafka-${id}`);
  return Object.assign(child, { id, port: ports.client, proxiedPort: ports.proxied?.port });
}

function kafkaServers(nodes: readonly KafkaNode[], plan: KafkaPlan): KafkaServers {
  const advertised = plan.nodes.flatMap(({ proxied }) => (proxied ? [proxied.advertised] : []));
  return {
    brokers: nodes.map(({ port }) => `127.0.0.1:${port}`),
    proxiedBrokers: advertised.map(port => `127.0.0.1:${port}`),
    nodes,
  };
}

function questdbServer(child: Child, { ports, account }: QuestdbPlan): QuestdbServer {
  return Object.assign(child, {
    httpUrl: `http://127.0.0.1:${ports.http}`,
    authorization: account && basic(account),
    pg: { host: '127.0.0.1', port: ports.pg, ...(account ?? defaultPgAccount) },
    healthUrl: `http://127.0.0.1:${ports.health}`,
  });
}

function running(children: readonly Child[]): Record<string, ProcessIdentity> {
  return Object.fromEntries(children.flatMap(({ name, identity }) => (identity ? [[name, identity]] : [])));
}

/** At the first failure the others are given up too, and that failure is the one reported. */
async function startAll(children: readonly Child[], signal: AbortSignal | undefined): Promise<void> {
  const giveUp = new AbortController();
  const either = signal ? AbortSignal.any([signal, giveUp.signal]) : giveUp.signal;
  const starts = children.map(async child => {
    try {
      await child.start(either);
    } catch (error) {
      giveUp.abort(error);
      throw error;
    }
  });
  await Promise.allSettled(starts);
  either.throwIfAborted();
}
