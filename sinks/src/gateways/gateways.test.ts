import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeStatus, type GatewayStatus } from '@millrace/wire/status.ts';
import { openLab, until } from '../testing.ts';

const status: GatewayStatus = {
  gateway: 'lamp-1' as GatewayStatus['gateway'],
  site: 'Höfn',
  state: 1,
  version: '0.1.0',
  boot: 2 ** 53 - 1,
  lastSeq: -1,
  outboxReadings: 12,
  outboxBytes: 3400,
  dropped: 0,
  clock: 2,
  clockOffsetMs: -250,
  unsent: [],
  completeThroughUs: 0,
  lat: -36.85,
  lon: 174.76,
  atUs: 5,
};

test('a status is a row at the time it was received; without the header, at the time Kafka has', async () => {
  await using lab = await openLab({ partitions: 1 });
  const before = Date.now();
  const headers = { 'received-at': '1760000000123456' };
  const send = (value: Uint8Array | null, more = {}) =>
    lab.producer.send({ topic: lab.topics.gateways, key: 'lamp-1', value, ...more });
  await send(encodeStatus(status), { headers });
  await send(encodeStatus(status), { headers });
  await send(encodeStatus({ ...status, state: 0, lat: 1, lon: 500, version: '' }));
  await send(null);
  await send(encodeStatus({ ...status, site: 'a\nb' }), { headers });
  await using sinks = await lab.start(['gateways']);
  await until('the offsets', async () => (await lab.committed('gateways', lab.topics.gateways)) === 5);
  await until('both rows', async () => (await lab.count('gateways')) === 2);
  const { rows } = await lab.http.query(`SELECT * FROM ${lab.tablePrefix}gateways ORDER BY ts`);
  assert.deepEqual(rows[0], [
    '2025-10-09T08:53:20.123456Z',
    'lamp-1',
    'Höfn',
    'ONLINE',
    '0.1.0',
    2 ** 53 - 1,
    -1,
    12,
    3400,
    0,
    'CORRECTED',
    -250,
    -36.85,
    174.76,
  ]);
  assert.deepEqual(rows[1]!.slice(1), [
    'lamp-1',
    'Höfn',
    'OFFLINE',
    null,
    2 ** 53 - 1,
    -1,
    12,
    3400,
    0,
    'CORRECTED',
    -250,
    null,
    null,
  ]);
  const at = Date.parse(rows[1]![0] as string);
  assert.ok(at >= before - 1000 && at <= Date.now() + 1000, String(rows[1]![0]));
  const [record] = await lab.rejected(1);
  assert.equal(record!.headers.field, 'site');
  assert.equal(record!.headers.stage, 'sink-gateways');
  assert.equal(sinks.ready, true);
});
