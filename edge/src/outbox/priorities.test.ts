import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readings } from '../../test/outbox.ts';
import { prioritiesBy, usualPriority } from './priorities.ts';

test('the first rule that matches decides: exact names, beginnings, the gateway’s zone', () => {
  const priorityOf = prioritiesBy(
    [
      { sensor: 'river-1', metric: 'level', priority: 9 },
      { sensor: 'river-*', priority: 7 },
      { zone: 'harbour', priority: 1 },
    ],
    'harbour',
  );
  const [reading] = readings(1);
  const of = (sensor: string, metric: string, zone?: string) =>
    priorityOf({ ...reading!, sensor, metric, ...(zone !== undefined && { zone }) });
  assert.equal(of('river-1', 'level', 'cbd'), 9);
  assert.equal(of('river-1', 'levels', 'cbd'), 7);
  assert.equal(of('river', 'level', 'cbd'), usualPriority);
  assert.equal(of('river', 'level'), 1);
});
