/**
 * Kills a process that appends to an outbox, again and again at random moments, and counts what became of its readings.
 *
 *   node edge/test/kills.ts [--kills 200]     prints { kills, resolved, lost, doubled, holes } as JSON; 1 when one is lost
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openLog } from '@millrace/runtime/log.ts';
import { Clock, decodeBatch } from '@millrace/wire/batch.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import { type OutboxOptions, openOutbox } from '../src/outbox/outbox.ts';
import type { DropPolicy } from '../src/outbox/victims.ts';

const appender = fileURLToPath(import.meta.resolve('./appender.ts'));

export interface KillsResult {
  readonly kills: number;
  /** Readings whose append had resolved, by the word of the process that was killed. */
  readonly resolved: number;
  /** Of them, those that are neither in the outbox nor acknowledged nor in a dropped range. */
  readonly lost: number;
  /** Sequence numbers that two batches have, or a batch and a dropped range; readings that two sequence numbers have. */
  readonly doubled: number;
  /** Sequence numbers below the last one of which nothing is known. */
  readonly holes: number;
  /** Given up by the policy, and said. */
  readonly dropped: number;
  /** Batches that may have been published and had other bytes after a kill. */
  readonly changed: number;
}

const noKills: KillsResult = { kills: 0, resolved: 0, lost: 0, doubled: 0, holes: 0, dropped: 0, changed: 0 };

/** Kills so often under each of the policies, each with an outbox of its own; the sums. */
export async function countKills(kills: number, environment: NodeJS.ProcessEnv): Promise<KillsResult> {
  const home = mkdtempSync(join(tmpdir(), 'millrace-kills-'));
  try {
    const sum: Record<string, number> = { ...noKills };
    const policies = ['refuse', 'oldest', 'lowest-priority'] as const;
    for (const [i, policy] of policies.entries()) {
      const share = Math.floor((kills + i) / policies.length);
      const result = await killUnder(policy, share, join(home, `${policy}.db`), environment);
      for (const [key, count] of Object.entries(result)) sum[key]! += count as number;
    }
    return sum as unknown as KillsResult;
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

async function killUnder(
  policy: DropPolicy,
  kills: number,
  path: string,
  environment: NodeJS.ProcessEnv,
): Promise<KillsResult> {
  let result = noKills;
  /** By sequence number: acknowledged here, or said to be dropped by a batch that was acknowledged here. */
  const settled = new Set<number>();
  let droppedBefore = 0;
  const sealed = new Map<number, string>();
  for (let kill = 1; kill <= kills; kill++) {
    const resolved = Math.max(result.resolved, await runAndKill(path, policy, environment));
    await using outbox = openOutbox(optionsAt(path));
    const taken = outbox.level.lastSeq + 1;
    const times = new Uint8Array(taken);
    for (const seq of settled) times[seq]! += 1;
    const values = new Set<number>();
    let { changed } = result;
    let twice = 0;
    let dropped = droppedBefore;
    for (const stored of outbox.page(-1, 1_000_000)) {
      const { firstSeq, value, dropped: ranges } = decodeBatch(stored.bytes);
      const here = value.map((_, i) => firstSeq + i);
      const gone = ranges.flatMap(range =>
        Array.from({ length: range.lastSeq - range.firstSeq + 1 }, (_, i) => range.firstSeq + i),
      );
      for (const one of value) {
        if (values.has(one)) twice += 1;
        values.add(one);
      }
      for (const seq of [...here, ...gone]) times[seq]! += 1;
      dropped += gone.length;
      const text = Buffer.from(stored.bytes).toString('base64');
      if ((sealed.get(stored.id) ?? text) !== text) changed += 1;
      if (stored.published === 0) continue;
      // Only what may be published has to keep its bytes.
      sealed.set(stored.id, text);
      if (Math.random() < 0.5) continue;
      outbox.acknowledge(stored);
      for (const seq of [...here, ...gone]) settled.add(seq);
      droppedBefore += gone.length;
    }
    const holes = times.filter(count => count === 0).length;
    const doubled = twice + times.filter(count => count > 1).length;
    // Each value has the next sequence number of its append: what was resolved was numbered, or is lost.
    const lost = Math.max(0, resolved - taken) + Math.abs(Number(outbox.cursor('s')) - taken);
    result = { kills: kill, resolved, lost, doubled, holes, dropped, changed };
    if (isBad(result)) break;
  }
  return result;
}

function optionsAt(path: string): OutboxOptions {
  return {
    path,
    origin: { gateway: 'gw-1' as GatewayId, site: '', zone: '', clock: Clock.SYNCED },
    sources: ['s'],
    maxBytes: 1 << 30,
    maxAgeMs: 0,
    minFreeBytes: 0,
    dropPolicy: 'refuse',
    groupCommitMs: 1,
    groupCommitReadings: 50,
    log: openLog('kills', 'silent'),
  };
}

export function isBad({ lost, doubled, holes, changed }: KillsResult): boolean {
  return lost + doubled + holes + changed > 0;
}

/** Runs the appender until it is killed at some moment after its first append; the readings on disk by its word. */
async function runAndKill(path: string, policy: DropPolicy, environment: NodeJS.ProcessEnv): Promise<number> {
  const child = spawn(process.execPath, [appender, path, policy], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  await once(child.stdout, 'data');
  await wait(Math.random() * 60);
  child.kill('SIGKILL');
  await once(child, 'close');
  return Number(said.slice(0, said.lastIndexOf('\n')).split('\n').at(-1));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { kills: { type: 'string', default: '200' } } });
  const result = await countKills(Number(values.kills), process.env);
  process.stdout.write(`${JSON.stringify(result)}\n`);
  process.exitCode = isBad(result) ? 1 : 0;
}
