import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GatewayId } from '@millrace/wire/names.ts';
import { decodeZoneParts, type ZonePart } from '@millrace/wire/zones.ts';
import { Sketch } from '../sketch.ts';
import { ZoneRollUp } from './roll-up.ts';
import type { SensorPane } from './sum.ts';

const minute = 60_000_000;
const base = 1_790_000_040_000_000 - (1_790_000_040_000_000 % minute);
const options = {
  partition: 3,
  topics: { zoneParts: 'zone-parts.v1' },
  windowUs: minute,
  earlyIntervalMs: 10_000,
  maxHoldUs: 5 * minute,
  waitUs: 360 * minute,
  limits: { sensorsPerGateway: 100, zones: 100, windows: 100 },
};
const g = 'g' as GatewayId;
const series = { sensor: 's', metric: 'm', unit: '1', intervalMs: 10_000, zone: 'z' };

/** Panes of one series, as the engine has them. */
class Panes {
  readonly byStart = new Map<number, SensorPane>();
  pane(startUs: number): SensorPane | undefined {
    return this.byStart.get(startUs);
  }
  set(startUs: number, values: readonly number[]): void {
    const sketch = new Sketch();
    for (const value of values) sketch.add(value);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    this.byStart.set(startUs, {
      count: values.length,
      mean,
      min: Math.min(...values),
      max: Math.max(...values),
      sketch,
    });
  }
}

const partsOf = (flush: ReturnType<ZoneRollUp['flush']>): ZonePart[] =>
  flush.results.flatMap(({ value }) => [...decodeZoneParts(value!).parts]);

test('a part has all sensors of the partition, early while it changes, and once final', () => {
  const rollUp = new ZoneRollUp(options);
  const [a, b] = [new Panes(), new Panes()];
  const first = rollUp.join(g, 'town', series, a)!;
  const second = rollUp.join(g, 'town', { ...series, sensor: 't' }, b)!;
  a.set(base, [1, 2, 3]);
  b.set(base, [10]);
  rollUp.opened(first, base);
  rollUp.opened(second, base);
  rollUp.progress(g, base, 0);
  const [part] = partsOf(rollUp.flush({ monotonicMs: 0, nowUs: base }));
  assert.deepEqual(
    { ...part, sketch: undefined },
    {
      startUs: base,
      sensors: 2,
      sensorsExpected: 2,
      count: 4,
      expected: 12,
      mean: 4,
      meanOfMeans: 6,
      min: 1,
      max: 10,
      sketch: undefined,
      revision: 1,
      final: false,
    },
  );
  rollUp.changed(first, base);
  assert.deepEqual(partsOf(rollUp.flush({ monotonicMs: 9_999, nowUs: base })), []);
  assert.equal(partsOf(rollUp.flush({ monotonicMs: 10_000, nowUs: base }))[0]!.revision, 2);
  rollUp.progress(g, base + minute, 0);
  const final = partsOf(rollUp.flush({ monotonicMs: 10_001, nowUs: base }))[0]!;
  assert.deepEqual([final.revision, final.final], [3, true]);
  assert.deepEqual(partsOf(rollUp.flush({ monotonicMs: 99_999, nowUs: base })), []);
});
