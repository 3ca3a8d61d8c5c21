import { FencedError, InvariantError, messageOf, TransientError } from '../errors.ts';
import { protocolErrorOf } from './admin-client.ts';
import { type Client, type KafkaOptions, openClient } from './client.ts';
import { type Broker, type Cluster, clusterOf, type Producing } from './cluster.ts';
import type { Outage } from './outage.ts';
import { produce } from './produce-request.ts';
import { type RecordPart, toParts, toRounds } from './transaction-parts.ts';
import type { GroupPosition, OutgoingRecord } from './types.ts';
import { backoff, pauseFor } from './waiting.ts';

export interface SessionTiming {
  /** How long Kafka may take to answer a request before the connection counts as dead. */
  readonly requestTimeoutMs: number;
  /** After this long without an end Kafka aborts a transaction by itself. */
  readonly transactionTimeoutMs: number;
}

/** Where a group stands in one partition. */
export interface Standing {
  readonly next: bigint | null;
  /** What the last commit wrote beside the offset. */
  readonly metadata: string;
}

/** Kafka refuses records for what they are, and always will. The transaction is aborted. */
export class RefusedRecords extends Error {
  override readonly name = 'RefusedRecords';
  readonly part: RecordPart;

  constructor(part: RecordPart, refusal: string) {
    super(refusal);
    this.part = part;
  }
}

class AppendError extends Error {
  override readonly name = 'AppendError';
  /** Of the protocol; undefined: the answer says nothing of this partition. */
  readonly code: number | undefined;

  constructor({ topic, partition }: RecordPart, code: number | undefined) {
    super(`${topic}/${partition} was not appended to: error ${code ?? 'unknown'} of Kafka`);
    this.code = code;
  }
}

const REFUSALS = new Map([
  [10, 'MESSAGE_TOO_LARGE'],
  [18, 'RECORD_LIST_TOO_LARGE'],
  [32, 'INVALID_TIMESTAMP'],
  [87, 'INVALID_RECORD'],
]);
/** Another owner has begun since, or Kafka has given the transaction up and taken the epoch away. */
const FENCED = new Set(['INVALID_PRODUCER_EPOCH', 'INVALID_TXN_STATE']);
const CODE_PRODUCER_FENCED = 'Unknown error code 90'; // KIP-588; kafkajs's table ends at 88
const INVALID_PRODUCER_EPOCH = 47;
const INVALID_TXN_STATE = 48;
/** Nothing has happened, and nothing but time is missing. */
const NOT_YET = new Set([
  'CONCURRENT_TRANSACTIONS', // the end of the transaction before is still being written
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'GROUP_LOAD_IN_PROGRESS',
]);
/** … or somebody else must be asked. */
const ALSO_ELSEWHERE = new Set([...NOT_YET, 'NOT_COORDINATOR_FOR_GROUP']);
const NOT_YET_FIRST_MS = 5;
const NOT_YET_LONGEST_MS = 40;
const COORDINATOR_OF_GROUPS = 0;
const COORDINATOR_OF_TRANSACTIONS = 1;

/**
 * One producer id and epoch of a transactional id, on connections of its own. Does what kafkajs's producer does in a
 * transaction, with kafkajs's requests, but each request once: kafkajs asks for the coordinators four times a
 * transaction, and tries again by itself what may have taken effect.
 *
 * opening → open (earlier owners are fenced) ⇄ in a transaction; any → abandoned. After an error that is neither a
 * FencedError nor RefusedRecords nobody here knows what Kafka has done: abandon the session; the next one's
 * InitProducerId ends what this one left open, and the group's offset tells how.
 */
export class TransactionSession {
  readonly #client: Client;
  readonly #cluster: Cluster;
  readonly #transactionalId: string;
  readonly #timing: SessionTiming;
  /** Records appended so far, by `partition/topic`: Kafka takes the batches of a producer in their order only. */
  readonly #sequences = new Map<string, number>();
  #coordinator: Broker | undefined;
  #groupCoordinator: Broker | undefined;
  #producing: Producing | undefined;

  constructor(kafka: KafkaOptions, transactionalId: string, outage: Outage, timing: SessionTiming) {
    const { requestTimeoutMs } = timing;
    this.#transactionalId = transactionalId;
    this.#timing = timing;
    this.#client = openClient(kafka, outage, { requestTimeoutMs, retry: { retries: 1, initialRetryTime: 50 } });
    this.#cluster = clusterOf(this.#client);
  }

  /** Fences all earlier owners of the id. Once this resolves, what they left is committed or aborted to the end. */
  async open(topics: Iterable<string>): Promise<void> {
    const transactionalId = this.#transactionalId;
    await this.#cluster.connect();
    await this.#know(topics);
    const transactionTimeout = this.#timing.transactionTimeoutMs;
    await this.#patiently(async () => {
      this.#coordinator = await this.#findCoordinator(transactionalId, COORDINATOR_OF_TRANSACTIONS);
      const { producerId, producerEpoch } = await this.#coordinator.initProducerId({
        transactionalId,
        transactionTimeout,
      });
      this.#producing = { transactionalId, producerId, producerEpoch };
    }, ALSO_ELSEWHERE);
  }

  /**
   * Asks the coordinator that has to take the next commit as well: a broker that does not know yet that it is the
   * coordinator no more may tell the past, but takes no commit.
   */
  async standing({ groupId, topic, partition }: Omit<GroupPosition, 'next'>): Promise<Standing> {
    const { responses } = await this.#patiently(async () => {
      this.#groupCoordinator = await this.#findCoordinator(groupId, COORDINATOR_OF_GROUPS);
      return this.#groupCoordinator.offsetFetch({ groupId, topics: [{ topic, partitions: [{ partition }] }] });
    }, ALSO_ELSEWHERE);
    const found = responses.find(of => of.topic === topic)?.partitions.find(of => of.partition === partition);
    if (!found) throw new TransientError(`Kafka does not say where group ${groupId} stands in ${topic}/${partition}`);
    const next = BigInt(found.offset);
    return { next: next < 0n ? null : next, metadata: found.metadata ?? '' };
  }

  /**
   * One transaction.
   *
   * @param metadata stands beside the group's offset afterwards.
   * @throws {FencedError} nothing of it is committed, nor will be.
   * @throws {RefusedRecords} ditto; the session is good for the next transaction.
   * @throws {RejectedError} for a partition that a topic does not have; nothing has begun.
   */
  async commit(
    records: readonly OutgoingRecord[],
    group: GroupPosition,
    metadata: string,
    maxPartBytes: number,
  ): Promise<void> {
    await this.#know(new Set(records.map(({ topic }) => topic)));
    const parts = toParts(records, topic => this.#cluster.findTopicPartitionMetadata(topic).length, maxPartBytes);
    try {
      // Both go to the transaction's coordinator; it must know of all that takes part before anything is written.
      await Promise.all([this.#addPartitions(parts), this.#addOffsets(group.groupId)]);
      await allEnded([this.#append(parts), this.#commitOffset(group, metadata)]);
      await this.#end(true);
    } catch (error) {
      if (isFenced(error)) throw new FencedError(`${this.#transactionalId} has another owner`, { cause: error });
      if (error instanceof RefusedRecords) await this.#end(false);
      throw error;
    }
  }

  async #know(topics: Iterable<string>): Promise<void> {
    const names = [...topics];
    try {
      if (names.length > 0) await this.#cluster.addMultipleTargetTopics(names);
      await this.#cluster.refreshMetadataIfNecessary();
    } catch (error) {
      if (protocolErrorOf(error) !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error;
      const missing = `one of ${names.join(', ')} does not exist in Kafka: create it with "millrace topics"`;
      throw new TransientError(missing, { cause: error });
    }
  }

  async #addPartitions(parts: readonly RecordPart[]): Promise<void> {
    if (parts.length === 0) return;
    const topics = [...Map.groupBy(parts, ({ topic }) => topic)].map(([topic, of]) => ({
      topic,
      partitions: [...new Set(of.map(({ partition }) => partition))],
    }));
    await this.#patiently(() => opened(this.#coordinator).addPartitionsToTxn({ ...this.#self, topics }));
  }

  async #addOffsets(groupId: string): Promise<void> {
    await this.#patiently(() => opened(this.#coordinator).addOffsetsToTxn({ ...this.#self, groupId }));
  }

  /** Each leader gets its parts, a request after the other; several leaders at the same time. */
  async #append(parts: readonly RecordPart[]): Promise<void> {
    const byLeader = Map.groupBy(parts, ({ topic, partition }) => this.#leaderOf(topic, partition));
    await allEnded(
      [...byLeader].map(async ([nodeId, ofLeader]) => {
        const broker = await this.#cluster.findBroker({ nodeId });
        for (const round of toRounds(ofLeader)) await this.#produce(broker, round);
      }),
    );
  }

  async #produce(broker: Broker, round: readonly RecordPart[]): Promise<void> {
    const parts = round.map(part => ({ ...part, firstSequence: this.#sequences.get(idOf(part)) ?? 0 }));
    const codes = await produce(broker, this.#self, parts, this.#timing.requestTimeoutMs);
    parts.forEach((part, i) => {
      // KIP-98: sequence numbers are int32 and begin again at 0.
      if (codes[i] === 0) this.#sequences.set(idOf(part), (part.firstSequence + part.records.length) % 2 ** 31);
    });
    const failed = (is: (code: number | undefined) => boolean) => {
      const at = codes.findIndex(is);
      return [parts[at], codes[at]] as const;
    };
    const [refused, refusal] = failed(code => REFUSALS.has(code ?? 0));
    const [lost, code] = failed(code => code !== 0 && !REFUSALS.has(code ?? 0));
    if (lost) throw new AppendError(lost, code);
    if (refused) throw new RefusedRecords(refused, REFUSALS.get(refusal ?? 0) ?? '');
  }

  #leaderOf(topic: string, partition: number): number {
    const { leader } = this.#cluster.findTopicPartitionMetadata(topic).find(of => of.partitionId === partition) ?? {};
    if (leader === undefined || leader < 0) throw new TransientError(`${topic}/${partition} has no leader`);
    return leader;
  }

  async #commitOffset({ groupId, topic, partition, next }: GroupPosition, metadata: string): Promise<void> {
    const topics = [{ topic, partitions: [{ partition, offset: next.toString(), metadata }] }];
    await this.#patiently(() => opened(this.#groupCoordinator).txnOffsetCommit({ ...this.#self, groupId, topics }));
  }

  /** Sent once. Whatever else than a yes or a fenced comes back, Kafka may have done it. */
  async #end(transactionResult: boolean): Promise<void> {
    await opened(this.#coordinator).endTxn({ ...this.#self, transactionResult });
  }

  get #self(): Producing {
    return opened(this.#producing);
  }

  async #findCoordinator(groupId: string, coordinatorType: number): Promise<Broker> {
    const any = await this.#cluster.brokerPool.findConnectedBroker();
    const { coordinator } = await this.#patiently(() => any.findGroupCoordinator({ groupId, coordinatorType }));
    return this.#cluster.findBroker({ nodeId: coordinator.nodeId });
  }

  /** For requests that may be repeated. Its end is the caller's: an abandoned session asks no more. */
  async #patiently<T>(request: () => Promise<T>, notYet: ReadonlySet<string> = NOT_YET): Promise<T> {
    for (const delay of backoff(NOT_YET_FIRST_MS, NOT_YET_LONGEST_MS)) {
      try {
        return await request();
      } catch (error) {
        if (this.#client.sockets.closed || !notYet.has(protocolErrorOf(error) ?? '')) throw error;
      }
      await pauseFor(delay);
    }
    throw new InvariantError('delays never end');
  }

  /** Ends every connection now. Whatever is still under way, nothing more is sent. */
  abandon(): void {
    this.#client.sockets.close();
  }
}

/** Nothing of these is under way any more when it rejects; what leaves the outcome in doubt comes before a refusal. */
async function allEnded(work: readonly Promise<unknown>[]): Promise<void> {
  const errors = (await Promise.allSettled(work)).flatMap(one => (one.status === 'rejected' ? [one.reason] : []));
  const error = errors.find(one => !(one instanceof RefusedRecords)) ?? errors[0];
  if (error !== undefined) throw error;
}

function opened<T>(part: T | undefined): T {
  if (part === undefined) throw new InvariantError('the transaction session is not open');
  return part;
}

function isFenced(error: unknown): boolean {
  if (error instanceof AppendError) return error.code === INVALID_PRODUCER_EPOCH || error.code === INVALID_TXN_STATE;
  return FENCED.has(protocolErrorOf(error) ?? '') || messageOf(error) === CODE_PRODUCER_FENCED;
}

function idOf({ topic, partition }: RecordPart): string {
  return `${partition}/${topic}`;
}
