import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Alert, encodeAlert } from '@millrace/wire/alert.ts';
import { openLab, until } from '../testing.ts';

const alert = {
  id: 'a-1',
  gateway: 'lamp-1' as Alert['gateway'],
  sensor: 'air 1',
  metric: 'temperature',
  rule: 'too hot, inside',
  severity: 2 as const,
  state: 1 as const,
  value: 61.5,
  message: 'over 60 "Cel"\nfor 5 min',
  atUs: 1_760_000_000_123_456,
};

test('each change of state is one row, however often it comes; what cannot be a row is rejected', async () => {
  await using lab = await openLab({ partitions: 1 });
  const send = (value: Uint8Array | null) =>
    lab.producer.send({ topic: lab.topics.alerts, key: 'lamp-1/air 1/temperature', value });
  for (let i = 0; i < 3; i++) await send(encodeAlert(alert));
  await send(encodeAlert({ ...alert, state: 0, value: 20 }));
  await send(null);
  await send(encodeAlert({ ...alert, value: Number.NaN }));
  await using sinks = await lab.start(['alerts']);
  await until('the offsets', async () => (await lab.committed('alerts', lab.topics.alerts)) === 6);
  await until('both rows', async () => (await lab.count('alerts')) === 2);
  const { rows } = await lab.http.query(`SELECT * FROM ${lab.tablePrefix}alerts ORDER BY state`);
  assert.deepEqual(rows, [
    [
      '2025-10-09T08:53:20.123456Z',
      'lamp-1',
      'air 1',
      'temperature',
      'too hot, inside',
      'CRITICAL',
      'CLEARED',
      20,
      alert.message,
      alert.id,
    ],
    [
      '2025-10-09T08:53:20.123456Z',
      'lamp-1',
      'air 1',
      'temperature',
      'too hot, inside',
      'CRITICAL',
      'RAISED',
      61.5,
      alert.message,
      alert.id,
    ],
  ]);
  const [record, ...more] = await lab.rejected(1);
  assert.equal(more.length, 0);
  assert.deepEqual(Buffer.from(record!.value!), Buffer.from(encodeAlert({ ...alert, value: Number.NaN })));
  assert.equal(record!.headers.field, 'value');
  assert.equal(sinks.ready, true);
});
