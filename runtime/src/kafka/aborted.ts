import { createRequire } from 'node:module';
import { InvariantError } from '../errors.ts';

/** What kafkajs makes of one partition of a Fetch answer (version 11). */
interface FetchedPartition {
  readonly abortedTransactions: { readonly producerId: string; readonly firstOffset: string }[] | null;
  readonly messages: FetchedMessage[];
}

interface FetchedMessage {
  readonly offset: string;
  readonly key: Buffer | null;
  /** kafkajs hands over no record with this set, and goes on behind it. */
  isControlRecord: boolean;
  readonly batchContext?: {
    readonly producerId: string;
    readonly inTransaction: boolean;
    readonly isControlBatch: boolean;
  };
}

interface FetchAnswer {
  readonly responses: readonly { readonly partitions: readonly FetchedPartition[] }[];
}

interface FetchResponseModule {
  decode: ((raw: Buffer) => Promise<FetchAnswer>) & { [GUARDED]?: true };
}

const KAFKAJS_VERSION = '2.2.4';
const GUARDED = Symbol.for('millrace.kafkajs.read-committed');
const FILTERED = Symbol('read-committed filter applied');

/**
 * Puts the right filter for `read_committed` (KIP-98) before kafkajs's own, which leaks aborted records when
 * transactions of several producers overlap: it takes at most one aborted transaction a record from a list it does not
 * sort, and takes any record whose key is four zero bytes for an abort marker.
 *
 * Records of aborted transactions are marked as control records where the answer to a Fetch is decoded; kafkajs then
 * hands them to nobody and still moves past them. kafkajs reads `decode` from the module at each answer, so replacing
 * it holds for clients that exist already. It holds for the whole process; it is right for every kafkajs client in it.
 *
 * @throws {InvariantError} for any kafkajs but the one this was written against.
 */
export function guardReadCommitted(): void {
  const require = createRequire(import.meta.url);
  const { version } = require('kafkajs/package.json') as { version: string };
  if (version !== KAFKAJS_VERSION) {
    throw new InvariantError(
      `the read_committed guard was written for kafkajs ${KAFKAJS_VERSION}, this is ${version}: check runtime/src/kafka/aborted.ts`,
    );
  }
  const response = require('kafkajs/src/protocol/requests/fetch/v11/response') as FetchResponseModule;
  if (response.decode[GUARDED]) return;
  const decode = response.decode;
  const guarded: FetchResponseModule['decode'] = async raw => {
    const answer = await decode(raw);
    for (const { partitions } of answer.responses) for (const partition of partitions) hideAborted(partition);
    return answer;
  };
  guarded[GUARDED] = true;
  response.decode = guarded;
}

/** Whether these messages, as kafkajs fetched them, went through the guard: false would mean another Fetch version. */
export function isGuarded(messages: object): boolean {
  return FILTERED in messages;
}

/**
 * Marks the records of aborted transactions, as Java's `CompletedFetch` skips them: a transaction begins at its first
 * offset, taken from the list in order of that offset, and ends only at its own producer's abort marker. One producer
 * may have several.
 */
export function hideAborted({ abortedTransactions, messages }: FetchedPartition): void {
  Object.defineProperty(messages, FILTERED, { value: true });
  if (!abortedTransactions?.length) return;
  const transactions = abortedTransactions
    .map(({ producerId, firstOffset }) => ({ producerId, firstOffset: BigInt(firstOffset) }))
    .sort((a, b) => (a.firstOffset < b.firstOffset ? -1 : a.firstOffset > b.firstOffset ? 1 : 0));
  const aborting = new Set<string>();
  let next = 0;
  for (const message of messages) {
    const offset = BigInt(message.offset);
    for (let begun = transactions[next]; begun && begun.firstOffset <= offset; begun = transactions[++next]) {
      aborting.add(begun.producerId);
    }
    const context = message.batchContext;
    if (!context) continue;
    if (context.isControlBatch) {
      if (isAbortMarker(message)) aborting.delete(context.producerId);
    } else if (context.inTransaction && aborting.has(context.producerId)) {
      message.isControlRecord = true;
    }
  }
  // Leaves kafkajs's own filter nothing to do.
  abortedTransactions.length = 0;
}

/** Key of a control record: version int16, type int16; type 0 aborts, 1 commits (KIP-98). */
function isAbortMarker({ key }: FetchedMessage): boolean {
  return key !== null && key.length >= 4 && key.readInt16BE(2) === 0;
}
