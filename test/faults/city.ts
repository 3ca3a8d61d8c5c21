/**
 * The pipeline as processes of its own on real servers, each of which a case can kill, freeze or cut off: one or three
 * Kafka nodes, QuestDB, bridge, processors, sinks, and agents that come and go.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from '@millrace/stack/child.ts';
import { type Lifeline, openLifeline } from '@millrace/stack/lifeline.ts';
import { freePort } from '@millrace/stack/ports.ts';
import { openProxy, type Proxy } from '@millrace/stack/proxy.ts';
import { type KafkaServers, openStack, type QuestdbServer, type Stack } from '@millrace/stack/stack.ts';
import { type ServicePlan, serviceSpec } from '../../cli/src/up/services.ts';

export type ServiceName = 'bridge' | 'processors' | 'sinks';

/** Which of a service's connections go through a proxy. */
export type Route = 'direct' | 'kafka' | 'questdb';

export interface CityOptions {
  readonly kafkaNodes: 1 | 3;
  /** Puts a server's data on a disk of this size (a tmpfs; needs root). */
  readonly diskMb?: { readonly kafka?: number; readonly questdb?: number };
}

export class City implements AsyncDisposable {
  readonly home: string;
  readonly kafka: KafkaServers;
  readonly questdb: QuestdbServer;
  /** One a Kafka node: in front of the services whose route is `kafka`. */
  readonly kafkaProxies: readonly Proxy[];
  readonly questdbProxy: Proxy;
  /** In front of the bridge, for all agents. */
  readonly mqttProxy: Proxy;
  /** Set it to keep configurations, logs and data of a failed case: they stay in `home`. */
  keepHome = false;
  readonly #release: AsyncDisposableStack;
  readonly #lifeline: Lifeline;
  readonly #services = new Map<string, { child: Child; route: Route; healthUrl: string }>();
  readonly #mqttPort: number;

  private constructor(
    home: string,
    stack: Stack,
    proxies: { kafka: readonly Proxy[]; questdb: Proxy; mqtt: Proxy },
    mqttPort: number,
    lifeline: Lifeline,
    release: AsyncDisposableStack,
  ) {
    this.home = home;
    this.kafka = stack.kafka!;
    this.questdb = stack.questdb!;
    this.kafkaProxies = proxies.kafka;
    this.questdbProxy = proxies.questdb;
    this.mqttProxy = proxies.mqtt;
    this.#mqttPort = mqttPort;
    this.#lifeline = lifeline;
    this.#release = release;
  }

  static async open({ kafkaNodes, diskMb = {} }: CityOptions): Promise<City> {
    await using release = new AsyncDisposableStack();
    const home = mkdtempSync(join(tmpdir(), 'millrace-faults-'));
    let city: City | undefined;
    release.defer(() => (city?.keepHome ? undefined : rmSync(home, { recursive: true, force: true })));
    for (const [directory, megabytes] of [
      ['kafka-1', diskMb.kafka],
      ['questdb', diskMb.questdb],
    ] as const)
      if (megabytes !== undefined) release.defer(mountDisk(join(home, directory), megabytes));
    const lifeline = release.use(openLifeline());
    const advertised = await Promise.all(Array.from({ length: kafkaNodes }, freePort));
    const stack = release.use(
      await openStack({ home, kafkaNodes, kafkaAdvertisedPorts: advertised, kafkaHeapMb: 256, lifeline }),
    );
    const kafka: Proxy[] = [];
    for (const [i, { proxiedPort }] of stack.kafka!.nodes.entries())
      kafka.push(
        release.use(await openProxy({ target: { host: '127.0.0.1', port: proxiedPort! }, port: advertised[i]! })),
      );
    const questdbPort = Number(new URL(stack.questdb!.httpUrl).port);
    const questdb = release.use(await openProxy({ target: { host: '127.0.0.1', port: questdbPort } }));
    const mqttPort = await freePort();
    const mqtt = release.use(await openProxy({ target: { host: '127.0.0.1', port: mqttPort } }));
    city = new City(home, stack, { kafka, questdb, mqtt }, mqttPort, lifeline, new AsyncDisposableStack());
    city.#release.use(release.move());
    try {
      await Promise.all((['bridge', 'processors', 'sinks'] as const).map(name => city.route(name, 'direct')));
    } catch (error) {
      await city[Symbol.asyncDispose]();
      throw error;
    }
    return city;
  }

  service(name: ServiceName): Child {
    return this.#services.get(name)!.child;
  }

  /** Starts the service, or starts it anew, with its connections laid this way. */
  async route(name: ServiceName, route: Route): Promise<void> {
    const running = this.#services.get(name);
    if (running?.route === route) return;
    await running?.child.stop();
    const healthPort = await freePort();
    const env: Record<string, string> = {
      [`MILLRACE_${name.toUpperCase()}__HEALTH__PORT`]: String(healthPort),
      ...(name === 'bridge' && { MILLRACE_BRIDGE__MQTT__PORT: String(this.#mqttPort) }),
      ...(route === 'kafka' && { MILLRACE_KAFKA__BROKERS: this.kafka.proxiedBrokers.join(',') }),
      ...(route === 'questdb' && { MILLRACE_QUESTDB__URL: `http://127.0.0.1:${this.questdbProxy.port}` }),
    };
    const { child, healthUrl } = this.#child({
      name,
      args: [name],
      env,
      healthUrl: `http://127.0.0.1:${healthPort}`,
    });
    this.#services.set(name, { child, route, healthUrl });
    await child.start();
  }

  /** A gateway's agent, not yet started. */
  async agent(config: string, gateway: string, env: Record<string, string> = {}): Promise<Agent> {
    const healthPort = await freePort();
    const healthUrl = `http://127.0.0.1:${healthPort}`;
    const { child } = this.#child({
      name: `edge ${gateway}`,
      args: ['edge', '--config', config],
      env: {
        MILLRACE_EDGE__HEALTH__PORT: String(healthPort),
        MILLRACE_EDGE__MQTT__URL: `mqtt://127.0.0.1:${this.mqttProxy.port}`,
        ...env,
      },
      healthUrl,
    });
    return { gateway, child, metrics: () => metricsAt(healthUrl) };
  }

  /** Straight to the bridge, for clients of the test's own. */
  get mqttUrl(): string {
    return `mqtt://127.0.0.1:${this.#mqttPort}`;
  }

  /** What commands and services are told of the servers. */
  get environment(): Record<string, string> {
    const { questdb, kafka, home } = this;
    return {
      MILLRACE_HOME: home,
      MILLRACE_KAFKA__BROKERS: kafka.brokers.join(','),
      MILLRACE_QUESTDB__URL: questdb.httpUrl,
      MILLRACE_QUESTDB__PG_HOST: questdb.pg.host,
      MILLRACE_QUESTDB__PG_PORT: String(questdb.pg.port),
      MILLRACE_QUESTDB__USER: questdb.pg.user,
      MILLRACE_QUESTDB__PASSWORD: questdb.pg.password,
    };
  }

  /** Services first, then the servers; nothing of it is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#services.values()].map(({ child }) => child.stop()));
    await this.#release.disposeAsync();
  }

  #child(plan: ServicePlan): { child: Child; healthUrl: string } {
    const spec = serviceSpec(plan, this.environment, join(this.home, 'logs'));
    const child = new Child(spec, { lifeline: this.#lifeline, onChange: () => {}, onDied: () => {} });
    return { child, healthUrl: plan.healthUrl };
  }
}

export interface Agent {
  readonly gateway: string;
  readonly child: Child;
  /** Name → value of the metrics without labels but the service's; undefined while it does not answer. */
  readonly metrics: () => Promise<ReadonlyMap<string, number> | undefined>;
}

async function metricsAt(healthUrl: string): Promise<ReadonlyMap<string, number> | undefined> {
  try {
    const response = await fetch(`${healthUrl}/metrics`, { signal: AbortSignal.timeout(2000) });
    const text = await response.text();
    return new Map(
      [...text.matchAll(/^(\w+)(?:\{service="\w+"\})? (\S+)$/gm)].map(([, name, value]) => [name!, Number(value)]),
    );
  } catch {
    return undefined;
  }
}

/** @returns how to unmount it. */
function mountDisk(directory: string, megabytes: number): () => void {
  mkdirSync(directory, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', directory]);
  return () => void execFileSync('umount', [directory]);
}
