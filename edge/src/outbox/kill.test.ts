import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { decodeBatch } from '@millrace/wire/batch.ts';
import { countKills } from '../../test/kills.ts';
import { childEnv, folder, openAt, readings } from '../../test/outbox.ts';
import type { Outbox } from './outbox.ts';

const kills = 20;

test(`${kills} kills at random moments, under each policy, lose no reading whose append had resolved, and leave no hole and no double`, async t => {
  const { resolved, dropped, ...bad } = await countKills(kills, childEnv());
  assert.deepEqual(bad, { kills, lost: 0, doubled: 0, holes: 0, changed: 0 });
  assert.ok(resolved > kills);
  // How often a policy had to drop depends on when the kills come.
  t.diagnostic(`${resolved} resolved, ${dropped} given up`);
});

const valuesIn = (outbox: Outbox): number[] =>
  outbox.page(-1, 100_000).flatMap(({ bytes }) => decodeBatch(bytes).value);

/** SQLite, "WAL-mode file format": a header of 32 bytes, then frames of 24 bytes and a page. */
const walHeaderBytes = 32;
const frameBytes = 24 + 4096;

for (const [what, tail] of Object.entries({
  garbage: () => Buffer.alloc(9000, 0xa5),
  zeros: () => Buffer.alloc(9000),
  'half a frame': (wal: Buffer) => wal.subarray(walHeaderBytes, walHeaderBytes + frameBytes / 2),
  'a frame with the right salts and a torn page': (wal: Buffer) => {
    const frame = Buffer.from(wal.subarray(wal.length - frameBytes));
    frame.writeUInt32BE(frame.readUInt32BE(4) + 1, 4); // Says that it ends a commit, of one page more.
    return frame.fill(0x5a, 2000);
  },
})) {
  test(`a last write that was torn (${what}) takes nothing whose append had resolved, and the agent goes on`, async () => {
    const home = folder();
    const path = join(home, 'o.db');
    const torn = join(home, 'torn.db');
    {
      await using outbox = openAt(path, { groupCommitMs: 0 });
      for (let i = 0; i < 30; i++) await outbox.append('s', readings(10, i * 10));
      // As a power cut leaves it: what was synchronised, and behind it a part of a commit that nobody was told of.
      copyFileSync(path, torn);
      copyFileSync(`${path}-wal`, `${torn}-wal`);
    }
    const wal = readFileSync(`${torn}-wal`);
    assert.ok(wal.length > walHeaderBytes + frameBytes);
    appendFileSync(`${torn}-wal`, tail(wal));
    {
      await using outbox = openAt(torn, { groupCommitMs: 0 });
      assert.deepEqual(valuesIn(outbox), [...Array(300).keys()]);
      assert.equal(outbox.level.lastSeq, 299);
      await outbox.append('s', readings(10, 300));
    }
    await using outbox = openAt(torn);
    assert.deepEqual(valuesIn(outbox), [...Array(310).keys()]);
  });
}
