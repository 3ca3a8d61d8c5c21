import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { decodeBatch } from '@millrace/wire/batch.ts';
import fc from 'fast-check';
import { folder, openAt, readings, until } from '../../test/outbox.ts';
import type { Reading } from '../reading.ts';
import type { OutboxOptions } from './outbox.ts';
import { prioritiesBy } from './priorities.ts';
import type { SealedBatch } from './seal.ts';

const sources = ['fast', 'slow'] as const;

const numbers = (first: number, last: number): number[] =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('append'),
      source: fc.nat(1),
      count: fc.integer({ min: 1, max: 30 }),
      jump: fc.nat(500),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('connect', 'cut', 'restart') }) },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('publish'), backlog: fc.boolean(), count: fc.integer({ min: 1, max: 6 }) }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('acknowledge'), which: fc.nat(5) }) },
);

for (const dropPolicy of ['refuse', 'oldest', 'lowest-priority'] as const) {
  test(`property (${dropPolicy}): what a batch claims is true when it is published, whatever outages, answers and restarts came before`, async () => {
    const home = folder();
    let run = 0;
    let overtaken = 0;
    let recordsFirst = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), async steps => {
        const options: Partial<OutboxOptions> = {
          sources: [...sources],
          groupCommitMs: 0,
          dropPolicy,
          maxBytes: dropPolicy === 'refuse' ? 1 << 30 : 1500,
          priorityOf: prioritiesBy([{ metric: 'fast', priority: 2 }], ''),
        };
        const path = join(home, `${++run}.db`);
        let outbox = openAt(path, options);
        /** All readings taken, by value: each has its own. */
        const timeOf = new Map<number, number>();
        const clockUs = [1000, 1000];
        let value = 0;
        /** Sent as far as the gateway can know: with PUBACK, or published on this connection. */
        const acknowledged = new Set<number>();
        let published = new Map<number, SealedBatch>();
        let highestClaimUs = 0;
        /** On this connection, this batch is backlog. */
        const isBacklog = ({ id }: SealedBatch): boolean => !outbox.lanes.isLive({ id });
        const records = (): SealedBatch[] =>
          outbox.page(-1, 1000).filter(({ bytes }) => decodeBatch(bytes).dropped.length > 0);
        /** Sequence numbers of which the broker knows what became. */
        const known = new Set<number>();
        const checkUnsent = (): void => {
          const all = new Set(outbox.unsent.flatMap(([first, last]) => numbers(first, last)));
          for (const seq of numbers(0, outbox.level.lastSeq))
            assert.equal(all.has(seq), !known.has(seq), `${seq} is unsent`);
        };
        const inBatch = ({ bytes }: SealedBatch): number[] => decodeBatch(bytes).value.map(Number);
        const check = (batch: SealedBatch): void => {
          const { completeThroughUs: claimUs, dropped } = decodeBatch(batch.bytes);
          if (dropped.length > 0) assert.equal(claimUs, 0, 'a record may stand anywhere');
          highestClaimUs = Math.max(highestClaimUs, claimUs);
          const sent = new Set([...acknowledged, ...[...published.values(), batch].flatMap(inBatch)]);
          const here = new Set(outbox.page(-1, 1000).flatMap(inBatch));
          // Neither sent nor here: given up.
          for (const [one, timeUs] of timeOf)
            if (timeUs < claimUs && here.has(one))
              assert.ok(sent.has(one), `${one} of ${timeUs} is not sent, and ${claimUs} is claimed`);
        };
        for (const one of steps) {
          switch (one.do) {
            case 'append': {
              const { source, count, jump } = one as { source: 0 | 1; count: number; jump: number };
              const name = sources[source];
              const readings = Array.from({ length: count }, (_, i): Reading => {
                clockUs[source]! += i === 0 ? jump : 1;
                timeOf.set(value, clockUs[source]!);
                // A source that declares tells the truth: nothing earlier comes after it.
                assert.ok(clockUs[source]! >= highestClaimUs, 'a later reading is older than what was claimed');
                return { sensor: 'a', metric: name, unit: '1', value: value++, timeUs: clockUs[source]! };
              });
              const done = outbox.append(name, readings, { completeThroughUs: clockUs[source]! });
              done.catch(() => {});
              await new Promise(resolve => setImmediate(() => setImmediate(resolve)));
              if (outbox.writable === true) await done;
              break;
            }
            case 'connect':
              published = new Map();
              outbox.openLanes();
              break;
            case 'cut':
              published = new Map();
              outbox.closeLanes();
              break;
            case 'restart':
              published = new Map();
              await outbox[Symbol.asyncDispose]();
              outbox = openAt(path, options);
              break;
            case 'publish': {
              const { backlog, count } = one as { backlog: boolean; count: number };
              for (let i = 0; i < count; i++) {
                const batch = outbox.lanes.next(backlog);
                if (batch === undefined) break;
                check(batch);
                assert.ok(!published.has(batch.id), 'once a connection');
                if (decodeBatch(batch.bytes).dropped.length > 0) {
                  if (isBacklog(batch)) recordsFirst += 1;
                } else if (backlog)
                  assert.deepEqual(
                    records().filter(record => isBacklog(record) && !published.has(record.id)),
                    [],
                    'records go first',
                  );
                const [oldest] = outbox.page(-1, 1);
                if (oldest !== undefined && oldest.id < batch.id && !published.has(oldest.id)) overtaken += 1;
                published.set(batch.id, batch);
              }
              outbox.lanes.wait(backlog ? 2 : 0);
              break;
            }
            default: {
              const batch = [...published.values()][(one as { which: number }).which];
              if (batch === undefined) break;
              for (const each of inBatch(batch)) acknowledged.add(each);
              for (const seq of numbers(batch.firstSeq, batch.lastSeq)) known.add(seq);
              for (const { firstSeq, lastSeq } of decodeBatch(batch.bytes).dropped)
                for (const seq of numbers(firstSeq, lastSeq)) known.add(seq);
              outbox.acknowledge(batch);
              // It stays published: the order of this connection holds for what comes after it, too.
            }
          }
          checkUnsent();
        }
        published = new Map();
        outbox.openLanes();
        const waiting = outbox.page(-1, 1000).map(({ id }) => id);
        for (let batch; (batch = outbox.lanes.next(true)) !== undefined; ) {
          check(batch);
          published.set(batch.id, batch);
          if (decodeBatch(batch.bytes).dropped.length > 0 && isBacklog(batch)) recordsFirst += 1;
        }
        assert.deepEqual(
          [...published.keys()].sort((a, b) => a - b),
          waiting,
        );
        await outbox[Symbol.asyncDispose]();
      }),
      { numRuns: 60 },
    );
    assert.ok(overtaken > 3, `${overtaken} batches overtook older ones: too few to prove anything`);
    if (dropPolicy !== 'refuse') assert.ok(recordsFirst > 0, `${recordsFirst} records went first: too few`);
  });
}

test('when the backlog is gone and nothing new comes, a batch without readings says what may be claimed, once', async () => {
  await using outbox = openAt(join(folder(), 'outbox.db'));
  const declare = (count: number, from: number, completeThroughUs: number) =>
    outbox.append('s', readings(count, from), { completeThroughUs });
  await declare(1, 0, 10);
  outbox.openLanes();
  await declare(1, 1, 20);
  const [live, backlog] = [outbox.lanes.next(true)!, outbox.lanes.next(true)!];
  assert.deepEqual([live.firstSeq, backlog.firstSeq], [1, 0]);
  assert.equal(decodeBatch(live.bytes).completeThroughUs, 0, 'the backlog is older');
  assert.equal(outbox.lanes.next(true), undefined);
  outbox.acknowledge(live);
  outbox.acknowledge(backlog);
  await until('the claim is sealed', () => outbox.level.batches === 1);
  const claim = outbox.lanes.next(true)!;
  assert.deepEqual([decodeBatch(claim.bytes).value.length, decodeBatch(claim.bytes).completeThroughUs], [0, 20]);
  outbox.acknowledge(claim);
  outbox.drain();
  assert.equal(outbox.level.batches, 0);
});
