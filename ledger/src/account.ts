/** The account of one boot: what became of each reading that a gateway took. Set algebra only, no I/O. */
import { difference, intersection, sizeOf } from '@millrace/wire/interval-algebra.ts';
import type { Interval } from '@millrace/wire/intervals.ts';

/** Where a reading waits: in the gateway's outbox, in Kafka before the sink, or in QuestDB's write-ahead log. */
export type Where = 'gateway' | 'kafka' | 'questdb';

/**
 * Where a lost reading was last seen. `gateway`: it went with the outbox of a boot that a newer one has replaced.
 * `gateway→bridge`: it had its PUBACK, or those after it arrived, and Kafka does not have it. `kafka→questdb`: Kafka has
 * or had it, the sink went past it, the table lacks it. `unknown`: Kafka no longer reaches back so far.
 */
export type Hop = 'gateway' | 'gateway→bridge' | 'kafka→questdb' | 'unknown';

/** Numbers of readings. `taken` is the sum of all the others but `doubled`. */
export interface Terms {
  readonly taken: number;
  readonly stored: number;
  /** By reason. */
  readonly dropped: Readonly<Record<string, number>>;
  /** By stage and reason. */
  readonly rejected: Readonly<Record<string, number>>;
  /** Held by the late topic only; a late reading that is in the table counts as stored. */
  readonly late: number;
  readonly inFlight: Readonly<Partial<Record<Where, number>>>;
  readonly lost: Readonly<Partial<Record<Hop, number>>>;
  /** Rows of the table beyond one for each reading. */
  readonly doubled: number;
}

/** Missing readings with neighbouring sequence numbers and one fate. */
export type Hole = { readonly firstSeq: number; readonly lastSeq: number } & (
  | { readonly state: 'in flight'; readonly at: Where }
  | { readonly state: 'lost'; readonly at: Hop }
);

export interface BootAccount extends Terms {
  readonly boot: number;
  /** In the order of their sequence numbers; at most 1,000. */
  readonly holes: readonly Hole[];
  /** Stored, and not in Kafka although Kafka reaches back so far. No loss, but worth a sentence. */
  readonly notInKafka: number;
  /** Older than anything that Kafka and the table still hold: not part of `taken`. */
  readonly unchecked: number;
  /** Nothing lost, nothing doubled. What is in flight is no fault. */
  readonly ok: boolean;
}

type Set = readonly Interval[];

/** All that is known of one boot. Sets are sorted and disjoint, as `IntervalSet.intervals`. */
export interface Evidence {
  readonly boot: number;
  /** In `readings.v1`. */
  readonly kafka: Set;
  /** Of `kafka`, what has a copy that the sink had not committed before Kafka was read. */
  readonly ahead: Set;
  readonly dropped: ReadonlyMap<string, Set>;
  readonly rejected: ReadonlyMap<string, Set>;
  readonly late: Set;
  /** In the table. */
  readonly stored: Set;
  readonly doubled: number;
  /** From the gateway's statuses of this boot: highest number given, and the numbers that had their PUBACK. */
  readonly declared: { readonly lastSeq: number; readonly sent: Set } | undefined;
  /**
   * Highest number that the table of statuses tells of, or −1. A compacted topic keeps a gateway's newest status only: of
   * a boot that a newer one has replaced nothing else tells what lay in its outbox.
   */
  readonly told: number;
  /** `undeclared`: the gateway has never published a status. */
  readonly standing: 'current' | 'superseded' | 'undeclared';
  /** `cut`: retention has deleted the beginning of the partition; `overrun`: and the sink had not stored all of it. */
  readonly retention: 'whole' | 'cut' | 'overrun';
  /** Whether every row that QuestDB acknowledged before Kafka was read could be seen. */
  readonly applied: boolean;
  /** Only these sequence numbers are asked for; undefined: all. */
  readonly scope: Interval | undefined;
}

const maxHoles = 1000;

/** Of several fates that are true of a reading the first counts: stored, rejected, dropped, in flight, late, lost. */
export function settle(evidence: Evidence): BootAccount {
  const { boot, kafka, stored, declared, standing, retention, doubled } = evidence;
  const { taken, tail, unchecked } = takenOf(evidence);
  const sent = declared?.sent ?? [];
  let rest: Set = taken;
  const take = (set: Set): Set => {
    const taken = intersection(rest, set);
    rest = difference(rest, set);
    return taken;
  };
  const byReason = (sets: ReadonlyMap<string, Set>): Record<string, number> => {
    const counts = [...sets].map(([reason, set]) => [reason, sizeOf(take(set))] as const);
    return Object.fromEntries(counts.filter(([, count]) => count > 0));
  };

  const isStored = take(stored);
  const rejected = byReason(evidence.rejected);
  const dropped = byReason(evidence.dropped);
  const inFlight: [Where, Set][] = [['kafka', take(evidence.ahead)]];
  const late = sizeOf(take(evidence.late));

  const lost: [Hop, Set][] = [];
  const inKafka = take(kafka);
  if (evidence.applied) lost.push(['kafka→questdb', inKafka]);
  else inFlight.push(['questdb', inKafka]);
  // It may have been dropped, with a record that Kafka has deleted as all the others of the boot.
  if (standing === 'superseded' && retention !== 'whole' && kafka.length === 0) lost.push(['unknown', take(tail)]);
  if (standing !== 'undeclared') {
    const unsent = difference(rest, sent);
    rest = intersection(rest, sent);
    if (standing === 'current') inFlight.push(['gateway', unsent]);
    else lost.push(['gateway', unsent]);
  }
  if (retention !== 'whole') {
    const deleted = take([[0, (kafka[0]?.[0] ?? Number.MAX_SAFE_INTEGER) - 1]]);
    lost.push([retention === 'overrun' ? 'kafka→questdb' : 'unknown', deleted]);
  }
  lost.push(['gateway→bridge', rest]);

  const reached = retention === 'whole' ? 0 : (kafka[0]?.[0] ?? Number.MAX_SAFE_INTEGER);
  const lostCounts = countsOf(lost);
  return {
    boot,
    taken: sizeOf(taken),
    stored: sizeOf(isStored),
    rejected,
    dropped,
    late,
    inFlight: countsOf(inFlight),
    lost: lostCounts,
    doubled,
    holes: holesOf(inFlight, lost),
    notInKafka: sizeOf(intersection(difference(isStored, kafka), [[reached, Number.MAX_SAFE_INTEGER]])),
    unchecked,
    ok: doubled === 0 && Object.keys(lostCounts).length === 0,
  };
}

/**
 * A boot counts from 0 without holes, so it took everything up to the highest number known. Rows above that came to the
 * table while the account was made and are left to the next one.
 */
function takenOf(evidence: Evidence): { taken: Set; tail: Set; unchecked: number } {
  const { taken, unchecked } = seenOf(evidence);
  const { kafka, dropped, rejected, late, stored, declared, standing, retention, scope, told } = evidence;
  const sets = [kafka, late, stored, ...dropped.values(), ...rejected.values()];
  const top = Math.max(declared?.lastSeq ?? -1, ...sets.map(set => set.at(-1)?.[1] ?? -1));
  // Without a status in Kafka nothing says whether the outbox is still there.
  if (told <= top || standing === 'undeclared') return { taken, tail: [], unchecked };
  const all: Set = [[top + 1, told]];
  const tail = scope === undefined ? all : intersection(all, [scope]);
  // Old, where neither Kafka nor the table has anything of the boot.
  if (top < 0 && standing === 'superseded' && retention === 'cut')
    return { taken, tail: [], unchecked: unchecked + sizeOf(tail) };
  return { taken: [...taken, ...tail], tail, unchecked };
}

function seenOf({ kafka, dropped, rejected, late, stored, declared, standing, retention, scope }: Evidence): {
  taken: Set;
  unchecked: number;
} {
  const within = (set: Set): Set => (scope === undefined ? set : intersection(set, [scope]));
  const known = [kafka, late, ...dropped.values(), ...rejected.values()].filter(set => set.length > 0);
  const top = Math.max(declared?.lastSeq ?? -1, ...known.map(set => set.at(-1)![1]));
  if (top < 0) {
    // Only the table knows this boot. Where Kafka has deleted it that is in order, and a hole is a hole. Otherwise it
    // began while the account was made, or Kafka was emptied: nothing says what should be there.
    const [first] = stored;
    if (first === undefined) return { taken: [], unchecked: 0 };
    const span: Interval = [first[0], stored.at(-1)![1]];
    return { taken: within(retention === 'whole' ? stored : [span]), unchecked: 0 };
  }
  const all: Set = [[0, top]];
  if (retention !== 'cut') return { taken: within(all), unchecked: 0 };
  const lowest = Math.min(top + 1, ...[...known, stored].flatMap(set => set.slice(0, 1).map(([first]) => first)));
  const beginning = within(lowest > 0 ? [[0, lowest - 1]] : []);
  // What still lies in an outbox is not old, whatever its number.
  const unchecked = standing === 'current' ? intersection(beginning, declared?.sent ?? []) : beginning;
  return { taken: difference(within(all), unchecked), unchecked: sizeOf(unchecked) };
}

function countsOf<Key extends string>(sets: readonly (readonly [Key, Set])[]): Partial<Record<Key, number>> {
  const counts: Partial<Record<Key, number>> = {};
  for (const [key, set] of sets) {
    const count = sizeOf(set);
    if (count > 0) counts[key] = (counts[key] ?? 0) + count;
  }
  return counts;
}

function holesOf(inFlight: readonly (readonly [Where, Set])[], lost: readonly (readonly [Hop, Set])[]): Hole[] {
  const holes: Hole[] = [
    ...lost.flatMap(([at, set]) => set.map(([firstSeq, lastSeq]): Hole => ({ firstSeq, lastSeq, state: 'lost', at }))),
    ...inFlight.flatMap(([at, set]) =>
      set.map(([firstSeq, lastSeq]): Hole => ({ firstSeq, lastSeq, state: 'in flight', at })),
    ),
  ];
  // What is lost must not be crowded out by what is on its way.
  return holes.slice(0, maxHoles).sort((a, b) => a.firstSeq - b.firstSeq);
}

/** The sums of several accounts. */
export function totalOf(accounts: readonly Terms[]): Terms {
  const add = (pick: (terms: Terms) => Readonly<Partial<Record<string, number>>>): Record<string, number> => {
    const sums: Record<string, number> = {};
    for (const account of accounts)
      for (const [key, count] of Object.entries(pick(account))) sums[key] = (sums[key] ?? 0) + (count ?? 0);
    return sums;
  };
  const sum = (pick: (terms: Terms) => number): number => accounts.reduce((total, terms) => total + pick(terms), 0);
  return {
    taken: sum(({ taken }) => taken),
    stored: sum(({ stored }) => stored),
    dropped: add(({ dropped }) => dropped),
    rejected: add(({ rejected }) => rejected),
    late: sum(({ late }) => late),
    inFlight: add(({ inFlight }) => inFlight),
    lost: add(({ lost }) => lost),
    doubled: sum(({ doubled }) => doubled),
  };
}

/** The sum of a term that is kept by reason or place. */
export const sumOf = (counts: Readonly<Partial<Record<string, number>>>): number =>
  Object.values(counts).reduce<number>((sum, count) => sum + (count ?? 0), 0);
