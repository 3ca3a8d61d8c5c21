import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readings, silent } from '../../test/outbox.ts';
import type { Reading } from '../reading.ts';
import { SensorWatch } from './watch.ts';

const of = (sensor: string, count: number, intervalMs = 1000): Reading[] =>
  readings(count).map(reading => ({ ...reading, sensor, intervalMs }));

function watch(maxPerSecond?: number) {
  let nowMs = 1000;
  const all = new SensorWatch(silent, () => nowMs);
  return {
    all,
    source: all.source('bus', maxPerSecond),
    pass: (ms: number): void => {
      nowMs += ms;
      all.sweep();
    },
    troubles: () => Object.fromEntries(all.sensors.map(({ sensor, trouble }) => [sensor, trouble])),
  };
}

test('a sensor that falls silent is marked alone, and is fine again with its next reading', () => {
  const { source, pass, troubles } = watch();
  for (let i = 0; i < 10; i++) {
    source.admit([...of('a', 1), ...(i < 2 ? of('b', 1) : [])]);
    pass(1000);
  }
  assert.deepEqual(troubles(), { a: undefined, b: 'absent' });
  assert.equal(source.admit(of('b', 1))[0]!.quality, undefined);
  assert.deepEqual(troubles(), { a: undefined, b: undefined });
});

test('a flood is cut to its cap, its readings are marked, and other sensors are not touched', () => {
  const { source, pass, troubles, all } = watch(10);
  const admitted = source.admit([...of('loud', 500), ...of('calm', 5)]);
  assert.equal(admitted.filter(({ sensor }) => sensor === 'loud').length, 20);
  assert.equal(admitted.filter(({ sensor }) => sensor === 'calm').length, 5);
  assert.deepEqual(troubles(), { loud: 'flood', calm: undefined });
  assert.equal(all.sensors[0]!.flooded, 480);
  pass(1000);
  assert.deepEqual(
    source.admit([...of('loud', 1), ...of('calm', 1)]).map(({ quality }) => quality),
    [1, undefined],
  );
  // Calm for long enough.
  for (let i = 0; i < 6; i++) {
    pass(1000);
    source.admit(of('loud', 1));
  }
  pass(1);
  assert.equal(troubles()['loud'], undefined);
});

test('what a source says of a sensor stands while it goes on, and ends by its word or by time', () => {
  const { source, pass, troubles } = watch();
  source.trouble('meter', 'garbage', 'register 7 answers with 0xffff');
  for (let i = 0; i < 8; i++) {
    // Its other registers are fine.
    source.admit(of('meter', 1));
    source.trouble('meter', 'garbage', 'register 7 answers with 0xffff');
    pass(1000);
    assert.equal(troubles()['meter'], 'garbage');
  }
  source.trouble('meter', undefined);
  assert.equal(troubles()['meter'], undefined);
  source.trouble('meter', 'late', 'no answer');
  for (let i = 0; i < 7; i++) {
    pass(1000);
    source.admit(of('meter', 1));
  }
  pass(0);
  assert.equal(troubles()['meter'], undefined);
});
