/** The page as a whole: which view, in which frame. */
import type { ComponentChildren, FunctionComponent } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { PageSettings } from '../../src/answers.ts';
import { useAsk } from '../data/ask.ts';
import { startFeed, useCity } from '../data/city.ts';
import { Empty, Failure, Skeleton } from '../show/blank.tsx';
import { Header } from './header.tsx';
import { linkTo, place, usePlace } from './location.ts';
import { Notice } from './notice.tsx';
import { setOperatorTimeZone, useTheme, useTimeZone } from './preferences.ts';
import { useSearchKey } from './search-key.ts';
import { loadSession, useSession } from './session.ts';

/** Each view comes when it is first shown, the map with Leaflet, the charts with uPlot. */
const views = {
  city: () => import('../city/city.tsx').then(({ CityPage }) => CityPage),
  list: () => import('../series/series-list.tsx').then(({ SeriesListPage }) => SeriesListPage),
  series: () => import('../series/series-page.tsx').then(({ SeriesPage }) => SeriesPage),
  compare: () => import('../compare/compare-page.tsx').then(({ ComparePage }) => ComparePage),
  completeness: () => import('../completeness/completeness-page.tsx').then(({ CompletenessPage }) => CompletenessPage),
  gateways: () => import('../gateways/gateways-page.tsx').then(({ GatewaysPage }) => GatewaysPage),
  alerts: () => import('../alerts/alerts-page.tsx').then(({ AlertsPage }) => AlertsPage),
  login: () => import('../login/login-page.tsx').then(({ LoginPage }) => LoginPage),
} as const;

interface Route {
  readonly view: keyof typeof views;
  readonly title: string;
  readonly props: Readonly<Record<string, unknown>>;
}

function routeOf(path: string, settings: PageSettings | undefined): Route | undefined {
  const parts = path.split('/').slice(1).map(decode);
  const maxPoints = settings?.maxPoints ?? 1_000;
  if (parts[0] === 'series' && parts.length >= 4) {
    const [, gateway, ...rest] = parts;
    const metric = rest.pop();
    const sensor = rest.join('/');
    return { view: 'series', title: `${sensor} ${metric}`, props: { gateway, sensor, metric, maxPoints } };
  }
  switch (path) {
    case '/':
      return { view: 'city', title: '', props: { settings } };
    case '/series':
      return { view: 'list', title: 'Series', props: {} };
    case '/compare':
      return { view: 'compare', title: 'Compare', props: { maxPoints } };
    case '/completeness':
      return { view: 'completeness', title: 'Completeness', props: {} };
    case '/gateways':
      return { view: 'gateways', title: 'Gateways', props: {} };
    case '/alerts':
      return { view: 'alerts', title: 'Alerts', props: {} };
    case '/login':
      return { view: 'login', title: 'Log in', props: {} };
    default:
      return undefined;
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function App() {
  const { path, query } = usePlace();
  const { session, failure } = useSession();
  const zone = useTimeZone();
  useTheme();
  useSearchKey();
  useEffect(() => void loadSession(), []);
  const admitted = session !== undefined && session.role !== null;
  const { answer: settings } = useAsk<PageSettings>(admitted ? '/api/page' : undefined);
  useEffect(() => {
    if (admitted) startFeed();
  }, [admitted, session?.user]);
  useEffect(() => {
    if (settings !== undefined) setOperatorTimeZone(settings.timeZone);
  }, [settings]);

  const route = routeOf(path, settings);
  const title = settings?.title ?? 'Millrace';
  const alerts = useCity(city => city.alerts.length);
  useEffect(() => {
    const name = [route === undefined ? 'Not found' : route.title, title].filter(part => part !== '').join(' · ');
    document.title = alerts > 0 ? `(${alerts}) ${name}` : name;
  }, [route?.title, title, alerts]);
  useEffect(() => {
    const { classList } = document.documentElement;
    classList.toggle('kiosk', query.has('kiosk'));
    classList.toggle('embed', query.has('embed'));
  }, [query]);

  const bare = query.has('kiosk') || query.has('embed');
  const needsLogin = session !== undefined && session.role === null && path !== '/login';
  return (
    <>
      {!bare && (
        <a class="skip" href="#main">
          Skip to the content
        </a>
      )}
      <Header title={title} bare={bare} session={session} />
      <main id="main" tabIndex={-1}>
        <Notice />
        {session === undefined && failure !== undefined && <Failure error={failure} />}
        {needsLogin && (
          <Empty title="Please log in" whole>
            <p>
              This dashboard shows its data to those who are known to it.{' '}
              <a href={linkTo('/login', { next: place().path + location.search })}>Log in</a>
            </p>
          </Empty>
        )}
        {route === undefined && (
          <Empty title="There is nothing at this address" whole>
            <a href={linkTo('/')}>To the city</a>
          </Empty>
        )}
        {route !== undefined && !needsLogin && (admitted || route.view === 'login') && (
          <View key={`${route.view} ${zone}`} name={route.view} props={route.props} />
        )}
      </main>
      {!bare && <Foot />}
    </>
  );
}

const loaded = new Map<string, FunctionComponent<object>>();

function View({ name, props }: { readonly name: keyof typeof views; readonly props: object }) {
  const [, again] = useState<object>();
  const [error, setError] = useState<Error>();
  const Found = loaded.get(name);
  useEffect(() => {
    if (Found !== undefined) return;
    views[name]().then(
      view => {
        loaded.set(name, view as FunctionComponent<object>);
        again({});
      },
      () => setError(new Error('This part of the page could not be loaded; the dashboard may have been updated.')),
    );
  }, [name]);
  if (error !== undefined) return <Failure error={error} retry={() => location.reload()} />;
  return Found === undefined ? (
    <Skeleton rows={10} label="the page" />
  ) : (
    <Found key={JSON.stringify(keyOf(props))} {...props} />
  );
}

/** Another series is another view; other settings are not. */
const keyOf = (props: object): unknown[] => Object.values(props).filter(value => typeof value === 'string');

function Foot(): ComponentChildren {
  return (
    <footer>
      <p>
        A value is <em>stale</em> when three readings in a row are missing, or after five minutes where the cadence is
        unknown. Completeness is rounded down: 100 % means all. <a href="/api/openapi.json">API</a>
      </p>
    </footer>
  );
}
