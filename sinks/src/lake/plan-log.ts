/**
 * What a Kafka partition does to the lake, one plan after the other, each written down before it is carried out: a
 * plan's name is its number, and of two processes that both hold the partition for theirs one gets the name.
 */
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import { FencedError, InvariantError } from '@millrace/runtime/errors.ts';
import { logOf, planName, planNumber } from './names.ts';
import type { ObjectStore } from './objects.ts';
import type { StoredSeen } from './seen.ts';

/** Files of the readings in this range of offsets that had not been seen before. */
interface Append {
  readonly kind: 'append';
  readonly first: string;
  readonly last: string;
  /** As it was configured: it decides where rows go, and a plan that is carried out twice must do the same twice. */
  readonly maxAgeDays: number;
}

/** The readings of several files in one, and these removed. */
export interface Compact {
  readonly kind: 'compact';
  readonly sources: readonly string[];
  readonly target: string;
}

/** Where the partition stands once the plan is carried out. */
export interface Standing {
  /** Next offset to take. */
  readonly next: bigint;
  readonly seen: StoredSeen;
  /** Folders with files that may be compacted: how many, and when the last one came, in milliseconds since the Unix epoch. */
  readonly folders: ReadonlyMap<string, readonly [files: number, atMs: number]>;
}

export interface Plan extends Standing {
  readonly number: number;
  readonly work: Append | Compact;
}

/** Plans that are kept, for whoever looks. Needed are the newest two. */
const kept = 16;
const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

export class PlanLog {
  readonly #store: ObjectStore;
  readonly #source: string;
  readonly #writer: string;
  #newest: number;

  /**
   * @returns the log, its newest plan, and the one before, as far as there are any.
   * @param writer a name that nobody else has.
   * @throws {TransientError}
   */
  static async open(
    store: ObjectStore,
    source: string,
    writer: string,
  ): Promise<{ log: PlanLog; newest: Plan | undefined; before: Plan | undefined }> {
    const newest = Math.max(0, ...(await numbersOf(store, source)));
    const log = new PlanLog(store, source, writer, newest);
    const [last, before] = await Promise.all([newest, newest - 1].map(number => log.#read(number)));
    if (newest > 0 && last === undefined) throw new InvariantError(`${planName(source, newest)} was there and is gone`);
    return { log, newest: last, before };
  }

  private constructor(store: ObjectStore, source: string, writer: string, newest: number) {
    this.#store = store;
    this.#source = source;
    this.#writer = writer;
    this.#newest = newest;
  }

  /** Number of the plan that comes next. */
  get next(): number {
    return this.#newest + 1;
  }

  /**
   * Writes the next plan down. It is the newest one then, and the one before it has been carried out.
   * @throws {FencedError} somebody else has written it, or has gone on since. @throws {TransientError} the outcome is not
   * known; the same plan may be given again.
   */
  async append(plan: Plan): Promise<void> {
    const name = planName(this.#source, plan.number);
    const bytes = await encodePlan(plan, this.#writer);
    if (!(await this.#store.create(name, bytes))) {
      // Ours, when an answer was lost.
      const there = await this.#store.read(name);
      if (there === undefined || !bytes.equals(there)) throw new FencedError(`${name} was written by another process`);
    }
    this.#newest = plan.number;
    await this.verify();
  }

  /**
   * Old plans are removed, so that their names could be taken a second time, by a process that slept meanwhile: the newest
   * ones are always there to be seen.
   * @throws {FencedError} there is a newer one than ours.
   */
  async verify(): Promise<void> {
    const numbers = await numbersOf(this.#store, this.#source);
    const newest = Math.max(0, ...numbers);
    if (newest !== this.#newest)
      throw new FencedError(`${planName(this.#source, newest)} was written by another process`);
    const old = numbers.filter(number => number <= newest - kept);
    if (old.length > 0) await this.#store.remove(old.map(number => planName(this.#source, number)));
  }

  async #read(number: number): Promise<Plan | undefined> {
    const bytes = number < 1 ? undefined : await this.#store.read(planName(this.#source, number));
    return bytes === undefined ? undefined : decodePlan(bytes);
  }
}

async function numbersOf(store: ObjectStore, source: string): Promise<readonly number[]> {
  const names = await store.list(logOf(source));
  return names.map(planNumber).filter(number => number !== undefined);
}

async function encodePlan({ next, folders, ...plan }: Plan, writer: string): Promise<Buffer> {
  const stored = { version: 1, writer, ...plan, next: String(next), folders: Object.fromEntries(folders) };
  return compress(JSON.stringify(stored));
}

async function decodePlan(bytes: Uint8Array): Promise<Plan> {
  const { version, next, folders, ...plan } = JSON.parse((await decompress(bytes)).toString());
  if (version !== 1) throw new InvariantError(`a plan of version ${version}: the lake was written by a newer release`);
  return { ...plan, next: BigInt(next), folders: new Map(Object.entries(folders)) } as Plan;
}
