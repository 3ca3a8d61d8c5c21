import type { ServerResponse } from 'node:http';
import { InvariantError, messageOf, TransientError } from '@millrace/runtime/errors.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import type { LiveEvents } from './answers.ts';
import { seriesId } from './catalog.ts';
import type { Outage } from './database.ts';
import { ownFault } from './http.ts';
import type { Selection } from './parameters.ts';
import type { Ranges } from './ranges.ts';
import type { Snapshot } from './snapshot.ts';

export interface LiveOptions {
  readonly snapshots: () => Promise<Snapshot>;
  readonly ranges: Ranges;
  readonly outage: () => Outage | undefined;
  readonly refreshMs: number;
  readonly maxViewers: number;
  readonly log: Logger;
}

interface Viewer {
  readonly response: ServerResponse;
  readonly selection: Selection | undefined;
  /** Has had a snapshot since it came or since the outage, so that a change is enough. */
  current: boolean;
}

/** A viewer that does not read is cut off rather than buffered for; its browser comes back and gets a fresh snapshot. */
const maxUnreadBytes = 2_000_000;

/**
 * Server-sent events (WHATWG HTML, § 9.2). idle → ticking (first viewer) → idle (last one left) → closed.
 * One tick for all viewers: what changed is worked out once, and sent as the same text to each.
 */
export class Live implements AsyncDisposable {
  readonly #options: LiveOptions;
  readonly #viewers = new Set<Viewer>();
  #timer: NodeJS.Timeout | undefined;
  #ticking: Promise<void> | undefined;
  #previous: Snapshot | undefined;
  #closed = false;

  constructor(options: LiveOptions) {
    this.#options = options;
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  /** Takes over the response, whose head is sent. False: as many as allowed are here already. */
  admit(response: ServerResponse, selection: Selection | undefined, head: Record<string, string>): boolean {
    if (this.#closed || this.#viewers.size >= this.#options.maxViewers) return false;
    const viewer: Viewer = { response, selection, current: false };
    response.writeHead(200, { ...head, 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
    response.write('retry: 2000\n\n');
    this.#viewers.add(viewer);
    response.once('close', () => this.#viewers.delete(viewer));
    response.on('error', () => response.destroy());
    this.#tickSoon(0);
    return true;
  }

  #tickSoon(afterMs: number): void {
    if (this.#closed || this.#ticking !== undefined) return; // A tick under way sets the next by itself.
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#ticking = this.#tick().finally(() => {
        this.#ticking = undefined;
        const waiting = [...this.#viewers].some(viewer => !viewer.current) && this.#options.outage() === undefined;
        if (this.#viewers.size > 0) this.#tickSoon(waiting ? 50 : this.#options.refreshMs);
      });
    }, afterMs);
  }

  async #tick(): Promise<void> {
    const viewers = [...this.#viewers];
    try {
      const snapshot = await this.#options.snapshots();
      this.#sendSnapshot(viewers, snapshot);
      await Promise.all(viewers.map(viewer => this.#sendPoints(viewer)));
    } catch (error) {
      this.#sendOutage(viewers, error);
    }
  }

  #sendSnapshot(viewers: readonly Viewer[], snapshot: Snapshot): void {
    const { now, gateways, series, alerts } = snapshot;
    const { refreshMs } = this.#options;
    const alertsDiffer = JSON.stringify(alerts) !== JSON.stringify(this.#previous?.alerts);
    const change = message('change', {
      now,
      gateways: differing(gateways, this.#previous?.gateways, gateway => gateway.gateway),
      series: differing(series, this.#previous?.series, seriesId),
      ...(alertsDiffer && { alerts: [...alerts] }),
    });
    // Something left the list, which a change cannot say.
    const shrunk = series.length < (this.#previous?.series.length ?? 0);
    let whole: string | undefined;
    for (const viewer of viewers) {
      if (viewer.current && !shrunk) send(viewer, change);
      else send(viewer, (whole ??= message('snapshot', wholeOf(snapshot, refreshMs))));
      viewer.current = true;
    }
    this.#previous = snapshot;
  }

  async #sendPoints(viewer: Viewer): Promise<void> {
    if (viewer.selection !== undefined)
      send(viewer, message('points', await this.#options.ranges.tail(viewer.selection)));
  }

  #sendOutage(viewers: readonly Viewer[], error: unknown): void {
    if (!(error instanceof TransientError)) this.#options.log.error({ err: error }, 'live refresh failed');
    const outage = this.#options.outage();
    const text = message('outage', {
      since: outage?.since ?? Date.now(),
      message: outage?.message ?? (error instanceof InvariantError ? ownFault : messageOf(error)),
    });
    for (const viewer of viewers) {
      viewer.current = false;
      send(viewer, text);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const { response } of this.#viewers) response.end();
    await this.#ticking;
  }
}

function wholeOf({ now, truncated, gateways, series, alerts }: Snapshot, refreshMs: number): LiveEvents['snapshot'] {
  return { now, refreshMs, truncated, gateways: [...gateways], series: [...series], alerts: [...alerts] };
}

function message<Name extends keyof LiveEvents>(name: Name, data: LiveEvents[Name]): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

function send({ response }: Viewer, text: string): void {
  if (response.writableEnded || response.destroyed) return;
  if (response.writableLength > maxUnreadBytes) response.destroy();
  else response.write(text);
}

function differing<T>(items: readonly T[], before: readonly T[] | undefined, idOf: (item: T) => string): T[] {
  const known = new Map((before ?? []).map(item => [idOf(item), JSON.stringify(item)]));
  return items.filter(item => known.get(idOf(item)) !== JSON.stringify(item));
}
