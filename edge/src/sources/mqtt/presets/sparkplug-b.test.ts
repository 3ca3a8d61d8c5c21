import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RejectedError } from '@millrace/runtime/errors.ts';
import { sparkplugB } from './sparkplug-b.ts';
import { decodePayload, numberOfMetric } from './sparkplug-payload.ts';
import { nodeMessage as encode } from './testdata/sparkplug-node.ts';

const base = 1_790_000_000_000;

function host() {
  const decoder = sparkplugB({ units: { level: 'm' }, baseLevels: 1 });
  let nowUs = base * 1000;
  return (topic: string, payload: Uint8Array) => {
    nowUs += 20e6;
    return decoder.take({ topic, levels: topic.split('/'), payload: Buffer.from(payload), nowUs });
  };
}

const births = (bdSeq = 3) =>
  encode(base, 0, [
    { name: 'bdSeq', datatype: 4, long: bdSeq },
    { name: 'Node Control/Rebirth', datatype: 11, boolean: false },
    { name: 'Temp', alias: 1, datatype: 9, float: 21.5, timestamp: base - 5, properties: { engUnit: '°C' } },
    { name: 'Offset', alias: 2, datatype: 3, int: 2 ** 32 - 7 },
    { name: 'Label', alias: 3, datatype: 12, string: 'x' },
  ]);

test('aliases of a birth name the metrics of the data that follow, with unit, sign and own time', () => {
  const take = host();
  const born = take('spBv1.0/plant/NBIRTH/pump', births());
  assert.deepEqual(born.readings, [
    { sensor: 'plant/pump', metric: 'Temp', unit: 'Cel', value: 21.5, timeUs: (base - 5) * 1000, dated: 'source' },
    { sensor: 'plant/pump', metric: 'Offset', unit: '1', value: -7, timeUs: base * 1000, dated: 'source' },
  ]);
  const device = encode(base, 1, [{ name: 'level', alias: 1, datatype: 10, double: 2.5 }]);
  assert.equal(take('spBv1.0/plant/DBIRTH/pump/tank', device).readings![0]!.unit, 'm');
  const data = take('spBv1.0/plant/NDATA/pump', encode(base + 1, 2, [{ alias: 1, float: 22 }]));
  assert.deepEqual([data.readings![0]!.metric, data.readings![0]!.value, data.requests], ['Temp', 22, undefined]);
  // A device has aliases of its own.
  const own = take('spBv1.0/plant/DDATA/pump/tank', encode(base + 2, 3, [{ alias: 1, double: 3 }]));
  assert.deepEqual([own.readings![0]!.sensor, own.readings![0]!.metric], ['plant/pump/tank', 'level']);
});

test('an unknown node, a gap in the sequence and an unknown alias ask for a rebirth', () => {
  const take = host();
  const [request] = take('spBv1.0/plant/NDATA/pump', encode(base, 9, [{ alias: 1, float: 1 }])).requests!;
  assert.equal(request!.topic, 'spBv1.0/plant/NCMD/pump');
  const [command] = decodePayload(request!.payload).metrics;
  assert.deepEqual([command!.name, command!.datatype, command!.value], ['Node Control/Rebirth', 11, true]);
  take('spBv1.0/plant/NBIRTH/pump', births());
  const gap = take('spBv1.0/plant/NDATA/pump', encode(base, 2, [{ alias: 1, float: 1 }]));
  assert.deepEqual([gap.readings!.length, gap.requests?.length], [1, 1]);
  const unknown = take('spBv1.0/plant/NDATA/pump', encode(base, 3, [{ alias: 99, float: 1 }]));
  assert.deepEqual([unknown.readings!.length, unknown.requests?.length], [0, 1]);
  // The sequence wraps at 256.
  take('spBv1.0/plant/NBIRTH/pump', births());
  for (let seq = 1; seq <= 256; seq++)
    assert.equal(take('spBv1.0/plant/NDATA/pump', encode(base, seq % 256, [])).requests, undefined);
});

test('a death makes the node and its devices absent, a will of the session before does not', () => {
  const take = host();
  take('spBv1.0/plant/NBIRTH/pump', births(4));
  take('spBv1.0/plant/DBIRTH/pump/tank', encode(base, 1, [{ name: 'level', datatype: 10, double: 2.5 }]));
  const death = (bdSeq: number) => encode(base, undefined, [{ name: 'bdSeq', datatype: 4, long: bdSeq }]);
  assert.equal(take('spBv1.0/plant/NDEATH/pump', death(3)).troubles, undefined);
  const gone = take('spBv1.0/plant/NDEATH/pump', death(4)).troubles!;
  assert.deepEqual(new Set(gone.map(({ sensor }) => sensor)), new Set(['plant/pump', 'plant/pump/tank']));
  assert.ok(gone.every(({ trouble }) => trouble === 'absent'));
});

test('signs by datatype, null, and bytes that are no payload', () => {
  assert.equal(numberOfMetric(255, 1), -1);
  assert.equal(numberOfMetric(2 ** 32 - 3, 2), -3);
  assert.equal(numberOfMetric(65_533, 2), -3);
  assert.equal(numberOfMetric(2 ** 32 - 1, 7), 2 ** 32 - 1);
  const [long] = decodePayload(encode(base, 0, [{ name: 'a', datatype: 4, long: -2 }])).metrics;
  assert.deepEqual([numberOfMetric(long!.value, 4), numberOfMetric(long!.value, 8)], [-2, 2 ** 64 - 2]);
  assert.equal(numberOfMetric('1', 12), undefined);
  assert.equal(numberOfMetric(base, 13), undefined);
  assert.throws(() => decodePayload(Buffer.from([0x12, 0x7f, 1])), RejectedError);
  const take = host();
  const born = take('spBv1.0/g/NBIRTH/n', encode(base, 0, [{ name: 'a', datatype: 9, isNull: true }]));
  assert.deepEqual(born.readings, []);
});
