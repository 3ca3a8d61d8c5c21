import assert from 'node:assert/strict';
import { test } from 'node:test';
import { watchAvailability } from './availability.ts';

test('trouble is what the probe says, or a publish that waits too long; it ends with its cause', () => {
  let now = 0;
  const probe: { trouble: string | undefined } = { trouble: undefined };
  const availability = watchAvailability(probe, 3000, () => now);
  assert.equal(availability.trouble, undefined);
  const first = availability.begin();
  now = 2000;
  const second = availability.begin();
  assert.equal(availability.trouble, undefined);
  now = 3500;
  assert.match(availability.trouble!, /has not acknowledged a record for 3\.5 s/);
  first();
  assert.equal(availability.trouble, undefined);
  now = 5000;
  assert.match(availability.trouble!, /3\.0 s/);
  second();
  assert.equal(availability.trouble, undefined);
  probe.trouble = 'no answer';
  assert.equal(availability.trouble, 'Kafka does not answer: no answer');
});
