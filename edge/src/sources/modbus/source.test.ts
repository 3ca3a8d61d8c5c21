import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError } from '@millrace/runtime/errors.ts';
import { until } from '../../../test/outbox.ts';
import { modbusSchema } from './config.ts';
import { modbus } from './source.ts';
import { plant } from './testdata/plant.ts';
import { level, running, valuesOf } from './testdata/running.ts';

test('registers of every kind, scaled and dated, in as few requests as the gaps allow', async () => {
  const { server, tcp } = await plant();
  for (const [i, word] of [0x41a4, 0x0000, 0xffff, 0x8000].entries()) server.values.set(100 + i, word);
  const registers = [
    { ...level, scale: 0.1, offset: -1 },
    { metric: 'flow', unit: 'l/s', address: 15, intervalMs: 60_000 },
    { metric: 'far', unit: '1', address: 40 },
    { metric: 'temp', unit: 'Cel', address: 100, type: 'float32' },
    { metric: 'delta', unit: 'K', address: 102, type: 'int16' },
    { metric: 'alarm', unit: '1', address: 103, bit: 15 },
    { metric: 'input', unit: '1', kind: 'input', address: 11 },
    { metric: 'pump', unit: '1', kind: 'coil', address: 9 },
    { metric: 'valve', unit: '1', kind: 'coil', address: 10 },
    { metric: 'door', unit: '1', kind: 'discrete', address: 10 },
  ];
  const startedUs = Date.now() * 1000;
  const { emitted, claims, troubles, end } = running({ tcp, devices: [{ sensor: 'well', unitId: 3, registers }] });
  await until('two rounds', () => claims.length >= 2);
  await end();
  assert.deepEqual(valuesOf(emitted.slice(0, registers.length)), {
    'well level': 0,
    'well flow': 15,
    'well far': 40,
    'well temp': 20.5,
    'well delta': -1,
    'well alarm': 1,
    'well input': 11,
    'well pump': 1,
    'well valve': 0,
    'well door': 1,
  });
  assert.deepEqual(server.requests.slice(0, 4), [
    '3 holding 10+6',
    '3 holding 40+1',
    '3 holding 100+4',
    '3 input 11+1',
  ]);
  // In the second round the slow one is not due.
  assert.ok(server.requests.slice(4).includes('3 holding 10+1'));
  const [first] = emitted;
  assert.deepEqual(
    { ...first, timeUs: 0 },
    { sensor: 'well', metric: 'pump', unit: '1', value: 1, timeUs: 0, intervalMs: 100 },
  );
  assert.equal(emitted.find(({ metric }) => metric === 'flow')!.intervalMs, 60_000);
  assert.ok(emitted.slice(0, registers.length).every(({ timeUs }) => timeUs >= startedUs && timeUs <= claims[0]!));
  assert.ok(emitted.slice(registers.length).every(({ timeUs }) => timeUs >= claims[0]!));
  assert.deepEqual(troubles, []);
});

test('exception 2: the guilty register alone is marked, the others are read, and it is not asked for again', async () => {
  const { server, tcp } = await plant();
  server.refused.add('1 13');
  server.refused.add('1 25'); // Nobody asks for it: a hole between two that are.
  const registers = [10, 11, 12, 13, 14, 15, 22, 28].map(address => ({ metric: `r${address}`, unit: '1', address }));
  const { emitted, claims, troubles, end } = running({ tcp, devices: [{ sensor: 'plc', registers }] });
  await until('it is learnt', () => claims.length >= 4);
  const learnt = server.requests.length;
  await until('another round', () => claims.length >= 6);
  await end();
  const values = valuesOf(emitted);
  assert.deepEqual(
    Object.keys(values).sort(),
    [10, 11, 12, 14, 15, 22, 28].map(address => `plc r${address}`),
  );
  assert.deepEqual(
    new Set(server.requests.slice(learnt)),
    new Set(['1 holding 10+3', '1 holding 14+9', '1 holding 28+1']),
  );
  assert.ok(troubles.length > 0);
  for (const { sensor, trouble, why } of troubles) {
    assert.deepEqual([sensor, trouble], ['plc', 'garbage']);
    assert.match(why!, /^r13 \(holding 13\): Modbus exception 2/);
    assert.doesNotMatch(why!, /more/);
  }
});

test('a device that gives fewer registers at once than the protocol allows is asked for fewer', async () => {
  const { server, tcp } = await plant();
  server.most = 40;
  const registers = Array.from({ length: 100 }, (_, address) => ({ metric: `r${address}`, unit: '1', address }));
  const { emitted, claims, troubles, end } = running({ tcp, devices: [{ sensor: 'plc', registers }] });
  await until('three rounds', () => claims.length >= 3);
  await end();
  assert.equal(new Set(emitted.map(({ metric }) => metric)).size, 100);
  assert.deepEqual(
    server.requests.slice(-4).map(request => request.split('+')[1]),
    ['25', '25', '25', '25'],
  );
  assert.deepEqual(troubles, []);
});

test('a unit that is silent is absent and asked less often; the other goes on, and so does it when it answers', async () => {
  const { server, tcp } = await plant();
  server.silentUnits.add(2);
  const devices = [
    { sensor: 'mute', unitId: 2, registers: [level] },
    { sensor: 'well', unitId: 1, registers: [level] },
  ];
  const { emitted, troubles, end } = running({ tcp, timeoutMs: 300, devices });
  const of = (sensor: string) => emitted.filter(reading => reading.sensor === sensor).length;
  await until('the other is read', () => of('well') >= 6);
  assert.equal(of('mute'), 0);
  assert.ok(server.requests.filter(request => request.startsWith('2 ')).length < of('well'));
  assert.ok(troubles.every(({ sensor, trouble }) => sensor === 'mute' && trouble === 'absent'));
  assert.match(troubles[0]!.why!, /unit 2, holding 10: no answer within 300 ms/);
  server.silentUnits.clear();
  await until('it is read', () => of('mute') >= 2);
  await end();
});

test('a device that takes more than half of the timeout is late, and read', async () => {
  const { server, tcp } = await plant();
  server.delaysMs.set(1, 600);
  const { emitted, troubles, end } = running({
    tcp,
    timeoutMs: 1100,
    devices: [{ sensor: 'slow', registers: [level] }],
  });
  await until('it is said', () => troubles.length > 0);
  await end();
  assert.equal(emitted[0]!.value, 10);
  assert.equal(troubles[0]!.trouble, 'late');
});

test('values that mean none, and numbers that cannot be kept, give no reading; their neighbours do', async () => {
  const { server, tcp } = await plant();
  server.values.set(10, 0x8000);
  for (const address of [20, 21, 22, 23]) server.values.set(address, 0xffff);
  const registers = [
    { ...level, type: 'int16', invalid: [-32_768] },
    { metric: 'energy', unit: 'W.h', address: 20, type: 'uint64' },
    { metric: 'well', unit: '1', address: 11 },
  ];
  const { emitted, troubles, end } = running({ tcp, devices: [{ sensor: 'meter', registers }] });
  await until('it is said', () => troubles.length > 0);
  await end();
  assert.deepEqual(valuesOf(emitted), { 'meter well': 11 });
  assert.equal(troubles[0]!.trouble, 'garbage');
  assert.match(troubles[0]!.why!, /level .*-32768 says that there is no value \(and 1 more\)/);
});

test('the server stops and starts again: all are absent meanwhile, completeness goes on, and they are read again', async () => {
  const { server, port, tcp } = await plant();
  const { emitted, claims, troubles, end } = running({ tcp, devices: [{ sensor: 'well', registers: [level] }] });
  await until('it is read', () => emitted.length >= 2);
  await server.stop();
  await until('it is absent', () => troubles.some(({ trouble }) => trouble === 'absent'));
  const [read, claimed] = [emitted.length, claims.at(-1)!];
  await until('completeness goes on', () => claims.at(-1)! > claimed);
  await server.start(port);
  await until('it is read again', () => emitted.length > read);
  await end();
  assert.ok(claims.every((claim, i) => i === 0 || claim >= claims[i - 1]!));
});

test('an end of the agent does not wait for an answer', async () => {
  const { server, tcp } = await plant();
  server.silentUnits.add(1);
  const { end } = running({ tcp, timeoutMs: 60_000, devices: [{ sensor: 'mute', registers: [level] }] });
  await until('it is asked', () => server.requests.length > 0);
  const beganMs = performance.now();
  await end();
  assert.ok(performance.now() - beganMs < 5000);
});

test('the configuration: every mistake at its place', () => {
  const places = (config: object): string[] =>
    modbusSchema.safeParse({ type: 'modbus', ...config }).error?.issues.map(({ path }) => path.join('.')) ?? [];
  const tcp = { host: 'plc' };
  const rtu = { path: '/dev/ttyUSB0' };
  const device = { sensor: 'well', registers: [level] };
  const withRegister = (register: object): string[] =>
    places({ tcp, devices: [{ sensor: 'well', registers: [{ ...level, ...register }] }] }).map(place =>
      place.replace('devices.0.registers.0.', ''),
    );
  assert.deepEqual(places({ tcp, devices: [device] }), []);
  assert.deepEqual(places({ devices: [device] }), ['tcp']);
  assert.deepEqual(places({ tcp, rtu, devices: [device] }), ['tcp']);
  assert.deepEqual(places({ rtu, devices: [{ ...device, unitId: 0 }] }), ['devices.0.unitId']);
  assert.deepEqual(places({ tcp, devices: [device, device] }), ['devices.1.sensor']);
  assert.deepEqual(places({ tcp, devices: [{ sensor: 'well', registers: [level, level] }] }), [
    'devices.0.registers.1.metric',
  ]);
  assert.deepEqual(withRegister({ unit: 'furlong' }), ['unit']);
  assert.deepEqual(withRegister({ address: 65_534, type: 'uint32' }), []);
  assert.deepEqual(withRegister({ address: 65_535, type: 'uint32' }), ['address']);
  assert.deepEqual(withRegister({ address: 65_533, type: 'float64' }), ['address']);
  assert.deepEqual(withRegister({ type: 'bool' }), ['bit']);
  assert.deepEqual(withRegister({ type: 'int16', bit: 3 }), ['type']);
  assert.deepEqual(withRegister({ kind: 'coil', type: 'int16' }), ['type']);
  assert.deepEqual(withRegister({ kind: 'discrete', bit: 1 }), ['bit']);
  assert.deepEqual(withRegister({ scale: 0 }), ['scale']);
});

test('a serial line without serialport: what to install', async () => {
  const config = modbusSchema.parse({
    type: 'modbus',
    rtu: { path: '/dev/ttyUSB0' },
    devices: [{ sensor: 'well', registers: [level] }],
  });
  const context = { key: 'edge.sources.0', resolvePath: (path: string) => path };
  const absent = modbus.open(config, context, () => Promise.reject(new Error('Cannot find package')));
  await assert.rejects(
    absent,
    (error: unknown) =>
      error instanceof ConfigError && /edge\.sources\.0\.rtu.*serialport.*npm install/.test(error.message),
  );
});
