/** `taken = stored + dropped + rejected + late + in flight`, for any gateway and interval: this room's door. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Kafka } from '@millrace/runtime/kafka/connect.ts';
import { IntervalSet } from '@millrace/wire/intervals.ts';
import { type GatewayId, kafkaTopics } from '@millrace/wire/names.ts';
import { type BootAccount, settle, sumOf, type Terms, totalOf } from './account.ts';
import { checksumOf } from './checksum.ts';
import { EvidenceBook, type GatewayEvidence, type TimeSpan } from './evidence.ts';
import { type Bucket, ReadingsTable, type TableAddress, type Told } from './table.ts';
import { readTopics } from './topics.ts';

export interface ReconcileOptions extends TimeSpan {
  readonly kafka: Kafka;
  /** Begins the names of topics and consumer groups: `kafka.prefix` of the configuration. */
  readonly prefix: string;
  readonly questdb: TableAddress;
  /** Default: all. */
  readonly gateway?: GatewayId | undefined;
  /** Repeats until nothing is in flight, or this has passed; milliseconds. Default 0: once. */
  readonly waitMs?: number;
  /** Whether to compute `checksum`, which reads every row. */
  readonly checksum?: boolean;
  /** Ends it early, with the signal's reason. */
  readonly signal?: AbortSignal;
  /** A sentence now and then when it takes long. */
  readonly onProgress?: (sentence: string) => void;
}

export interface GatewayAccount extends Terms {
  readonly gateway: string;
  /** Those with something lost or doubled first, then those with something in flight; at most 100. */
  readonly boots: readonly BootAccount[];
  /** Boots that are counted and not listed. */
  readonly moreBoots: number;
  /** Rejected records in which no reading can be told, by stage and reason: not in `taken`. */
  readonly rejectedUnknown: Readonly<Record<string, number>>;
  readonly ok: boolean;
}

export interface Reconciliation {
  /** The equation holds and nothing is unexplained; what is in flight is no fault. */
  readonly ok: boolean;
  readonly gateways: readonly GatewayAccount[];
  readonly total: Terms;
  /** What is wrong beyond single readings. Empty when `ok`. */
  readonly faults: readonly string[];
  /** What is in order and yet worth knowing. */
  readonly notes: readonly string[];
  /** SHA-256 sums of the table's rows in the interval, whatever their order, boot and time of receipt. */
  readonly checksum?: string;
}

const maxBoots = 100;
const appliedDeadlineMs = 30_000;
const betweenTriesMs = 250;

/**
 * Makes the account. With `fromUs` or `toUs` it counts, of each boot, the readings from the first to the last sequence
 * number that is known to have a time in the interval; a missing reading has no time, so it counts by its neighbours.
 * @throws {TransientError} when Kafka or QuestDB does not answer.
 */
export async function reconcile(options: ReconcileOptions): Promise<Reconciliation> {
  const end = Date.now() + (options.waitMs ?? 0);
  for (;;) {
    const account = await once(options);
    const inFlight = sumOf(account.total.inFlight);
    if (inFlight === 0 || Date.now() >= end) {
      if (!options.checksum) return account;
      await using table = await ReadingsTable.open(options.questdb);
      return { ...account, checksum: await checksumOf(table, options) };
    }
    options.onProgress?.(`${inFlight} readings are in flight; looking again`);
    await pause(betweenTriesMs, undefined, options.signal && { signal: options.signal });
  }
}

async function once(options: ReconcileOptions): Promise<Reconciliation> {
  const { kafka, prefix, gateway, fromUs, toUs, signal, onProgress = () => {} } = options;
  const span = { fromUs, toUs };
  const book = new EvidenceBook();
  // First of all: a database that is away is told before minutes of reading.
  await using table = await ReadingsTable.open(options.questdb);
  // Before the statuses in Kafka: a boot that only the table knows must be an old one, and not one that began meanwhile.
  const told = await table.told(gateway, fromUs ?? 0);
  await readTopics(book, {
    kafka,
    topics: kafkaTopics(prefix),
    sinkGroup: `${prefix}sink.readings`,
    span,
    gateway,
    signal,
    onProgress,
  });
  for (const one of told) takeTold(book, one);
  book.applied = await table.applied(appliedDeadlineMs);
  await readTable(book, table, span, gateway, onProgress);
  return accountOf(book, span);
}

async function readTable(
  book: EvidenceBook,
  table: ReadingsTable,
  span: TimeSpan,
  gateway: string | undefined,
  onProgress: (sentence: string) => void,
): Promise<void> {
  const { fromUs = 0, toUs = latestUs } = span;
  if (span.fromUs !== undefined || span.toUs !== undefined)
    for await (const { gateway: name, boot, firstSeq, lastSeq } of table.ends(gateway, fromUs, toUs))
      book.gateway(name).boot(boot).widen(firstSeq, lastSeq);
  onProgress('reading the table');
  let gaps: Bucket | undefined;
  const readGaps = async (): Promise<void> => {
    if (gaps === undefined) return;
    const stored = storedOf(book, gaps);
    for await (const seq of table.seqs(gaps.gateway, gaps.boot, gaps.firstSeq, gaps.lastSeq)) stored.add(seq, seq);
    gaps = undefined;
  };
  for await (const bucket of table.buckets(gateway)) {
    const boot = book.gateway(bucket.gateway).boot(bucket.boot);
    boot.doubled += bucket.rows - bucket.numbers;
    if (gaps && !(gaps.gateway === bucket.gateway && gaps.boot === bucket.boot)) await readGaps();
    if (bucket.numbers === bucket.lastSeq - bucket.firstSeq + 1) {
      await readGaps();
      storedOf(book, bucket).add(bucket.firstSeq, bucket.lastSeq);
    } else {
      // Neighbouring buckets with holes are read together: each query passes over the table.
      gaps = gaps ? { ...gaps, lastSeq: bucket.lastSeq } : bucket;
    }
  }
  await readGaps();
}

/** Without a status in Kafka nothing tells which boot is the newest, so whether its outbox is still there. */
function takeTold(book: EvidenceBook, { gateway, boot, lastSeq }: Told): void {
  const evidence = book.gateways.get(gateway);
  if (evidence?.currentBoot !== undefined) evidence.boot(boot).told = lastSeq;
}

/** 2200-01-01: no reading is later, see `wire/src/batch.ts`. */
const latestUs = Date.UTC(2200, 0, 1) * 1000;

function storedOf(book: EvidenceBook, { gateway, boot }: Pick<Bucket, 'gateway' | 'boot'>): IntervalSet {
  const evidence = book.gateway(gateway).boot(boot);
  evidence.stored ??= new IntervalSet();
  return evidence.stored;
}

function accountOf(book: EvidenceBook, span: TimeSpan): Reconciliation {
  const gateways = [...book.gateways]
    .map(([name, evidence]) => gatewayAccount(book, name, evidence, span))
    .filter(({ account, empty }) => !empty || sumOf(account.rejectedUnknown) > 0)
    .sort((a, b) => (a.account.gateway < b.account.gateway ? -1 : 1));
  const total = totalOf(gateways.map(({ account }) => account));
  const sum = (pick: (one: (typeof gateways)[number]) => number): number =>
    gateways.reduce((all, one) => all + pick(one), 0);
  const notInKafka = sum(one => one.notInKafka);
  const unchecked = sum(one => one.unchecked);
  const passed = [...book.undecodable].filter(([, { ahead }]) => !ahead).map(([place]) => place);
  const faults =
    passed.length > 0
      ? [
          `${passed.length} records of the readings topic hold no batch, and the sink went past them without rejecting them (partition:offset ${passed.slice(0, 5).join(', ')})`,
        ]
      : [];
  const notes = [
    ...(notInKafka > 0
      ? [`${notInKafka} readings are stored that Kafka does not have, although it reaches back so far`]
      : []),
    ...(unchecked > 0
      ? [`${unchecked} readings are older than what Kafka and the table still hold; they are not in the account`]
      : []),
    ...(book.applied
      ? []
      : ['QuestDB does not show all that it has acknowledged: its table is suspended or far behind']),
    ...(book.undecodable.size > passed.length
      ? [`${book.undecodable.size - passed.length} records that hold no batch wait in Kafka for the sink`]
      : []),
  ];
  const ok = faults.length === 0 && gateways.every(({ account }) => account.ok);
  return { ok, gateways: gateways.map(({ account }) => account), total, faults, notes };
}

function gatewayAccount(
  book: EvidenceBook,
  gateway: string,
  evidence: GatewayEvidence,
  span: TimeSpan,
): { account: GatewayAccount; empty: boolean; notInKafka: number; unchecked: number } {
  const boots: BootAccount[] = [];
  for (const boot of evidence.boots.keys()) {
    const known = book.evidenceOf(evidence, boot, span);
    if (known) boots.push(settle(known));
  }
  const total = totalOf(boots);
  const urgency = (boot: BootAccount): number => (boot.ok ? (sumOf(boot.inFlight) > 0 ? 1 : 0) : 2);
  boots.sort((a, b) => urgency(b) - urgency(a) || b.taken - a.taken);
  const account = {
    gateway,
    ...total,
    boots: boots.slice(0, maxBoots),
    moreBoots: Math.max(0, boots.length - maxBoots),
    rejectedUnknown: Object.fromEntries([...evidence.rejectedUnknown].filter(([, records]) => records > 0)),
    ok: boots.every(({ ok }) => ok),
  };
  return {
    account,
    empty: boots.every(({ taken, unchecked }) => taken + unchecked === 0),
    notInKafka: boots.reduce((sum, boot) => sum + boot.notInKafka, 0),
    unchecked: boots.reduce((sum, boot) => sum + boot.unchecked, 0),
  };
}
