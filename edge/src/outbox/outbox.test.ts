import assert from 'node:assert/strict';
import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { ConfigError, TransientError } from '@millrace/runtime/errors.ts';
import { decodeBatch, maxBatchBytes, maxBatchReadings } from '@millrace/wire/batch.ts';
import { folder, openAt, readings, until } from '../../test/outbox.ts';
import type { Outbox } from './outbox.ts';

const all = (outbox: Outbox) => outbox.page(-1, 10_000);

test('an append resolves once its readings are in the file, and many appends share a commit', async () => {
  const path = join(folder(), 'o.db');
  {
    await using outbox = openAt(path, { groupCommitMs: 20 });
    await Promise.all([outbox.append('s', readings(3)), outbox.append('s', readings(4, 3))]);
    assert.equal(all(outbox).length, 1);
  }
  const db = new DatabaseSync(path, { readOnly: true });
  const rows = db
    .prepare('SELECT last_seq - readings + 1 AS first_seq, last_seq, readings, blob FROM batch WHERE readings > 0')
    .all();
  db.close();
  assert.deepEqual(
    rows.map(({ first_seq, last_seq, readings: n }) => [first_seq, last_seq, n]),
    [[0, 6, 7]],
  );
  assert.deepEqual(decodeBatch(rows[0]!['blob'] as Uint8Array).value, [0, 1, 2, 3, 4, 5, 6]);
});

test('enough readings do not wait for the group to be old', async () => {
  await using outbox = openAt(join(folder(), 'o.db'), { groupCommitMs: 3_600_000, groupCommitReadings: 10 });
  await outbox.append('s', readings(10));
});

test('boot stays and seq goes on without a hole across reopening, and resends are the same bytes', async () => {
  const path = join(folder(), 'o.db');
  let boot: number;
  let sealed: Uint8Array[];
  {
    await using outbox = openAt(path);
    boot = outbox.boot;
    await outbox.append('s', readings(5));
    await outbox.append('s', readings(5, 5));
    sealed = all(outbox).map(batch => batch.bytes);
  }
  await using outbox = openAt(path);
  assert.equal(outbox.boot, boot);
  assert.deepEqual(outbox.level, {
    batches: 2,
    readings: 10,
    bytes: sealed[0]!.length + sealed[1]!.length,
    lastSeq: 9,
    completeThroughUs: 0,
  });
  await outbox.append('s', readings(1, 10));
  const batches = all(outbox);
  assert.deepEqual(
    batches.slice(0, 2).map(batch => batch.bytes),
    sealed,
  );
  assert.deepEqual(
    batches.map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq]),
    [
      [0, 4],
      [5, 9],
      [10, 10],
    ],
  );
});

test('an acknowledged batch is not handed out again, and its row goes', async () => {
  const path = join(folder(), 'o.db');
  {
    await using outbox = openAt(path);
    for (let i = 0; i < 4; i++) await outbox.append('s', readings(1, i));
    const [first, second] = all(outbox);
    outbox.acknowledge(second!);
    outbox.acknowledge(second!);
    assert.deepEqual(
      outbox.page(-1, 2).map(({ firstSeq }) => firstSeq),
      [0, 2],
    );
    outbox.acknowledge(first!);
    assert.equal(outbox.level.readings, 2);
  }
  await using outbox = openAt(path);
  assert.deepEqual(
    all(outbox).map(({ firstSeq }) => firstSeq),
    [2, 3],
  );
});

test('complete_through is the least of the declarations, never goes back, and waits for the last batch of a commit', async () => {
  const path = join(folder(), 'o.db');
  const claims = (outbox: Outbox) => all(outbox).map(({ bytes }) => decodeBatch(bytes).completeThroughUs);
  {
    await using outbox = openAt(path, { sources: ['s', 't'] });
    await outbox.append('s', readings(1), { completeThroughUs: 500 });
    await outbox.append('t', readings(maxBatchReadings + 1), { completeThroughUs: 300 });
    assert.deepEqual(claims(outbox), [0, 0, 300]);
    await outbox.append('t', readings(1), { completeThroughUs: 200 });
    outbox.finish('t');
    await outbox.append('s', readings(1), {});
    assert.deepEqual(claims(outbox), [0, 0, 300, 300, 500]);
  }
  await using outbox = openAt(path, { sources: ['s', 'new'] });
  await outbox.append('s', readings(1), { completeThroughUs: 900 });
  assert.equal(claims(outbox).at(-1), 500);
});

test('a cursor is kept with the readings it came with', async () => {
  const path = join(folder(), 'o.db');
  {
    await using outbox = openAt(path);
    await outbox.append('s', readings(1), { cursor: 'one' });
    await outbox.append('s', readings(1));
    await outbox.append('t', [], { cursor: 'two' });
  }
  await using outbox = openAt(path);
  assert.equal(outbox.cursor('s'), 'one');
  assert.equal(outbox.cursor('t'), 'two');
  assert.equal(outbox.cursor('u'), undefined);
});

test('batches keep the limits of the contract, whatever is appended at once', async () => {
  await using outbox = openAt(join(folder(), 'o.db'));
  const long = Array.from({ length: 6_000 }, (_, i) => ({
    sensor: `${i}`.padStart(255, 'x'),
    metric: 'm',
    unit: '1',
    value: i,
    timeUs: i,
  }));
  await Promise.all([outbox.append('s', readings(25_000)), outbox.append('s', long)]);
  let seq = 0;
  for (const { firstSeq, lastSeq, bytes } of all(outbox)) {
    assert.equal(firstSeq, seq);
    assert.ok(bytes.length <= maxBatchBytes);
    assert.equal(decodeBatch(bytes).value.length, lastSeq - firstSeq + 1);
    seq = lastSeq + 1;
  }
  assert.equal(seq, 31_000);
});

test('a reading that no batch may hold is refused alone', async () => {
  await using outbox = openAt(join(folder(), 'o.db'));
  const [good] = readings(1);
  const bad = [
    { ...good!, value: Number.NaN },
    { ...good!, timeUs: -1 },
    { ...good!, timeUs: 0.5 },
    { ...good!, unit: 'furlongs' },
    { ...good!, sensor: '' },
    { ...good!, metric: 'a\nb' },
    { ...good!, lat: 5 },
    { ...good!, lat: 500, lon: 0 },
    { ...good!, quality: 9 as 0 },
    { ...good!, intervalMs: 1.5 },
  ];
  await outbox.append('s', [...bad, good!]);
  assert.equal(outbox.refused, bad.length);
  assert.deepEqual(
    all(outbox).map(({ bytes }) => decodeBatch(bytes).value),
    [[0]],
  );
});

test('a full outbox makes appends wait until there is room, and takes them then', async () => {
  await using outbox = openAt(join(folder(), 'o.db'), { maxBytes: 2000, groupCommitMs: 0 });
  let taken = 0;
  const source = (async () => {
    for (; taken < 20; taken++) await outbox.append('s', readings(50, taken * 50));
  })();
  await until('full', () => outbox.writable !== true);
  assert.match(String(outbox.writable), /^full/);
  assert.ok(taken < 20);
  assert.ok(outbox.level.bytes <= 2000);
  const seen: number[] = [];
  await until('all taken', () => {
    const [batch] = outbox.page(-1, 1);
    if (batch !== undefined) {
      seen.push(...decodeBatch(batch.bytes).value);
      outbox.acknowledge(batch);
    }
    return taken === 20 && batch === undefined;
  });
  await source;
  assert.equal(outbox.writable, true);
  assert.deepEqual(
    seen,
    readings(1000).map(({ value }) => value),
  );
});

test('when the agent stops, an append that cannot be done is refused, and was not taken', async () => {
  const path = join(folder(), 'o.db');
  {
    await using outbox = openAt(path, { maxBytes: 500, groupCommitMs: 0 });
    await outbox.append('s', readings(100));
    const waiting = outbox.append('s', readings(100, 100));
    await until('full', () => outbox.writable !== true);
    outbox.drain();
    await assert.rejects(waiting, TransientError);
  }
  await using outbox = openAt(path);
  assert.equal(outbox.level.lastSeq, 99);
});

test('two agents cannot have the same outbox', async () => {
  const path = join(folder(), 'o.db');
  await using first = openAt(path);
  await first.append('s', readings(1));
  assert.throws(
    () => openAt(path),
    (error: Error) => error instanceof ConfigError && /in use by another agent/.test(error.message),
  );
  await first.append('s', readings(1));
});

test('a path that cannot be used is a mistake of the configuration', () => {
  const file = join(folder(), 'file');
  writeFileSync(file, '');
  assert.throws(() => openAt(join(file, 'o.db')), ConfigError);
  assert.throws(() => openAt(folder()), ConfigError);
});

for (const [what, damage] of Object.entries({
  'other bytes': (path: string) => writeFileSync(path, Buffer.alloc(20_000, 'x')),
  'its end cut off': (path: string) => truncateSync(path, 5000),
  'a page overwritten': (path: string) => {
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.fill(0xa5, 4096, 3 * 4096));
  },
})) {
  test(`a damaged file (${what}) is set aside and replaced, with a new boot`, async () => {
    const path = join(folder(), 'o.db');
    let boot: number;
    {
      await using outbox = openAt(path);
      boot = outbox.boot;
      for (let i = 0; i < 20; i++) await outbox.append('s', readings(200, i));
    }
    damage(path);
    await using outbox = openAt(path);
    assert.notEqual(outbox.boot, boot);
    assert.equal(outbox.level.lastSeq, -1);
    await outbox.append('s', readings(1));
    const aside = readdirSync(dirname(path)).filter(name => name.startsWith(`${basename(path)}.damaged-`));
    assert.equal(aside.length, 1);
  });
}
