/** The connection to the dashboard: live events, and the history of the chosen series. */
import type { ErrorAnswer, LiveEvents, Range, SeriesKey } from '../src/answers.ts';

export type FeedState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  /** The dashboard says the database is away. */
  | { readonly kind: 'outage'; readonly since: number; readonly message: string }
  /** The dashboard itself cannot be reached. */
  | { readonly kind: 'lost'; readonly since: number; readonly message: string };

export interface FeedHandlers {
  onState(state: FeedState): void;
  onSnapshot(snapshot: LiveEvents['snapshot']): void;
  onChange(change: LiveEvents['change']): void;
  onPoints(points: LiveEvents['points']): void;
}

export interface Selection {
  readonly series: SeriesKey;
  readonly minutes: number;
}

const retryMs = 4_000;

function queryOf({ series, minutes }: Selection): string {
  const { gateway, sensor, metric } = series;
  return `?${new URLSearchParams({ gateway, sensor, metric, minutes: String(minutes) }).toString()}`;
}

/** connecting → live ⇄ outage; any → lost → connecting. One EventSource at a time, opened anew for another selection. */
export class Feed {
  readonly #handlers: FeedHandlers;
  #source: EventSource | undefined;
  #selection: Selection | undefined;
  #retry: number | undefined;
  #watchdog: number | undefined;
  #silenceMs = 15_000;
  #lostSince: number | undefined;

  constructor(handlers: FeedHandlers) {
    this.#handlers = handlers;
  }

  open(selection: Selection | undefined): void {
    this.#selection = selection;
    this.#source?.close();
    clearTimeout(this.#retry);
    const source = new EventSource(`api/live${selection === undefined ? '' : queryOf(selection)}`);
    this.#source = source;
    const on = <Name extends keyof LiveEvents>(name: Name, handle: (data: LiveEvents[Name]) => void): void => {
      source.addEventListener(name, event => {
        if (this.#source !== source) return;
        this.#heard();
        handle(JSON.parse(event.data as string) as LiveEvents[Name]);
      });
    };
    on('snapshot', snapshot => {
      this.#silenceMs = 10_000 + 3 * snapshot.refreshMs;
      this.#handlers.onState({ kind: 'live' });
      this.#handlers.onSnapshot(snapshot);
    });
    on('change', change => this.#handlers.onChange(change));
    on('points', points => this.#handlers.onPoints(points));
    on('outage', outage => this.#handlers.onState({ kind: 'outage', ...outage }));
    source.addEventListener('error', () => {
      if (this.#source === source) void this.#lost();
    });
    this.#watch();
  }

  #heard(): void {
    this.#lostSince = undefined;
    this.#watch();
  }

  /** A connection can be dead without an error: a laptop that slept, a network that changed. */
  #watch(): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => void this.#lost(), this.#silenceMs);
  }

  /** EventSource does not show why it was refused; a plain request does. */
  async #lost(): Promise<void> {
    this.#lostSince ??= Date.now();
    const since = this.#lostSince;
    this.#source?.close();
    this.#source = undefined;
    clearTimeout(this.#watchdog);
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.open(this.#selection), retryMs);
    const answers = await fetch('api/gateways', { signal: AbortSignal.timeout(retryMs) }).then(
      () => true,
      () => false,
    );
    const message = answers
      ? 'Live updates were refused or cut; as many viewers as allowed may be connected.'
      : 'The dashboard does not answer.';
    if (this.#source === undefined || !answers) this.#handlers.onState({ kind: 'lost', since, message });
  }
}

/** @throws {Error} with the server's sentence, or the browser's. */
export async function fetchRange(selection: Selection, signal: AbortSignal): Promise<Range> {
  const response = await fetch(`api/range${queryOf(selection)}`, { signal });
  if (!response.ok) throw new Error(((await response.json()) as ErrorAnswer).error);
  return (await response.json()) as Range;
}
