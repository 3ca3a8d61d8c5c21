/** Questions to the API, and what became of them. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { ErrorAnswer } from '../../src/answers.ts';

/** What the server said no with. */
export class Refusal extends Error {
  readonly status: number;
  readonly since: number | undefined;

  constructor(status: number, answer: ErrorAnswer) {
    super(answer.error);
    this.status = status;
    this.since = answer.since;
  }
}

type Parameters = Readonly<Record<string, string | number | undefined>>;

export function apiPath(path: string, parameters: Parameters = {}): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== '');
  const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return search === '' ? `/api/${path}` : `/api/${path}?${search}`;
}

const refusedWatchers = new Set<() => void>();
/** The server does not know this viewer any more. */
export function onUnknownViewer(watch: () => void): void {
  refusedWatchers.add(watch);
}

/** @throws {Refusal} the server's sentence. @throws {Error} it cannot be reached. */
export async function ask<Answer>(path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(path, init).catch((error: unknown) => {
    if (init.signal?.aborted) throw error;
    throw new Error('The dashboard does not answer.', { cause: error });
  });
  const text = await response.text();
  if (response.ok) return (text === '' ? undefined : JSON.parse(text)) as Answer;
  if (response.status === 401 && path !== '/api/session') for (const watch of refusedWatchers) watch();
  throw new Refusal(response.status, readError(text, response.status));
}

function readError(text: string, status: number): ErrorAnswer {
  try {
    return JSON.parse(text) as ErrorAnswer;
  } catch {
    return { error: `The server answered ${status}.` }; // A proxy's page, for instance.
  }
}

export function send<Answer>(path: string, method: 'POST' | 'DELETE', body?: unknown): Promise<Answer> {
  const headers = body === undefined ? {} : { 'content-type': 'application/json' };
  return ask<Answer>(path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
}

export interface Asked<Answer> {
  readonly answer: Answer | undefined;
  readonly error: Error | undefined;
  /** An answer is on its way; the one before stays. */
  readonly asking: boolean;
  readonly reload: () => void;
}

/**
 * The answer to `path`, asked again when it changes and every `everyMs`. The last answer stays while another is asked for
 * and after a failure; `keep: false` drops it when the path changes.
 */
export function useAsk<Answer>(
  path: string | undefined,
  { everyMs, keep = true }: { readonly everyMs?: number | undefined; readonly keep?: boolean } = {},
): Asked<Answer> {
  const [state, setState] = useState<{ path?: string | undefined; answer?: Answer; error?: Error; asking: boolean }>({
    asking: path !== undefined,
  });
  const [round, setRound] = useState(0);
  const latest = useRef(path);
  latest.current = path;

  // Before the first painting, which takes a frame that the question need not wait for.
  useLayoutEffect(() => {
    if (path === undefined) return;
    const end = new AbortController();
    let timer: number | undefined;
    const once = async (): Promise<void> => {
      setState(before => ({ ...(keep || before.path === path ? before : {}), path, asking: true }));
      try {
        const answer = await ask<Answer>(path, { signal: end.signal });
        if (!end.signal.aborted) setState({ path, answer, asking: false });
      } catch (error) {
        if (!end.signal.aborted) setState(before => ({ ...before, error: error as Error, asking: false }));
      }
      // While nobody looks, nothing is asked for; the next look is at most one interval away.
      if (everyMs !== undefined && !end.signal.aborted) timer = setTimeout(repeat, everyMs);
    };
    const repeat = (): void => {
      if (document.hidden) timer = setTimeout(repeat, 1_000);
      else void once();
    };
    void once();
    return () => {
      end.abort();
      clearTimeout(timer);
    };
  }, [path, round, everyMs, keep]);

  const current = keep || state.path === path;
  return {
    answer: current ? state.answer : undefined,
    error: current ? state.error : undefined,
    asking: state.asking,
    reload: () => setRound(count => count + 1),
  };
}
