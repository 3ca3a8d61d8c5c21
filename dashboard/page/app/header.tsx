/** Name, navigation, whether values are live, search, time zone, theme, account. */
import { useMemo } from 'preact/hooks';
import type { Session } from '../../src/answers.ts';
import { useCity } from '../data/city.ts';
import { serverNow, useClock } from '../data/clock.ts';
import mark from '../mark.svg';
import { fieldText } from '../show/form.ts';
import { whole } from '../show/quantity.ts';
import { hourMinuteSecond, offsetName } from '../show/time.ts';
import { Icon } from './icons.tsx';
import { go, linkTo, place, usePlace } from './location.ts';
import { browserTimeZone, setTheme, setTimeZone, useTheme, useTimeZone } from './preferences.ts';
import { logOut } from './session.ts';

const pages = [
  { path: '/', name: 'City', icon: 'city' },
  { path: '/series', name: 'Series', icon: 'series' },
  { path: '/completeness', name: 'Completeness', icon: 'completeness' },
  { path: '/gateways', name: 'Gateways', icon: 'gateways' },
  { path: '/alerts', name: 'Alerts', icon: 'alerts' },
] as const;

export interface HeaderProps {
  readonly title: string;
  /** A kiosk or an embedded view. */
  readonly bare: boolean;
  readonly session: Session | undefined;
}

export function Header({ title, bare, session }: HeaderProps) {
  const { path, query } = usePlace();
  if (bare) return query.has('kiosk') ? <KioskHeader title={title} /> : null;
  return (
    <>
      <header class="top">
        <a class="name" href={linkTo('/')}>
          <img src={mark} alt="" width="28" height="28" />
          <span>{title}</span>
        </a>
        <Navigation path={path} />
        <Live />
        <form class="top-search" role="search" aria-label="Series" onSubmit={search}>
          <Icon name="search" />
          <input
            type="search"
            name="q"
            aria-label="Search series"
            placeholder="Search series ( / )"
            autocomplete="off"
            data-search
          />
        </form>
        <ZonePicker />
        <ThemeButton />
        <Account session={session} />
      </header>
    </>
  );
}

function search(event: SubmitEvent): void {
  event.preventDefault();
  go(linkTo('/series', { q: fieldText(event.currentTarget, 'q') }));
  (event.currentTarget as HTMLFormElement).reset();
}

function Navigation({ path }: { readonly path: string }) {
  const alerts = useCity(city => city.alerts.length);
  const isHere = (own: string): boolean => path === own || (own !== '/' && path.startsWith(`${own}/`));
  return (
    <nav aria-label="Pages">
      <ul>
        {pages.map(({ path: own, name, icon }) => (
          <li key={own}>
            <a href={linkTo(own)} aria-current={isHere(own) ? 'page' : undefined}>
              <Icon name={icon} />
              <span>{name}</span>
              {own === '/alerts' && alerts > 0 && (
                <span class="count">
                  {whole(alerts)}
                  <span class="visually-hidden"> raised</span>
                </span>
              )}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Live() {
  const kind = useCity(city => city.state.kind);
  const text = { connecting: 'Connecting', live: 'Live', outage: 'Not live', lost: 'Not live' }[kind];
  return (
    <p class="live" data-state={kind}>
      <span class="dot" aria-hidden="true" />
      <span class="words">{text}</span>
    </p>
  );
}

function ZonePicker() {
  const zone = useTimeZone();
  const zones = useMemo(
    () => [...new Set(['UTC', browserTimeZone, zone, ...Intl.supportedValuesOf('timeZone')])],
    [zone],
  );
  return (
    <label class="zone-picker">
      <span class="visually-hidden">Time zone</span>
      <select
        value={zone}
        onChange={event => setTimeZone(event.currentTarget.value)}
        title="Time zone that times are shown in"
      >
        {zones.map(one => (
          <option key={one} value={one}>
            {one === zone ? `${one} (${offsetName(serverNow())})` : one}
          </option>
        ))}
      </select>
    </label>
  );
}

const nextTheme = { auto: 'light', light: 'dark', dark: 'auto' } as const;
const themeIcons = { auto: 'auto', light: 'sun', dark: 'moon' } as const;
const themeNames = { auto: 'as the system', light: 'light', dark: 'dark' } as const;

function ThemeButton() {
  const theme = useTheme();
  const label = `Theme: ${themeNames[theme]}; change to ${themeNames[nextTheme[theme]]}`;
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={label}
      title={label}
      onClick={() => setTheme(nextTheme[theme])}
    >
      <Icon name={themeIcons[theme]} />
    </button>
  );
}

function Account({ session }: { readonly session: Session | undefined }) {
  if (session === undefined || session.login.length === 0) return null;
  if (session.user === null)
    return (
      <a class="button" href={linkTo('/login', { next: place().path + location.search })}>
        Log in
      </a>
    );
  return (
    <span class="account">
      <span title={`Role: ${session.role ?? 'none'}`}>
        <Icon name="user" /> {session.user}
      </span>
      <button type="button" class="plain-button" onClick={() => void logOut()}>
        Log out
      </button>
    </span>
  );
}

function KioskHeader({ title }: { readonly title: string }) {
  const time = useClock(now => hourMinuteSecond(now));
  return (
    <header class="kiosk-top">
      <p class="kiosk-title">{title}</p>
      <Live />
      <p class="kiosk-time">{time}</p>
    </header>
  );
}
