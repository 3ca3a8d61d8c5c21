import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { ConfigError } from '@millrace/runtime/errors.ts';
import { type Batch, Clock, decodeBatch, encodeBatch } from '@millrace/wire/batch.ts';
import { folder, gateway, openAt, readings, until } from '../../test/outbox.ts';

const sealedAtUs = Date.parse('2026-03-01') * 1000;

/** As version 0.1.0 wrote it. */
function writeVersion1(path: string): Uint8Array[] {
  const db = new DatabaseSync(path);
  db.exec(`
    PRAGMA journal_mode = WAL;
    CREATE TABLE batch (
      first_seq INTEGER PRIMARY KEY,
      last_seq INTEGER NOT NULL,
      readings INTEGER NOT NULL,
      bytes INTEGER NOT NULL,
      created_us INTEGER NOT NULL,
      blob BLOB NOT NULL
    ) STRICT;
    CREATE TABLE state (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO state VALUES ('boot', 4711), ('next_seq', 30), ('complete_through_us', 77),
      ('source:s', '{"cursor":"here","completeThroughUs":77}');
    PRAGMA user_version = 1;
  `);
  const insert = db.prepare('INSERT INTO batch VALUES (?, ?, 10, ?, ?, ?)');
  const sealed = [10, 20].map(firstSeq => {
    const batch: Batch = {
      gateway,
      site: '',
      boot: 4711,
      firstSeq,
      series: [{ sensor: 'a', metric: 'count', unit: '1', intervalMs: 0, zone: '' }],
      seriesIndex: Array<number>(10).fill(0),
      timeUs: Array.from({ length: 10 }, (_, i) => firstSeq + i),
      value: Array.from({ length: 10 }, (_, i) => firstSeq + i),
      quality: Array<number>(10).fill(0),
      clock: Clock.SYNCED,
      completeThroughUs: 77,
      dropped: [],
    };
    const bytes = encodeBatch(batch);
    insert.run(firstSeq, firstSeq + 9, bytes.length, sealedAtUs + firstSeq * 1_000_000, bytes);
    return bytes;
  });
  db.close();
  return sealed;
}

test('a file of version 1 goes on in place: the same boot, numbers, cursors and bytes, and nothing in it is given up', async () => {
  const path = join(folder(), 'o.db');
  const sealed = writeVersion1(path);
  for (let opening = 0; opening < 2; opening++) {
    await using outbox = openAt(path, { maxBytes: 2000, maxAgeMs: 1, dropPolicy: 'oldest', groupCommitMs: 0 });
    assert.equal(outbox.boot, 4711);
    assert.equal(outbox.cursor('s'), 'here');
    const kept = outbox.page(-1, 10);
    assert.deepEqual(
      kept.slice(0, 2).map(({ firstSeq, lastSeq, bytes }) => [firstSeq, lastSeq, Buffer.from(bytes)]),
      [
        [10, 19, Buffer.from(sealed[0]!)],
        [20, 29, Buffer.from(sealed[1]!)],
      ],
    );
    assert.equal(outbox.unsent[0]![0], 10);
    await outbox.append('s', readings(5, 30 + 5 * opening), { completeThroughUs: 100 + opening });
  }
  await using outbox = openAt(path);
  assert.equal(outbox.level.lastSeq, 39);
  // Nobody knows what was declared before them, so what overtakes them claims nothing.
  outbox.openLanes();
  await outbox.append('s', readings(1, 40), { completeThroughUs: 200 });
  assert.equal(decodeBatch(outbox.lanes.next(false)!.bytes).completeThroughUs, 0);
});

test('the batches of version 1 have ages, though their times are of the wall clock', async () => {
  const path = join(folder(), 'o.db');
  writeVersion1(path);
  let age: number;
  {
    await using outbox = openAt(path);
    // The older of the two was sealed 10 s before the other.
    age = outbox.oldestMs;
    assert.ok(age >= 10_000 && age < 40_000, `${age} ms`);
    await until('it grows', () => outbox.oldestMs > age);
    await outbox.append('s', readings(1, 30));
    for (const batch of outbox.page(-1, 2)) outbox.acknowledge(batch);
    await outbox.append('s', readings(1, 31));
    assert.ok(outbox.oldestMs < 10_000, 'what was sealed since then is younger');
  }
  await using outbox = openAt(path);
  assert.ok(outbox.oldestMs < 10_000);
});

test('a file of a later version is a mistake of the configuration, and stays as it is', () => {
  const path = join(folder(), 'o.db');
  const db = new DatabaseSync(path);
  db.exec('PRAGMA user_version = 4');
  db.close();
  assert.throws(
    () => openAt(path),
    (error: Error) => error instanceof ConfigError && /update the agent/.test(error.message),
  );
});

test('a file of version 2 holds batches as they were sealed, and goes on; what is sealed from now on is packed', async () => {
  const path = join(folder(), 'o.db');
  {
    await using outbox = openAt(path);
    await outbox.append('s', readings(100));
  }
  let sealed: Uint8Array;
  {
    await using outbox = openAt(path);
    sealed = outbox.page(-1, 1)[0]!.bytes;
  }
  const db = new DatabaseSync(path);
  const before = db.prepare('SELECT bytes FROM batch WHERE readings > 0').get() as { bytes: number };
  assert.ok(before.bytes < sealed.length / 2, `${before.bytes} of ${sealed.length} bytes`);
  db.prepare('UPDATE batch SET blob = ?, bytes = ? WHERE readings > 0').run(sealed, sealed.length);
  db.exec('PRAGMA user_version = 2');
  db.close();
  await using outbox = openAt(path);
  await outbox.append('s', readings(100, 100));
  const [old, packed] = outbox.page(-1, 10);
  assert.deepEqual(Buffer.from(old!.bytes), Buffer.from(sealed));
  assert.equal(old!.storedBytes, sealed.length);
  assert.equal(decodeBatch(packed!.bytes).value[99], 199);
  assert.equal(outbox.level.bytes, old!.storedBytes + packed!.storedBytes);
});
