/** The account in one sentence, and what to do about it. */
import { type Hop, sumOf } from './account.ts';
import type { Reconciliation } from './reconcile.ts';

const count = (n: number, what: string): string => `${n.toLocaleString('en-US')} ${what}${n === 1 ? '' : 's'}`;

export function verdictOf({ ok, total, faults }: Reconciliation): string {
  const { taken, stored, doubled } = total;
  const [lost, inFlight] = [sumOf(total.lost), sumOf(total.inFlight)];
  if (taken === 0 && ok) return 'There is nothing to account for: no gateway took a reading, as far as anything tells.';
  if (ok) {
    const rest = sumOf(total.dropped) + sumOf(total.rejected) + total.late;
    const parts = [
      `${count(stored, 'reading')} stored once`,
      ...(rest > 0 ? [`${count(rest, 'reading')} dropped, rejected or late with a record of it`] : []),
      ...(inFlight > 0 ? [`${count(inFlight, 'reading')} on the way`] : []),
    ];
    return `Everything is accounted for: of ${count(taken, 'reading')} taken, ${parts.join(', ')}; nothing lost, nothing twice.`;
  }
  const parts = [
    ...(lost > 0 ? [`${count(lost, 'reading')} lost`] : []),
    ...(doubled > 0 ? [`${count(doubled, 'row')} too many in the table`] : []),
    ...faults,
  ];
  return `The account does not hold: ${parts.join('; ')}.`;
}

const remedies: Readonly<Record<Hop, string>> = {
  gateway:
    'gateway: the outbox of an earlier boot is gone with what it held. If its file was set aside (`<path>.damaged-…`), keep it; the log of the agent says why.',
  'gateway→bridge':
    'gateway→bridge: the gateway had its PUBACK, or later readings came, and Kafka does not have them. Look for a Kafka that lost acknowledged records (replication factor, min.insync.replicas, unclean leader election), or for a publisher that skips numbers.',
  'kafka→questdb':
    'kafka→questdb: Kafka has them, or had, and the sink went past them. Set the group of the sink back to before them (kafka-consumer-groups --reset-offsets, sinks stopped): what is stored already stays as it is.',
  unknown:
    'unknown: older than what Kafka keeps, so a drop or a rejection can no longer be told from a loss. Ask for a later interval with --from.',
};

/** A line for each kind of fault; empty when there is none. */
export function adviceOf({ total, faults }: Reconciliation): string[] {
  return [
    ...(Object.keys(total.lost) as Hop[]).map(hop => remedies[hop]),
    ...(total.doubled > 0
      ? [
          'twice: one sequence number with two rows. SELECT * FROM (SELECT gateway, boot, seq, count() n FROM readings) WHERE n > 1 finds them. A gateway that sends other bytes under an old number makes them, or a table without DEDUP.',
        ]
      : []),
    ...(faults.length > 0
      ? ['records without a batch: "kafka-console-consumer --partition P --offset O" shows one.']
      : []),
  ];
}
