import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { InvariantError } from '@millrace/runtime/errors.ts';
import { decodeBatch } from '@millrace/wire/batch.ts';
import { folder, openAt, readings, silent, until } from '../../test/outbox.ts';
import { type RunOptions, runSources } from './run.ts';
import type { Source } from './source.ts';

const options = (outbox: RunOptions['outbox']): RunOptions => ({ outbox, log: silent, minPauseMs: 1, maxPauseMs: 2 });

/** A source that emits its number each millisecond. */
const steady: Source = {
  async run(emit, { signal, cursor }) {
    for (let i = Number(cursor ?? 0); !signal.aborted; i++) {
      await emit(readings(1, i), { cursor: String(i + 1) });
      await wait(1, undefined, { signal });
    }
  },
};

test('a source that fails is run again from its cursor, and the others go on', async () => {
  await using outbox = openAt(join(folder(), 'o.db'), { groupCommitMs: 1, sources: ['good', 'bad'] });
  let runs = 0;
  const bad: Source = {
    async run(emit, { cursor }) {
      runs += 1;
      const from = Number(cursor ?? 1000);
      void emit(readings(1, from), { cursor: String(from + 1) }); // Not awaited: the next run must know of it all the same.
      throw new Error('broken');
    },
  };
  {
    await using _ = runSources(
      [
        { name: 'good', source: steady },
        { name: 'bad', source: bad },
      ],
      options(outbox),
    );
    await until('both', () => runs >= 5 && Number(outbox.cursor('good')) >= 5);
  }
  const values = outbox.page(-1, 10_000).flatMap(({ bytes }) => decodeBatch(bytes).value);
  for (const series of [values.filter(value => value >= 1000), values.filter(value => value < 1000)])
    assert.deepEqual(
      series,
      series.map((_, i) => series[0]! + i),
    );
});

test('a source that ends no longer holds back what is complete', async () => {
  await using outbox = openAt(join(folder(), 'o.db'), { groupCommitMs: 1, sources: ['once', 'other'] });
  const once: Source = { run: emit => emit(readings(1), { completeThroughUs: 5 }) };
  const other: Source = {
    async run(emit, { signal }) {
      for (let i = 10; ; i++) {
        await emit(readings(1), { completeThroughUs: i });
        await wait(1, undefined, { signal });
      }
    },
  };
  await using _ = runSources(
    [
      { name: 'once', source: once },
      { name: 'other', source: other },
    ],
    options(outbox),
  );
  await until('complete', () => outbox.level.completeThroughUs > 10);
});

test('a broken promise inside a source ends the agent', async () => {
  await using outbox = openAt(join(folder(), 'o.db'));
  const source: Source = { run: () => Promise.reject(new InvariantError('impossible')) };
  await using running = runSources([{ name: 's', source }], options(outbox));
  await assert.rejects(running.failed, InvariantError);
});

test('stopping does not wait for an outbox that is full', async () => {
  await using outbox = openAt(join(folder(), 'o.db'), { groupCommitMs: 0, maxBytes: 500, sources: ['s'] });
  const startedAt = Date.now();
  {
    await using _ = runSources([{ name: 's', source: steady }], options(outbox));
    await until('full', () => outbox.writable !== true);
  }
  assert.ok(Date.now() - startedAt < 4000);
});
