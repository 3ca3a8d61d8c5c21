/** `alerts.v1` → table `alerts`, one row a change of state. */
import { type Alert, alertStateNames, decodeAlert, severityNames } from '@millrace/wire/alert.ts';
import { checkFinite, checkText, checkTime, symbol } from '../questdb/line-protocol.ts';
import { type AddRow, ClientChunk } from '../questdb/official.ts';
import type { TableSink } from '../questdb/table-sink.ts';
import { openTableWriter } from '../questdb/table-writer.ts';
import type { Taken } from '../sink.ts';

export const alerts: TableSink = {
  name: 'alerts',
  topics: ['alerts'],
  table: 'alerts',
  openStore(context) {
    const add: AddRow<Alert> = (sender, alert) => {
      sender.table(context.table).symbol('gateway', alert.gateway);
      for (const name of ['sensor', 'metric', 'rule'] as const)
        if (alert[name] !== '') sender.symbol(name, alert[name]);
      sender
        .symbol('severity', severityNames[alert.severity])
        .symbol('state', alertStateNames[alert.state])
        .floatColumn('value', alert.value)
        .stringColumn('message', alert.message)
        .stringColumn('id', alert.id);
      void sender.at(alert.atUs, 'us');
    };
    return openTableWriter(context, alerts, {
      newChunk: () => new ClientChunk(context.questdb, rowOf, add),
      part: ({ record }: Taken) => record.value ?? new Uint8Array(),
      inFlight: 1,
    });
  },
};

/** A tombstone, which ends an alert in the compacted topic, has no row. @throws {RejectedError} */
function rowOf({ record }: Taken): Alert | undefined {
  if (record.value === null) return undefined;
  const alert = decodeAlert(record.value);
  for (const name of ['sensor', 'metric', 'rule'] as const) symbol(name, alert[name]); // Throws for what can be no symbol.
  checkText('message', alert.message);
  checkText('id', alert.id);
  checkFinite('value', alert.value);
  checkTime('at_us', alert.atUs);
  return alert;
}
