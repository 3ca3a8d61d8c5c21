/** What the engine says of a gateway's sequence; see `account.test.ts` for the arithmetic. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openMetrics } from '@millrace/runtime/metrics.ts';
import type { Batch } from '@millrace/wire/batch.ts';
import type { GatewayLedger } from '@millrace/wire/ledger.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import { baseUs as atUs, batchOf, clockAt, hourUs, Lab } from '../test/lab.ts';
import { ledgerMetrics } from './ledger-metrics.ts';
import { LedgerPacing } from './ledger-pacing.ts';

const batch = (firstSeq: number, count: number, more: Partial<Batch> = {}): Batch =>
  batchOf(
    firstSeq,
    Array.from({ length: count }, () => [0, 1] as const),
    more,
  );

const drop = (firstSeq: number, lastSeq: number) => ({ firstSeq, lastSeq, reason: 'OUTBOX_FULL' });

/** Feeds and commits. @returns the ledgers of that commit. */
function feeder(lab: Lab): (one: Batch, receivedAtUs?: number, sequenced?: boolean) => GatewayLedger[] {
  return (one, receivedAtUs = atUs, sequenced = true) => {
    lab.feed({ batch: one, receivedAtUs, sequenced });
    return committed(lab);
  };
}

function committed(lab: Lab): GatewayLedger[] {
  const from = lab.ledgers.length;
  lab.commit(clockAt(hourUs));
  return lab.ledgers.slice(from);
}

test('a batch that is not there is missing until it comes; what was dropped is not missing', () => {
  const feed = feeder(new Lab());
  feed(batch(0, 10));
  assert.deepEqual(feed(batch(25, 5, { dropped: [drop(20, 24)] }), atUs + 5), [
    { gateway: 'g', boot: 1, atUs: atUs + 5, lastSeq: 29, counted: 15, dropped: 5, missing: 10, holes: [[10, 19]] },
  ]);
  const [ledger] = feed(batch(10, 10));
  assert.deepEqual([ledger?.missing, ledger?.counted, ledger?.holes], [0, 25, []]);
});

test('a batch of drops alone has its account; a reading that was dropped and arrives all the same is counted', () => {
  const feed = feeder(new Lab());
  assert.deepEqual(
    feed(batch(0, 0, { dropped: [drop(0, 9)] })).map(({ lastSeq, dropped, missing }) => [lastSeq, dropped, missing]),
    [[9, 10, 0]],
  );
  const [ledger] = feed(batch(3, 4));
  assert.deepEqual([ledger?.counted, ledger?.dropped, ledger?.missing], [4, 6, 0]);
});

test('the account is that of the newest boot, and SenML, where each message is a boot, has none', () => {
  const lab = new Lab();
  const feed = feeder(lab);
  feed(batch(5, 5));
  assert.deepEqual(
    feed(batch(0, 3, { boot: 2 })).map(({ boot, missing }) => [boot, missing]),
    [[2, 0]],
  );
  for (let boot = 100; boot < 1000; boot++)
    assert.deepEqual(feed(batch(0, 1, { boot }), atUs, false), [], 'nothing new to say');
  assert.deepEqual(
    feed(batch(4, 1, { boot: 2 })).map(({ boot, counted, holes }) => [boot, counted, holes]),
    [[2, 4, [[3, 3]]]],
    'hundreds of SenML messages have not displaced it',
  );
  assert.deepEqual(feed(batch(0, 1, { gateway: 'senml' as GatewayId }), atUs, false), []);
  assert.equal([...lab.task.standings()].length, 1);
});

test('a restart keeps the account, says it again, and keeps since when the oldest hole stands', () => {
  const lab = new Lab();
  const feed = feeder(lab);
  feed(batch(10, 5, { dropped: [drop(0, 3)] }), atUs);
  const ledgers = feed(batch(20, 5), atUs + 60_000_000);
  lab.kill();
  const again = committed(lab);
  assert.deepEqual(again, ledgers);
  assert.deepEqual([...lab.task.standings()], [{ ledger: ledgers[0], holeSinceUs: atUs }]);
  assert.deepEqual(committed(lab), []);
  feed(batch(4, 6), atUs + 120_000_000);
  const [standing] = lab.task.standings();
  assert.deepEqual([standing?.ledger.holes, standing?.holeSinceUs], [[[15, 19]], atUs + 120_000_000]);
});

test('a state of version 1 is taken over, and its readings are not counted again', () => {
  const stored = {
    version: 1,
    gateway: 'g',
    site: '',
    completeThroughUs: 0,
    newestUs: atUs,
    offset: 7,
    forgottenUs: 0,
    seen: [[1, [[0, 9]]]],
    series: [],
  };
  const lab = new Lab();
  lab.state.set('g', Buffer.from(JSON.stringify(stored)));
  lab.kill();
  const [ledger] = feeder(lab)(batch(5, 10));
  assert.deepEqual([lab.task.counters.duplicate, ledger?.counted, ledger?.missing], [5, 15, 0]);
});

test('however many boots and holes a gateway makes up, its account stays a small record', () => {
  const lab = new Lab();
  for (let boot = 2; boot < 100; boot++)
    for (let i = 0; i < 100; i++)
      lab.feed({ batch: batch(i * 4, 1, { boot, dropped: [drop(i * 4 + 2, i * 4 + 2)] }), receivedAtUs: atUs });
  const [newest] = committed(lab);
  assert.deepEqual([newest?.counted, newest?.dropped], [100, 100]);
  assert.ok(lab.state.get('g/g')!.length < 40_000);
  lab.kill();
  assert.deepEqual(committed(lab), [newest]);
});

test('ledgers of one gateway keep their distance, and the newest one goes out although nothing follows', () => {
  const pacing = new LedgerPacing(2000);
  const ledger = (counted: number): GatewayLedger => ({
    gateway: 'g' as GatewayId,
    boot: 1,
    atUs,
    lastSeq: counted - 1,
    counted,
    dropped: 0,
    missing: 0,
    holes: [],
  });
  pacing.hold([ledger(1)]);
  assert.deepEqual(pacing.letOut(0), [ledger(1)]);
  pacing.hold([ledger(2)]);
  assert.deepEqual(pacing.letOut(1000), []);
  pacing.hold([ledger(3)]);
  assert.deepEqual(pacing.letOut(1999), []);
  assert.deepEqual(pacing.letOut(2000), [ledger(3)]);
  assert.deepEqual(pacing.letOut(9000), []);
});

test('metrics have the sums, and name those gateways only whose holes stand longest', async () => {
  const lab = new Lab();
  for (let i = 0; i < 300; i++) {
    const gateway = `g${i}` as GatewayId;
    lab.feed({
      batch: batch(i < 150 ? 2 : 0, 1, { gateway, dropped: [drop(5, 6)] }),
      receivedAtUs: atUs + i * 1_000_000,
    });
  }
  lab.commit(clockAt(hourUs));
  const metrics = openMetrics('test');
  ledgerMetrics(metrics, () => lab.task.standings());
  const text = await metrics.registry.metrics();
  const value = (name: string): number =>
    Number(new RegExp(`^millrace_ledger_${name}(?:{[^}]*})? (.*)$`, 'm').exec(text)?.[1]);
  // Numbers 3 and 4 of the first 150, 1 to 4 of the others, and 0 and 1 before the first of the first.
  assert.equal(value('missing_readings'), 150 * 4 + 150 * 4);
  assert.equal(value('gateways_with_holes'), 300);
  assert.equal(value('dropped_readings'), 600);
  assert.ok(Math.abs(value('oldest_hole_seconds') - (Date.now() / 1000 - atUs / 1e6)) < 60);
  const named = [...text.matchAll(/^millrace_ledger_gateway_hole_seconds{.*gateway="(\w+)"/gm)].map(([, name]) => name);
  assert.deepEqual(new Set(named), new Set(Array.from({ length: 100 }, (_, i) => `g${i}`)));
});
