import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { FencedError } from '@millrace/runtime/errors.ts';
import { decodeBatch } from '@millrace/wire/batch.ts';
import { testBatch } from '../testing.ts';
import { FolderStore } from './folder.ts';
import type { ObjectStore } from './objects.ts';
import { PartitionWriter } from './partition.ts';
import { duckdb, glob, Killed, MortalStore, takenOf } from './testing.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-lake-'));
after(() => rmSync(folder, { recursive: true }));
let lakes = 0;

/** Records of a partition; some come twice, one is late, one comes after its successor. */
const records = [
  testBatch({ firstSeq: 0 }),
  testBatch({ gateway: 'lamp-2' }),
  testBatch({ firstSeq: 50 }),
  testBatch({ firstSeq: 0 }),
  testBatch({ gateway: 'lamp-2', firstSeq: 100 }),
  testBatch({ gateway: 'lamp-2', firstSeq: 50 }),
  testBatch({ gateway: 'lamp-2', firstSeq: 100 }),
  testBatch({ firstSeq: 100, startUs: 1_759_900_000_000_000 }),
  testBatch({ firstSeq: 150 }),
  testBatch({ firstSeq: 75, count: 100 }),
];
/** Readings of lamp-1 and lamp-2 that are there, and their sum. */
const whole = (() => {
  const all = new Map<string, number>();
  for (const { gateway, firstSeq, value } of records)
    for (const [i, one] of value.entries())
      if (!all.has(`${gateway}/${firstSeq + i}`)) all.set(`${gateway}/${firstSeq + i}`, one);
  return [String(all.size), String(all.size), [...all.values()].reduce((sum, one) => sum + one, 0)] as const;
})();

interface Kafka {
  committed: bigint | null;
}

/** Takes what is not committed, cuts after so many records, and compacts: as long as it lives. */
async function run(store: ObjectStore, kafka: Kafka, cutEvery = 3): Promise<void> {
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => {});
  const settled = new Set<number>();
  const { writer } = await PartitionWriter.open(
    {
      store,
      source: 'readings.v1-0',
      maxAgeDays: 400,
      flushMs: 3_600_000,
      persist: attempt => attempt(),
      stored: taken => taken.settled(),
      failed: failure.reject,
    },
    { end: BigInt(records.length), committed: kafka.committed },
  );
  try {
    for (let offset = Number(kafka.committed ?? 0n); offset < records.length; offset++) {
      const taken = takenOf(offset, records[offset]!, () => {
        settled.add(offset);
        while (settled.has(Number(kafka.committed ?? 0n))) kafka.committed = (kafka.committed ?? 0n) + 1n;
      });
      writer.take(taken, decodeBatch(taken.record.value!), 1_760_000_001_000_000);
      if (offset % cutEvery === cutEvery - 1) writer.seal();
    }
    writer.seal();
    await writer.drained();
    await writer.compact(Date.now() + 1, 0);
  } finally {
    writer.close();
  }
}

const contents = async (root: string): Promise<unknown> => {
  const [row] = await duckdb(`SELECT count(*), count(DISTINCT (gateway, boot, seq)), sum(value) FROM ${glob(root)}`);
  return [row![0], row![1], Math.abs(Number(row![2]) - whole[2]) < 1e-9 ? whole[2] : row![2]];
};

test('killed at any change, before or after it is done: once restarted, every reading is there once', async () => {
  for (const isDone of [false, true]) {
    for (let changes = 0, died = true; died; changes++) {
      const root = join(folder, `lake-${lakes++}`);
      const kafka: Kafka = { committed: null };
      const mortal = new MortalStore(new FolderStore(root), changes, isDone);
      await run(mortal, kafka).catch(error => assert.ok(error instanceof Killed, String(error)));
      died = mortal.isDead;
      assert.ok(!died || changes < 100);
      // Cut elsewhere, as by a timer: only the plan knows where it was.
      await run(new FolderStore(root), kafka, 4);
      assert.deepEqual(await contents(root), whole, `after ${changes} changes`);
      assert.equal(kafka.committed, BigInt(records.length));
    }
  }
});

test('killed twice in a row: the second time while it does again what it was killed at', async () => {
  for (let first = 1; first < 16; first += 2) {
    for (let second = 0; second < 6; second++) {
      const root = join(folder, `lake-${lakes++}`);
      const kafka: Kafka = { committed: null };
      for (const [cutEvery, changes] of [first, second].entries())
        await run(new MortalStore(new FolderStore(root), changes, true), kafka, 2 + cutEvery).catch(error =>
          assert.ok(error instanceof Killed),
        );
      await run(new FolderStore(root), kafka, 5);
      assert.deepEqual(await contents(root), whole, `after ${first} and ${second} changes`);
    }
  }
});

test('offsets that were committed and are lost: all comes again, and changes nothing', async () => {
  const root = join(folder, `lake-${lakes++}`);
  for (const committed of [null, 4n, 0n, null]) {
    await run(new FolderStore(root), { committed });
    assert.deepEqual(await contents(root), whole);
  }
});

test('two that hold the same partition: one goes on, the other is told, and no reading is there twice', async () => {
  for (let behind = 0; behind < 4; behind++) {
    const root = join(folder, `lake-${lakes++}`);
    const open = async () => {
      const failure = Promise.withResolvers<never>();
      failure.promise.catch(() => {});
      const { writer } = await PartitionWriter.open(
        {
          store: new FolderStore(root),
          source: 'readings.v1-0',
          maxAgeDays: 400,
          flushMs: 3_600_000,
          persist: attempt => attempt(),
          stored: taken => taken.settled(),
          failed: failure.reject,
        },
        { end: BigInt(records.length), committed: null },
      );
      return { writer, failed: failure.promise };
    };
    const feed = (writer: PartitionWriter, from: number, to: number): void => {
      for (let offset = from; offset < to; offset++) {
        const taken = takenOf(offset, records[offset]!);
        writer.take(taken, decodeBatch(taken.record.value!), 1_760_000_001_000_000);
      }
      writer.seal();
    };
    const [slow, fast] = [await open(), await open()];
    // The sleeper has taken what the other one takes too, cut elsewhere.
    feed(slow.writer, 0, behind + 1);
    feed(fast.writer, 0, 5);
    const outcomes = await Promise.allSettled([slow.writer.drained(), fast.writer.drained()]);
    const [lost, ...more] = outcomes.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
    assert.ok(lost?.reason instanceof FencedError && more.length === 0);
    for (const { writer } of [slow, fast]) writer.close();
    await run(new FolderStore(root), { committed: null });
    assert.deepEqual(await contents(root), whole);
  }
});
