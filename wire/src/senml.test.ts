import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RejectedError } from './rejected.ts';
import { parseSenml } from './senml.ts';

const parse = (pack: unknown) => parseSenml(Buffer.from(JSON.stringify(pack)));

test('times below 2^28 s are relative to now, the others absolute (RFC 8428 § 4.5.3)', () => {
  const readings = parse([
    { bn: 'urn:dev:mac:0024befffe804ff1/', bt: -60, n: 'temperature', u: 'Cel', v: 21.5 },
    { n: 'humidity', u: '%RH', t: 60, v: 40 },
    { n: 'humidity', u: '%RH', t: 1.79e9, v: 41 },
  ]);
  assert.deepEqual(
    readings.map(({ sensor, metric, unit, timeUs, relative }) => [sensor, metric, unit, timeUs, relative]),
    [
      ['urn:dev:mac:0024befffe804ff1', 'temperature', 'Cel', -60e6, true],
      ['urn:dev:mac:0024befffe804ff1', 'humidity', '%', 0, true],
      ['urn:dev:mac:0024befffe804ff1', 'humidity', '%', (1.79e9 - 60) * 1e6, false],
    ],
  );
});

test('a name of one part is a metric of whoever sent it; a base value is added', () => {
  const [only] = parse([{ n: 'temp', bv: 20, v: 1.5 }]);
  assert.deepEqual(only, {
    at: '[0]',
    sensor: undefined,
    metric: 'temp',
    unit: '1',
    value: 21.5,
    timeUs: 0,
    relative: true,
  });
});

test('a record with base values alone is none, and a pack without any reading is rejected', () => {
  assert.equal(parse([{ bn: 'a:' }, { n: 'b', v: 1 }]).length, 1);
  assert.throws(() => parse([{ bn: 'a:' }]), RejectedError);
});
