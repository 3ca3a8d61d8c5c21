/** A bridge in a process of its own, to be frozen, killed and measured. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface BridgeProcess extends AsyncDisposable {
  readonly port: number;
  readonly process: ChildProcess;
  readonly log: readonly string[];
  readonly residentBytes: number;
  ready(): Promise<{ readonly status: number; readonly body: string }>;
  /** One value of `/metrics`; 0 when there is none. */
  metric(name: string): Promise<number>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

/** @param settings as in the environment, without `MILLRACE_`. */
export async function startBridge(settings: Readonly<Record<string, string>>): Promise<BridgeProcess> {
  const env = Object.fromEntries(Object.entries(settings).map(([key, value]) => [`MILLRACE_${key}`, value]));
  const child = spawn(
    process.execPath,
    ['--disable-warning=TimeoutNegativeWarning', join(import.meta.dirname, 'main.ts')],
    {
      env: { ...process.env, MILLRACE_BRIDGE__MQTT__PORT: '0', MILLRACE_BRIDGE__HEALTH__PORT: '0', ...env },
      stdio: ['ignore', 'inherit', 'pipe'],
    },
  );
  const log: string[] = [];
  const listening = Promise.withResolvers<{ port: number; health: number }>();
  let health = 0;
  createInterface(child.stderr).on('line', line => {
    log.push(line);
    if (!line.startsWith('{')) return;
    const said = JSON.parse(line) as { health?: number; mqtt?: string };
    health = said.health ?? health;
    if (said.mqtt) listening.resolve({ port: Number(new URL(said.mqtt).port), health });
  });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  void exited.then(() => listening.reject(new Error(`the bridge ended before it listened:\n${log.join('\n')}`)));
  const { port } = await listening.promise;
  const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${health}${path}`);
  return {
    port,
    process: child,
    log,
    get residentBytes() {
      const [, kB] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
      return Number(kB) * 1024;
    },
    async ready() {
      const answer = await get('/readyz');
      return { status: answer.status, body: await answer.text() };
    },
    async metric(name) {
      const lines = (await (await get('/metrics')).text()).split('\n').filter(line => line.startsWith(`${name}{`));
      return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    },
    async stop() {
      child.kill('SIGTERM');
      const [code] = await exited;
      return code;
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await exited;
    },
  };
}
