/** Where the viewer is: path and query, through the history API; the query is the whole state that a permalink carries. */
import { useEffect, useState } from 'preact/hooks';

export interface Place {
  readonly path: string;
  readonly query: URLSearchParams;
}

/** Carried from page to page: a wall's kiosk stays one, an embedded view keeps its theme. */
const sticky = ['tz', 'theme', 'kiosk', 'embed'] as const;

const read = (): Place => ({ path: location.pathname, query: new URLSearchParams(location.search) });
let current = read();
const watchers = new Set<() => void>();

export const place = (): Place => current;

function tell(): void {
  current = read();
  for (const watch of watchers) watch();
}
addEventListener('popstate', tell);

export function onPlace(watch: () => void): () => void {
  watchers.add(watch);
  return () => watchers.delete(watch);
}

export function usePlace(): Place {
  const [now, setNow] = useState(current);
  useEffect(() => {
    setNow(current);
    return onPlace(() => setNow(current));
  }, []);
  return now;
}

export type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;

/** Adds what is given; empty and undefined are left out. */
function fill(search: URLSearchParams, query: Query): URLSearchParams {
  for (const [name, value] of Object.entries(query)) {
    search.delete(name);
    if (value === undefined || value === '') continue;
    if (Array.isArray(value)) for (const one of value as string[]) search.append(name, one);
    else search.set(name, String(value));
  }
  return search;
}

const join = (path: string, search: URLSearchParams): string => {
  // Names of gateways and sensors stay readable: a slash and a colon need no escape in a query.
  const text = search.toString().replaceAll('%2F', '/').replaceAll('%3A', ':');
  return text === '' ? path : `${path}?${text}`;
};

/** An address on this page, with what is carried along. */
export function linkTo(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const name of sticky) {
    const value = current.query.get(name);
    if (value !== null) search.set(name, value);
  }
  return join(path, fill(search, query));
}

export function seriesPath(
  series: { readonly gateway: string; readonly sensor: string; readonly metric: string },
  query: Query = {},
): string {
  const parts = [series.gateway, series.sensor, series.metric].map(encodeURIComponent);
  return linkTo(`/series/${parts.join('/')}`, query);
}

export function go(href: string, how: 'push' | 'replace' = 'push'): void {
  if (how === 'push') history.pushState(null, '', href);
  else history.replaceState(null, '', href);
  tell();
}

/** Changes the query where the viewer is. */
export function setQuery(query: Query, how: 'push' | 'replace' = 'replace'): void {
  const href = join(current.path, fill(new URLSearchParams(current.query), query));
  if (href !== location.pathname + location.search) go(href, how);
}

/** Plain links within the page change it without loading it anew. */
export function followLinks(): void {
  document.addEventListener('click', event => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const link = (event.target as Element).closest('a');
    if (link === null || link.target !== '' || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (link.pathname.startsWith('/api/') || link.getAttribute('href')?.startsWith('#')) return;
    event.preventDefault();
    const another = link.pathname !== location.pathname;
    go(link.pathname + link.search);
    if (!another) return;
    scrollTo(0, 0);
    // A screen reader is told of the new page by its title, which takes the focus.
    requestAnimationFrame(() => document.querySelector<HTMLElement>('main')?.focus({ preventScroll: true }));
  });
}
