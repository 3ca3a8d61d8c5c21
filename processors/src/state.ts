/**
 * A gateway's state as one record of the state topic. One record, so that what has been counted (`seen`) and what it was
 * counted into (the windows) can never be restored from different moments.
 */
import { InvariantError, messageOf } from '@millrace/runtime/errors.ts';
import type { Series } from '@millrace/wire/batch.ts';
import type { Interval } from '@millrace/wire/intervals.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import { BootAccount, type StoredAccount } from './account.ts';
import { standingOf } from './standing.ts';
import type { GatewayState } from './tumbling.ts';
import type { Window } from './window.ts';

const version = 2;

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
  readonly boots: readonly StoredAccount[];
  /** Null: no record with a sequence yet. */
  readonly newest: { readonly boot: number; readonly atUs: number; readonly holeSinceUs: number | null } | null;
  readonly series: readonly { readonly series: Series; readonly windows: readonly StoredWindow[] }[];
}

/** Version 1 kept no drops: what was dropped before is missing until the gateway's next boot. */
interface StoredVersion1 extends Omit<Stored, 'boots' | 'newest'> {
  readonly seen: readonly (readonly [boot: number, intervals: readonly Interval[]])[];
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
    boots: [...state.boots].map(([boot, account]) => account.stored(boot)),
    newest:
      state.newestBoot === undefined
        ? null
        : { boot: state.newestBoot, atUs: state.newestAtUs, holeSinceUs: state.standing?.holeSinceUs ?? null },
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
  let read: Stored | StoredVersion1;
  try {
    read = JSON.parse(new TextDecoder().decode(bytes)) as Stored | StoredVersion1;
  } catch (error) {
    throw new InvariantError(`a record of the state topic is not readable (${messageOf(error)})`);
  }
  if (read.version !== version && read.version !== 1)
    throw new InvariantError(
      `the state topic holds version ${read.version}, this program reads ${version} and 1: run the version that wrote it`,
    );
  const stored: Stored = 'boots' in read ? read : { ...read, boots: read.seen, newest: null };
  const { gateway, site, completeThroughUs, newestUs, offset, forgottenUs, newest } = stored;
  const boots = new Map(stored.boots.map(([boot, ...account]) => [boot, new BootAccount(...account)]));
  const account = newest === null ? undefined : boots.get(newest.boot);
  return {
    gateway,
    site,
    completeThroughUs,
    newestUs,
    offset,
    forgottenUs,
    windows: stored.series.reduce((sum, { windows }) => sum + windows.length, 0),
    dirty: false,
    boots,
    newestBoot: newest?.boot,
    newestAtUs: newest?.atUs ?? 0,
    standing:
      newest === null || account === undefined
        ? undefined
        : {
            ...standingOf(gateway, newest.boot, newest.atUs, account, undefined),
            holeSinceUs: newest.holeSinceUs,
          },
    // Whether the last one went out is not known.
    ledgerDue: account !== undefined,
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
