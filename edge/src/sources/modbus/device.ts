/**
 * One device: what is asked of it, and what was learnt about what it does not answer.
 *
 *   answering ── a round without any answer ──▶ silent ── any answer ──▶ answering
 *                                                └── asked again after a pause that doubles, so that the others have the line
 */
import { backoffMs } from '@millrace/runtime/retry.ts';
import type { Reading } from '../../reading.ts';
import type { RunContext, Trouble } from '../source.ts';
import { type Block, halves, planBlocks } from './blocks.ts';
import type { DeviceConfig, ModbusConfig, Register } from './config.ts';
import { decodeRaw, scaled } from './decode.ts';
import type { Answer, Line } from './line.ts';

export interface Fault {
  readonly trouble: Trouble;
  readonly why: string;
}

export interface Round {
  readonly readings: readonly Reading[];
  readonly fault?: Fault;
  /** Undefined: it was not asked. */
  readonly answered?: boolean;
}

type Timed = Register & { readonly intervalMs: number };

/** What one round gathers. */
interface Gathered {
  readonly readings: Reading[];
  readonly garbage: string[];
  readonly late: string[];
  readonly silences: string[];
  answers: number;
  splits: number;
}

type Asking = Pick<RunContext, 'nowUs' | 'signal'> & { readonly line: Line };

/** Splits in one round, so that a device that refuses everything does not keep the line for minutes. */
const maxSplits = 32;
/** One block may be met with silence; a device that is silent twice in a round is not asked for more. */
const maxSilences = 2;
const maxPauseMs = 30_000;
/** What a device refuses is tried again after so long: it may have been given another program. */
const relearnMs = 600_000;

export class Device {
  readonly sensor: string;
  readonly #unitId: number;
  readonly #registers: readonly Timed[];
  readonly #maxGap: number;
  readonly #timeoutMs: number;
  /** Why each is refused. */
  readonly #refused = new Map<Timed, string>();
  /** Registers that begin a block. */
  readonly #cuts = new Set<Timed>();
  #learntMs = 0;
  #silentRounds = 0;
  #askAgainMs = 0;

  constructor(config: DeviceConfig, line: Pick<ModbusConfig, 'intervalMs' | 'maxGap' | 'timeoutMs'>) {
    this.sensor = config.sensor;
    this.#unitId = config.unitId;
    this.#registers = config.registers.map(one => ({ ...one, intervalMs: one.intervalMs ?? line.intervalMs }));
    this.#maxGap = line.maxGap;
    this.#timeoutMs = line.timeoutMs;
  }

  get intervalsMs(): readonly number[] {
    return this.#registers.map(({ intervalMs }) => intervalMs);
  }

  /** As if it had never been asked: it may be another one, or restarted. */
  forget(): void {
    this.#refused.clear();
    this.#cuts.clear();
    this.#silentRounds = 0;
    this.#askAgainMs = 0;
  }

  /** Reads the registers of these intervals. @throws {LineLost} */
  async read(due: ReadonlySet<number>, asking: Asking): Promise<Round> {
    const wanted = this.#registers.filter(({ intervalMs }) => due.has(intervalMs));
    if (wanted.length === 0 || performance.now() < this.#askAgainMs) return { readings: [] };
    if (this.#refused.size + this.#cuts.size > 0 && performance.now() - this.#learntMs > relearnMs) {
      this.#refused.clear();
      this.#cuts.clear();
    }
    const blocks = planBlocks(
      wanted.filter(register => !this.#refused.has(register)),
      { maxGap: this.#maxGap, refused: this.#refused.keys(), cuts: this.#cuts },
    );
    const gathered: Gathered = { readings: [], garbage: [], late: [], silences: [], answers: 0, splits: 0 };
    const known = wanted.filter(register => this.#refused.has(register));
    gathered.garbage.push(...known.map(register => this.#refused.get(register)!));
    for (const block of blocks) {
      await this.#readBlock(block, gathered, asking);
      if (gathered.silences.length >= maxSilences) break;
    }
    return this.#concluded(gathered, blocks.length);
  }

  #concluded({ readings, garbage, late, silences, answers }: Gathered, asked: number): Round {
    if (answers === 0 && silences.length > 0) {
      this.#askAgainMs = performance.now() + backoffMs(this.#silentRounds, this.#timeoutMs, maxPauseMs);
      this.#silentRounds += 1;
      return { readings, answered: false, fault: { trouble: 'absent', why: silences[0]! } };
    }
    // It was away, so it may have been given another program.
    if (this.#silentRounds > 0) this.forget();
    const found = garbage.length > 0 ? garbage : [...silences, ...late];
    const more = found.length > 1 ? ` (and ${found.length - 1} more)` : '';
    return {
      readings,
      ...(asked > 0 && { answered: true }),
      ...(found.length > 0 && {
        fault: { trouble: garbage.length > 0 ? 'garbage' : 'late', why: `${found[0]}${more}` },
      }),
    };
  }

  async #readBlock(block: Block<Timed>, gathered: Gathered, asking: Asking): Promise<void> {
    const answer = await asking.line.read(this.#unitId, block, asking.signal);
    const place = `${block.kind} ${block.address}${block.count > 1 ? `–${block.address + block.count - 1}` : ''}`;
    // 10 and 11 are a gateway's words for a device it cannot reach.
    if (answer.is === 'silence' || (answer.is === 'exception' && (answer.code === 10 || answer.code === 11))) {
      gathered.silences.push(`unit ${this.#unitId}, ${place}: ${answer.why}`);
      return;
    }
    gathered.answers += 1;
    if (answer.is === 'data') this.#take(block, answer, gathered, asking.nowUs());
    else if (answer.is === 'garbled') gathered.garbage.push(`${place}: ${answer.why}`);
    // 2: illegal data address; 3: more than this device gives at once.
    else if (answer.code === 2 || answer.code === 3) await this.#split(block, answer.why, gathered, asking);
    else if (answer.code === 1) for (const register of block.registers) this.#refuse(register, answer.why, gathered);
    // 5 and 6: it is busy, and will answer later.
    else if (answer.code === 5 || answer.code === 6) gathered.late.push(`${place}: ${answer.why}`);
    else gathered.garbage.push(`${place}: ${answer.why}`);
  }

  /** Finds out which register of a block is refused, so that the others are read. */
  async #split(block: Block<Timed>, why: string, gathered: Gathered, asking: Asking): Promise<void> {
    const parts = halves(block);
    if (parts === undefined) return this.#refuse(block.registers[0]!, why, gathered);
    if (gathered.splits >= maxSplits) return void gathered.garbage.push(`${block.kind} ${block.address}…: ${why}`);
    gathered.splits += 1;
    const learnt = this.#refused.size + this.#cuts.size;
    const unread = gathered.garbage.length + gathered.silences.length;
    for (const part of parts) await this.#readBlock(part, gathered, asking);
    const isExplained = this.#refused.size + this.#cuts.size > learnt;
    if (isExplained || gathered.garbage.length + gathered.silences.length > unread) return;
    // Each half alone is fine: what lies between is refused, or the two together are too much.
    this.#cuts.add(parts[1].registers[0]!);
    this.#learntMs = performance.now();
  }

  #refuse(register: Timed, why: string, gathered: Gathered): void {
    const fault = `${register.metric} (${register.kind} ${register.address}): ${why}`;
    this.#refused.set(register, fault);
    this.#learntMs = performance.now();
    gathered.garbage.push(fault);
  }

  #take(block: Block<Timed>, answer: Answer & { is: 'data' }, gathered: Gathered, timeUs: number): void {
    const { bytes, tookMs } = answer;
    if (tookMs > this.#timeoutMs / 2)
      gathered.late.push(`answers after ${Math.round(tookMs)} ms; after ${this.#timeoutMs} ms it would be absent`);
    for (const register of block.registers) {
      const { metric, unit, intervalMs } = register;
      const value = valueOf(register, bytes, register.address - block.address);
      if (typeof value === 'string')
        gathered.garbage.push(`${metric} (${register.kind} ${register.address}): ${value}`);
      else gathered.readings.push({ sensor: this.sensor, metric, unit, value, timeUs, intervalMs });
    }
  }
}

/** The value, or a sentence that says why there is none. */
function valueOf(register: Register, bytes: Buffer, index: number): number | string {
  const { kind, type, invalid } = register;
  const isBit = kind === 'coil' || kind === 'discrete';
  // Eight to a byte, the lowest bit first (V1.1b3 § 6.1).
  const raw = isBit ? (bytes[index >> 3]! >> (index & 7)) & 1 : decodeRaw(bytes.subarray(2 * index), register);
  if (typeof raw === 'string') return raw;
  if (invalid.some(none => raw === (type === 'float32' ? Math.fround(none) : none)))
    return `${raw} says that there is no value`;
  const value = scaled(raw, register);
  return Number.isFinite(value) ? value : `${raw} is too large for its scale`;
}
