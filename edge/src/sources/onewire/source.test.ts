import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { folder, silent, until } from '../../../test/outbox.ts';
import { faultOfNumbers, faultOfSeries, type Reading } from '../../reading.ts';
import { onewireSchema } from './config.ts';
import { onewireSource } from './source.ts';
import { celsiusOf } from './thermometer.ts';

/** As the kernel writes it. */
const slave = (milli: number, crc = 'YES') =>
  `72 01 4b 46 7f ff 0e 10 57 : crc=57 ${crc}\n72 01 4b 46 7f ff 0e 10 57 t=${milli}\n`;

/** A tree with links from the bus to its masters, as sysfs has it. */
function tree() {
  const root = folder();
  mkdirSync(join(root, 'sys/bus/w1/devices'), { recursive: true });
  const device = (id: string, master: number): string => {
    const path = join(root, `sys/devices/w1_bus_master${master}`, id);
    mkdirSync(path, { recursive: true });
    symlinkSync(path, join(root, 'sys/bus/w1/devices', id));
    return join(path, 'w1_slave');
  };
  return {
    root,
    put: (id: string, text: string, master = 1) => writeFileSync(device(id, master), text),
    hang: (id: string, master = 1) => execFileSync('mkfifo', [device(id, master)]),
    write: (id: string, text: string, master = 1) => {
      const path = join(root, `sys/devices/w1_bus_master${master}`, id, 'w1_slave');
      rmSync(path, { force: true });
      writeFileSync(path, text);
    },
    remove: (id: string, master = 1) => rmSync(join(root, `sys/devices/w1_bus_master${master}`, id, 'w1_slave')),
  };
}

function running(t: TestContext, root: string, options: Record<string, unknown> = {}, searchMs = 50) {
  const stop = new AbortController();
  const emitted: Reading[] = [];
  const ticks: { readings: readonly Reading[]; completeThroughUs: number }[] = [];
  const troubles: string[] = [];
  const config = { ...onewireSchema.parse({ type: 'onewire', ...options }), intervalMs: 100 };
  const run = onewireSource(config, root, searchMs).run(
    // oxlint-disable-next-line require-await
    async (readings, note) => {
      ticks.push({ readings, completeThroughUs: note!.completeThroughUs! });
      emitted.push(...readings);
    },
    {
      signal: stop.signal,
      cursor: undefined,
      log: silent,
      nowUs: () => Date.now() * 1000,
      trouble: (sensor, trouble, why) => troubles.push(`${sensor} ${trouble}: ${why}`),
    },
  );
  run.catch(() => {});
  const stopped = async (): Promise<void> => {
    stop.abort(new Error('stopping'));
    await run.catch(() => {});
  };
  t.after(stopped);
  const last = (sensor: string) => emitted.findLast(reading => reading.sensor === sensor)?.value;
  return { emitted, ticks, troubles, last, stopped };
}

test('every family is read under its name, and a tick declares what it has read', async t => {
  const { root, put } = tree();
  put('28-00000a1b2c3d', slave(23_125));
  put('10-00000a1b2c3e', slave(-500), 2);
  put('3b-00000a1b2c3f', slave(125_000));
  put('05-00000a1b2c40', slave(1000)); // A switch.
  const { emitted, ticks, troubles } = running(t, root, {
    names: { '28-00000a1b2c3d': 'cellar', '22-00000a1b2c41': 'attic' },
  });
  await until('two ticks', () => ticks.length >= 2);
  assert.deepEqual(
    Object.fromEntries(emitted.map(({ sensor, metric, unit, value }) => [sensor, `${metric} ${value} ${unit}`])),
    {
      cellar: 'temperature 23.125 Cel',
      '10-00000a1b2c3e': 'temperature -0.5 Cel',
      '3b-00000a1b2c3f': 'temperature 125 Cel',
    },
  );
  assert.ok(emitted.every(reading => (faultOfNumbers(reading) ?? faultOfSeries(reading)) === undefined));
  const [one, two] = ticks;
  assert.ok(one!.readings.every(({ timeUs }) => timeUs <= one!.completeThroughUs));
  assert.ok(two!.readings.every(({ timeUs }) => timeUs >= one!.completeThroughUs));
  assert.equal(troubles[0], 'attic absent: 22-00000a1b2c41 is not on a 1-Wire bus');
});

test('what is no temperature is refused', () => {
  const why = (text: string, before?: number): string => {
    const found = celsiusOf(text, before);
    return typeof found === 'number' ? `${found}` : `${found.trouble} ${found.why}`;
  };
  assert.match(why(slave(23_125, 'NO')), /^garbage its checksum/);
  assert.match(why(slave(85_000)), /^garbage 85 Cel is what it holds after power-on/);
  assert.match(why(slave(85_000), 21), /^garbage 85 Cel/);
  assert.match(why(slave(85_000), 79.9), /^garbage 85 Cel/);
  assert.equal(why(slave(85_000), 80), '85');
  assert.equal(why(slave(85_062), 21), '85.062');
  assert.match(why(slave(-127_000)), /^garbage -127 Cel is beyond its range/);
  assert.match(why(slave(127_937)), /^garbage 127.937 Cel/);
  assert.equal(why(slave(-55_000)), '-55');
  const zeros = '00 00 00 00 00 00 00 00 00';
  assert.match(why(`${zeros} : crc=00 YES\n${zeros} t=0\n`), /^garbage it answers with zeros/);
  for (const text of ['', '\n', 'YES', 'x YES\nno number t=\n', 'x YES\nt=1e9\n'])
    assert.match(why(text), /^garbage w1_slave/, JSON.stringify(text));
});

test('one that hangs is late and holds nobody back; once it answers it is read again', async t => {
  const { root, put, hang, write } = tree();
  hang('28-000000000001');
  hang('28-000000000002');
  for (const id of ['28-000000000003', '28-000000000004']) put(id, slave(20_000));
  put('28-000000000005', slave(21_000), 2);
  const { ticks, troubles, last, emitted, stopped } = running(t, root, { timeoutMs: 200 });
  const late = (id: string) => troubles.includes(`${id} late: its read takes longer than 200 ms`);
  await until('two that are late', () => late('28-000000000001') && late('28-000000000002'));
  for (const id of ['28-000000000003', '28-000000000004', '28-000000000005'])
    await until('the others', () => emitted.filter(({ sensor }) => sensor === id).length >= 3);
  assert.ok(ticks.length >= 3);
  write('28-000000000001', slave(19_000));
  await until('its answer', () => last('28-000000000001') === 19);
  const fromMs = performance.now();
  await stopped(); // While the other one hangs.
  assert.ok(performance.now() - fromMs < 1000);
});

test('one whose file is gone is absent until it is back; new ones are found', async t => {
  const { root, put, write, remove } = tree();
  put('28-000000000001', slave(20_000));
  const { troubles, last, ticks } = running(t, root);
  await until('a reading', () => last('28-000000000001') === 20);
  remove('28-000000000001');
  put('28-000000000002', slave(22_000));
  await until('absent', () => troubles.some(text => text.startsWith('28-000000000001 absent: it is gone')));
  await until('the new one', () => last('28-000000000002') === 22);
  write('28-000000000001', slave(85_000));
  await until('garbage', () => troubles.some(text => text.startsWith('28-000000000001 garbage: 85')));
  write('28-000000000001', slave(18_000));
  await until('it is back', () => last('28-000000000001') === 18);
  assert.ok(ticks.length > 3);
});

test('without a bus there is nothing, and nothing breaks', async t => {
  const { ticks } = running(t, folder());
  await until('two ticks', () => ticks.length >= 2);
  assert.ok(ticks.every(({ readings }) => readings.length === 0));
});

test('the configuration refuses ids that are none, and a name given twice', () => {
  const parsed = (names: unknown) => onewireSchema.safeParse({ type: 'onewire', names });
  assert.match(parsed({ '28-XYZ': 'a' }).error!.issues[0]!.message, /./);
  assert.equal(parsed({ '28-00000a1b2c3d': '' }).success, false);
  assert.match(
    parsed({ '28-00000a1b2c3d': 'a', '28-00000a1b2c3e': 'a' }).error!.issues[0]!.message,
    /must not give two sensors one name/,
  );
});
