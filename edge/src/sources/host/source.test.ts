import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Logger, openLog } from '@millrace/runtime/log.ts';
import { parseUnit } from '@millrace/wire/units.ts';
import { folder, silent, unwatched } from '../../../test/outbox.ts';
import { faultOfNumbers, faultOfSeries, type Reading } from '../../reading.ts';
import { hostSchema } from './config.ts';
import { rates } from './rates.ts';
import { hostSource, sampler } from './source.ts';

/** Files in the layout, and with the formats, of a Raspberry Pi 4's kernel. */
const layout = fileURLToPath(import.meta.resolve('./testdata/pi'));

/** A copy that the test may break. */
function pi(): string {
  const root = join(folder(), 'pi');
  cpSync(layout, root, { recursive: true });
  return root;
}

const byName = (readings: readonly Reading[]) =>
  Object.fromEntries(readings.map(({ sensor, metric, value, unit }) => [`${sensor} ${metric}`, `${value} ${unit}`]));

function edit(root: string, file: string, change: (text: string) => string): void {
  writeFileSync(join(root, file), change(readFileSync(join(root, file), 'utf8')));
}

function recording(): { log: Logger; messages: string[] } {
  const messages: string[] = [];
  const log = openLog('test', 'silent');
  const record = ((fields: { part: string }, text: string) =>
    messages.push(`${fields.part}: ${text}`)) as unknown as Logger['info'];
  return { log: Object.assign(log, { info: record, warn: record }), messages };
}

test('a Raspberry Pi gives its temperatures and everything else, with units of the contract', async () => {
  const root = pi();
  const sample = sampler(root, silent);
  const first = byName(await sample(5, 1000));
  assert.equal(first['temp:cpu-thermal temperature'], '48.692 Cel');
  assert.equal(first['temp:nvme-composite temperature'], '36.85 Cel');
  assert.equal(first['temp:nvme-sensor-1 temperature'], '-5.15 Cel');
  // The thermal zone's hwmon twin is left out.
  assert.equal(Object.keys(first).filter(name => name.startsWith('temp:')).length, 3);
  assert.equal(first['cpu load_1m'], '0.52 1');
  assert.equal(first['system uptime'], '350735.47 s');
  assert.equal(first['memory available'], `${3345924 * 1024} By`);
  assert.equal(first['memory swap_used'], `${2396 * 1024} By`);
  assert.ok(first['fs:/ free'] && first['fs:/boot/firmware used'] && !first['fs:/snap/core free']);
  assert.equal(Object.keys(first).length, 3 + 3 + 1 + 3 + 4); // Rates need a second sample.

  edit(root, 'proc/diskstats', text =>
    text.replace('2201874', '2201894').replace('1522310 0 701220', '1522310 0 701221'),
  );
  edit(root, 'proc/net/dev', text => text.replace('982113142', '982114142'));
  edit(root, 'proc/stat', text => text.replace('264230', '264330').replace('137718094', '137718394'));
  const second = await sample(6, 1000);
  const names = byName(second);
  assert.equal(names['cpu busy'], '25 %');
  assert.equal(names['cpu pressure_some'], '0 %');
  assert.equal(names['cpu pressure_full'], undefined);
  assert.match(names['disk:mmcblk0 read']!, /^\d+(\.\d+)? By\/s$/);
  assert.ok(Number.parseFloat(names['disk:mmcblk0 read']!) > 0);
  assert.equal(names['disk:mmcblk0 written'], '0 By/s');
  assert.ok(Number.parseFloat(names['net:eth0 received']!) > 0);
  assert.deepEqual(
    Object.keys(names).filter(name => /loop|mmcblk0p|wlan0|lo /.test(name)),
    [],
  );
  for (const reading of second) {
    assert.notEqual(typeof parseUnit(reading.unit), 'string', reading.unit);
    assert.equal(faultOfNumbers(reading) ?? faultOfSeries(reading), undefined);
  }
});

test('a file that vanishes or holds garbage silences its own series alone, said once, and once when it is back', async () => {
  const root = pi();
  const { log, messages } = recording();
  const sample = sampler(root, log);
  const all = Object.keys(byName(await sample(1, 1000)));
  rmSync(join(root, 'sys/class/hwmon/hwmon2/temp1_input'));
  writeFileSync(join(root, 'sys/class/thermal/thermal_zone0/temp'), 'hot\n');
  rmSync(join(root, 'proc/uptime'));
  edit(root, 'proc/meminfo', text => text.replace('MemAvailable', 'MemWhatever'));
  await sample(2, 1000);
  const fewer = Object.keys(byName(await sample(3, 1000)));
  assert.deepEqual(
    all.filter(name => !fewer.includes(name)),
    [
      'temp:cpu-thermal temperature',
      'temp:nvme-composite temperature',
      'system uptime',
      'memory available',
      'memory used',
    ],
  );
  assert.equal(messages.length, 5, messages.join('\n'));
  cpSync(layout, root, { recursive: true });
  const back = Object.keys(byName(await sample(4, 1000)));
  assert.deepEqual(
    all.filter(name => !back.includes(name)),
    [],
  );
  assert.equal(messages.filter(text => text.endsWith('can be read again')).length, 5);
});

test('a machine without thermal sensors gives the rest', async () => {
  const root = pi();
  rmSync(join(root, 'sys/class'), { recursive: true });
  const { log, messages } = recording();
  const names = Object.keys(byName(await sampler(root, log)(1, 1000)));
  assert.ok(names.length >= 11 && !names.some(name => name.startsWith('temp:')));
  assert.deepEqual(messages, []);
});

test('two thermometers of one label keep names of their own', async () => {
  const root = pi();
  cpSync(join(root, 'sys/class/hwmon/hwmon2'), join(root, 'sys/class/hwmon/hwmon3'), { recursive: true });
  const temperatures = Object.keys(byName(await sampler(root, silent)(1, 1000))).filter(name =>
    name.includes('composite'),
  );
  assert.deepEqual(temperatures, ['temp:nvme-composite temperature', 'temp:nvme-composite-3.1 temperature']);
});

test('a counter that goes back gives no rate', () => {
  const rate = rates();
  assert.equal(rate('a', 100, 1000), undefined);
  assert.equal(rate('a', 150, 1500), 100);
  assert.equal(rate('a', 10, 2000), undefined);
  assert.equal(rate('a', 20, 3000), 10);
  assert.ok(Number.isNaN(rate('a', Number.NaN, 4000)));
});

test('this machine gives readings that a batch may hold, on the ticks of the interval', async () => {
  const source = hostSource(hostSchema.parse({ type: 'host', intervalMs: 100 }), '/');
  const samples: (readonly Reading[])[] = [];
  const stop = new AbortController();
  const claims: number[] = [];
  const run = source.run(
    // oxlint-disable-next-line require-await
    async (readings, note) => {
      samples.push(readings);
      claims.push(note!.completeThroughUs!);
      if (samples.length === 4) stop.abort();
    },
    { signal: stop.signal, cursor: undefined, log: silent, ...unwatched },
  );
  await assert.rejects(run, { name: 'AbortError' });
  const last = samples.at(-1)!;
  const names = last.map(({ sensor, metric }) => `${sensor} ${metric}`);
  for (const name of ['cpu load_1m', 'cpu busy', 'memory available', 'fs:/ free', 'system uptime'])
    assert.ok(names.includes(name), name);
  assert.equal(new Set(names).size, names.length);
  for (const reading of samples.flat()) assert.equal(faultOfNumbers(reading) ?? faultOfSeries(reading), undefined);
  assert.deepEqual(
    claims,
    claims.toSorted((a, b) => a - b),
  );
  assert.equal(claims.at(-1), last[0]!.timeUs);
});
