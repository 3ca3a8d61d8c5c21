/** The account against a model that follows each reading by itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Interval, IntervalSet } from '@millrace/wire/intervals.ts';
import fc from 'fast-check';
import { type BootAccount, type Evidence, settle, sumOf } from './account.ts';

/** How far a reading came. Everything after `unsent` had its PUBACK. */
const fates = [
  'unsent',
  'dropped',
  'lost by the bridge',
  'rejected by the bridge',
  'in Kafka',
  'rejected by the sink',
  'lost by the sink',
  'stored',
] as const;
type Fate = (typeof fates)[number];

interface Reading {
  readonly fate: Fate;
  /** Sent again after its PUBACK was lost: one more copy at the end of Kafka. */
  readonly resent: boolean;
}

const history = fc.array(
  fc.record({ fate: fc.constantFrom(...fates, 'stored' as const, 'stored' as const), resent: fc.boolean() }),
  { maxLength: 60 },
);

const setOf = (numbers: readonly number[]): readonly Interval[] =>
  new IntervalSet(numbers.map((n): Interval => [n, n])).intervals;

function evidenceOf(readings: readonly Reading[], more: Partial<Evidence> = {}): Evidence {
  const where = (...which: Fate[]): readonly Interval[] =>
    setOf(readings.flatMap(({ fate }, seq) => (which.includes(fate) ? [seq] : [])));
  const copied = readings.flatMap(({ fate, resent }, seq) =>
    fate === 'in Kafka' ||
    (resent && ['rejected by the sink', 'stored'].includes(fate)) ||
    // A reading that was dropped while a copy of it was under way.
    (resent && fate === 'dropped')
      ? [seq]
      : [],
  );
  const inKafka = new IntervalSet([
    ...where('in Kafka', 'rejected by the sink', 'lost by the sink', 'stored'),
    ...setOf(copied),
  ]);
  return {
    boot: 1,
    kafka: inKafka.intervals,
    ahead: setOf(copied),
    dropped: new Map([['OUTBOX_FULL', where('dropped')]]),
    rejected: new Map([
      ['bridge', where('rejected by the bridge')],
      ['sink', where('rejected by the sink')],
    ]),
    late: [],
    stored: where('stored'),
    doubled: 0,
    declared: {
      lastSeq: readings.length - 1,
      sent: setOf(readings.flatMap(({ fate }, seq) => (fate === 'unsent' ? [] : [seq]))),
    },
    standing: 'current',
    retention: 'whole',
    applied: true,
    told: -1,
    scope: undefined,
    ...more,
  };
}

const count = (readings: readonly Reading[], ...which: Fate[]): number =>
  readings.filter(({ fate }) => which.includes(fate)).length;

function assertEquation(account: BootAccount): void {
  const { taken, stored, dropped, rejected, late, inFlight, lost } = account;
  assert.equal(taken, stored + sumOf(dropped) + sumOf(rejected) + late + sumOf(inFlight) + sumOf(lost));
}

/** The numbers of the holes with this fate. */
const holes = (account: BootAccount, state: string, at: string): number[] =>
  account.holes
    .filter(hole => hole.state === state && hole.at === at)
    .flatMap(({ firstSeq, lastSeq }) => Array.from({ length: lastSeq - firstSeq + 1 }, (_, i) => firstSeq + i));

const indexesOf = (readings: readonly Reading[], wanted: Fate): number[] =>
  readings.flatMap(({ fate }, seq) => (fate === wanted ? [seq] : []));

test('property: the equation holds, and what is lost is exactly what the model lost', () => {
  fc.assert(
    fc.property(history, readings => {
      const account = settle(evidenceOf(readings));
      assertEquation(account);
      assert.equal(account.taken, readings.length);
      assert.equal(account.stored, count(readings, 'stored'));
      assert.equal(sumOf(account.dropped), count(readings, 'dropped'));
      assert.equal(sumOf(account.rejected), count(readings, 'rejected by the bridge', 'rejected by the sink'));
      assert.equal(account.inFlight.gateway ?? 0, count(readings, 'unsent'));
      assert.equal(account.inFlight.kafka ?? 0, count(readings, 'in Kafka'));
      assert.deepEqual(holes(account, 'lost', 'gateway→bridge'), indexesOf(readings, 'lost by the bridge'));
      assert.deepEqual(holes(account, 'lost', 'kafka→questdb'), indexesOf(readings, 'lost by the sink'));
      assert.equal(account.ok, count(readings, 'lost by the bridge', 'lost by the sink') === 0);
    }),
    { numRuns: 3000 },
  );
});

test('property: a stale status calls nothing lost that is not, and the equation holds', () => {
  fc.assert(
    fc.property(history, fc.nat(60), fc.nat(60), (readings, until, unsentFrom) => {
      const lastSeq = Math.min(until, readings.length) - 1;
      const sent = setOf(
        readings.flatMap(({ fate }, seq) => (seq <= lastSeq && seq < unsentFrom && fate !== 'unsent' ? [seq] : [])),
      );
      const account = settle(evidenceOf(readings, { declared: { lastSeq, sent } }));
      assertEquation(account);
      for (const seq of holes(account, 'lost', 'gateway→bridge'))
        assert.equal(readings[seq]!.fate, 'lost by the bridge');
      for (const seq of holes(account, 'lost', 'kafka→questdb')) assert.equal(readings[seq]!.fate, 'lost by the sink');
    }),
    { numRuns: 2000 },
  );
});

test('property: an outbox that was replaced takes with it what it had not sent', () => {
  fc.assert(
    fc.property(history, readings => {
      const account = settle(evidenceOf(readings, { standing: 'superseded' }));
      assertEquation(account);
      assert.deepEqual(holes(account, 'lost', 'gateway'), indexesOf(readings, 'unsent'));
      assert.equal(account.inFlight.gateway, undefined);
    }),
  );
});

test('property: what only the table of statuses tells was lost with a replaced outbox, and waits in one that is there', () => {
  fc.assert(
    fc.property(history, fc.nat(80), fc.boolean(), (readings, told, isCurrent) => {
      const standing = isCurrent ? 'current' : 'superseded';
      const declared = isCurrent ? evidenceOf(readings).declared : undefined;
      const without = settle(evidenceOf(readings, { standing, declared }));
      const account = settle(evidenceOf(readings, { standing, declared, told }));
      assertEquation(account);
      const more = Math.max(0, told + 1 - Math.max(without.taken, ...topOf(evidenceOf(readings, { declared }))));
      assert.equal(account.taken, without.taken + more);
      assert.equal(account.stored, without.stored);
      assert.equal((account.inFlight.gateway ?? 0) - (without.inFlight.gateway ?? 0), isCurrent ? more : 0);
      assert.equal((account.lost.gateway ?? 0) - (without.lost.gateway ?? 0), isCurrent ? 0 : more);
    }),
    { numRuns: 2000 },
  );
});

/** One more than the highest number in Kafka, in the table or declared. */
const topOf = ({ kafka, stored, declared, dropped, rejected }: Evidence): number[] =>
  [kafka, stored, ...dropped.values(), ...rejected.values()]
    .map(set => (set.at(-1)?.[1] ?? -1) + 1)
    .concat((declared?.lastSeq ?? -1) + 1);

test('what only the table of statuses tells is not guessed at where Kafka has deleted the boot', () => {
  const old = evidenceOf([], { declared: undefined, standing: 'superseded', retention: 'cut', told: 19 });
  const [gone, tail] = [settle(old), settle({ ...old, stored: [[0, 9]] })];
  assert.deepEqual([gone.taken, gone.unchecked, gone.ok], [0, 20, true]);
  assert.deepEqual([tail.taken, tail.stored, tail.lost], [20, 10, { unknown: 10 }]);
  const silent = settle(evidenceOf([], { declared: undefined, standing: 'undeclared', kafka: [[0, 9]], told: 19 }));
  assert.equal(silent.taken, 10);
});

test('property: in any evidence each reading has one fate, and a scope counts just what lies in it', () => {
  const set = fc.uniqueArray(fc.nat(50), { maxLength: 40 }).map(setOf);
  const evidence = fc.record({
    boot: fc.constant(1),
    kafka: set,
    ahead: set,
    dropped: set.map(one => new Map([['A', one]])),
    rejected: fc.tuple(set, set).map(
      ([a, b]) =>
        new Map([
          ['B', a],
          ['C', b],
        ]),
    ),
    late: set,
    stored: set,
    doubled: fc.constant(0),
    declared: fc.option(fc.record({ lastSeq: fc.integer({ min: -1, max: 50 }), sent: set }), { nil: undefined }),
    standing: fc.constantFrom('current' as const, 'superseded' as const, 'undeclared' as const),
    retention: fc.constantFrom('whole' as const, 'cut' as const, 'overrun' as const),
    applied: fc.boolean(),
    told: fc.integer({ min: -1, max: 60 }),
    scope: fc.option(
      fc.tuple(fc.nat(50), fc.nat(50)).map(([a, b]): Interval => [Math.min(a, b), Math.max(a, b)]),
      { nil: undefined },
    ),
  });
  fc.assert(
    fc.property(evidence, one => {
      const account = settle(one);
      assertEquation(account);
      const missing = sumOf(account.inFlight) + sumOf(account.lost);
      const listed = account.holes.reduce((sum, { firstSeq, lastSeq }) => sum + lastSeq - firstSeq + 1, 0);
      assert.equal(listed, missing);
      if (one.scope)
        for (const hole of account.holes) assert.ok(hole.firstSeq >= one.scope[0] && hole.lastSeq <= one.scope[1]);
    }),
    { numRuns: 5000 },
  );
});

test('what Kafka no longer holds is unknown, deleted before the sink had it, or not checked at all', () => {
  const none = evidenceOf([], { declared: undefined, standing: 'undeclared', kafka: [[50, 99]] });
  const stored: readonly Interval[] = [
    [10, 19],
    [30, 99],
  ];
  const cut = settle({ ...none, stored, retention: 'cut' });
  assert.deepEqual([cut.taken, cut.unchecked, cut.lost], [90, 10, { unknown: 10 }]);
  const overrun = settle({ ...none, stored, retention: 'overrun' });
  assert.deepEqual([overrun.taken, overrun.lost], [100, { 'kafka→questdb': 20 }]);
  const whole = settle({ ...none, stored, retention: 'whole' });
  assert.deepEqual([whole.lost, whole.notInKafka], [{ 'gateway→bridge': 20 }, 30]);
});

test('rows that QuestDB has acknowledged and not yet shown are on their way', () => {
  const account = settle(evidenceOf([], { kafka: [[0, 9]], declared: { lastSeq: 9, sent: [[0, 9]] }, applied: false }));
  assert.deepEqual([account.inFlight, account.ok], [{ questdb: 10 }, true]);
});
