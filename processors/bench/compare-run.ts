/** One run of one contestant, watched from outside: what its group has committed, and what its process has used. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { TransientError } from '@millrace/runtime/errors.ts';
import { readTopicToEnd } from '@millrace/runtime/kafka/read-to-end.ts';
import type { Admin } from '@millrace/runtime/kafka/types.ts';
import type { Contestant, Prepared, Result } from './compare-contestants.ts';
import type { Lab } from './compare-lab.ts';
import { cpuUsOf, peakMbOf } from './compare-proc.ts';
import type { Expected } from './compare-workload.ts';

export interface Figures {
  /** Under load: between the first commit past a quarter of the input and the last one that left some of it. */
  readonly perSecond: number;
  /** From that first commit to the one that reaches the end, with the wait for it. */
  readonly perSecondToEnd: number;
  /** User and system, all threads, in the stretch of `perSecond`, µs a reading. */
  readonly cpuUs: number;
  /** The same of the broker. */
  readonly brokerCpuUs: number;
  /** Largest resident size of the process's life. */
  readonly peakMb: number;
  /**
   * Too few commits for a stretch under load: `perSecond` holds the wait for the last one too, and where even that leaves
   * less than a fifth of the input, the start of the process. Give more readings.
   */
  readonly rough: boolean;
}

/** A commit as it was seen; `share` of the input that is behind it. */
interface Sighting {
  readonly atMs: number;
  readonly share: number;
  readonly cpuUs: number;
  readonly brokerCpuUs: number;
}

/** Compilers are warm, caches and stores are in use: counted from here on. */
const warmShare = 0.25;
/** A stretch shorter than both is two commits and chance. */
const leastShare = 0.2;
const leastMs = 500;
const runWithinMs = 240_000;
const rightWithinMs = 20_000;
const endWithinMs = 15_000;
/** 8 % of a core went into looking every 10 ms. */
const lookEveryMs = 25;

/**
 * Starts the contestant on topics of its own, waits until its group has committed the whole input, and compares every
 * window with what was generated.
 * @throws {TransientError} when it ended by itself, was not done in time, or its results are wrong.
 */
export async function run(lab: Lab, contestant: Contestant, name: string, signal: AbortSignal): Promise<Figures> {
  const directory = join(lab.home, name);
  const prefix = `${name}.`;
  try {
    mkdirSync(directory, { recursive: true });
    // Of this run alone: kafkajs goes on asking for every topic it has heard of, deleted or not.
    await using admin = await lab.kafka.openAdmin();
    const prepared = await contestant.prepare(lab, admin, prefix, directory);
    await using child = start(lab, prepared, directory);
    const sightings = await watch(lab, admin, prepared, child, signal);
    await isRight(lab, prepared, signal);
    return figuresOf(sightings, contestant.commitMs, lab.workload.readings, peakMbOf(child.pid));
  } finally {
    await lab.clean(prefix);
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Running extends AsyncDisposable {
  readonly pid: number;
  /** Throws with the last lines of its log when it has ended. */
  check(): void;
}

function start(lab: Lab, { command, args }: Prepared, directory: string): Running {
  const logPath = join(directory, 'log');
  const log = openSync(logPath, 'a');
  const inherited = Object.entries(process.env).filter(([variable]) => !variable.startsWith('MILLRACE_'));
  const child = spawn(command, args, {
    cwd: directory,
    env: Object.fromEntries(inherited),
    detached: true,
    stdio: ['ignore', log, log],
  });
  const { pid } = child;
  if (pid === undefined) throw new TransientError(`${command} cannot be started`);
  lab.lifeline.add(pid);
  const exited = once(child, 'exit');
  return {
    pid,
    check() {
      if (child.exitCode === null && child.signalCode === null) return;
      const said = readFileSync(logPath, 'utf8').slice(-2000);
      throw new TransientError(`it ended by itself (${child.signalCode ?? child.exitCode}) and said last:\n${said}`);
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), endWithinMs);
      if (child.exitCode === null && child.signalCode === null) await exited;
      clearTimeout(timer);
      lab.lifeline.remove(pid);
    },
  };
}

async function watch(
  lab: Lab,
  admin: Admin,
  { groupId, input }: Prepared,
  child: Running,
  signal: AbortSignal,
): Promise<Sighting[]> {
  const ends = await admin.endOffsets(input);
  const total = Number(ends.reduce((sum, end) => sum + end, 0n));
  const deadline = performance.now() + runWithinMs;
  const look = (share: number): Sighting => ({
    atMs: performance.now(),
    share,
    cpuUs: cpuUsOf(child.pid),
    brokerCpuUs: cpuUsOf(lab.brokerPid),
  });
  const sightings = [look(0)];
  for (let last = 0; last < total; ) {
    signal.throwIfAborted();
    child.check();
    const committed = (await admin.committedOffsets(groupId, input)).reduce((sum, at) => sum + Number(at ?? 0n), 0);
    if (committed > last) sightings.push(look(committed / total));
    last = committed;
    if (performance.now() > deadline)
      throw new TransientError(`it was not done within ${runWithinMs / 1000} s: ${last} of ${total} records committed`);
    await wait(lookEveryMs);
  }
  return sightings;
}

/** @param all the sightings, the first of them of the start. */
function figuresOf(all: readonly Sighting[], commitMs: number, readings: number, peakMb: number): Figures {
  // Partitions commit one after the other, each what was computed before: only the last of such a series tells a rate.
  const sightings = all.filter((one, i) => i === 0 || !((all[i + 1]?.atMs ?? Infinity) - one.atMs < commitMs / 2));
  const [start, end] = [sightings[0]!, sightings.at(-1)!];
  const from = sightings.find(({ share }) => share >= warmShare)!;
  const loaded = sightings.findLast(({ share }) => share < 1)!;
  const rate = (a: Sighting, b: Sighting): number => ((b.share - a.share) * readings * 1000) / (b.atMs - a.atMs);
  const enough = (a: Sighting, b: Sighting): boolean => b.share - a.share >= leastShare && b.atMs - a.atMs >= leastMs;
  const rough = !enough(from, loaded);
  const whole = enough(from, end) ? from : start;
  const [first, last] = rough ? [whole, end] : [from, loaded];
  const counted = (last.share - first.share) * readings;
  return {
    perSecond: rate(first, last),
    perSecondToEnd: rate(whole, end),
    cpuUs: (last.cpuUs - first.cpuUs) / counted,
    brokerCpuUs: (last.brokerCpuUs - first.brokerCpuUs) / counted,
    peakMb,
    rough,
  };
}

/** Early results may be paced: the newest ones are waited for. */
async function isRight(lab: Lab, { output, read }: Prepared, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + rightWithinMs;
  for (;;) {
    const results = new Map<string, Result>();
    await readTopicToEnd(lab.kafka, output, { signal, deadlineMs: 60_000 }, record => read(record, results));
    const wrong = firstWrong(lab.workload.expected, results);
    if (wrong === undefined) return;
    if (performance.now() > deadline) throw new TransientError(`its results are wrong: ${wrong}`);
    await wait(200);
  }
}

function firstWrong(expected: ReadonlyMap<string, Expected>, results: ReadonlyMap<string, Result>): string | undefined {
  if (results.size !== expected.size) return `${results.size} windows, not ${expected.size}`;
  for (const [key, { count, sum, min, max, sumOfSquares }] of expected) {
    const result = results.get(key);
    if (result === undefined) return `${key} is missing`;
    const variance = (sumOfSquares - sum ** 2 / count) / (count - 1);
    const right =
      result.count === count &&
      close(result.sum, sum) &&
      result.min === min &&
      result.max === max &&
      close(result.mean, sum / count) &&
      (count === 1 || close(result.variance, variance));
    if (!right)
      return `${key} is ${JSON.stringify(result)}, not ${JSON.stringify({ count, sum, min, max, mean: sum / count, variance })}`;
  }
  return undefined;
}

/** Both sides add doubles in the order of time; the deviation's sum loses the most. */
function close(a: number, b: number): boolean {
  return Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b));
}
