/** Registers of Modbus devices, over TCP or a serial line, read at their intervals. */
import { setTimeout as wait } from 'node:timers/promises';
import { ConfigError, messageOf } from '@millrace/runtime/errors.ts';
import type { Reading } from '../../reading.ts';
import type { OpenContext, Source, SourceKind } from '../source.ts';
import { type ModbusConfig, modbusSchema } from './config.ts';
import { Device, type Fault } from './device.ts';
import { Line, LineLost } from './line.ts';

export const modbus = {
  schema: modbusSchema,
  isPaced: true,
  /** @param loadSerial what a serial line needs; a test lets it be absent. */
  async open(
    config: ModbusConfig,
    { key }: OpenContext,
    loadSerial: () => Promise<unknown> = () => import('serialport'),
  ) {
    if (config.rtu !== undefined)
      await loadSerial().catch((error: unknown) => {
        throw ConfigError.of(
          `${key}.rtu`,
          `needs the package serialport, which cannot be loaded (${messageOf(error)}); install it with: npm install --include=optional`,
        );
      });
    return modbusSource(config);
  },
} satisfies SourceKind;

/** A connection over which nobody has answered for so many rounds is made anew: the other end may have lost it. */
const silentRoundsToReopen = 3;

export function modbusSource(config: ModbusConfig): Source {
  return {
    async run(emit, { signal, log, nowUs, trouble }) {
      const devices = config.devices.map(device => new Device(device, config));
      const ticks = new Ticks(devices.flatMap(({ intervalsMs }) => intervalsMs));
      await using line = new Line(config);
      let silentRounds = 0;
      let isLost = false;
      /** What is wrong with whom. */
      const readAll = async (due: ReadonlySet<number>, readings: Reading[]): Promise<Map<string, Fault>> => {
        const faults = new Map<string, Fault>();
        try {
          await line.ready(signal);
          if (isLost) log.info(`${line.name} is open again`);
          isLost = false;
          const answers: boolean[] = [];
          for (const device of devices) {
            const { readings: read, fault, answered } = await device.read(due, { line, nowUs, signal });
            readings.push(...read);
            if (fault !== undefined) faults.set(device.sensor, fault);
            if (answered !== undefined) answers.push(answered);
          }
          if (answers.length > 0) silentRounds = answers.includes(true) ? 0 : silentRounds + 1;
          if (silentRounds < silentRoundsToReopen) return faults;
          silentRounds = 0;
          await line.close();
        } catch (error) {
          if (!(error instanceof LineLost)) throw error;
          if (!isLost) log.warn(`${error.message}; tried again until it works`);
          isLost = true;
          for (const device of devices) {
            device.forget();
            faults.set(device.sensor, { trouble: 'absent', why: error.message });
          }
        }
        return faults;
      };
      while (!signal.aborted) {
        const due = ticks.due(Date.now());
        if (due.size > 0) {
          const readings: Reading[] = [];
          const faults = await readAll(due, readings);
          // Said even while the line is lost: what was not read will never come, so nothing need wait for it.
          await emit(readings, { completeThroughUs: nowUs() });
          // After the emit, for a reading tells that a sensor is no longer absent.
          for (const [sensor, fault] of faults) trouble(sensor, fault.trouble, fault.why);
        }
        await wait(ticks.untilNextMs(Date.now()), undefined, { signal });
      }
    },
  };
}

/** The intervals' own ticks: a slow round or a full outbox leaves ticks out, and shifts none. */
class Ticks {
  readonly #last: Map<number, number>;

  constructor(intervalsMs: readonly number[]) {
    this.#last = new Map(intervalsMs.map(intervalMs => [intervalMs, Number.NaN]));
  }

  /** The intervals of which another one has begun since they were last due; at first all. */
  due(nowMs: number): ReadonlySet<number> {
    const due = new Set<number>();
    for (const [intervalMs, last] of this.#last) {
      const tick = Math.floor(nowMs / intervalMs);
      if (tick === last) continue;
      this.#last.set(intervalMs, tick);
      due.add(intervalMs);
    }
    return due;
  }

  untilNextMs(nowMs: number): number {
    return Math.min(...[...this.#last.keys()].map(intervalMs => intervalMs - (nowMs % intervalMs)));
  }
}
