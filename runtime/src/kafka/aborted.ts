/** A record as kafkajs fetched it. */
export interface FetchedMessage {
  readonly offset: string;
  readonly timestamp?: string;
  readonly key: Buffer | null;
  readonly value?: Buffer | null;
  readonly headers?: object;
  /** kafkajs hands over no record with this set, and goes on behind it. */
  isControlRecord: boolean;
  readonly batchContext: {
    readonly producerId: string;
    readonly inTransaction: boolean;
    readonly isControlBatch: boolean;
  };
}

/** What a broker answers to a Fetch for one partition, in `read_committed` with the aborted transactions in it. */
interface FetchedPartition {
  readonly abortedTransactions: { readonly producerId: string; readonly firstOffset: string }[] | null;
  readonly messages: readonly FetchedMessage[];
}

/**
 * The filter of `read_committed` (KIP-98), as Java's `CompletedFetch` has it: a transaction begins at its first offset,
 * taken from the list in order of that offset, and ends only at its own producer's abort marker; one producer may have
 * several. Marks records of aborted transactions as control records and empties the list, which leaves kafkajs's own
 * filter nothing to do.
 *
 * kafkajs's leaks aborted records when transactions of several producers overlap: it takes the list in the order of the
 * answer (the broker lists by the transactions' ends), one a record at most, and takes any record whose key is four zero
 * bytes for an abort marker.
 */
export function hideAborted({ abortedTransactions, messages }: FetchedPartition): void {
  if (!abortedTransactions?.length) return;
  const transactions = abortedTransactions
    .map(({ producerId, firstOffset }) => ({ producerId, firstOffset: BigInt(firstOffset) }))
    .sort((a, b) => Number(a.firstOffset - b.firstOffset));
  const aborting = new Set<string>();
  let next = 0;
  for (const message of messages) {
    const offset = BigInt(message.offset);
    for (let begun = transactions[next]; begun && begun.firstOffset <= offset; begun = transactions[++next]) {
      aborting.add(begun.producerId);
    }
    const { producerId, inTransaction, isControlBatch } = message.batchContext;
    if (isControlBatch) {
      if (isAbortMarker(message)) aborting.delete(producerId);
    } else if (inTransaction && aborting.has(producerId)) {
      message.isControlRecord = true;
    }
  }
  abortedTransactions.length = 0;
}

/** Key of a control record: version int16, type int16; type 0 aborts, 1 commits (KIP-98). */
function isAbortMarker({ key }: FetchedMessage): boolean {
  return key !== null && key.length >= 4 && key.readInt16BE(2) === 0;
}
