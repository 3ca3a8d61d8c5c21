/** States of versions 1 and 2: a gateway's all in one JSON record, with windows of one minute and no quantiles. */
import { InvariantError, messageOf } from '@millrace/runtime/errors.ts';
import type { Series } from '@millrace/wire/batch.ts';
import type { Interval } from '@millrace/wire/intervals.ts';
import type { StoredAccount } from './account.ts';
import type { NewestBoot } from './boots.ts';
import type { Gateway } from './gateway.ts';

const minuteUs = 60_000_000;

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

interface Version2 {
  readonly version: 2;
  readonly site: string;
  readonly completeThroughUs: number;
  readonly newestUs: number;
  readonly forgottenUs: number;
  readonly boots: readonly StoredAccount[];
  readonly newest: NewestBoot | null;
  readonly series: readonly { readonly series: Series; readonly windows: readonly StoredWindow[] }[];
}

/** It kept no drops: what was dropped before is missing until the gateway's next boot. */
interface Version1 extends Omit<Version2, 'version' | 'boots' | 'newest'> {
  readonly version: 1;
  readonly seen: readonly (readonly [boot: number, intervals: readonly Interval[]])[];
}

/** @throws {InvariantError} when the record is not one of ours: going on without it would count readings twice. */
export function takeOver(gateway: Gateway, bytes: Uint8Array): void {
  const stored = parse(bytes);
  const [boots, newest] = stored.version === 1 ? [stored.seen, null] : [stored.boots, stored.newest];
  gateway.earlier = true;
  gateway.dirty = true;
  gateway.site = stored.site;
  gateway.completeThroughUs = stored.completeThroughUs;
  gateway.newestUs = stored.newestUs;
  gateway.closedUs = stored.completeThroughUs;
  gateway.forgottenUs = Math.max(0, stored.forgottenUs);
  gateway.heardUs = newest?.atUs ?? stored.newestUs;
  gateway.boots.restore(boots, newest);
  const finalUs = stored.series.flatMap(({ windows }) =>
    windows.map(([startUs, ...rest]) => (rest.at(-1) === 1 ? startUs + minuteUs : 0)),
  );
  gateway.finalUs = Math.max(0, ...finalUs);
  const revisions = new Map<number, number>();
  for (const { series, windows } of stored.series) {
    for (const [startUs, count, mean, m2, min, max, firstUs, first, lastUs, last, revision] of windows) {
      if (!gateway.panes.isBase(minuteUs)) {
        gateway.lose(startUs + minuteUs);
        continue;
      }
      const entry = gateway.series.open(series);
      if (entry === undefined) continue; // More series than are kept now: what was published of it stands.
      const pane = { startUs, count, mean, m2, min, max, firstUs, first, lastUs, last };
      gateway.panes.put(entry, { ...pane, increase: Number.NaN, sketch: undefined });
      revisions.set(startUs, Math.max(revision, revisions.get(startUs) ?? 0));
    }
  }
  gateway.results.takeOver('1m', revisions, gateway.forgottenUs);
}

function parse(bytes: Uint8Array): Version1 | Version2 {
  let read: { readonly version: unknown };
  try {
    read = JSON.parse(new TextDecoder().decode(bytes)) as Version1 | Version2;
  } catch (error) {
    throw new InvariantError(`a record of the state topic is not readable (${messageOf(error)})`);
  }
  if (read.version !== 1 && read.version !== 2)
    throw new InvariantError(
      `the state topic holds version ${String(read.version)}, this program reads 1, 2 and 3: run the version that wrote it`,
    );
  return read as Version1 | Version2;
}
