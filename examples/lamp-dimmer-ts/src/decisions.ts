/** From results to effects. Nothing here remembers anything: the same record gives the same effects, whenever it comes. */
import type { Alert, StatsBatch } from './decode.ts';
import type { Settings } from './settings.ts';

/** Something to be done outside. */
export interface Effect {
  /** Where at the controller. */
  readonly path: string;
  /** The same for every redelivery of what caused it, and for nothing else. */
  readonly key: string;
  readonly body: object;
}

/** Effects, and sentences that say why there are no others. */
export function onStats(batch: StatsBatch, settings: Settings): (Effect | string)[] {
  if (batch.window !== settings.window) return [];
  return batch.seriesIndex.flatMap((at, i): (Effect | string)[] => {
    const { sensor, metric } = batch.series[at]!;
    // Early results of a window that is not over would make the lamps flicker.
    if (metric !== settings.metric || !batch.final[i]) return [];
    const what = `${batch.gateway}/${sensor}/${metric}`;
    const [startUs, revision, count, expected] = [
      batch.startUs[i]!,
      batch.revision[i]!,
      batch.count[i]!,
      batch.expected[i]!,
    ];
    const window = `${batch.window}|${startUs}`;
    const completeness = expected === 0 ? 1 : Math.min(1, count / expected);
    if (completeness < settings.leastCompleteness)
      return [`lamp of ${what} left as it is: its window ${window} has ${count} of ${expected} readings`];
    const body = { level: levelOf(batch.mean[i]!, settings), startUs, revision };
    return [{ path: `/lamps/${batch.gateway}`, key: `${what}|${window}|${revision}`, body }];
  });
}

export function onAlert({ id, state, message }: Alert): Effect {
  return { path: '/messages', key: `${id}/${state}`, body: { id, state, message } };
}

/** 40 % where hardly anybody is, 100 % where it is busy, and evenly between. */
function levelOf(mean: number, { quiet, busy }: Settings): number {
  return Math.round(40 + 60 * Math.min(1, Math.max(0, (mean - quiet) / (busy - quiet))));
}
