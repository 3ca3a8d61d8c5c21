/** Theme and time zone: from the address, else what this viewer chose before, else the operator's, else the browser's. */
import { useEffect, useState } from 'preact/hooks';
import { onPlace, place, setQuery } from './location.ts';

export type Theme = 'auto' | 'light' | 'dark';

const watchers = new Set<() => void>();
let operatorTimeZone: string | null = null;

function stored(name: string): string | null {
  try {
    return localStorage.getItem(`millrace.${name}`);
  } catch {
    return null; // Storage is refused, as within some frames.
  }
}

function store(name: string, value: string): void {
  try {
    localStorage.setItem(`millrace.${name}`, value);
  } catch {
    // It holds until the page is left.
  }
}

export const browserTimeZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

function isTimeZone(name: string | null): name is string {
  if (name === null || name === '') return false;
  try {
    return Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}

function findTimeZone(): string {
  const asked = [place().query.get('tz'), stored('tz'), operatorTimeZone, browserTimeZone];
  return asked.find(isTimeZone) ?? 'UTC';
}

/** Worked out when it may have changed: a chart asks for it a thousand times. */
let currentTimeZone = findTimeZone();
export const timeZone = (): string => currentTimeZone;

export function theme(): Theme {
  const asked = place().query.get('theme') ?? stored('theme');
  return asked === 'light' || asked === 'dark' ? asked : 'auto';
}

let applied = '';

function apply(): void {
  currentTimeZone = findTimeZone();
  const { dataset } = document.documentElement;
  if (theme() === 'auto') delete dataset['theme'];
  else dataset['theme'] = theme();
  // Most changes of the address are about something else, and charts are made anew for what is told here.
  const now = `${currentTimeZone} ${theme()} ${systemDark.matches}`;
  if (now === applied) return;
  applied = now;
  for (const watch of watchers) watch();
}
const systemDark = matchMedia('(prefers-color-scheme: dark)');
onPlace(apply);
systemDark.addEventListener('change', apply);
apply();

export function setTheme(next: Theme): void {
  store('theme', next);
  setQuery({ theme: undefined });
  apply();
}

export function setTimeZone(next: string): void {
  store('tz', next);
  setQuery({ tz: undefined });
  apply();
}

export function setOperatorTimeZone(next: string | null): void {
  operatorTimeZone = next;
  apply();
}

export function onPreferences(watch: () => void): () => void {
  watchers.add(watch);
  return () => watchers.delete(watch);
}

export function useTimeZone(): string {
  const [zone, setZone] = useState(timeZone);
  useEffect(() => {
    setZone(timeZone());
    return onPreferences(() => setZone(timeZone()));
  }, []);
  return zone;
}

export function useTheme(): Theme {
  const [now, setNow] = useState(theme);
  useEffect(() => onPreferences(() => setNow(theme())), []);
  return now;
}
