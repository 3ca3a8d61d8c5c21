/** The page as a whole: which view, in which frame. */
import type { ComponentChildren, FunctionComponent } from 'preact';
import { useEffect } from 'preact/hooks';
import type { PageSettings } from '../../src/answers.ts';
import { AlertsPage } from '../alerts/alerts-page.tsx';
import { loadCharts } from '../chart/charts.ts';
import { CityPage } from '../city/city.tsx';
import { loadMap } from '../city/city-map.ts';
import { ComparePage } from '../compare/compare-page.tsx';
import { CompletenessPage } from '../completeness/completeness-page.tsx';
import { useAsk } from '../data/ask.ts';
import { startFeed, stopFeed, useCity } from '../data/city.ts';
import { GatewaysPage } from '../gateways/gateways-page.tsx';
import { LoginPage } from '../login/login-page.tsx';
import { SeriesListPage } from '../series/series-list.tsx';
import { SeriesPage } from '../series/series-page.tsx';
import { Empty, Failure } from '../show/blank.tsx';
import { Header } from './header.tsx';
import { linkTo, place, usePlace } from './location.ts';
import { Notice } from './notice.tsx';
import { setOperatorTimeZone, useTheme, useTimeZone } from './preferences.ts';
import { useSearchKey } from './search-key.ts';
import { loadSession, onSession, useSession } from './session.ts';

const views = {
  city: CityPage,
  list: SeriesListPage,
  series: SeriesPage,
  compare: ComparePage,
  completeness: CompletenessPage,
  gateways: GatewaysPage,
  alerts: AlertsPage,
  login: LoginPage,
} as const;

interface Route {
  readonly view: keyof typeof views;
  readonly title: string;
  readonly props: Readonly<Record<string, unknown>>;
}

function routeOf(path: string, settings: PageSettings | undefined): Route | undefined {
  const parts = path.split('/').slice(1).map(decode);
  const maxPoints = settings?.maxPoints ?? 2_000;
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

// What the first view needs is asked for at once, not one after the other.
onSession(session => {
  if (session.role === null) stopFeed();
  else startFeed();
});
void loadSession();
const firstView = routeOf(place().path, undefined)?.view;
if (firstView === 'city') loadMap();
if (firstView === 'series' || firstView === 'compare') loadCharts();

export function App() {
  const { path, query } = usePlace();
  const { session, failure } = useSession();
  // Drawn again for another zone, with all that is in it.
  useTimeZone();
  useTheme();
  useSearchKey();
  // Until the server has said otherwise, the viewer is taken to be admitted: most are, and the first chart comes sooner.
  const admitted = session === undefined || session.role !== null;
  const { answer: settings } = useAsk<PageSettings>(admitted ? '/api/page' : undefined);
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
          <View key={route.view} name={route.view} props={route.props} />
        )}
      </main>
      {!bare && <Foot />}
    </>
  );
}

function View({ name, props }: { readonly name: keyof typeof views; readonly props: object }) {
  const Found = views[name] as FunctionComponent<object>;
  return <Found key={JSON.stringify(keyOf(props))} {...props} />;
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
