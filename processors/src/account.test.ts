import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GatewayId } from '@millrace/wire/names.ts';
import fc from 'fast-check';
import { BootAccount } from './account.ts';
import { standingOf } from './standing.ts';

const dropped = (firstSeq: number, lastSeq: number) => ({ firstSeq, lastSeq, reason: 'OUTBOX_FULL' });
const restored = (account: BootAccount): BootAccount => {
  const [, ...stored] = account.stored(1);
  return new BootAccount(...(JSON.parse(JSON.stringify(stored)) as typeof stored));
};

test('property: an account says of each number what a list of all of them says, through any restarts', () => {
  const event = fc.record({
    first: fc.nat(60),
    count: fc.integer({ min: 1, max: 12 }),
    drop: fc.boolean(),
    restart: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), events => {
      let account = new BootAccount();
      const all = new Map<number, 'counted' | 'dropped'>();
      for (const { first, count, drop, restart } of events) {
        const numbers = Array.from({ length: count }, (_, i) => first + i);
        if (drop) {
          account.drop([dropped(first, first + count - 1), dropped(first, first)]);
          for (const seq of numbers) if (!all.has(seq)) all.set(seq, 'dropped');
        } else {
          const fresh = account.take(first, count).flatMap(([from, to]) => numbers.filter(n => n >= from && n <= to));
          assert.deepEqual(
            fresh,
            numbers.filter(seq => all.get(seq) !== 'counted'),
          );
          for (const seq of numbers) all.set(seq, 'counted');
        }
        if (restart) account = restored(account);
      }
      const lastSeq = Math.max(-1, ...all.keys());
      const absent = Array.from({ length: lastSeq + 1 }, (_, seq) => seq).filter(seq => !all.has(seq));
      const { holes, ...sums } = account.sums();
      const states = [...all.values()];
      assert.deepEqual(sums, {
        lastSeq,
        counted: states.filter(state => state === 'counted').length,
        dropped: states.filter(state => state === 'dropped').length,
        missing: absent.length,
      });
      assert.deepEqual(
        holes.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => from + i)),
        absent,
      );
    }),
    { numRuns: 500 },
  );
});

test('more holes than are kept: none of them turns into a reading, and the list stays short', () => {
  let account = new BootAccount();
  for (let seq = 0; seq < 6000; seq += 2) account.take(seq, 1);
  account = restored(account);
  const { missing, counted, lastSeq, holes } = account.sums();
  assert.deepEqual(
    { missing, counted, lastSeq, holes: holes.length },
    { missing: 2999, counted: 3000, lastSeq: 5998, holes: 100 },
  );
  assert.ok(JSON.stringify(account.stored(1)).length < 20_000);
  assert.deepEqual(account.take(1, 1), [], 'settled long ago');
  assert.equal(account.sums().missing, 2999, 'and still missing');
  for (let seq = 5001; seq < 5998; seq += 2) account.take(seq, 1);
  assert.equal(account.sums().missing, 2500, 'newer holes still close');
});

test('more dropped ranges than are kept: none turns into a missing reading, and a repeated declaration adds nothing', () => {
  let account = new BootAccount();
  const ranges = Array.from({ length: 3000 }, (_, i) => dropped(2 * i + 1, 2 * i + 1));
  for (let i = 0; i < 3000; i++) {
    account.drop([ranges[i]!]);
    account.take(2 * i, 1);
  }
  account = restored(account);
  account.drop(ranges);
  assert.deepEqual(account.sums(), { lastSeq: 5999, counted: 3000, dropped: 3000, missing: 0, holes: [] });
  assert.ok(JSON.stringify(account.stored(1)).length < 40_000);
});

test('ranges that overlap a thousand times over a thousand holes count each number once', () => {
  const account = new BootAccount();
  for (let seq = 0; seq < 2000; seq += 2) account.take(seq, 1);
  account.drop(Array.from({ length: 1000 }, () => dropped(0, 2 ** 40)));
  const { counted, missing } = account.sums();
  assert.deepEqual({ counted, missing }, { counted: 1000, missing: 0 });
});

test('what is missing without a place has no age', () => {
  const account = new BootAccount();
  for (let seq = 0; seq < 6000; seq += 2) account.take(seq, 1);
  const at = (atUs: number, before?: ReturnType<typeof standingOf>) =>
    standingOf('lamp-1' as GatewayId, 1, atUs, account, before);
  const first = at(1_000_000);
  assert.equal(first.holeSinceUs, 1_000_000);
  assert.equal(at(2_000_000, first).holeSinceUs, 1_000_000);
  account.take(0, 6000);
  const closed = at(3_000_000, first);
  assert.deepEqual([closed.ledger.holes, closed.ledger.missing > 0, closed.holeSinceUs], [[], true, null]);
});
