import { encodeBatch } from '@millrace/wire/batch.ts';
import type { GatewayId } from '@millrace/wire/names.ts';

/** A sealed `ReadingBatch` of one series. */
export function sealed(name: GatewayId, firstSeq: number, readings = 2): Uint8Array {
  const column = <T>(one: T): T[] => Array.from({ length: readings }, () => one);
  return encodeBatch({
    gateway: name,
    site: 'town',
    boot: 5,
    firstSeq,
    series: [{ sensor: 's', metric: 'm', unit: 'Cel', intervalMs: 1000, zone: '' }],
    seriesIndex: column(0),
    timeUs: column(1_790_000_000_000_000),
    value: column(21.5),
    quality: column(0),
    clock: 1,
    completeThroughUs: 0,
    dropped: [],
  });
}
