/** `gateways.v1` and `ledger.v1` → table `gateways`: a row a status, with the newest ledger of its boot. */
import { RejectedError } from '@millrace/runtime/errors.ts';
import { readTopicToEnd } from '@millrace/runtime/kafka/read-to-end.ts';
import type { Assignment, IncomingRecord } from '@millrace/runtime/kafka/types.ts';
import { keepTrying } from '@millrace/runtime/retry.ts';
import { clockNames } from '@millrace/wire/batch.ts';
import { gatewayStateNames } from '@millrace/wire/status.ts';
import { type AddRow, ClientChunk } from '../questdb/official.ts';
import type { TableContext, TableSink } from '../questdb/table-sink.ts';
import { openTableWriter } from '../questdb/table-writer.ts';
import type { Taken } from '../sink.ts';
import { type GatewayRow, NewestOfGateways } from './newest.ts';

export const gateways: TableSink = {
  name: 'gateways',
  topics: ['gateways', 'ledger'],
  table: 'gateways',
  openStore(context) {
    const newest = new NewestOfGateways();
    const rowOf = ({ topic, record }: Taken): GatewayRow | undefined =>
      topic === context.topics.ledger ? newest.takeLedger(record) : newest.takeStatus(record);
    const writer = openTableWriter(context, gateways, {
      newChunk: () => new ClientChunk(context.questdb, rowOf, adderTo(context.table)),
      part: wholeRecord,
      // A row that says more of the same status must not be overtaken by the one it replaces.
      inFlight: 1,
    });
    return Object.assign(writer, { assigned: (assignment: Assignment) => restore(newest, assignment, context) });
  },
};

const adderTo =
  (table: string): AddRow<GatewayRow> =>
  (sender, { status, receivedUs, ledger }) => {
    sender.table(table).symbol('gateway', status.gateway);
    if (status.site !== '') sender.symbol('site', status.site);
    sender.symbol('state', gatewayStateNames[status.state]);
    if (status.version !== '') sender.symbol('version', status.version);
    sender
      .symbol('clock', clockNames[status.clock])
      .intColumn('boot', status.boot)
      .intColumn('last_seq', status.lastSeq)
      .intColumn('outbox_readings', status.outboxReadings)
      .intColumn('outbox_bytes', status.outboxBytes)
      .intColumn('dropped', status.dropped)
      .intColumn('clock_offset_ms', status.clockOffsetMs);
    if (status.lat !== undefined && status.lon !== undefined)
      sender.floatColumn('lat', status.lat).floatColumn('lon', status.lon);
    if (status.completeThroughUs !== 0) sender.timestampColumn('complete_through', status.completeThroughUs, 'us');
    if (ledger !== undefined)
      sender
        .intColumn('seen', ledger.counted)
        .intColumn('missing', ledger.missing)
        .intColumn('ledger_dropped', ledger.dropped)
        .intColumn('ledger_last_seq', ledger.lastSeq)
        .timestampColumn('ledger_at', ledger.atUs, 'us');
    void sender.at(receivedUs, 'us');
  };

/** Both topics to their ends: what was committed before does not come again, and a row needs the newest of both. */
async function restore(
  newest: NewestOfGateways,
  { partitions, signal }: Assignment,
  { kafka, topics, log }: TableContext,
): Promise<void> {
  newest.clear();
  const read = async (topic: string, take: (record: IncomingRecord) => unknown): Promise<void> => {
    const numbers = partitions.get(topic) ?? [];
    if (numbers.length === 0) return;
    await keepTrying(
      `reading ${topic}`,
      () =>
        readTopicToEnd(kafka, topic, { partitions: numbers, signal }, record => {
          try {
            take(record);
          } catch (error) {
            // The rejected topic has it, or gets it when it is taken.
            if (!(error instanceof RejectedError)) throw error;
          }
        }),
      { log, signal },
    );
  };
  await Promise.all([
    read(topics.gateways, record => newest.takeStatus(record)),
    read(topics.ledger, record => newest.takeLedger(record)),
  ]);
  newest.forgetShown();
}

/** A record has one row: it is rejected whole. */
function wholeRecord({ record }: Taken): Uint8Array {
  return record.value ?? new Uint8Array();
}
