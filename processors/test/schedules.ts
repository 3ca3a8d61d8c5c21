/**
 * Many schedules of readings, faults and kills, each held against the oracle:
 *
 *     node processors/test/schedules.ts [--runs 1000] [--seed 1]
 */
import { parseArgs } from 'node:util';
import { checkSchedule } from './check-schedule.ts';

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '1000' }, seed: { type: 'string', default: '1' } },
});
const [runs, first] = [Number(values.runs), Number(values.seed)];
const sum = { readings: 0, rows: 0, kills: 0 };
const startedMs = performance.now();
for (let seed = first; seed < first + runs; seed++) {
  const { readings, rows, kills } = checkSchedule(seed);
  sum.readings += readings;
  sum.rows += rows;
  sum.kills += kills;
}
const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
console.log(
  `${runs} schedules from seed ${first}: ${sum.readings} readings, ${sum.rows} rows, ${sum.kills} kills, all as the oracle says (${seconds} s)`,
);
