/** Logging in: by password, by the organisation's identity provider, or both. */
import { useState } from 'preact/hooks';
import type { Session } from '../../src/answers.ts';
import { go, linkTo, usePlace } from '../app/location.ts';
import { useSession } from '../app/session.ts';
import { send } from '../data/ask.ts';
import { fieldText } from '../show/form.ts';

/** Where to go afterwards: a place on this page, and nowhere else. */
export function safeNext(next: string | null): string {
  if (next === null || !next.startsWith('/') || next.startsWith('//') || next.startsWith('/\\')) return linkTo('/');
  return next;
}

export function LoginPage() {
  const { query } = usePlace();
  const { session, take } = useSession();
  const [state, setState] = useState<{ sending: boolean; error?: string }>({ sending: false });
  const next = safeNext(query.get('next'));
  const logIn = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    setState({ sending: true });
    try {
      const given = {
        user: fieldText(event.currentTarget, 'user'),
        password: fieldText(event.currentTarget, 'password'),
      };
      take(await send<Session>('/api/session', 'POST', given));
      go(next, 'replace');
    } catch (error) {
      setState({ sending: false, error: (error as Error).message });
    }
  };
  const ways = session?.login ?? [];
  return (
    <section class="panel login" aria-labelledby="login-title">
      <h1 id="login-title">Log in</h1>
      {session?.user != null && ways.length > 0 && (
        <p>
          You are logged in as <strong>{session.user}</strong>. <a href={next}>Go on</a>
        </p>
      )}
      {ways.includes('password') && (
        <form onSubmit={event => void logIn(event)}>
          <label class="field">
            <span>User</span>
            <input type="text" name="user" autocomplete="username" autocapitalize="none" required />
          </label>
          <label class="field">
            <span>Password</span>
            <input type="password" name="password" autocomplete="current-password" required />
          </label>
          {state.error !== undefined && (
            <p class="failure" role="alert">
              {state.error}
            </p>
          )}
          <button type="submit" class="button primary" disabled={state.sending}>
            Log in
          </button>
        </form>
      )}
      {ways.length === 2 && <p class="or">or</p>}
      {ways.includes('oidc') && (
        <a class="button" href="/api/session/oidc">
          Log in with your organisation’s account
        </a>
      )}
      {session !== undefined && ways.length === 0 && <p>This dashboard has no accounts: everybody sees it as it is.</p>}
    </section>
  );
}
