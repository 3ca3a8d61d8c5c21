/** What the viewer chose, kept in the address so that a link opens the same view. */
import type { SeriesKey } from '../src/answers.ts';

export interface View {
  readonly series: SeriesKey | undefined;
  /** Only this gateway's series are listed. */
  readonly only: string | undefined;
  readonly minutes: number;
  readonly filter: string;
}

export const spans = [
  { minutes: 15, label: '15 min' },
  { minutes: 60, label: '1 h' },
  { minutes: 360, label: '6 h' },
  { minutes: 1440, label: '24 h' },
  { minutes: 10_080, label: '7 d' },
] as const;
const defaultMinutes = 60;

export function readView(search: string): View {
  const query = new URLSearchParams(search);
  const [gateway, sensor, metric] = [query.get('gateway'), query.get('sensor'), query.get('metric')];
  const minutes = Number(query.get('minutes'));
  return {
    series: gateway && sensor && metric ? { gateway, sensor, metric } : undefined,
    only: query.get('only') ?? undefined,
    minutes: spans.some(span => span.minutes === minutes) ? minutes : defaultMinutes,
    filter: query.get('filter') ?? '',
  };
}

/** `?…`, shortest form first: what is as usual is left out. */
export function linkTo({ series, only, minutes, filter }: View): string {
  const query = new URLSearchParams();
  if (only !== undefined) query.set('only', only);
  if (filter !== '') query.set('filter', filter);
  if (series !== undefined) for (const name of ['gateway', 'sensor', 'metric'] as const) query.set(name, series[name]);
  if (minutes !== defaultMinutes) query.set('minutes', String(minutes));
  const text = query.toString();
  return text === '' ? './' : `?${text}`;
}

export function sameSeries(a: SeriesKey | undefined, b: SeriesKey | undefined): boolean {
  return a?.gateway === b?.gateway && a?.sensor === b?.sensor && a?.metric === b?.metric;
}
