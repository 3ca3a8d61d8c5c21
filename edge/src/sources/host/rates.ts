/** Counters become rates: growth a second since the counter's last sample. */

/** Undefined at a counter's first sample, and after it went back (a device was reset or exchanged). NaN stays NaN. */
export function rates(): (counter: string, value: number, atMs: number) => number | undefined {
  const last = new Map<string, { value: number; atMs: number }>();
  return (counter, value, atMs) => {
    if (!Number.isFinite(value)) return Number.NaN;
    const before = last.get(counter);
    last.set(counter, { value, atMs });
    if (before === undefined || value < before.value || atMs <= before.atMs) return undefined;
    return (1000 * (value - before.value)) / (atMs - before.atMs);
  };
}
