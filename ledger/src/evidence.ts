/** What has been found out so far, gateway by gateway and boot by boot. Costs memory by holes, not by readings. */
import { difference } from '@millrace/wire/interval-algebra.ts';
import { type Interval, IntervalSet } from '@millrace/wire/intervals.ts';
import type { GatewayStatus } from '@millrace/wire/status.ts';
import type { Evidence } from './account.ts';

/** Closed–open, µs since the Unix epoch; an end left out is open. */
export interface TimeSpan {
  readonly fromUs?: number | undefined;
  readonly toUs?: number | undefined;
}

/** One per SenML message too, since each is a boot: nothing is allocated before it is needed. */
export class BootEvidence {
  readonly kafka = new IntervalSet();
  ahead: IntervalSet | undefined;
  late: IntervalSet | undefined;
  stored: IntervalSet | undefined;
  dropped: Map<string, IntervalSet> | undefined;
  rejected: Map<string, IntervalSet> | undefined;
  doubled = 0;
  /** Highest number that the table of statuses tells of. */
  told = -1;
  declared: { lastSeq: number; readonly sent: IntervalSet } | undefined;
  /** Lowest and highest number of a reading whose time lies in the span asked for. */
  inSpan: [number, number] | undefined;

  /** Takes a status of this boot: what had its PUBACK once has it for ever, so statuses only add. */
  declare({ lastSeq, unsent }: Pick<GatewayStatus, 'lastSeq' | 'unsent'>): void {
    this.declared ??= { lastSeq: -1, sent: new IntervalSet() };
    this.declared.lastSeq = Math.max(this.declared.lastSeq, lastSeq);
    if (lastSeq < 0) return;
    for (const [first, last] of difference([[0, lastSeq]], unsent)) this.declared.sent.add(first, last);
  }

  /** Notes that the readings `first … last` have times that may lie in the span. */
  widen(first: number, last: number): void {
    this.inSpan = this.inSpan ? [Math.min(this.inSpan[0], first), Math.max(this.inSpan[1], last)] : [first, last];
  }
}

const maxReasons = 50;
const otherReasons = 'other reasons';

/** Adds to one of a bounded number of sets: whoever sends chooses the reasons. */
export function addByReason(
  sets: Map<string, IntervalSet> | undefined,
  reason: string,
  first: number,
  last: number,
): Map<string, IntervalSet> {
  const known = sets ?? new Map<string, IntervalSet>();
  const name = known.has(reason) || known.size < maxReasons ? reason : otherReasons;
  const set = known.get(name) ?? new IntervalSet();
  set.add(first, last);
  known.set(name, set);
  return known;
}

export class GatewayEvidence {
  readonly boots = new Map<number, BootEvidence>();
  /** Of the newest status; undefined: the gateway has published none. */
  currentBoot: number | undefined;
  /** Partition of its readings, as far as any are in Kafka. */
  partition: number | undefined;
  /** Records whose readings nobody can name, by reason. */
  readonly rejectedUnknown = new Map<string, number>();

  boot(boot: number): BootEvidence {
    let evidence = this.boots.get(boot);
    if (evidence === undefined) {
      evidence = new BootEvidence();
      this.boots.set(boot, evidence);
    }
    return evidence;
  }

  /** Counts a record in which no reading can be told; returns what takes it back, which may be called twice. */
  rejectUnknown(reason: string): () => void {
    const counts = this.rejectedUnknown;
    const name = counts.has(reason) || counts.size < maxReasons ? reason : otherReasons;
    counts.set(name, (counts.get(name) ?? 0) + 1);
    let isCounted = true;
    return () => {
      if (isCounted) counts.set(name, counts.get(name)! - 1);
      isCounted = false;
    };
  }
}

/** A partition of `readings.v1`, as it was before it was read. */
export interface PartitionState {
  readonly first: bigint;
  readonly end: bigint;
  /** Next offset that the sink reads; null: it has committed none. */
  readonly committed: bigint | null;
}

export class EvidenceBook {
  readonly gateways = new Map<string, GatewayEvidence>();
  /** By partition. */
  partitions: readonly PartitionState[] = [];
  /** Records of `readings.v1` that are no batch and that the sink has passed or not, by `partition:offset`. */
  readonly undecodable = new Map<string, { readonly gateway: string; readonly ahead: boolean }>();
  /** Whether QuestDB shows every row that it acknowledged before Kafka was read. */
  applied = true;

  gateway(name: string): GatewayEvidence {
    let evidence = this.gateways.get(name);
    if (evidence === undefined) {
      evidence = new GatewayEvidence();
      this.gateways.set(name, evidence);
    }
    return evidence;
  }

  /** What is known of a boot, for `settle`; undefined when none of it lies in the span. */
  evidenceOf(gateway: GatewayEvidence, number: number, span: TimeSpan): Evidence | undefined {
    const boot = gateway.boots.get(number)!;
    const scope = scopeOf(boot, span);
    if (scope === null) return undefined;
    const sets = (map: Map<string, IntervalSet> | undefined): ReadonlyMap<string, readonly Interval[]> =>
      new Map([...(map ?? [])].map(([reason, { intervals }]) => [reason, intervals]));
    return {
      boot: number,
      kafka: boot.kafka.intervals,
      ahead: boot.ahead?.intervals ?? [],
      late: boot.late?.intervals ?? [],
      stored: boot.stored?.intervals ?? [],
      dropped: sets(boot.dropped),
      rejected: sets(boot.rejected),
      doubled: boot.doubled,
      declared: boot.declared && { lastSeq: boot.declared.lastSeq, sent: boot.declared.sent.intervals },
      told: boot.told,
      standing:
        gateway.currentBoot === undefined ? 'undeclared' : gateway.currentBoot === number ? 'current' : 'superseded',
      retention: this.#retentionOf(gateway),
      applied: this.applied,
      scope,
    };
  }

  /** A gateway of which Kafka has no reading may have lain in any partition. */
  #retentionOf({ partition }: GatewayEvidence): Evidence['retention'] {
    const states = partition === undefined ? this.partitions : this.partitions.slice(partition, partition + 1);
    if (states.some(({ first, committed }) => first > 0n && first > (committed ?? 0n))) return 'overrun';
    return states.some(({ first }) => first > 0n) ? 'cut' : 'whole';
  }
}

/** undefined: everything; null: nothing. */
function scopeOf(boot: BootEvidence, { fromUs, toUs }: TimeSpan): Interval | undefined | null {
  if (fromUs === undefined && toUs === undefined) return undefined;
  const seen = boot.inSpan;
  if (toUs !== undefined) {
    if (seen === undefined) return null;
    return [fromUs === undefined ? 0 : seen[0], seen[1]];
  }
  // Until now: what nobody has seen yet comes after all that has been seen.
  const last = Math.max(boot.kafka.intervals.at(-1)?.[1] ?? -1, boot.stored?.intervals.at(-1)?.[1] ?? -1);
  return [seen?.[0] ?? last + 1, Number.MAX_SAFE_INTEGER];
}
