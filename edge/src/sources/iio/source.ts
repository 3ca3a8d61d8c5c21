/** Sensors that the kernel drives as IIO devices: thermometers, hygrometers, barometers, light, converters. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Reading } from '../../reading.ts';
import { BoundedReads } from '../bounded-read.ts';
import type { RunContext, Source, SourceKind } from '../source.ts';
import { type IioConfig, iioSchema } from './config.ts';
import { type Device, describe, readDevice } from './device.ts';

export const iio = {
  schema: iioSchema,
  isPaced: true,
  // oxlint-disable-next-line require-await
  open: async (config: IioConfig) => iioSource(config, '/'),
} satisfies SourceKind;

interface Found extends Device {
  readonly sensor: string;
}

/** New devices are found within a minute; scales are read anew, as somebody may change a gain. */
const searchEveryMs = 30_000;
const folder = 'sys/bus/iio/devices';

/** `root` stands for `/`, so that a test can show it a tree of its own. */
export function iioSource({ intervalMs, timeoutMs }: IioConfig, root: string, searchMs = searchEveryMs): Source {
  return {
    async run(emit, context) {
      const { signal, nowUs } = context;
      const reads = new BoundedReads(timeoutMs, signal);
      const found = new Map<string, Found>();
      let searchedAtMs = Number.NEGATIVE_INFINITY;
      while (!signal.aborted) {
        if (performance.now() - searchedAtMs >= searchMs) {
          searchedAtMs = performance.now();
          await search(found, join(root, folder), reads, context);
        }
        const parts = await Promise.all(
          [...found.values()].map(async device => await take(device, reads, intervalMs, context)),
        );
        await emit(parts.flat(), { completeThroughUs: nowUs() });
        // On the interval's own ticks: a slow device or a full outbox leaves ticks out, and shifts none.
        await wait(intervalMs - ((nowUs() / 1000) % intervalMs), undefined, { signal });
      }
    },
  };
}

async function take(
  device: Found,
  reads: BoundedReads,
  intervalMs: number,
  { nowUs, trouble }: RunContext,
): Promise<Reading[]> {
  const { readings, faults } = await readDevice(device, reads, nowUs);
  const [fault] = faults;
  // A device that gives something is not absent, whatever has become of one of its channels.
  if (fault !== undefined)
    trouble(device.sensor, readings.length > 0 && fault.trouble === 'absent' ? 'garbage' : fault.trouble, fault.why);
  return readings.map(reading => ({ ...reading, sensor: device.sensor, intervalMs }));
}

/** Those once found keep their names, and stay: one that is gone fails to be read, and may come back. */
async function search(
  found: Map<string, Found>,
  path: string,
  reads: BoundedReads,
  { log }: RunContext,
): Promise<void> {
  // No such folder: the kernel has no IIO, or no driver of it.
  const entries = (await readdir(path).catch(() => [])).filter(entry => /^iio:device\d+$/.test(entry));
  const numbered = entries.toSorted((a, b) => Number(numberOf(a)) - Number(numberOf(b)));
  const described = await Promise.all(numbered.map(async entry => await describe(join(path, entry), reads)));
  const devices = described.filter(device => device !== undefined);
  const taken = new Set([...found.values()].map(({ sensor }) => sensor));
  for (const device of devices) {
    const before = found.get(device.path);
    const isAlike = devices.some(({ path: other, chip }) => other !== device.path && chip === device.chip);
    const sensor = before?.chip === device.chip ? before.sensor : nameOf(device, isAlike, taken);
    taken.add(sensor);
    // A driver that hung while it was asked for its scales must not lose the channels that it had.
    const channels = [
      ...device.channels,
      ...(before?.channels.filter(({ file }) => !device.channels.some(channel => channel.file === file)) ?? []),
    ];
    found.set(device.path, { ...device, channels: before?.chip === device.chip ? channels : device.channels, sensor });
    if (before?.sensor === sensor) continue;
    log.info({ sensor, device: device.path, channels: channels.map(({ metric }) => metric) }, 'IIO device found');
    for (const why of device.leftOut) log.warn({ sensor }, `a channel is left out: ${why}`);
  }
}

function nameOf({ chip, label, path }: Device, isAlike: boolean, taken: ReadonlySet<string>): string {
  if (!isAlike && !taken.has(chip)) return chip;
  const labelled = label === undefined ? undefined : `${chip}-${label}`;
  return labelled === undefined || taken.has(labelled) ? `${chip}-${numberOf(path)}` : labelled;
}

function numberOf(entry: string): string {
  return /\d+$/.exec(entry)?.[0] ?? '';
}
