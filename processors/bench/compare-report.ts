/** The figures of all rounds as two tables: each contestant's, and the ratios of those that ran in the same round. */
import type { Figures } from './compare-run.ts';

/** By contestant, then by round; a run that does not count leaves a hole. */
export type Rounds = ReadonlyMap<string, ReadonlyMap<number, Figures>>;

/** Above, below, and what issue 5 asks of their ratio. */
const ratios = [
  ['millrace-1000ms', 'streams-single-rocksdb', '≥ 3'],
  ['millrace-1000ms', 'streams-single-memory', '≥ 3'],
  ['millrace-1000ms', 'streams-batches-rocksdb', '≥ 1'],
  ['millrace-1000ms', 'streams-batches-memory', '≥ 1'],
  ['millrace-100ms', 'millrace-1000ms', '≥ 0.85'],
] as const;

export function tables(rounds: Rounds): string {
  return `${table([
    ['median (min–max)', 'runs', '1000 readings/s', 'to the end', 'CPU µs', 'broker CPU µs', 'peak MB'],
    ...[...rounds].map(([name, byRound]) => figuresRow(name, [...byRound.values()])),
  ])}\n\n${table([['ratio in a round', 'pairs', 'readings/s', 'asked', 'readings per CPU'], ...ratioRows(rounds)])}`;
}

function figuresRow(name: string, all: readonly Figures[]): string[] {
  const of = (pick: (one: Figures) => number, digits: number): string => show(all.map(pick), digits);
  return [
    all.some(({ rough }) => rough) ? `${name} (rough)` : name,
    String(all.length),
    of(({ perSecond }) => perSecond / 1000, 0),
    of(({ perSecondToEnd }) => perSecondToEnd / 1000, 0),
    of(({ cpuUs }) => cpuUs, 2),
    of(({ brokerCpuUs }) => brokerCpuUs, 2),
    of(({ peakMb }) => peakMb, 0),
  ];
}

function ratioRows(rounds: Rounds): string[][] {
  return ratios.flatMap(([above, below, asked]) => {
    const [ours, others] = [rounds.get(above), rounds.get(below)];
    if (ours === undefined || others === undefined) return [];
    const pairs = [...ours].flatMap(([round, one]) => {
      const other = others.get(round);
      return other === undefined ? [] : [{ one, other }];
    });
    const perSecond = pairs.map(({ one, other }) => one.perSecond / other.perSecond);
    const perCpu = pairs.map(({ one, other }) => other.cpuUs / one.cpuUs);
    return [[`${above} / ${below}`, String(pairs.length), show(perSecond, 2), asked, show(perCpu, 2)]];
  });
}

function show(all: readonly number[], digits: number): string {
  if (all.length === 0) return '–';
  const sorted = all.toSorted((a, b) => a - b);
  const median = (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
  const [middle, low, high] = [median, sorted[0]!, sorted.at(-1)!].map(value => value.toFixed(digits));
  return all.length === 1 ? middle! : `${middle} (${low}–${high})`;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)));
  return rows
    .map(row =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
