/** One IIO device: which channels it has, how they are scaled, and what they read now. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Reading } from '../../reading.ts';
import type { BoundedReads, ReadFault } from '../bounded-read.ts';
import { type Channel, channelsOf, endsOf, faultOf } from './channels.ts';

interface ScaledChannel extends Channel {
  readonly scale: number;
  readonly offset: number;
  readonly ends: readonly number[] | undefined;
}

export interface Device {
  readonly path: string;
  /** The part's name, `bme280`. */
  readonly chip: string;
  readonly label: string | undefined;
  readonly channels: readonly ScaledChannel[];
  /** Why channels are left out. */
  readonly leftOut: readonly string[];
}

/** Undefined: it is gone. */
export async function describe(path: string, reads: BoundedReads): Promise<Device | undefined> {
  const files = await readdir(path).catch(() => undefined);
  if (files === undefined) return undefined;
  // Since Linux 5.11 in buffer0, before in scan_elements.
  const scans = await Promise.all(
    ['scan_elements', 'buffer0'].map(async folder =>
      (await readdir(join(path, folder)).catch(() => [])).map(file => `${folder}/${file}`),
    ),
  );
  const all = new Set([...files, ...scans.flat()]);
  const channels: ScaledChannel[] = [];
  const leftOut: string[] = [];
  let hanging: ReadFault | undefined;
  for (const channel of channelsOf(files)) {
    const textOf = async (
      ending: string,
      folders: readonly string[] = [''],
    ): Promise<string | ReadFault | undefined> => {
      const file = channel.stems
        .flatMap(stem => folders.map(folder => `${folder}${stem}_${ending}`))
        .find(name => all.has(name));
      if (file === undefined) return undefined;
      // It hangs: whatever else is asked of it would too, and this search with it.
      if (hanging !== undefined) return hanging;
      const text = await reads.read(join(path, file));
      if (typeof text !== 'string' && reads.isStuck(join(path, file))) hanging = text;
      return text;
    };
    if (!channel.isRaw) {
      channels.push({ ...channel, scale: 1, offset: 0, ends: undefined });
      continue;
    }
    const scale = numberOf(await textOf('scale'));
    const offset = numberOf((await textOf('offset')) ?? '0');
    const type = await textOf('type', ['scan_elements/', 'buffer0/']);
    const ends = typeof type === 'string' ? endsOf(type) : undefined;
    // "If no offset or scale is present, output should be considered as processed": said of currents alone.
    const given = scale ?? (channel.kind === 'current' ? 1 : undefined);
    if (typeof given === 'number' && typeof offset === 'number')
      channels.push({ ...channel, scale: given, offset, ends });
    else
      leftOut.push(
        `${channel.file}: ${given === undefined ? 'it has no scale' : 'its scale or offset cannot be read'}`,
      );
  }
  const [chip, label] = await Promise.all([attribute(path, 'name'), attribute(path, 'label')]);
  return { path, chip: chip ?? `iio-${path.match(/\d+$/)?.[0]}`, label, channels, leftOut };
}

/** Takes one reading of each channel, one after the other: a device does one conversion at a time. */
export async function readDevice(
  { path, chip, channels }: Device,
  reads: BoundedReads,
  nowUs: () => number,
): Promise<{ readings: Omit<Reading, 'sensor'>[]; faults: ReadFault[] }> {
  const readings: Omit<Reading, 'sensor'>[] = [];
  const faults: ReadFault[] = [];
  const isStuck = ({ file }: Channel): boolean => reads.isStuck(join(path, file));
  for (const channel of channels.toSorted((a, b) => Number(isStuck(a)) - Number(isStuck(b)))) {
    const value = valueOf(channel, await reads.read(join(path, channel.file)), chip);
    if (typeof value === 'number') {
      const { metric, unit } = channel;
      readings.push({ metric, unit, value, timeUs: nowUs() });
      continue;
    }
    faults.push(value);
    // The device hangs: its other channels would too.
    if (isStuck(channel)) break;
  }
  return { readings, faults };
}

function valueOf(channel: ScaledChannel, text: string | ReadFault, chip: string): number | ReadFault {
  const { metric, scale, offset, per, ends } = channel;
  const raw = numberOf(text);
  if (raw === undefined) return { trouble: 'garbage', why: `${metric}: its file holds no number` };
  if (typeof raw !== 'number') return { ...raw, why: `${metric}: ${raw.why}` };
  if (ends?.includes(raw)) return { trouble: 'garbage', why: `${metric}: the converter is at its end (${raw})` };
  const value = ((raw + offset) * scale) / per;
  const why = faultOf(channel, value, chip);
  return why === undefined ? value : { trouble: 'garbage', why };
}

/** Undefined: there is none, or the text is no number. */
function numberOf(text: string | ReadFault | undefined): number | ReadFault | undefined {
  if (typeof text !== 'string') return text;
  return /^-?\d{1,20}(?:\.\d{1,20})?\s*$/.test(text) ? Number(text) : undefined;
}

/** From the kernel's own memory: no hardware is asked, so it cannot hang. */
async function attribute(path: string, name: string): Promise<string | undefined> {
  const text = await readFile(join(path, name), 'utf8').catch(() => '');
  return (
    text
      .replaceAll(/\p{Cc}/gu, '')
      .trim()
      .slice(0, 60) || undefined
  );
}
