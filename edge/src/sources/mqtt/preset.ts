/** What a preset is: it makes readings of the messages of one kind of publisher. A preset is a file in `presets/` and a line in `presets/list.ts`. */
import type { Reading } from '../../reading.ts';
import type { SensorTrouble } from '../sensors.ts';

export interface Message {
  readonly topic: string;
  readonly levels: readonly string[];
  readonly payload: Buffer;
  readonly nowUs: number;
}

export interface Taken {
  readonly readings?: readonly Reading[];
  readonly troubles?: readonly SensorTrouble[];
  /** To be published, QoS 0. */
  readonly requests?: readonly { readonly topic: string; readonly payload: Uint8Array }[];
}

export interface Decoder {
  /** The sensor to blame when the message cannot be used; default: the topic. */
  sensorOf?(message: Message): string | undefined;
  /** @throws {RejectedError} when nothing of the message can be used. */
  take(message: Message): Taken;
}

export interface PresetOptions {
  /** UCUM codes by field, before all others. */
  readonly units: Readonly<Record<string, string>>;
  /** Levels of the subscription's topic before its first wildcard. */
  readonly baseLevels: number;
}

export type Preset = (options: PresetOptions) => Decoder;

export const nothing: Taken = {};

/** An availability topic's payload: `online`, `Online`, `{"state":"offline"}`. Undefined: neither. */
export function availability(sensor: string, payload: Buffer): Taken {
  const word = /^(?:\{\s*"state"\s*:\s*")?(online|offline)(?:"\s*\})?$/i.exec(
    payload.toString('utf8', 0, 64).trim(),
  )?.[1];
  if (word === undefined) return nothing;
  return word.toLowerCase() === 'online'
    ? { troubles: [{ sensor, trouble: undefined }] }
    : { troubles: [{ sensor, trouble: 'absent', why: 'its availability topic says offline' }] };
}
