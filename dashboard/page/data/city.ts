/** What the live connection has brought: the newest of everything, for all parts of the page. */
import { useEffect, useReducer, useRef } from 'preact/hooks';
import type { Alert, Gateway, LiveEvents, Series, SeriesKey } from '../../src/answers.ts';
import { setServerNow } from './clock.ts';
import { Feed, type FeedState } from './feed.ts';

export interface City {
  /** A snapshot has come. */
  readonly loaded: boolean;
  readonly state: FeedState;
  readonly gateways: readonly Gateway[];
  readonly series: readonly Series[];
  /** Those raised now. */
  readonly alerts: readonly Alert[];
  /** There are more series than are here. */
  readonly truncated: boolean;
  readonly refreshMs: number;
}

export const seriesId = ({ gateway, sensor, metric }: SeriesKey): string => `${gateway}/${sensor}/${metric}`;

let city: City = {
  loaded: false,
  state: { kind: 'connecting' },
  gateways: [],
  series: [],
  alerts: [],
  truncated: false,
  refreshMs: 2_000,
};
let seriesById = new Map<string, Series>();
const watchers = new Set<() => void>();
const pointWatchers = new Set<(points: LiveEvents['points']) => void>();

function change(next: Partial<City>): void {
  city = { ...city, ...next };
  for (const watch of watchers) watch();
}

const inOrder = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function merged<T>(before: readonly T[], news: readonly T[], idOf: (one: T) => string): readonly T[] {
  if (news.length === 0) return before;
  const newsById = new Map(news.map(one => [idOf(one), one]));
  const kept = before.map(one => {
    const id = idOf(one);
    const next = newsById.get(id);
    if (next !== undefined) newsById.delete(id);
    return next ?? one;
  });
  if (newsById.size === 0) return kept;
  return [...kept, ...newsById.values()].sort((a, b) => inOrder(idOf(a), idOf(b)));
}

const feed = new Feed({
  onState: state => change({ state }),
  onSnapshot: ({ now, refreshMs, truncated, gateways, series, alerts }) => {
    setServerNow(now);
    seriesById = new Map(series.map(one => [seriesId(one), one]));
    change({ loaded: true, refreshMs, truncated, gateways, series, alerts, state: { kind: 'live' } });
  },
  onChange: ({ now, gateways, series, alerts }) => {
    setServerNow(now);
    for (const one of series) seriesById.set(seriesId(one), one);
    change({
      gateways: merged(city.gateways, gateways, ({ gateway }) => gateway),
      series: merged(city.series, series, seriesId),
      ...(alerts === undefined ? {} : { alerts }),
      ...(city.state.kind === 'live' ? {} : { state: { kind: 'live' } as const }),
    });
  },
  onPoints: points => {
    for (const watch of pointWatchers) watch(points);
  },
});

export const startFeed = (): void => feed.open();

/** Nobody is logged in any more: what was shown to the one before is forgotten. */
export function stopFeed(): void {
  feed.close();
  seriesById = new Map();
  change({ loaded: false, gateways: [], series: [], alerts: [], state: { kind: 'connecting' } });
}

/** The series whose points the connection carries as well. */
export function useLivePoints(
  selection: { readonly series: SeriesKey; readonly resolution: string } | undefined,
  take: (points: LiveEvents['points']) => void,
): void {
  const latest = useRef(take);
  latest.current = take;
  const key = selection && `${seriesId(selection.series)} ${selection.resolution}`;
  useEffect(() => {
    if (selection === undefined) return;
    const watch = (points: LiveEvents['points']): void => latest.current(points);
    pointWatchers.add(watch);
    feed.select({ ...selection.series, resolution: selection.resolution });
    return () => {
      pointWatchers.delete(watch);
      feed.select(undefined);
    };
  }, [key]);
}

/** A part of the city; drawn again only when that part is another. */
export function useCity<T>(select: (city: City) => T): T {
  const [, again] = useReducer((count: number) => count + 1, 0);
  const value = select(city);
  const shown = useRef(value);
  const selecting = useRef(select);
  shown.current = value;
  selecting.current = select;
  useEffect(() => {
    const look = (): void => {
      if (!Object.is(selecting.current(city), shown.current)) again(undefined);
    };
    watchers.add(look);
    look();
    return () => {
      watchers.delete(look);
    };
  }, []);
  return value;
}

export function useSeries(key: SeriesKey): Series | undefined {
  const id = seriesId(key);
  return useCity(() => seriesById.get(id));
}

/** Takes an alert as the server has just answered it, before the next refresh brings it. */
export function replaceAlert(alert: Alert): void {
  change({ alerts: city.alerts.map(one => (one.id === alert.id ? alert : one)) });
}
