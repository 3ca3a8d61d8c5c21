/** The sensors that a source is sent readings of, and what is said of them: when each was heard, and who is missing. */
import { setTimeout as wait } from 'node:timers/promises';
import type { RunContext, Trouble } from './source.ts';

export interface SensorTrouble {
  readonly sensor: string;
  /** Undefined: it is fine again. */
  readonly trouble: Trouble | undefined;
  readonly why?: string;
}

interface Sensor {
  heardUs: number;
  readonly silentAfterMs: number;
  /** What this side inferred, and takes back when it is no longer so. */
  inferred: 'broker' | 'late' | 'absent' | undefined;
}

/** A publisher that invents names without end must not fill memory. */
const remembered = 10_000;

export class Sensors {
  readonly #known = new Map<string, Sensor>();
  readonly #trouble: RunContext['trouble'];

  constructor(trouble: RunContext['trouble']) {
    this.#trouble = trouble;
  }

  heard(names: Iterable<string>, silentAfterMs: number, nowUs: number): void {
    for (const name of names) {
      const known = this.#known.get(name);
      if (known !== undefined) {
        known.heardUs = nowUs;
        // The emit has already cleared what was said.
        known.inferred = undefined;
      } else if (this.#known.size < remembered)
        this.#known.set(name, { heardUs: nowUs, silentAfterMs, inferred: undefined });
    }
  }

  say({ sensor, trouble, why }: SensorTrouble): void {
    const known = this.#known.get(sensor);
    if (known !== undefined) known.inferred = undefined;
    else if (this.#known.size < remembered)
      this.#known.set(sensor, { heardUs: Number.NaN, silentAfterMs: 0, inferred: undefined });
    this.#trouble(sensor, trouble, why);
  }

  brokerGone(why: string): void {
    for (const [name, sensor] of this.#known) {
      if (sensor.inferred === 'broker') continue;
      sensor.inferred = 'broker';
      this.#trouble(name, 'absent', `its broker is away: ${why}`);
    }
  }

  brokerBack(nowUs: number): void {
    for (const [name, sensor] of this.#known) {
      if (sensor.inferred !== 'broker') continue;
      sensor.inferred = undefined;
      sensor.heardUs = nowUs; // Its silence begins anew: it could not be heard.
      this.#trouble(name, undefined);
    }
  }

  /** Looks who has been silent for too long. */
  watch(nowUs: number): void {
    for (const [name, sensor] of this.#known) {
      const { silentAfterMs, heardUs, inferred } = sensor;
      if (silentAfterMs === 0 || inferred === 'broker') continue;
      const silentMs = (nowUs - heardUs) / 1000;
      const found = silentMs > 3 * silentAfterMs ? 'absent' : silentMs > silentAfterMs ? 'late' : undefined;
      if (found === undefined || found === inferred) continue;
      sensor.inferred = found;
      this.#trouble(
        name,
        found,
        `not heard for ${Math.round(silentMs / 1000)} s, expected every ${silentAfterMs / 1000} s`,
      );
    }
  }
}

/** Looks every second who has been silent for too long; resolves at abort. */
export async function watchSilence(
  sensors: Sensors,
  { nowUs, signal }: Pick<RunContext, 'nowUs' | 'signal'>,
): Promise<void> {
  while (!signal.aborted) {
    sensors.watch(nowUs());
    await wait(1000, undefined, { signal }).catch(() => {});
  }
}
