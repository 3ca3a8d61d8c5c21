import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TransientError } from '@millrace/runtime/errors.ts';
import type { ChildSpec } from './child.ts';
import { type Java, serverEnv } from './java.ts';
import { ClassArchive, type Jit, jvmFlags } from './jvm.ts';
import { javaProperties } from './properties.ts';
import { versions } from './versions.ts';

export interface QuestdbPlan {
  readonly home: string;
  readonly java: Java;
  readonly env: NodeJS.ProcessEnv;
  readonly jars: string;
  readonly archives: string;
  /** All on 127.0.0.1. `health` also serves Prometheus metrics. */
  readonly ports: { readonly http: number; readonly pg: number; readonly health: number };
  /** One account for HTTP (basic) and PostgreSQL; without it HTTP is open and PostgreSQL has QuestDB's own default. */
  readonly account?: { readonly user: string; readonly password: string } | undefined;
  readonly heapMb: number;
  readonly jit: Jit;
}

/** What QuestDB takes on its PostgreSQL port when no account is set. */
export const defaultPgAccount = { user: 'admin', password: 'quest' } as const;

/** Writes the configuration; starts nothing. */
export function prepareQuestdb(plan: QuestdbPlan): ChildSpec {
  const directory = join(plan.home, 'questdb');
  mkdirSync(join(directory, 'conf'), { recursive: true, mode: 0o700 });
  // Secrets go into a file that only its owner reads, never on a command line, where every user of the machine sees them.
  writeFileSync(join(directory, 'conf', 'server.conf'), serverConf(plan), { mode: 0o600 });
  const archive = new ClassArchive(plan.archives, 'questdb', plan.java);
  const url = `http://127.0.0.1:${plan.ports.http}/exec?query=${encodeURIComponent('select 1')}`;
  const headers: Record<string, string> = plan.account ? { authorization: basic(plan.account) } : {};
  return {
    name: 'questdb',
    command: plan.java.command,
    args: () => [
      ...jvmFlags(plan),
      ...archive.flags(),
      '-p',
      join(plan.jars, `questdb-${versions.questdb}.jar`),
      '-m',
      'io.questdb/io.questdb.ServerMain',
      '-d',
      directory,
    ],
    // At its default level QuestDB logs each request.
    env: { ...serverEnv(plan.env), QDB_LOG_W_STDOUT_LEVEL: 'ERROR,CRITICAL' },
    directory,
    logPath: join(plan.home, 'logs', 'questdb.log'),
    probe: async () => {
      const response = await fetch(url, { headers, signal: AbortSignal.timeout(2_000) });
      const answer = await response.text();
      if (!response.ok) throw new TransientError(`QuestDB answered ${response.status}: ${answer.slice(0, 200)}`);
    },
    readyWithinMs: 90_000,
    stopWithinMs: 8_000,
    onEnded: orderly => archive.settle(orderly),
  };
}

export function basic({ user, password }: { user: string; password: string }): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

function serverConf({ ports, account }: QuestdbPlan): string {
  const pg = account ?? defaultPgAccount;
  const conf = {
    'http.bind.to': `127.0.0.1:${ports.http}`,
    'http.min.net.bind.to': `127.0.0.1:${ports.health}`,
    'pg.net.bind.to': `127.0.0.1:${ports.pg}`,
    'line.tcp.enabled': false,
    'metrics.enabled': true,
    'telemetry.enabled': false,
    'http.health.check.authentication.required': false,
    ...(account ? { 'http.user': account.user, 'http.password': account.password } : {}),
    'pg.user': pg.user,
    'pg.password': pg.password,
    // Tables that QuestDB makes by itself have no DEDUP keys and name the time column `timestamp`.
    'line.auto.create.new.tables': false,
    'line.auto.create.new.columns': false,
    // At the default of 16 MiB a column, 300 small tables took 20 GB of disk.
    'cairo.writer.data.append.page.size': '1M',
  };
  return javaProperties(conf);
}
