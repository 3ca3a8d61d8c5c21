/** From a value to a colour: viridis, which those who see red and green alike can read, and which prints in grey. */

/** Viridis at equal steps (Smith and van der Walt, CC0), without its darkest tenth, which is lost on a dark ground. */
const stops = ['#46327e', '#365c8d', '#277f8e', '#1fa187', '#4ac16d', '#a0da39', '#fde725'] as const;

const channels = stops.map(stop => [1, 3, 5].map(i => Number.parseInt(stop.slice(i, i + 2), 16)));

export interface Scale {
  readonly min: number;
  readonly max: number;
  colour(value: number): string;
}

/** From the 2nd to the 98th percentile of what is shown, so that one broken sensor does not turn all others one colour. */
export function scaleFor(
  values: readonly number[],
  fixed?: { readonly min: number; readonly max: number },
): Scale | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))]!;
  let [min, max] = fixed === undefined ? niceBounds(at(0.02), at(0.98)) : [fixed.min, fixed.max];
  if (min === max) [min, max] = [min - 0.5, max + 0.5];
  return { min, max, colour: value => viridis((value - min) / (max - min)) };
}

/** Round numbers for the ends of the legend. */
function niceBounds(low: number, high: number): [number, number] {
  const step = 10 ** Math.floor(Math.log10((high - low || Math.abs(high) || 1) / 2)) / 2;
  const round = (value: number): number => Number(value.toPrecision(12));
  return [round(Math.floor(low / step) * step), round(Math.ceil(high / step) * step)];
}

export function viridis(share: number): string {
  const position = Math.min(1, Math.max(0, share)) * (stops.length - 1);
  const index = Math.min(stops.length - 2, Math.floor(position));
  const [a, b] = [channels[index]!, channels[index + 1]!];
  const mixed = a.map((channel, i) => Math.round(channel + (b[i]! - channel) * (position - index)));
  return `rgb(${mixed.join(' ')})`;
}
