/** The live connection. */
import type { LiveEvents, SeriesKey } from '../../src/answers.ts';
import { apiPath } from './ask.ts';

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

export type FeedSelection = SeriesKey & { readonly resolution: string };

const retryMs = 4_000;

/** connecting → live ⇄ outage; any → lost → connecting. One EventSource at a time, opened anew for another selection. */
export class Feed {
  readonly #handlers: FeedHandlers;
  #source: EventSource | undefined;
  #selection: FeedSelection | undefined;
  #opening: number | undefined;
  #retry: number | undefined;
  #watchdog: number | undefined;
  #silenceMs = 15_000;
  #lostSince: number | undefined;
  #wanted = false;

  constructor(handlers: FeedHandlers) {
    this.#handlers = handlers;
  }

  /** From one page to the next a selection ends and another begins at once: that is one new connection. */
  select(selection: FeedSelection | undefined): void {
    this.#selection = selection;
    clearTimeout(this.#opening);
    // Opened when it is allowed to, with this selection then.
    if (!this.#wanted) return;
    this.#opening = setTimeout(() => this.open(), 0);
  }

  open(): void {
    this.#wanted = true;
    this.#source?.close();
    clearTimeout(this.#opening);
    clearTimeout(this.#retry);
    const source = new EventSource(apiPath('live', { ...this.#selection }));
    this.#source = source;
    const on = <Name extends keyof LiveEvents>(name: Name, handle: (data: LiveEvents[Name]) => void): void => {
      source.addEventListener(name, event => {
        if (this.#source !== source) return;
        this.#lostSince = undefined;
        this.#watch();
        handle(JSON.parse(event.data as string) as LiveEvents[Name]);
      });
    };
    on('snapshot', snapshot => {
      this.#silenceMs = 10_000 + 3 * snapshot.refreshMs;
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

  close(): void {
    this.#wanted = false;
    this.#source?.close();
    this.#source = undefined;
    for (const timer of [this.#opening, this.#retry, this.#watchdog]) clearTimeout(timer);
  }

  /** A connection can be dead without an error: a laptop that slept, a network that changed. */
  #watch(): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => void this.#lost(), this.#silenceMs);
  }

  /** EventSource does not show why it was refused; a plain request does. */
  async #lost(): Promise<void> {
    if (!this.#wanted) return;
    this.#lostSince ??= Date.now();
    const since = this.#lostSince;
    this.#source?.close();
    this.#source = undefined;
    clearTimeout(this.#watchdog);
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.open(), retryMs);
    const answers = await fetch('/api/page', { signal: AbortSignal.timeout(retryMs) }).then(
      () => true,
      () => false,
    );
    const message = answers
      ? 'Live updates were refused or cut; as many viewers as allowed may be connected.'
      : 'The dashboard does not answer.';
    if (this.#wanted && (this.#source === undefined || !answers))
      this.#handlers.onState({ kind: 'lost', since, message });
  }
}
