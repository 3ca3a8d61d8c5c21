/** `millrace rules` for people. */

import { showDuration } from '@millrace/processors/alerts/durations.ts';
import type { Rule } from '@millrace/processors/alerts/rules.ts';
import { severityNames } from '@millrace/wire/alert.ts';
import { describeCondition, describeWhere } from './rules-describe.ts';
import type { Recording } from './rules-recorder.ts';
import type { Incident, Replay } from './rules-replay.ts';
import { type Column, grouped, harmless, table, wrapped } from './text.ts';

const severityOf = ({ severity }: Pick<Rule, 'severity'>): string => severityNames[severity].toLowerCase();

export function checkReport(file: string, rules: readonly Rule[], width: number): string {
  if (rules.length === 0) return `${file}: no rules, so nothing will be raised\n`;
  const lines = rules.flatMap(rule => [
    `${rule.name} (${severityOf(rule)})`,
    `  ${wrapped(describeCondition(rule), width - 2, '    ')}`,
    `  ${wrapped(`of ${describeWhere(rule)}${pauseOf(rule)}`, width - 2, '    ')}`,
  ]);
  return `${lines.join('\n')}\n\n${file}: ${plural(rules.length, 'rule')}, no mistake\n`;
}

export interface ReportOptions {
  readonly width: number;
  /** Incidents that are shown at most. */
  readonly limit: number;
}

export function testReport(
  rules: readonly Rule[],
  recording: Recording,
  replay: Replay,
  options: ReportOptions,
): string {
  const { width, limit } = options;
  const { incidents } = replay;
  const time = clockOf(recording);
  const lines: string[] = [];
  if (incidents.length > 0) {
    const shown = incidents.slice(0, limit);
    lines.push(...incidentTable(shown, recording, width));
    if (shown.length < incidents.length)
      lines.push(`… and ${grouped(incidents.length - shown.length)} more (--limit, --json)`);
    lines.push('');
  }
  if (rules.length > 0) lines.push(...ruleTable(rules, recording, replay, width), '');
  for (const note of recording.notes) lines.push(wrapped(`Left out: ${harmless(note)}`, width, '  '));
  for (const note of replay.notes) lines.push(wrapped(`Note: ${harmless(note)}.`, width, '  '));
  if (recording.notes.length + replay.notes.length > 0) lines.push('');
  const { timeUs, series, timeZone } = recording;
  lines.push(
    wrapped(
      `${plural(incidents.length, 'alert')} raised by ${plural(timeUs.length, 'reading')} of ${grouped(series.length)} series, ${time(timeUs[0]!)} to ${time(timeUs.at(-1)!)} (${timeZone})`,
      width,
    ),
  );
  return `${lines.join('\n')}\n`;
}

function incidentTable(incidents: readonly Incident[], recording: Recording, width: number): string[] {
  const time = clockOf(recording);
  const seriesOf = shortNames(recording);
  const wide = width >= 120;
  const rows = incidents.map(({ raised, cleared }) => [
    time(raised.atUs),
    ...(wide ? [cleared === undefined ? '–' : time(cleared.atUs)] : []),
    cleared === undefined ? 'stands' : showDuration((cleared.atUs - raised.atUs) * recording.speed),
    ...(wide ? [severityOf(raised)] : []),
    raised.rule,
    harmless(seriesOf(raised)),
    harmless(phraseOf(raised)),
  ]);
  const columns: Column[] = [
    { title: 'raised' },
    ...(wide ? [{ title: 'cleared' }] : []),
    { title: 'lasted', right: true },
    ...(wide ? [{ title: 'severity' }] : []),
    { title: 'rule' },
    { title: 'series' },
    { title: 'what', rest: true },
  ];
  return table(columns, rows, width);
}

/** A series by what tells it from the others: its sensor, and gateway and metric where there are several. */
function shortNames({ series }: Recording): (alert: Incident['raised']) => string {
  const several = (field: 'gateway' | 'metric'): boolean => new Set(series.map(one => one[field])).size > 1;
  const [gateways, metrics] = [several('gateway'), several('metric')];
  return ({ gateway, sensor, metric }) =>
    sensor === '' ? gateway : [...(gateways ? [gateway] : []), sensor, ...(metrics ? [metric] : [])].join(' ');
}

/** The message without whom it is about, and since when: both are columns, the latter in the recording's own time. */
function phraseOf({ message, gateway, sensor, metric }: Incident['raised']): string {
  const subject = sensor === '' ? `gateway ${gateway}` : `${metric} of ${sensor} at ${gateway}`;
  const rest = message.startsWith(subject) ? message.slice(subject.length).replace(/^ \([^)]*\)/, '') : message;
  return rest
    .trim()
    .replace(/ since [\d-]+ [\d:]+ UTC/, '')
    .replace(/\.$/, '');
}

function ruleTable(
  rules: readonly Rule[],
  recording: Recording,
  { incidents, about }: Replay,
  width: number,
): string[] {
  const rows = rules.map(rule => {
    const own = incidents.filter(({ raised }) => raised.rule === rule.name);
    const lasted = own.map(incident => lastedUs(incident, recording) * recording.speed);
    const gateways = rule.condition.kind === 'silence' && rule.condition.of === 'gateway';
    const of = (count: number): string => (gateways ? plural(count, 'gateway') : `${grouped(count)} series`);
    return [
      rule.name,
      severityOf(rule),
      about.get(rule.name) === 0 ? 'nothing' : of(about.get(rule.name)!),
      grouped(own.length),
      grouped(own.filter(({ cleared }) => cleared === undefined).length),
      own.length === 0 ? '–' : showDuration(lasted.reduce((sum, us) => sum + us, 0)),
      own.length === 0 ? '–' : showDuration(Math.max(...lasted)),
    ];
  });
  const columns: Column[] = [
    { title: 'rule' },
    { title: 'severity' },
    { title: 'about', right: true },
    { title: 'raised', right: true },
    { title: 'still', right: true },
    { title: 'in all', right: true },
    { title: 'longest', right: true },
  ];
  return table(columns, rows, width);
}

/** The same for programs. Times are the recording's own; messages tell those of the processors. */
export function testJson(rules: readonly Rule[], recording: Recording, { incidents, about, notes }: Replay): object {
  const iso = (us: number): string => new Date(recordedUs(us, recording) / 1000).toISOString();
  return {
    readings: recording.timeUs.length,
    series: recording.series.length,
    from: iso(recording.timeUs[0]!),
    to: iso(recording.timeUs.at(-1)!),
    rules: rules.map(rule => {
      const own = incidents.filter(({ raised }) => raised.rule === rule.name);
      return {
        rule: rule.name,
        severity: severityOf(rule),
        about: about.get(rule.name),
        raised: own.length,
        standing: own.filter(({ cleared }) => cleared === undefined).length,
        seconds: own.reduce((sum, incident) => sum + lastedUs(incident, recording) * recording.speed, 0) / 1e6,
      };
    }),
    alerts: incidents.map(incident => {
      const { raised, cleared } = incident;
      const { id, rule, gateway, sensor, metric, value, message } = raised;
      return {
        id,
        rule,
        severity: severityOf(raised),
        gateway,
        sensor,
        metric,
        raised: iso(raised.atUs),
        cleared: cleared === undefined ? null : iso(cleared.atUs),
        seconds: (lastedUs(incident, recording) * recording.speed) / 1e6,
        value,
        message,
        clearedMessage: cleared?.message ?? null,
      };
    }),
    leftOut: recording.notes,
    notes,
  };
}

/** Of what is still raised, up to the end of the recording. */
const lastedUs = ({ raised, cleared }: Incident, { timeUs }: Recording): number =>
  Math.max(0, (cleared?.atUs ?? timeUs.at(-1)!) - raised.atUs);

/** A time as the processors saw it, as it was recorded. */
function recordedUs(us: number, { timeUs, speed }: Recording): number {
  const startUs = timeUs[0]!;
  return startUs + (us - startUs) * speed;
}

/** `2023-01-27 18:00` on the clocks where it was recorded; with seconds where the recording has them. */
function clockOf(recording: Recording): (us: number) => string {
  const { timeZone, timeUs, speed } = recording;
  const minutes = timeUs.every(us => Math.round(recordedUs(us, recording)) % 60_000_000 === 0) || speed >= 60;
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone,
    dateStyle: 'short',
    timeStyle: minutes ? 'short' : 'medium',
  });
  return us => format.format(recordedUs(us, recording) / 1000);
}

const pauseOf = ({ atMostEveryUs }: Rule): string =>
  atMostEveryUs === 0 ? '' : `; raised at most every ${showDuration(atMostEveryUs)}`;

const plural = (count: number, noun: string): string => `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;
