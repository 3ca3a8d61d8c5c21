/** `millrace edge try` and `millrace edge status` for people. */
import type { AgentStatus } from '@millrace/edge/door/status.ts';
import type { TriedSeries, TryReport } from '@millrace/edge/try.ts';
import { grouped, harmless, table, terminalWidth, wrapped } from './text.ts';

const qualities = ['good', 'suspect', 'bad', 'substituted'];

export function tryReport({ seconds, series, troubles, batches, bytes, refused }: TryReport): string {
  const width = terminalWidth();
  const lines: string[] = [];
  if (series.length > 0) {
    const columns = [
      { title: 'SOURCE' },
      { title: 'SENSOR', rest: true },
      { title: 'METRIC' },
      { title: 'READ', right: true },
      { title: 'LAST READ', right: true },
      { title: 'SENT', right: true },
      { title: 'AS' },
      { title: 'QUALITY' },
    ];
    lines.push(...table(columns, series.map(rowOf), width), '');
  }
  for (const { source, sensor, trouble, why } of troubles)
    lines.push(
      wrapped(`${harmless(`${source}/${sensor}`)} is in trouble (${trouble}): ${harmless(why ?? '')}`, width, '  '),
    );
  if (refused > 0)
    lines.push(`${grouped(refused)} readings were refused: no batch may hold them; the log above says why`);
  if (troubles.length > 0 || refused > 0) lines.push('');
  const [read, sent] = [sum(series, one => one.readCount), sum(series, one => one.sentCount)];
  lines.push(
    series.length === 0
      ? `No reading in ${seconds.toFixed(0)} s. The log above says what a source waits for; --seconds gives it longer.`
      : `${grouped(read)} readings of ${grouped(series.length)} series in ${seconds.toFixed(0)} s; ${grouped(sent)} would be sent, in ${grouped(batches)} batches of ${grouped(bytes)} bytes in all.`,
  );
  return `${lines.join('\n')}\n`;
}

function rowOf({ source, read, sent, readCount, sentCount }: TriedSeries): string[] {
  const isRenamed = sent !== undefined && (sent.sensor !== read.sensor || sent.metric !== read.metric);
  const name = isRenamed ? `${sent.sensor} ${sent.metric} ` : '';
  return [
    source,
    harmless(read.sensor),
    harmless(read.metric),
    grouped(readCount),
    `${shown(read.value)} ${harmless(read.unit)}`,
    grouped(sentCount),
    sent === undefined ? '–' : harmless(`${name}${shown(sent.value)} ${sent.unit}`),
    sent === undefined ? '' : qualities[sent.quality ?? 0]!,
  ];
}

export function statusReport(status: AgentStatus): string {
  const { gateway, version, connected, broker, outbox, clock, sources, lastSeq } = status;
  const nowUs = clock.nowUs;
  const lines = [
    `gateway  ${gateway}, agent ${version}, ${grouped(lastSeq + 1)} readings since its boot`,
    `broker   ${connected ? 'connected to' : 'NOT connected to'} ${harmless(broker)}`,
    `outbox   ${grouped(outbox.readings)} readings (${grouped(outbox.bytes)} bytes) wait for their PUBACK${outbox.writable === true ? '' : `; it takes none now: ${outbox.writable}`}`,
    `clock    ${clockSentence(status)}`,
    '',
  ];
  const rows = sources.flatMap(({ name, type, sensors }) =>
    sensors.length === 0
      ? [[name, type, '–', 'no reading yet', '']]
      : sensors
          .toSorted((a, b) => Number(b.trouble !== undefined) - Number(a.trouble !== undefined))
          .map(({ sensor, trouble, why, lastUs, flooded }) => [
            name,
            type,
            harmless(sensor),
            lastUs === 0 ? 'never' : age(nowUs - lastUs),
            trouble === undefined
              ? ''
              : harmless(`${trouble}: ${why ?? ''}${flooded > 0 ? ` (${grouped(flooded)} left out)` : ''}`),
          ]),
  );
  const columns = [
    { title: 'SOURCE' },
    { title: 'TYPE' },
    { title: 'SENSOR' },
    { title: 'LAST READING' },
    { title: 'TROUBLE', rest: true },
  ];
  lines.push(...table(columns, rows, terminalWidth()));
  const inTrouble = sources.flatMap(({ sensors }) => sensors).filter(({ trouble }) => trouble !== undefined).length;
  if (inTrouble > 0)
    lines.push('', `${inTrouble} in trouble; \`millrace edge status --json\` has the whole sentences.`);
  return `${lines.join('\n')}\n`;
}

function clockSentence({ clock, outbox }: AgentStatus): string {
  const off = `the machine's clock is off by ${(clock.offsetMs / 1000).toFixed(1)} s`;
  switch (clock.state) {
    case 'SYNCED':
      return 'synchronised';
    case 'CORRECTED':
      return `set by somebody and not synchronised since (${off}): readings are dated by the monotonic clock`;
    case 'UNSYNCED':
      return `not synchronised: ${grouped(outbox.held)} readings wait on disk to be dated`;
  }
}

/** `3 s ago`, `2 h ago`. */
function age(us: number): string {
  const seconds = us / 1e6;
  if (seconds < 0) return 'in the future';
  const [size, unit] = (
    [
      [86_400, 'd'],
      [3600, 'h'],
      [60, 'min'],
    ] as const
  ).find(([from]) => seconds >= 2 * from) ?? [1, 's'];
  return `${Math.round(seconds / size)} ${unit} ago`;
}

const shown = (value: number): string => String(Number(value.toPrecision(6)));
const sum = <T>(items: readonly T[], of: (item: T) => number): number =>
  items.reduce((total, item) => total + of(item), 0);
