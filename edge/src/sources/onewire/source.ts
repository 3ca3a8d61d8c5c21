/** Thermometers on a 1-Wire bus, through the kernel's `w1_therm`. */
import { readdir, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Reading } from '../../reading.ts';
import { BoundedReads } from '../bounded-read.ts';
import type { RunContext, Source, SourceKind } from '../source.ts';
import { type OnewireConfig, onewireSchema } from './config.ts';
import { celsiusOf } from './thermometer.ts';

export const onewire = {
  schema: onewireSchema,
  isPaced: true,
  // oxlint-disable-next-line require-await
  open: async (config: OnewireConfig) => onewireSource(config, '/'),
} satisfies SourceKind;

interface Thermometer {
  readonly sensor: string;
  readonly file: string;
  /** The bus it hangs on: it is asked one at a time. */
  readonly master: string;
  /** Its last good value. */
  value?: number;
}

/** Together with the longest usual interval, new sensors are found within a minute. */
const searchEveryMs = 30_000;
const folder = 'sys/bus/w1/devices';

/** `root` stands for `/`, so that a test can show it a tree of its own. */
export function onewireSource(config: OnewireConfig, root: string, searchMs = searchEveryMs): Source {
  const { intervalMs, timeoutMs } = config;
  return {
    async run(emit, context) {
      const { signal, nowUs } = context;
      const reads = new BoundedReads(timeoutMs, signal);
      const found = new Map<string, Thermometer>();
      let searchedAtMs = Number.NEGATIVE_INFINITY;
      while (!signal.aborted) {
        if (performance.now() - searchedAtMs >= searchMs) {
          searchedAtMs = performance.now();
          await search(found, root, config, context);
        }
        const masters = Map.groupBy(found.values(), ({ master }) => master);
        const parts = await Promise.all(
          [...masters.values()].map(async bus => await readBus(bus, { ...context, intervalMs, reads })),
        );
        await emit(parts.flat(), { completeThroughUs: nowUs() });
        // On the interval's own ticks: a slow bus or a full outbox leaves ticks out, and shifts none.
        await wait(intervalMs - ((nowUs() / 1000) % intervalMs), undefined, { signal });
      }
    },
  };
}

/** Those that are well first: one that hangs costs the others only what is left of the tick. */
async function readBus(
  bus: readonly Thermometer[],
  { reads, intervalMs, nowUs, trouble }: RunContext & { reads: BoundedReads; intervalMs: number },
): Promise<Reading[]> {
  const readings: Reading[] = [];
  const inOrder = bus.toSorted((a, b) => Number(reads.isStuck(a.file)) - Number(reads.isStuck(b.file)));
  for (const thermometer of inOrder) {
    const { sensor, file } = thermometer;
    const text = await reads.read(file);
    const value = typeof text === 'string' ? celsiusOf(text, thermometer.value) : text;
    if (typeof value !== 'number') {
      trouble(sensor, value.trouble, value.why);
      continue;
    }
    thermometer.value = value;
    readings.push({ sensor, metric: 'temperature', unit: 'Cel', value, timeUs: nowUs(), intervalMs });
  }
  return readings;
}

/** Finds what is new; those once found are kept: one that is gone fails to be read, and may come back. */
async function search(
  found: Map<string, Thermometer>,
  root: string,
  { names }: Pick<OnewireConfig, 'names'>,
  { trouble, log }: RunContext,
): Promise<void> {
  // No such folder: no bus is configured, and every sensor that has a name is absent.
  const entries = await readdir(join(root, folder)).catch(() => []);
  for (const id of entries.filter(entry => /^(?:10|22|28|3b|42)-[0-9a-f]{12}$/.test(entry)).sort()) {
    if (found.has(id)) continue;
    const device = join(root, folder, id);
    const bus = basename(dirname(await realpath(device).catch(() => device)));
    const sensor = names[id] ?? id;
    found.set(id, { sensor, file: join(device, 'w1_slave'), master: bus });
    log.info({ sensor, id, bus }, 'thermometer found');
  }
  for (const [id, sensor] of Object.entries(names))
    if (!found.has(id)) trouble(sensor, 'absent', `${id} is not on a 1-Wire bus`);
}
