/**
 * The load of the fault suite, and what the tables must hold after it. Each gateway replays a recording made here, so that
 * every run sends the same readings with the same times: what arrives is compared with the recording itself.
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const sensors = 100;
/** Recorded seconds a second: 100 sensors once a second become 1,000 readings a second. */
const speed = 10;

export interface Recording {
  readonly gateway: string;
  /** Start of the first row, ms since the Unix epoch, a whole day: each case has a day of its own in the tables. */
  readonly startMs: number;
  readonly rows: number;
}

export const sensorName = (index: number): string => `s${String(index).padStart(2, '0')}`;
/** Eighths, so that a value is the same number whoever prints it. */
function eighths({ gateway }: Recording, row: number, sensor: number): number {
  return ((row * 7919 + sensor * 104_729 + gateway.length * 31 + gateway.charCodeAt(gateway.length - 1)) % 4001) - 1000;
}

/** Of a recording that takes this long to replay. */
export const rowsFor = (seconds: number): number => Math.ceil(seconds * speed);
export const readingsOf = ({ rows }: Recording): number => rows * sensors;

/** Writes the recording and the agent's configuration; returns the path of the latter. */
export function writeGateway(directory: string, recording: Recording, edge: object = {}, replay: object = {}): string {
  const { gateway, startMs, rows } = recording;
  const columns = Array.from({ length: sensors }, (_, i) => i);
  const lines = [['t', ...columns.map(sensorName)].join(',')];
  for (let row = 0; row < rows; row++)
    lines.push([startMs + row * 1000, ...columns.map(sensor => eighths(recording, row, sensor) / 8)].join(','));
  writeFileSync(join(directory, `${gateway}.csv`), `${lines.join('\n')}\n`);
  const source = {
    type: 'replay',
    file: `${gateway}.csv`,
    timeColumn: 't',
    timeFormat: 'epoch-ms',
    metric: 'load',
    unit: '1',
    intervalMs: 1000,
    speed,
    as: 'recorded',
    ...replay,
  };
  const file = join(directory, `${gateway}.yaml`);
  // YAML is a superset of JSON.
  writeFileSync(
    file,
    JSON.stringify({
      edge: {
        gateway,
        site: 'faults',
        statusIntervalMs: 1000,
        clock: { assume: 'synced' },
        ...edge,
        sources: [source],
      },
    }),
  );
  return file;
}

/** The line of a reading as `storedLine` in account.ts gives it, and the hash over all of them in the order of `seq`. */
export function expectedReadings(recording: Recording, withTime: boolean): { readings: number; sha256: string } {
  const hash = createHash('sha256');
  for (let row = 0, seq = 0; row < recording.rows; row++)
    for (let sensor = 0; sensor < sensors; sensor++, seq++) {
      const timeUs = withTime ? (recording.startMs + row * 1000) * 1000 : 0;
      hash.update(`${seq},${timeUs},${sensorName(sensor)},${eighths(recording, row, sensor)}\n`);
    }
  return { readings: readingsOf(recording), sha256: hash.digest('hex') };
}

/** The final one-minute windows, computed here in the plainest way, one line each, sorted. */
export function expectedWindows(recording: Recording): string[] {
  const lines: string[] = [];
  for (let sensor = 0; sensor < sensors; sensor++)
    for (let from = 0; from < recording.rows; from += 60) {
      const to = Math.min(from + 60, recording.rows);
      const values = Array.from({ length: to - from }, (_, i) => eighths(recording, from + i, sensor) / 8);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      // A window is final when the gateway has declared past its end: the last, broken one is not.
      if (to - from < 60) continue;
      lines.push(
        windowLine({
          tsUs: (recording.startMs + from * 1000) * 1000,
          sensor: sensorName(sensor),
          count: values.length,
          mean,
          min: Math.min(...values),
          max: Math.max(...values),
          first: values[0]!,
          last: values.at(-1)!,
        }),
      );
    }
  return lines.sort();
}

export interface WindowFigures {
  readonly tsUs: number;
  readonly sensor: string;
  readonly count: number;
  readonly mean: number;
  readonly min: number;
  readonly max: number;
  readonly first: number;
  readonly last: number;
}

/** The mean to six digits: the order in which readings were added may differ, and with it the last bits. */
export const windowLine = ({ tsUs, sensor, count, mean, min, max, first, last }: WindowFigures): string =>
  [tsUs, sensor, count, mean.toFixed(6), min, max, first, last].join(',');
