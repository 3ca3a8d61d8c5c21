/**
 * A gateway's state as one record of the state topic. One record, so that what has been counted (`seen`) and what it was
 * counted into (the windows) can never be restored from different moments.
 */
import { InvariantError, messageOf } from '@millrace/runtime/errors.ts';
import type { Series } from '@millrace/wire/batch.ts';
import { type Interval, IntervalSet } from '@millrace/wire/intervals.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import type { GatewayState } from './tumbling.ts';
import type { Window } from './window.ts';

const version = 1;

type StoredWindow = readonly [
  startUs: number,
  count: number,
  mean: number,
  m2: number,
  min: number,
  max: number,
  firstUs: number,
  first: number,
  lastUs: number,
  last: number,
  revision: number,
  final: 0 | 1,
];

interface Stored {
  readonly version: number;
  readonly gateway: GatewayId;
  readonly site: string;
  readonly completeThroughUs: number;
  readonly newestUs: number;
  readonly offset: number;
  readonly forgottenUs: number;
  readonly seen: readonly (readonly [boot: number, intervals: readonly Interval[]])[];
  readonly series: readonly { readonly series: Series; readonly windows: readonly StoredWindow[] }[];
}

export function encodeGateway(state: GatewayState): Uint8Array {
  const { gateway, site, completeThroughUs, newestUs, offset, forgottenUs } = state;
  const stored: Stored = {
    version,
    gateway,
    site,
    completeThroughUs,
    newestUs,
    offset,
    forgottenUs,
    seen: [...state.seen].map(([boot, set]) => [boot, set.intervals]),
    series: [...state.series.values()].map(({ series, windows }) => ({
      series,
      windows: [...windows.values()].map(w => [
        w.startUs,
        w.count,
        w.mean,
        w.m2,
        w.min,
        w.max,
        w.firstUs,
        w.first,
        w.lastUs,
        w.last,
        w.revision,
        w.final ? 1 : 0,
      ]),
    })),
  };
  return Buffer.from(JSON.stringify(stored));
}

/** @throws {InvariantError} when the record is not one of ours: going on without it would count readings twice. */
export function decodeGateway(bytes: Uint8Array): GatewayState {
  let stored: Stored;
  try {
    stored = JSON.parse(new TextDecoder().decode(bytes)) as Stored;
  } catch (error) {
    throw new InvariantError(`a record of the state topic is not readable (${messageOf(error)})`);
  }
  if (stored.version !== version)
    throw new InvariantError(
      `the state topic holds version ${stored.version}, this program reads ${version}: run the version that wrote it`,
    );
  const { gateway, site, completeThroughUs, newestUs, offset, forgottenUs } = stored;
  return {
    gateway,
    site,
    completeThroughUs,
    newestUs,
    offset,
    forgottenUs,
    windows: stored.series.reduce((sum, { windows }) => sum + windows.length, 0),
    dirty: false,
    seen: new Map(stored.seen.map(([boot, intervals]) => [boot, new IntervalSet(intervals)])),
    series: new Map(
      stored.series.map(({ series, windows }) => [
        `${series.sensor}\n${series.metric}`,
        { series, windows: new Map(windows.map(restoreWindow)) },
      ]),
    ),
  };
}

function restoreWindow([
  startUs,
  count,
  mean,
  m2,
  min,
  max,
  firstUs,
  first,
  lastUs,
  last,
  revision,
  final,
]: StoredWindow): [number, Window] {
  return [
    startUs,
    { startUs, count, mean, m2, min, max, firstUs, first, lastUs, last, revision, final: final === 1, dirty: false },
  ];
}
