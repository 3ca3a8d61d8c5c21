import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ByteReader, ByteWriter } from './bytes.ts';
import { CounterReadings } from './counter-readings.ts';

function written(readings: CounterReadings): Uint8Array {
  const writer = new ByteWriter();
  readings.write(writer, 0);
  return writer.done();
}

test('property: the rise is that of the readings in event time, whatever order they came in, also through restarts', () => {
  const reading = fc.tuple(fc.nat(50), fc.nat(20));
  fc.assert(
    fc.property(fc.array(reading, { minLength: 1, maxLength: 60 }), fc.nat(60), (arrivals, restartAt) => {
      let readings = new CounterReadings();
      let rise = 0;
      for (const [i, [timeUs, value]] of arrivals.entries()) {
        rise = readings.add(timeUs, value);
        if (i === restartAt) readings = CounterReadings.read(new ByteReader(written(readings)), 0);
      }
      const sorted = arrivals.toSorted(([a], [b]) => a - b);
      let expected = 0;
      for (let i = 1; i < sorted.length; i++) {
        const [before, after] = [sorted[i - 1]![1], sorted[i]![1]];
        expected += after >= before ? after - before : after;
      }
      assert.equal(rise, expected);
    }),
  );
});

test('of very many readings the oldest are summed up: the rise stays exact, and one from among them changes it no more', () => {
  const readings = new CounterReadings();
  let rise = 0;
  for (let i = 0; i < 10_000; i++) rise = readings.add(i * 10, i % 100);
  assert.equal(rise, 100 * 99);
  assert.equal(readings.add(5, 1000), rise);
  assert.equal(readings.add(99_985, 1000), rise + (1000 - 98) + 99 - 1, 'a reset between the last two');
  assert.ok(written(readings).length < 3000);
});
