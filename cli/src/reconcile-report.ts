/** `millrace reconcile` for people. */
import { type Hole, sumOf, type Terms } from '@millrace/ledger/account.ts';
import type { GatewayAccount, Reconciliation } from '@millrace/ledger/reconcile.ts';
import { adviceOf, verdictOf } from '@millrace/ledger/verdict.ts';
import { type Column, grouped, harmless, table, wrapped } from './text.ts';

const terms: readonly (readonly [string, (terms: Terms) => number])[] = [
  ['taken', ({ taken }) => taken],
  ['stored', ({ stored }) => stored],
  ['dropped', ({ dropped }) => sumOf(dropped)],
  ['rejected', ({ rejected }) => sumOf(rejected)],
  ['late', ({ late }) => late],
  ['in flight', ({ inFlight }) => sumOf(inFlight)],
  ['lost', ({ lost }) => sumOf(lost)],
  ['twice', ({ doubled }) => doubled],
];

const maxHoleLines = 40;

/** @param width columns of the terminal. */
export function reportOf(account: Reconciliation, width: number): string {
  const { gateways, total, notes } = account;
  const lines: string[] = [];
  if (gateways.length > 0) {
    const all = gateways.length > 1 ? [{ gateway: 'all', ...total }] : [];
    lines.push(...accounts([...gateways, ...all], width), '');
  }
  lines.push(...breakdown(total, gateways, width));
  const holes = gateways.flatMap(({ gateway, boots }) =>
    boots.flatMap(({ boot, holes }) => holes.map(hole => ({ gateway, boot, ...hole }))),
  );
  holes.sort((a, b) => (a.state === b.state ? 0 : a.state === 'lost' ? -1 : 1));
  if (holes.length > 0) lines.push(...holeTable(holes, width), '');
  for (const note of notes) lines.push(wrapped(`Note: ${note}.`, width, '  '));
  if (notes.length > 0) lines.push('');
  lines.push(wrapped(harmless(verdictOf(account)), width));
  for (const advice of adviceOf(account)) lines.push(wrapped(`- ${advice}`, width, '  '));
  return `${lines.join('\n')}\n`;
}

/** Gateways as lines with the terms as columns; where that does not fit, the terms as lines, gateway by gateway. */
function accounts(rows: readonly (Terms & Pick<GatewayAccount, 'gateway'>)[], width: number): string[] {
  const columns: Column[] = [{ title: 'gateway' }, ...terms.map(([title]) => ({ title, right: true }))];
  const cells = rows.map(row => [row.gateway, ...terms.map(([, value]) => grouped(value(row)))]);
  const wide = table(columns, cells, width);
  if (Math.max(...wide.map(line => line.length)) <= width) return wide;
  return rows.flatMap((row, i) => [
    ...(i > 0 ? [''] : []),
    row.gateway,
    ...table(
      [{ title: '' }, { title: '', right: true }],
      terms.map(([title, value]) => [`  ${title}`, grouped(value(row))]),
      width,
    ).slice(1),
  ]);
}

/** What stands behind dropped, rejected, in flight and lost. */
function breakdown(total: Terms, gateways: readonly GatewayAccount[], width: number): string[] {
  const unknown: Record<string, number> = {};
  for (const { rejectedUnknown } of gateways)
    for (const [reason, records] of Object.entries(rejectedUnknown)) unknown[reason] = (unknown[reason] ?? 0) + records;
  const kinds: [string, Readonly<Partial<Record<string, number>>>][] = [
    ['dropped', total.dropped],
    ['rejected', total.rejected],
    ['rejected, records in which no reading can be told', unknown],
    ['in flight', total.inFlight],
    ['lost', total.lost],
  ];
  const lines = kinds.flatMap(([kind, counts]) => {
    const entries = Object.entries(counts).sort(([, a], [, b]) => (b ?? 0) - (a ?? 0));
    return entries.map(([key, count]) =>
      wrapped(`${kind}: ${grouped(count ?? 0)} ${placeWords[key] ?? harmless(key)}`, width, '  '),
    );
  });
  return lines.length > 0 ? [...lines, ''] : [];
}

const placeWords: Readonly<Record<string, string>> = {
  gateway: 'at the gateway, in its outbox',
  'gateway→bridge': 'between gateway and bridge',
  kafka: 'in Kafka, before the sink',
  'kafka→questdb': 'between Kafka and QuestDB',
  questdb: 'in QuestDB, acknowledged and not yet readable',
  unknown: 'before what Kafka still keeps',
};

function holeTable(holes: readonly (Hole & { gateway: string; boot: number })[], width: number): string[] {
  const shown = holes.slice(0, maxHoleLines);
  const rows = shown.map(({ gateway, boot, state, at, firstSeq, lastSeq }) => [
    gateway,
    String(boot),
    firstSeq === lastSeq ? String(firstSeq) : `${firstSeq}–${lastSeq}`,
    grouped(lastSeq - firstSeq + 1),
    state,
    at,
  ]);
  const columns: Column[] = [
    { title: 'gateway' },
    { title: 'boot' },
    { title: 'seq' },
    { title: 'readings', right: true },
    { title: 'fate' },
    { title: 'last seen at' },
  ];
  const wide = table(columns, rows, width);
  const lines =
    Math.max(...wide.map(line => line.length)) <= width
      ? wide
      : shown.flatMap(({ gateway, boot, state, at }, i) => [
          `${state} at ${at}: ${rows[i]![3]}`,
          `  ${gateway}, boot ${boot}`,
          `  seq ${rows[i]![2]}`,
        ]);
  return holes.length > shown.length ? [...lines, `… and ${holes.length - shown.length} more ranges (--json)`] : lines;
}
