/** One case on stage: its gateways under load, its faults with the time to recover from each, and what became of every reading. */
import { setTimeout as wait } from 'node:timers/promises';
import { messageOf } from '@millrace/runtime/errors.ts';
import { newestSeq, reconcile, storedReadings, totalOf, wrongWindows } from './account.ts';
import type { Agent, City } from './city.ts';
import { type Recording, readingsOf, rowsFor, writeGateway } from './load.ts';

export interface Case {
  readonly name: string;
  /** For the table in the README. */
  readonly title: string;
  /** Kafka nodes it needs. */
  readonly kafkaNodes: 1 | 3;
  readonly diskMb?: { readonly kafka?: number; readonly questdb?: number };
  /** The load lasts as long, at least. */
  readonly seconds: number;
  /** Of the agents. */
  readonly edge?: object;
  readonly replay?: object;
  readonly agentEnv?: (city: City) => Record<string, string>;
  readonly run: (scene: Scene) => Promise<void>;
}

export interface Result {
  readonly name: string;
  readonly title: string;
  /** Faults injected. */
  readonly times: number;
  /** Readings taken by the gateways, all of them acknowledged to their sources. */
  readonly readings: number;
  readonly lost: number;
  readonly twice: number;
  /** The table's content is that of the recording: every time, sensor and value. */
  readonly sameReadings: boolean;
  /** Final windows that are not the recording's; null where the case has no recorded times. */
  readonly wrongWindows: number | null;
  /** `millrace reconcile` found everything explained. */
  readonly reconciled: boolean;
  /** From a fault's end, or from the kill, to a reading taken after it that can be queried; ms, one a fault, sorted. */
  readonly recoverMs: readonly number[];
  readonly seconds: number;
  /** What went wrong, in words. */
  readonly complaints: readonly string[];
}

export function isGood({ lost, twice, sameReadings, wrongWindows, reconciled, complaints }: Result): boolean {
  return (
    lost === 0 && twice === 0 && sameReadings && (wrongWindows ?? 0) === 0 && reconciled && complaints.length === 0
  );
}

const settleWithinMs = 240_000;

export class Scene {
  readonly city: City;
  readonly agents: readonly Agent[];
  readonly #recordings: readonly Recording[];
  readonly #recordedTimes: boolean;
  readonly #recoverMs: number[] = [];
  times = 0;

  private constructor(city: City, agents: readonly Agent[], recordings: readonly Recording[], recordedTimes: boolean) {
    this.city = city;
    this.agents = agents;
    this.#recordings = recordings;
    this.#recordedTimes = recordedTimes;
  }

  /** Plays the case from the first reading to the last word of the ledger. @param day tells its readings from other cases'. */
  static async play(city: City, one: Case, day: number): Promise<Result> {
    const startedAt = performance.now();
    const recordings = ['a', 'b'].map(letter => ({
      gateway: `${one.name}-${letter}`,
      startMs: Date.UTC(2026, 0, 1 + day),
      rows: rowsFor(one.seconds),
    }));
    const agents = await Promise.all(
      recordings.map(recording =>
        city.agent(
          writeGateway(city.home, recording, one.edge, one.replay),
          recording.gateway,
          one.agentEnv?.(city) ?? {},
        ),
      ),
    );
    const recordedTimes = !(one.replay && 'as' in one.replay && one.replay.as === 'now');
    const scene = new Scene(city, agents, recordings, recordedTimes);
    const complaints: string[] = [];
    try {
      await Promise.all(agents.map(({ child }) => child.start()));
      await scene.flows();
      await one.run(scene);
      await scene.#settled();
    } catch (error) {
      complaints.push(wordsOf(error));
    }
    const account = await scene.#account(complaints);
    await Promise.all(agents.map(({ child }) => child.stop()));
    return {
      name: one.name,
      title: one.title,
      times: scene.times,
      readings: totalOf(recordings),
      ...account,
      recoverMs: scene.#recoverMs.map(Math.round).toSorted((a, b) => a - b),
      seconds: Math.round((performance.now() - startedAt) / 1000),
      complaints,
    };
  }

  /** Waits until readings of every gateway, taken from now on, can be queried. */
  async flows(withinMs = 120_000): Promise<void> {
    const taken = await this.#taken();
    await this.#storedAfter(taken, withinMs);
  }

  /**
   * One fault under load. The clock of the recovery starts when `cause` has resolved (the process is dead, the outage is
   * over) and stops when of every gateway a reading taken after that can be queried; `repair` runs meanwhile.
   */
  async fault(
    cause: () => Promise<unknown>,
    repair: () => Promise<unknown> = async () => {},
    withinMs = 120_000,
  ): Promise<void> {
    const before = await this.#taken();
    await cause();
    const from = performance.now();
    this.times += 1;
    const after = await this.#taken();
    const taken = after.map((seq, i) => Math.max(seq, before[i]!));
    await Promise.all([repair(), this.#storedAfter(taken, withinMs)]);
    this.#recoverMs.push(performance.now() - from);
  }

  /** The agents' highest sequence numbers; −1 where one does not answer. */
  #taken(): Promise<number[]> {
    return Promise.all(this.agents.map(async ({ metrics }) => (await metrics())?.get('millrace_edge_last_seq') ?? -1));
  }

  async #storedAfter(taken: readonly number[], withinMs: number): Promise<void> {
    await Promise.all(
      this.#recordings.map((recording, i) =>
        until(`${recording.gateway} flows again`, withinMs, 50, async () => {
          const seq = await newestSeq(this.city, recording, this.#recordedTimes);
          return seq > taken[i]! || seq === readingsOf(recording) - 1;
        }),
      ),
    );
  }

  /** Every reading of the recordings has been taken and has its PUBACK; rows and windows are there. */
  async #settled(): Promise<void> {
    for (const [i, recording] of this.#recordings.entries()) {
      await until(`${recording.gateway} has sent its recording`, settleWithinMs, 200, async () => {
        const metrics = await this.agents[i]!.metrics();
        return (
          metrics?.get('millrace_edge_last_seq') === readingsOf(recording) - 1 && metrics.get('millrace_lag') === 0
        );
      });
      await until(`${recording.gateway} is stored`, settleWithinMs, 200, async () => {
        const { lost } = await storedReadings(this.city, recording, this.#recordedTimes);
        return lost === 0;
      });
      if (this.#recordedTimes)
        await until(`windows of ${recording.gateway} are right`, settleWithinMs, 500, async () => {
          const { wrong } = await wrongWindows(this.city, recording);
          return wrong === 0;
        });
    }
  }

  async #account(
    complaints: string[],
  ): Promise<Pick<Result, 'lost' | 'twice' | 'sameReadings' | 'wrongWindows' | 'reconciled'>> {
    let [lost, twice, wrong] = [0, 0, 0];
    let [sameReadings, reconciled] = [true, true];
    for (const recording of this.#recordings) {
      const stored = await storedReadings(this.city, recording, this.#recordedTimes);
      lost += stored.lost;
      twice += stored.twice;
      sameReadings &&= stored.same;
      if (!stored.same) complaints.push(`${recording.gateway}: the table is not the recording`);
      if (this.#recordedTimes) wrong += (await wrongWindows(this.city, recording)).wrong;
      const { ok, said } = await reconcile(this.city, recording.gateway);
      reconciled &&= ok;
      if (!ok) complaints.push(said);
    }
    return { lost, twice, sameReadings, wrongWindows: this.#recordedTimes ? wrong : null, reconciled };
  }
}

function wordsOf(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? ` (${messageOf(error.cause)})` : '';
  return messageOf(error) + cause;
}

export async function until(
  what: string,
  withinMs: number,
  everyMs: number,
  condition: () => Promise<boolean>,
): Promise<void> {
  let last: unknown;
  for (const deadline = performance.now() + withinMs; performance.now() < deadline; await wait(everyMs)) {
    try {
      if (await condition()) return;
      last = undefined;
    } catch (error) {
      last = error; // A server that is away is what these tests are about.
    }
  }
  throw new Error(`not within ${withinMs / 1000} s: ${what}`, { cause: last });
}
