import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootStart, dayAfter, localTime, midnight, nextBootStart } from './local-time.ts';

const hourMs = 3_600_000;

test('days and boots follow the clocks of Auckland, on the two days that change them as well', () => {
  for (const [day, utc, hours, boots] of [
    ['2026-03-14', '2026-03-13T11:00:00.000Z', 24, [0, 6, 12, 18]],
    ['2026-04-05', '2026-04-04T11:00:00.000Z', 25, [0, 7, 13, 19]],
    ['2026-09-27', '2026-09-26T12:00:00.000Z', 23, [0, 5, 11, 17]],
  ] as const) {
    const from = midnight(day)!;
    assert.equal(new Date(from).toISOString(), utc);
    assert.equal((dayAfter(from) - from) / hourMs, hours);
    const starts: number[] = [];
    for (let at = from; at < dayAfter(from); at = nextBootStart(at)) {
      starts.push((at - from) / hourMs);
      assert.equal(bootStart(at), at);
      assert.equal(bootStart(nextBootStart(at) - 1), at);
      assert.equal(localTime(at).hour % 6, 0);
    }
    assert.deepEqual(starts, boots);
  }
});

test('a day that is none is told', () => {
  for (const day of ['2026-02-30', '2026-13-01', '26-01-01', 'today', '']) assert.equal(midnight(day), undefined);
});

test('weekday and hour are the wall’s', () => {
  // Saturday noon in Auckland is still Friday in Greenwich.
  assert.deepEqual(localTime(Date.parse('2026-03-13T23:30:00Z')), { hour: 12.5, weekday: 6 });
});
