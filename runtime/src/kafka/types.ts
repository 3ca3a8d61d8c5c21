/**
 * The Kafka port: all that Millrace asks of Kafka, without kafkajs in any signature. Semantics every implementation
 * must keep are stated here; `producer.ts`, `consumer.ts` and `admin.ts` implement them over kafkajs.
 */

export type Headers = Readonly<Record<string, string>>;

export interface OutgoingRecord {
  readonly topic: string;
  /** Chooses the partition (murmur2, as Java's default partitioner) unless `partition` is given. */
  readonly key: string;
  readonly partition?: number;
  /** `null` is a tombstone of a compacted topic. */
  readonly value: Uint8Array | null;
  readonly headers?: Headers;
}

export interface Position {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

export interface Producer extends AsyncDisposable {
  /**
   * Resolves once every in-sync replica has the record (`acks=all`), with where it is.
   * Records of one key are appended in the order of their `send` calls, also across retries.
   * @throws {TransientError} at the deadline or when the buffer is full. At the deadline the outcome is unknown: the
   * record may still be appended, so whoever sends it again must carry an identity.
   * @throws {RejectedError} when the record is larger than the topic takes.
   */
  send(record: OutgoingRecord): Promise<Position>;
  /** Bytes and records accepted and not yet settled. */
  readonly buffered: { readonly records: number; readonly bytes: number };
  /** Whether the last request was acknowledged: false from the first failed attempt until the next success. */
  readonly healthy: boolean;
  /** Sends what is buffered, waits for it (each record has its deadline), disconnects. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** A consumer group's position in one partition, as part of a transaction. */
export interface GroupPosition {
  readonly groupId: string;
  readonly topic: string;
  readonly partition: number;
  /** Next offset to read. */
  readonly next: bigint;
}

export interface GroupStanding {
  /** Committed next offset; null: none. */
  readonly next: bigint | null;
  /** Whether the last commit is the last one of this very object: what was computed since then still stands. */
  readonly ours: boolean;
}

/**
 * Transactions of one `transactional.id`, which belongs to one input partition: whoever opened it last is the only one
 * who can commit, and what is committed stands on what was committed before. Exactly-once needs no more than that, also
 * between a member that was thrown out of its group and does not know it yet, and its successor.
 */
export interface Transactions extends AsyncDisposable {
  /**
   * Fences all earlier owners of the id, ends what they left open (committed or aborted, whatever Kafka had decided), and
   * tells where the group stands: only then may state be read. To be called again after {@link FencedError}.
   * @throws {TransientError} at the deadline.
   */
  fence(group: Omit<GroupPosition, 'next'>, signal?: AbortSignal): Promise<GroupStanding>;
  /**
   * Appends the records and moves the group, both or neither; one call at a time. Tries again, with the same records,
   * until it is certain that they are committed, once. Each commit has a random id, kept as the metadata of the group's
   * offset: by it a commit without an answer is recognised, also one that leaves the group where it stands (`next` as
   * before: results that are due because time has passed).
   * @param group as in `fence`; `next` is where the group stands afterwards.
   * @throws {FencedError} somebody else has the id, or has moved the group since: what was computed here stands on a past
   * that is gone. Nothing of these records is committed.
   * @throws {RejectedError} a record is larger than its topic takes; nothing is committed.
   * @throws the signal's reason; then the outcome is unknown, and only `fence` tells.
   */
  commit(records: readonly OutgoingRecord[], group: GroupPosition, signal?: AbortSignal): Promise<void>;
  readonly healthy: boolean;
}

export interface IncomingRecord {
  readonly offset: bigint;
  readonly key: string | null;
  readonly value: Uint8Array | null;
  readonly headers: Headers;
  /** Milliseconds since the Unix epoch, as the producer or the broker set it. */
  readonly timestampMs: number;
}

export interface RecordBatch {
  readonly topic: string;
  readonly partition: number;
  /** In offset order; offsets may have holes (control records, compaction). Never empty. */
  readonly records: readonly IncomingRecord[];
  /** Offset after the last record of the partition when this batch was fetched: lag = highWatermark − last offset − 1. */
  readonly highWatermark: bigint;
}

export interface Assignment {
  /** Topic → partitions that this member owns from now on. */
  readonly partitions: ReadonlyMap<string, readonly number[]>;
  /** Aborted when the assignment ends (rebalance or close). */
  readonly signal: AbortSignal;
}

export interface ConsumerHandlers {
  /**
   * A batch of one partition. Batches of one partition come one after another; of different partitions concurrently.
   * The port keeps the group membership alive while this runs, however long it takes. `signal` is aborted when the
   * partition is being taken away or the consumer closes: then return or throw soon; the batch will come again.
   * A rejection while the signal is not aborted is fatal: `Consumer.failed` rejects with it.
   */
  onBatch(batch: RecordBatch, signal: AbortSignal): Promise<void>;
  /** Called after each rebalance and awaited before the first batch of the new assignment. */
  onAssigned?(assignment: Assignment): Promise<void>;
  /** Called on close after the last `onBatch` has ended and before the member leaves: flush and commit here. */
  onDrain?(): Promise<void>;
}

export interface Consumer extends AsyncDisposable {
  /**
   * Commits `offset + 1` of each position's partition. Calls made while a commit is under way are merged into the next.
   * Positions of partitions that are no longer ours are left out silently: their new owner commits them.
   * @throws {TransientError} when the coordinator did not take it; the records will then come again after a restart.
   */
  commit(positions: readonly Position[]): Promise<void>;
  /** Stops handing over batches (a batch under way finishes); membership is kept. */
  pause(): void;
  resume(): void;
  /** Leaves the group and joins it again: every partition is then read from its committed offset. */
  rejoin(reason: string): void;
  /** Records behind the newest fetched high watermark, over the partitions owned, as far as `onBatch` has ended. */
  readonly lag: number;
  /** Of one partition; undefined until something of it was fetched since it was assigned. Control records count. */
  lagOf(topic: string, partition: number): number | undefined;
  /** Whether the member is in the group and its last fetch or heartbeat succeeded. */
  readonly healthy: boolean;
  /** Never resolves; rejects when the consumer cannot go on (a handler failed). */
  readonly failed: Promise<never>;
  /** Lets running handlers end, calls `onDrain`, leaves the group, disconnects. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface TopicSpec {
  readonly name: string;
  readonly partitions: number;
  /** 0: the broker's default. */
  readonly replicationFactor: number;
  readonly config: Readonly<Record<string, string>>;
}

export interface Admin extends AsyncDisposable {
  /** Creates what is missing; existing topics are left as they are. Returns the names created. */
  ensureTopics(topics: readonly TopicSpec[]): Promise<readonly string[]>;
  /** Topic → number of partitions, of those that exist. */
  partitions(topics: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** End offset of each partition of a topic, by partition number. */
  endOffsets(topic: string): Promise<readonly bigint[]>;
  /** First and end offset of each partition of a topic, by partition number. */
  offsets(topic: string): Promise<readonly { readonly first: bigint; readonly end: bigint }[]>;
  /** Committed offset (next to read) of each partition of a topic; null where none is committed. */
  committedOffsets(groupId: string, topic: string): Promise<readonly (bigint | null)[]>;
  /** Brokers of the cluster, as `host:port`. A real request: it fails when no broker answers. */
  brokers(): Promise<readonly string[]>;
}
