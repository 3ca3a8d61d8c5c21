import { test } from 'node:test';
import { checkSchedule } from '../test/check-schedule.ts';

// A thousand and more: node processors/test/schedules.ts
test('property: whatever happens to the readings and to the processor, the tables are the oracle’s', () => {
  for (let seed = 1; seed <= 120; seed++) checkSchedule(seed, 15);
});
