/** `gateways.v1` → table `gateways`, one row a status message. */
import { clockNames } from '@millrace/wire/batch.ts';
import { readingHeaders } from '@millrace/wire/names.ts';
import { decodeStatus, type GatewayStatus, gatewayStateNames } from '@millrace/wire/status.ts';
import { checkTime, symbol } from '../questdb/line-protocol.ts';
import { type AddRow, ClientChunk } from '../questdb/official.ts';
import { openTableWriter } from '../questdb/table-writer.ts';
import type { Sink, Taken } from '../sink.ts';

interface GatewayRow {
  readonly status: GatewayStatus;
  readonly receivedUs: number;
}

export const gateways: Sink = {
  name: 'gateways',
  topics: ['gateways'],
  table: 'gateways',
  openStore(context) {
    const add: AddRow<GatewayRow> = (sender, { status, receivedUs }) => {
      sender.table(context.table).symbol('gateway', status.gateway);
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
      void sender.at(receivedUs, 'us');
    };
    return openTableWriter(context, gateways, {
      newChunk: () => new ClientChunk(context.questdb, rowOf, add),
      part: wholeRecord,
      inFlight: 1,
    });
  },
};

/** A tombstone, which ends a gateway in the compacted topic, has no row. @throws {RejectedError} */
function rowOf({ record }: Taken): GatewayRow | undefined {
  if (record.value === null) return undefined;
  const status = decodeStatus(record.value);
  symbol('site', status.site); // Throws for what can be no symbol.
  symbol('version', status.version);
  const header = record.headers[readingHeaders.receivedAt];
  const receivedUs = header === undefined ? record.timestampMs * 1000 : Number(header);
  checkTime(`header ${readingHeaders.receivedAt}`, receivedUs);
  return { status, receivedUs };
}

/** A record has one row: it is rejected whole. */
function wholeRecord({ record }: Taken): Uint8Array {
  return record.value ?? new Uint8Array();
}
