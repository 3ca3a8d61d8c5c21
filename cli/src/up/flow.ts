/** What a service says of itself on `/metrics`: the three numbers of its flow. */
export interface FlowSample {
  readonly in: number;
  readonly out: number;
  readonly lag: number;
  readonly atMs: number;
}

export interface Rates {
  readonly inPerSecond: number;
  readonly outPerSecond: number;
  readonly lag: number;
}

/** @returns undefined while the service does not answer. */
export async function readFlow(healthUrl: string): Promise<FlowSample | undefined> {
  try {
    const response = await fetch(`${healthUrl}/metrics`, { signal: AbortSignal.timeout(1000) });
    const text = await response.text();
    const value = (name: string): number =>
      Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)`, 'm').exec(text)?.[1] ?? 0);
    return {
      in: value('millrace_in_total'),
      out: value('millrace_out_total'),
      lag: value('millrace_lag'),
      atMs: Date.now(),
    };
  } catch {
    return undefined; // starting, ending or gone: the supervisor knows which
  }
}

/** Over the samples given, oldest first; undefined as long as nothing has flowed. */
export function ratesOver(samples: readonly FlowSample[]): Rates | undefined {
  const [oldest, newest] = [samples[0], samples.at(-1)];
  if (oldest === undefined || newest === undefined || oldest === newest || newest.in + newest.out === 0)
    return undefined;
  const seconds = (newest.atMs - oldest.atMs) / 1000;
  // A restarted service counts from 0 again.
  const rate = (from: number, to: number): number => Math.max(0, to - from) / seconds;
  return { inPerSecond: rate(oldest.in, newest.in), outPerSecond: rate(oldest.out, newest.out), lag: newest.lag };
}

/** Whether the service says that it could store an item now. */
export async function isReady(healthUrl: string): Promise<boolean> {
  return (await readinessOf(healthUrl)) === undefined;
}

/** What the service waits for, in its own words; undefined when it is ready. */
export async function readinessOf(healthUrl: string): Promise<string | undefined> {
  try {
    const response = await fetch(`${healthUrl}/readyz`, { signal: AbortSignal.timeout(1000) });
    return response.ok ? undefined : (await response.text()).trim().split('\n').join('; ');
  } catch {
    return 'starting'; // not listening yet
  }
}
