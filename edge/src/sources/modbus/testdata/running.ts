/** The source at work, and what it gave. */
import { after } from 'node:test';
import { silent } from '../../../../test/outbox.ts';
import type { Reading } from '../../../reading.ts';
import { modbusSchema } from '../config.ts';
import { modbusSource } from '../source.ts';

export const level = { metric: 'level', unit: 'm', address: 10 };

export function running(config: object) {
  const stop = new AbortController();
  const emitted: Reading[] = [];
  const claims: number[] = [];
  const troubles: { sensor: string; trouble: string | undefined; why: string | undefined }[] = [];
  const run = modbusSource(modbusSchema.parse({ type: 'modbus', intervalMs: 100, timeoutMs: 5000, ...config })).run(
    async (readings, note) => {
      emitted.push(...readings);
      claims.push(note!.completeThroughUs!);
    },
    {
      signal: stop.signal,
      cursor: undefined,
      log: silent,
      nowUs: () => Date.now() * 1000,
      trouble: (sensor, trouble, why) => void troubles.push({ sensor, trouble, why }),
    },
  );
  run.catch(() => {});
  const end = async (): Promise<void> => {
    stop.abort(new Error('test ends'));
    await run.catch(() => {});
  };
  after(end);
  return { emitted, claims, troubles, end };
}

export const valuesOf = (readings: readonly Reading[]): Record<string, number> =>
  Object.fromEntries(readings.map(({ sensor, metric, value }) => [`${sensor} ${metric}`, value]));
