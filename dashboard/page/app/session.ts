/** Who looks, as the server says. */
import { useEffect, useState } from 'preact/hooks';
import type { Session } from '../../src/answers.ts';
import { ask, onUnknownViewer, send } from '../data/ask.ts';

let session: Session | undefined;
let failure: Error | undefined;
const watchers = new Set<() => void>();

const takers = new Set<(session: Session) => void>();
/** Told at once of each session, before anything is drawn. */
export const onSession = (take: (session: Session) => void): void => void takers.add(take);

export function takeSession(next: Session): void {
  const another = next.user !== session?.user || next.role !== session?.role;
  session = next;
  failure = undefined;
  if (another) for (const take of takers) take(next);
  for (const watch of watchers) watch();
}

export async function loadSession(): Promise<void> {
  try {
    takeSession(await ask<Session>('/api/session'));
  } catch (error) {
    failure = error as Error;
    for (const watch of watchers) watch();
    // The page is here, so the server was a moment ago.
    setTimeout(() => void loadSession(), 3_000);
  }
}
// A session that has ended is noticed at the first answer that says so.
onUnknownViewer(() => void loadSession());

export async function logOut(): Promise<void> {
  takeSession(await send<Session>('/api/session', 'DELETE').then(next => next ?? ask<Session>('/api/session')));
}

export function useSession(): { session: Session | undefined; failure: Error | undefined; take: typeof takeSession } {
  const [, again] = useState<object>();
  useEffect(() => {
    const watch = (): void => again({});
    watchers.add(watch);
    return () => {
      watchers.delete(watch);
    };
  }, []);
  return { session, failure, take: takeSession };
}
