import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeBatch, type Series } from '@millrace/wire/batch.ts';
import { readingHeaders } from '@millrace/wire/names.ts';
import { openLab, testBatch, until } from '../testing.ts';

test('a series has one row a month, its newest description, whatever comes again', async () => {
  await using lab = await openLab({ partitions: 1 });
  const plain: Series = { sensor: 'air', metric: 'temperature', unit: 'Cel', intervalMs: 1000, zone: 'quay' };
  const placed: Series = { ...plain, zone: 'north, quay', lat: -36.84, lon: 174.76 };
  const send = (series: Series, firstSeq: number, received: string) =>
    lab.producer.send({
      topic: lab.topics.readings,
      key: 'lamp-1',
      value: encodeBatch(testBatch({ count: 2, firstSeq }, { series: [series], seriesIndex: [0, 0] })),
      headers: { [readingHeaders.receivedAt]: String(Date.parse(received) * 1000) },
    });
  for (let replay = 1; replay <= 2; replay++) {
    await send(plain, 0, '2026-10-31T23:59:59Z');
    await send(plain, 2, '2026-11-01T00:00:00Z');
    await send(placed, 4, '2026-11-02T00:00:00Z');
    await lab.producer.send({ topic: lab.topics.readings, key: 'lamp-1', value: Buffer.from('no batch') });
    await using sinks = await lab.start(['series']);
    await until('the offsets', async () => (await lab.committed('series', lab.topics.readings)) === 4 * replay);
    const look = async () =>
      (await lab.http.query(`SELECT ts, zone, unit, interval_ms, lat, lon FROM ${lab.tablePrefix}series ORDER BY ts`))
        .rows;
    await until('the newest description', async () => (await look()).at(-1)?.[1] === 'north, quay');
    assert.deepEqual(await look(), [
      ['2026-10-01T00:00:00.000000Z', 'quay', 'Cel', 1000, null, null],
      ['2026-11-01T00:00:00.000000Z', 'north, quay', 'Cel', 1000, -36.84, 174.76],
    ]);
    assert.equal(sinks.ready, true);
    // The row of November is written anew by each replay; nothing is, when nothing changed within a run.
    assert.equal(await sinks.metric('millrace_sink_rows_total{sink="series"'), 3);
  }
});
