/**
 * Temperatures: `/sys/class/thermal/thermal_zone*` and `/sys/class/hwmon/hwmon*`, both in millidegrees Celsius
 * (kernel documentation, "thermal/sysfs-api" and "hwmon/sysfs-interface").
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Probe, Sample } from './probe.ts';

interface Thermometer {
  readonly file: string;
  readonly sensor: string;
}

/** New thermometers are looked for this often; those once found keep their names. */
const searchEveryMs = 60_000;

export function temperatures(root: string): Probe {
  const found = new Map<string, Thermometer>();
  let searchedAtMs = Number.NEGATIVE_INFINITY;
  return {
    name: 'temperatures',
    async read(atMs) {
      if (atMs - searchedAtMs >= searchEveryMs) {
        searchedAtMs = atMs;
        const taken = new Set([...found.values()].map(({ sensor }) => sensor));
        for (const { file, sensor } of [...(await thermalZones(root)), ...(await hwmon(root))]) {
          if (found.has(file)) continue;
          const unique = taken.has(sensor) ? `${sensor}-${file.match(/\d+/g)?.join('.')}` : sensor;
          taken.add(unique);
          found.set(file, { file, sensor: unique });
        }
      }
      return Promise.all([...found.values()].map(thermometer => readThermometer(root, thermometer)));
    },
  };
}

/** A file that vanished or holds garbage gives NaN, which silences this series alone. */
async function readThermometer(root: string, { file, sensor }: Thermometer): Promise<Sample> {
  const text = await readText(join(root, file));
  // −128 and +127 °C limits of thermal diodes and a bare "0" of absent ones are left to the eye; beyond ±273 nothing is real.
  const value = text === undefined || !/^-?\d+$/.test(text) ? Number.NaN : Number(text) / 1000;
  return { sensor, metric: 'temperature', unit: 'Cel', value: value > -273.15 && value < 1000 ? value : Number.NaN };
}

async function thermalZones(root: string): Promise<Thermometer[]> {
  const zones = await list(root, 'sys/class/thermal', /^thermal_zone\d+$/);
  const types = await Promise.all(zones.map(zone => readText(join(root, zone, 'type'))));
  return zones.map((zone, i) => ({ file: `${zone}/temp`, sensor: `temp:${types[i] || zone.split('/').at(-1)}` }));
}

/** The kernel shows each thermal zone as a hwmon chip too, with `-` written as `_`: those are left out. */
async function hwmon(root: string): Promise<Thermometer[]> {
  const zones = new Set(
    (await thermalZones(root)).map(({ sensor }) => sensor.replace('temp:', '').replaceAll('-', '_')),
  );
  const found: Thermometer[] = [];
  for (const chip of await list(root, 'sys/class/hwmon', /^hwmon\d+$/)) {
    const name = (await readText(join(root, chip, 'name'))) || chip.split('/').at(-1)!;
    if (zones.has(name.replaceAll('-', '_'))) continue;
    for (const file of await list(root, chip, /^temp\d+_input$/)) {
      const label = await readText(join(root, file.replace(/_input$/, '_label')));
      const part = label || file.match(/temp\d+/)![0];
      found.push({ file, sensor: `temp:${name}-${part.toLowerCase().replaceAll(' ', '-')}` });
    }
  }
  return found;
}

async function list(root: string, folder: string, pattern: RegExp): Promise<string[]> {
  try {
    const names = await readdir(join(root, folder));
    const number = (name: string): number => Number(name.match(/\d+/)?.[0] ?? 0);
    return names
      .filter(name => pattern.test(name))
      .sort((a, b) => number(a) - number(b))
      .map(name => `${folder}/${name}`);
  } catch {
    return []; // No such folder: a machine without thermometers, as virtual ones are.
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch {
    return undefined; // Vanished, or a driver's EIO: the caller knows what that means.
  }
}
