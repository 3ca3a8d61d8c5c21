/** Durations as people write them, `30s`, `5m`, `1h`, `7d`, and as sentences show them. */

const unitsUs = { s: 1_000_000, m: 60_000_000, h: 3_600_000_000, d: 86_400_000_000 } as const;

/** µs; undefined when the text is no duration. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9})([smhd])$/.exec(text);
  return match === null ? undefined : Number(match[1]) * unitsUs[match[2] as keyof typeof unitsUs];
}

const names = [
  ['d', unitsUs.d],
  ['h', unitsUs.h],
  ['min', unitsUs.m],
  ['s', unitsUs.s],
] as const;

/** The two largest units: `1 h 5 min`, `12 min`, `3.5 s`. */
export function showDuration(us: number): string {
  const largest = names.findIndex(([, size]) => us >= size);
  if (largest < 0 || names[largest]![0] === 's') return `${Number((us / unitsUs.s).toPrecision(3))} s`;
  const smaller = names[largest + 1]!;
  const units = Math.round(us / smaller[1]);
  if (largest > 0 && units * smaller[1] >= names[largest - 1]![1]) return showDuration(units * smaller[1]);
  const per = names[largest]![1] / smaller[1];
  const [whole, rest] = [Math.floor(units / per), units % per];
  return rest === 0 ? `${whole} ${names[largest]![0]}` : `${whole} ${names[largest]![0]} ${rest} ${smaller[0]}`;
}
