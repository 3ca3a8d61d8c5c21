/** `millrace up` as a process of its own, on free ports and data of its own, and what its tables hold. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

export interface Running {
  readonly pid: number;
  readonly brokers: readonly string[];
  readonly questdb: { readonly url: string };
  readonly dashboardUrl: string;
  readonly mqttUrl: string;
  readonly processes: readonly {
    readonly name: string;
    readonly state: string;
    readonly restarts: number;
    readonly pid?: number;
  }[];
}

/** Two gateways whose readings come fast enough to be in flight whenever something is killed. */
export function writeConfiguration(home: string, edges: boolean, rules?: readonly object[]): string {
  const edge = (gateway: string, source: object): string => {
    const file = join(home, `${gateway}.yaml`);
    // YAML is a superset of JSON.
    const clock = { assume: 'synced' }; // Whatever this machine says of its own.
    const edge = { gateway, site: 'test', statusIntervalMs: 1000, clock, sources: [source] };
    writeFileSync(file, JSON.stringify({ edge }));
    return file;
  };
  const replay = {
    type: 'replay',
    file: join(root, 'demo/auckland-pedestrians/counts-2023.csv'),
    timeColumn: 'local',
    timeFormat: 'local',
    timeZone: 'Pacific/Auckland',
    metric: 'pedestrians',
    unit: '{people}/h',
    intervalMs: 3_600_000,
    as: 'now',
    speed: 36_000,
    repeat: true,
  };
  const file = join(home, 'millrace.yaml');
  const rulesFile = join(home, 'rules.yaml');
  if (rules !== undefined) writeFileSync(rulesFile, JSON.stringify({ rules }));
  writeFileSync(
    file,
    JSON.stringify({
      up: { edges: edges ? [edge('host-1', { type: 'host', intervalMs: 200 }), edge('replay-1', replay)] : [] },
      ...(rules === undefined ? {} : { processors: { rules: rulesFile } }),
    }),
  );
  return file;
}

/** Waits until the condition gives something; fails with the reason it gave last. */
export async function until<T>(
  what: string,
  condition: () => Promise<T | undefined | false>,
  withinMs = 60_000,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  let last: unknown = 'it was never so';
  for (;;) {
    try {
      const value = await condition();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`${what}: not within ${withinMs} ms`, { cause: last });
    await new Promise(resolve => setTimeout(resolve, 100));
  }
}

export class Pipeline {
  readonly #home: string;
  readonly #config: string;
  #up: ChildProcess | undefined;

  readonly #processes: number;

  /** @param edges whether two gateways run with it. @param rules of alerts. */
  constructor(home: string, { edges = true, rules }: { edges?: boolean; rules?: readonly object[] } = {}) {
    this.#home = home;
    this.#config = writeConfiguration(home, edges, rules);
    this.#processes = edges ? 8 : 6;
  }

  get log(): string {
    return readFileSync(join(this.#home, 'up.log'), 'utf8');
  }

  async start(): Promise<void> {
    this.#up = spawn(
      process.execPath,
      [join(root, 'cli/src/main.ts'), 'up', '--free-ports', '--config', this.#config],
      {
        env: { ...process.env, MILLRACE_HOME: this.#home },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const log = createWriteStream(join(this.#home, 'up.log'), { flags: 'a' });
    this.#up.stdout!.pipe(log, { end: false });
    this.#up.stderr!.pipe(log, { end: false });
    await until(
      'everything runs',
      async () =>
        this.running()?.pid === this.#up!.pid &&
        this.running()?.processes.length === this.#processes &&
        this.running()!.processes.every(({ state }) => state === 'running'),
      120_000,
    );
  }

  running(): Running | undefined {
    const file = join(this.#home, 'running.json');
    return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Running) : undefined;
  }

  /** @returns the exit code. */
  async stop(signal: NodeJS.Signals): Promise<number | null> {
    const ended = once(this.#up!, 'exit');
    this.#up!.kill(signal);
    const [code] = (await ended) as [number | null];
    return code;
  }

  /** Ends whatever a failed test left. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#up && this.#up.exitCode === null && this.#up.signalCode === null) await this.stop('SIGTERM');
  }

  /** Kills one process of the pipeline and waits until it has been started again. */
  async kill9(name: string): Promise<void> {
    const before = this.running()!.processes.find(one => one.name === name)!;
    process.kill(before.pid!, 'SIGKILL');
    await until(
      `${name} runs again`,
      async () =>
        this.running()?.processes.some(
          one => one.name === name && one.state === 'running' && one.restarts > before.restarts,
        ),
      90_000,
    );
  }

  async sql(query: string): Promise<Record<string, unknown>[]> {
    const { url } = this.running()!.questdb;
    const response = await fetch(`${url}/exec?query=${encodeURIComponent(query)}`);
    const answer = (await response.json()) as { error?: string; columns: { name: string }[]; dataset: unknown[][] };
    if (answer.error) throw new Error(answer.error);
    return answer.dataset.map(row => Object.fromEntries(answer.columns.map(({ name }, i) => [name, row[i]])));
  }
}
