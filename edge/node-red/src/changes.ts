/** What makes a status worth a message of its own. */

/** The door's `GET /status`, or why there is none. */
export interface Seen {
  readonly reachable: boolean;
  readonly why?: string;
  readonly boot?: unknown;
  readonly version?: unknown;
  readonly connected?: boolean;
  readonly outbox?: { readonly readings?: number; readonly bytes?: number; readonly writable?: true | string };
  readonly clock?: { readonly state?: string };
  readonly sources?: readonly {
    readonly name?: string;
    readonly sensors?: readonly { readonly sensor?: string; readonly trouble?: unknown }[];
  }[];
}

/** Which of the things that change seldom have changed; counters and times are no change. */
export function changesBetween(before: Seen, now: Seen): string[] {
  const [old, fresh] = [stateOf(before), stateOf(now)];
  return Object.keys(fresh).filter(key => old[key] !== fresh[key]);
}

function stateOf({ reachable, boot, version, connected, outbox, clock, sources }: Seen): Record<string, string> {
  const troubles = (sources ?? []).flatMap(({ name, sensors }) =>
    (sensors ?? []).map(({ sensor, trouble }) => [name, sensor, trouble ?? null]),
  );
  const state = {
    reachable,
    // While nobody answers, only that is news.
    ...(reachable && { boot, version, connected, writable: outbox?.writable === true, clock: clock?.state, troubles }),
  };
  return Object.fromEntries(Object.entries(state).map(([key, value]) => [key, JSON.stringify(value) ?? '']));
}
