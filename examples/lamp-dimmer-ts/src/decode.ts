/** `StatsBatch` and `Alert`, read with nothing but protobufjs and the schema. */
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';

const schema = fileURLToPath(new URL('../../../wire/schema/', import.meta.url));

/** As far as this service looks at it: columns, one entry a row. Fields that are new some day are left out by themselves. */
export interface StatsBatch {
  readonly gateway: string;
  readonly series: readonly { readonly sensor: string; readonly metric: string }[];
  readonly window: string;
  readonly seriesIndex: readonly number[];
  readonly startUs: readonly number[];
  readonly count: readonly number[];
  readonly expected: readonly number[];
  readonly mean: readonly number[];
  readonly revision: readonly number[];
  readonly final: readonly boolean[];
}

export interface Alert {
  readonly id: string;
  readonly state: string;
  readonly message: string;
}

export interface Decoders {
  stats(bytes: Uint8Array): StatsBatch;
  alert(bytes: Uint8Array): Alert;
}

export function loadDecoders(): Decoders {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => `${schema}${target}`;
  root.loadSync(['millrace/v1/stats.proto', 'millrace/v1/alerts.proto']);
  const decoder = (name: string) => {
    const type = root.lookupType(`millrace.v1.${name}`);
    // Whole numbers of 64 bits here stay below 2^53.
    return (bytes: Uint8Array): object =>
      type.toObject(type.decode(bytes), { longs: Number, enums: String, defaults: true, arrays: true });
  };
  const [stats, alert] = [decoder('StatsBatch'), decoder('Alert')];
  return { stats: bytes => stats(bytes) as StatsBatch, alert: bytes => alert(bytes) as Alert };
}
