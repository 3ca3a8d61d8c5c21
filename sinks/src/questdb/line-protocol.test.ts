import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RejectedError } from '@millrace/runtime/errors.ts';
import { type Batch, clockNames } from '@millrace/wire/batch.ts';
import type { Sender } from '@questdb/nodejs-client';
import { createBuffer } from '@questdb/nodejs-client';
import fc from 'fast-check';
import { encodeBatchLines } from '../readings/sink.ts';
import { openLab, testBatch, until } from '../testing.ts';
import { checkTime, LineBuffer, symbol } from './line-protocol.ts';
import { openSender } from './official.ts';

type Rows = Pick<Sender, 'table' | 'symbol' | 'floatColumn' | 'intColumn' | 'timestampColumn' | 'at'>;

/** The rows of `encodeBatchLines`, column by column in its order, by the official client. */
async function addOfficially(rows: Rows, table: string, batch: Batch, receivedUs: number): Promise<void> {
  for (let i = 0; i < batch.value.length; i++) {
    const { zone, sensor, metric, unit } = batch.series[batch.seriesIndex[i]!]!;
    rows.table(table);
    if (batch.site !== '') rows.symbol('site', batch.site);
    if (zone !== '') rows.symbol('zone', zone);
    for (const [name, value] of Object.entries({
      gateway: batch.gateway,
      sensor,
      metric,
      unit,
      clock: clockNames[batch.clock],
    }))
      rows.symbol(name, value);
    rows.floatColumn('value', batch.value[i]!);
    rows.intColumn('quality', batch.quality[i]!);
    rows.timestampColumn('received', receivedUs, 'us');
    rows.intColumn('boot', batch.boot);
    rows.intColumn('seq', batch.firstSeq + i);
    await rows.at(batch.timeUs[i]!, 'us');
  }
}

const text = fc.string({ unit: 'binary', maxLength: 40 }).map(s => s.replace(/[\p{Cc}]/gu, '_'));
const name = text.filter(s => s !== '');
const integer = fc.oneof(fc.integer({ min: 0, max: 20 }), fc.maxSafeInteger().map(Math.abs));
const batches = fc
  .record({
    site: text,
    boot: integer,
    firstSeq: fc.oneof(
      fc.constantFrom(0, 9, 99_999_999, 100_000_000, 999_999_999_999),
      fc.integer({ min: 0, max: 2 ** 52 }),
    ),
    series: fc.array(fc.record({ sensor: name, metric: name, unit: name, zone: text }), { minLength: 1, maxLength: 4 }),
    clock: fc.constantFrom(0 as const, 1 as const, 2 as const),
    readings: fc.array(
      fc.record({
        series: fc.nat(3),
        timeUs: fc.integer({ min: 0, max: 7_258_118_400_000_000 }),
        value: fc.double({ noNaN: true, noDefaultInfinity: true }),
        quality: fc.nat(3),
      }),
      { maxLength: 30 },
    ),
  })
  .map(
    ({ readings, series, ...rest }): Batch => ({
      ...testBatch({ count: 0 }),
      ...rest,
      series: series.map(one => ({ ...one, intervalMs: 0 })),
      seriesIndex: readings.map(reading => reading.series % series.length),
      timeUs: readings.map(reading => reading.timeUs),
      value: readings.map(reading => reading.value),
      quality: readings.map(reading => reading.quality),
    }),
  );

test('writes the same bytes as the official client', async () => {
  const lines = new LineBuffer(64, 1); // Small, so that it grows.
  await fc.assert(
    fc.asyncProperty(batches, integer, async (batch, received) => {
      lines.reset();
      encodeBatchLines('readings', batch, received, lines);
      const official = createBuffer({ protocol: 'http', protocol_version: '2' });
      await addOfficially(official as unknown as Rows, 'readings', batch, received);
      assert.deepEqual(lines.lines(), official.toBufferView() ?? Buffer.alloc(0));
      assert.equal(lines.rows, batch.value.length);
    }),
    { numRuns: 300 },
  );
});

test('makes the same table as the official client', async () => {
  await using ours = await openLab();
  await using theirs = await openLab();
  const lines = new LineBuffer(1024, 10);
  const sender = openSender(theirs.questdb);
  for (const [i, count] of [1, 50, 500].entries()) {
    const batch = { ...testBatch({ count, gateway: `lamp-${i}` }), clock: i as 0 | 1 | 2 };
    encodeBatchLines(`${ours.tablePrefix}readings`, batch, 1_760_000_000_000_001, lines);
    await addOfficially(sender, `${theirs.tablePrefix}readings`, batch, 1_760_000_000_000_001);
  }
  assert.equal((await ours.http.write(lines.lines())).outcome, 'stored');
  await sender.flush();
  await sender.close();
  await until(
    'both tables',
    async () => (await ours.count('readings')) === 551 && (await theirs.count('readings')) === 551,
  );
  assert.equal(await ours.checksum('readings'), await theirs.checksum('readings'));
});

test('lines are cut where rows end, although doubles hold newlines', () => {
  const lines = new LineBuffer(16, 1);
  const newlines = new Float64Array(new Uint8Array(8).fill(10).buffer)[0]!;
  for (let row = 0; row < 5; row++) {
    lines.text('t v=');
    lines.double(newlines);
    lines.endLine(row);
  }
  assert.deepEqual(lines.lines(2, 3), Buffer.from(`t v==\x10${'\n'.repeat(8)} 2t\n`));
  assert.deepEqual(Buffer.concat([lines.lines(0, 2), lines.lines(2, 5)]), lines.lines());
  lines.text('t broken=');
  lines.rollback(3);
  assert.equal(lines.rows, 3);
  assert.equal(lines.lines().length, lines.lines(0, 3).length);
});

test('refuses what QuestDB would change in silence or answer with 500', () => {
  const lines = new LineBuffer(64, 1);
  lines.text('t v=');
  assert.throws(() => lines.double(Number.NaN), /not a finite number/);
  assert.throws(() => lines.double(Number.POSITIVE_INFINITY), /not a finite number/);
  assert.throws(() => lines.integer(2 ** 53), /not a safe integer/);
  assert.throws(() => symbol('sensor', '\ud800'), RejectedError);
  assert.throws(() => symbol('sensor', 'a\nb'), RejectedError);
  assert.throws(() => checkTime('time', -1), RejectedError);
  assert.throws(() => checkTime('time', Date.UTC(2201, 0) * 1000), RejectedError);
});
