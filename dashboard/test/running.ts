/** A dashboard as a process of its own, and rows for it, for tests against the real QuestDB. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';

const program = `import { runDashboard } from '@millrace/dashboard/main.ts';
process.exitCode = await runDashboard({ env: process.env });`;

export interface QuestdbAddresses {
  readonly httpUrl: string;
  readonly pg: { readonly host: string; readonly port: number };
}

export interface RunningDashboard extends AsyncDisposable {
  readonly url: string;
  readonly healthUrl: string;
  /** What it has logged so far. */
  readonly log: readonly string[];
}

/** Starts a dashboard on free ports. `settings` are environment variables without their `MILLRACE_DASHBOARD__`. */
export async function startDashboard(
  { pg }: QuestdbAddresses,
  settings: Readonly<Record<string, string>> = {},
): Promise<RunningDashboard> {
  const { child, log } = spawnDashboard({ REFRESH_MS: '250', ACCESS__REQUESTS_PER_MINUTE: '100000', ...settings }, pg);
  const field = async (message: string, name: string): Promise<string> => {
    const line = await eventually(`"${message}" in its log: ${log.join('\n')}`, () =>
      log.map(text => JSON.parse(text) as Record<string, string>).find(({ msg }) => msg === message),
    );
    return String(line[name]);
  };
  return {
    url: await field('listening', 'url'),
    healthUrl: `http://127.0.0.1:${await field('starting', 'health')}`,
    log,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

/** For starts that are expected to fail: the exit code and what was logged. */
export async function failingDashboard(
  settings: Readonly<Record<string, string>>,
): Promise<{ code: number; log: string }> {
  const { child, log } = spawnDashboard(settings, { host: '127.0.0.1', port: 1 });
  await once(child, 'close');
  return { code: child.exitCode ?? -1, log: log.join('\n') };
}

function spawnDashboard(
  settings: Readonly<Record<string, string>>,
  pg: QuestdbAddresses['pg'],
): { child: ChildProcess; log: string[] } {
  const own = Object.entries({ PORT: '0', HEALTH__PORT: '0', ...settings });
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: import.meta.dirname,
    env: {
      PATH: process.env['PATH'],
      // Far from UTC, where a timestamp that was read as local time would show.
      TZ: 'America/New_York',
      MILLRACE_QUESTDB__PG_HOST: pg.host,
      MILLRACE_QUESTDB__PG_PORT: String(pg.port),
      ...Object.fromEntries(own.map(([key, value]) => [`MILLRACE_DASHBOARD__${key}`, value])),
    },
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  const log: string[] = [];
  createInterface({ input: child.stderr! }).on('line', line => log.push(line));
  return { child, log };
}

/** The tables as the sinks' migrations make them; nothing happens to those that are there. */
export async function createTables({ httpUrl }: QuestdbAddresses): Promise<void> {
  const migrations = new URL('../../sinks/migrations/', import.meta.url);
  for (const name of readdirSync(migrations).sort()) {
    for (const query of readFileSync(new URL(name, migrations), 'utf8').split(/;\s*\n/)) {
      if (query.trim() === '') continue;
      const response = await fetch(`${httpUrl}/exec?${new URLSearchParams({ query }).toString()}`);
      const text = await response.text();
      // Two test files at once: IF NOT EXISTS looks first, and then refuses the slower one.
      if (!response.ok && !/duplicate column|already exists/.test(text)) throw new Error(`${name}: ${text}`);
    }
  }
}

/** Writes lines of line protocol, timestamps in µs. */
export async function insert({ httpUrl }: QuestdbAddresses, ...lines: string[]): Promise<void> {
  const response = await fetch(`${httpUrl}/write?precision=u`, { method: 'POST', body: `${lines.join('\n')}\n` });
  if (response.status !== 204) throw new Error(await response.text());
}

export interface Reading {
  readonly gateway: string;
  readonly sensor?: string;
  /** Default 0, good. */
  readonly quality?: number;
  readonly value: number;
  /** Unix time, ms. */
  readonly at: number;
  readonly seq: number;
}

export function readingLine({ gateway, sensor = 'thermometer', quality = 0, value, at, seq }: Reading): string {
  const symbols = `site=hall,zone=roof,gateway=${gateway},sensor=${sensor},metric=temperature,unit=Cel,clock=SYNCED`;
  return `readings,${symbols} value=${value},quality=${quality}i,boot=1i,seq=${seq}i ${at * 1000}`;
}

/** What the series sink writes of a series of `readingLine`. */
export function seriesLine(gateway: string, intervalMs: number, sensor = 'thermometer'): string {
  const symbols = `site=hall,zone=roof,gateway=${gateway},sensor=${sensor},metric=temperature,unit=Cel`;
  const month = Date.UTC(new Date().getUTCFullYear(), new Date().getUTCMonth());
  return `series,${symbols} interval_ms=${intervalMs}i,lat=-36.85,lon=174.76 ${month * 1000}`;
}

/** The first answer that is neither false nor undefined. */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  withinMs = 60_000,
): Promise<T> {
  for (const deadline = Date.now() + withinMs; ; ) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await wait(50);
  }
}

export interface SentEvent {
  readonly name: string;
  readonly data: Record<string, unknown>;
}

/** The events of a live connection, until the signal. */
export async function* liveEvents(url: string, signal: AbortSignal): AsyncGenerator<SentEvent> {
  const response = await fetch(url, { signal });
  if (!response.ok || response.body === null) throw new Error(`${response.status}: ${await response.text()}`);
  let text = '';
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (text + piece).split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? [];
      if (name !== undefined && data !== undefined) yield { name, data: JSON.parse(data) as SentEvent['data'] };
    }
  }
}
