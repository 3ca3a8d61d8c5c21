/** How complete each hour or day was: a square each, coloured by class, and the numbers of the one looked at. */
import { useMemo, useRef, useState } from 'preact/hooks';
import type { CompletenessCalendar } from '../../src/answers.ts';
import { useTimeZone } from '../app/preferences.ts';
import { serverNow } from '../data/clock.ts';
import { completenessClass, countText } from '../show/completeness.tsx';
import { percent } from '../show/quantity.ts';
import { clockTime, dayMs, hourMs, shortDay, wallTime, weekday } from '../show/time.ts';
import './calendar.css';

interface Cell {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly expected: number;
  /** In words; made once, for there are hundreds of squares. */
  readonly text: string;
}

interface Row {
  readonly key: string;
  readonly name: string;
  readonly cells: readonly (Cell | undefined)[];
}

const ratioOf = ({ count, expected }: Pick<Cell, 'count' | 'expected'>): number | null =>
  expected === 0 ? null : Math.min(1, count / expected);

/** A row a day, a column an hour, by the chosen zone's clocks; an hour that comes twice is one square. */
function hourRows({ t, count, expected }: CompletenessCalendar): Row[] {
  const rows = new Map<string, { at: number; cells: (Cell | undefined)[] }>();
  for (const [i, from] of t.entries()) {
    const { day, hour } = wallTime(from);
    const row = rows.get(day) ?? { at: from, cells: new Array<undefined>(24).fill(undefined) };
    rows.set(day, row);
    const before = row.cells[hour];
    row.cells[hour] = cellOf(
      before?.from ?? from,
      from + hourMs,
      (before?.count ?? 0) + count[i]!,
      (before?.expected ?? 0) + expected[i]!,
    );
  }
  return [...rows].map(([key, { at, cells }]) => ({ key, name: `${weekday(at)} ${shortDay(at)}`, cells })).reverse();
}

/** A row a day of the week, a column a week. Days are the server's, in UTC. */
function dayRows({ t, count, expected }: CompletenessCalendar): { rows: Row[]; heads: string[] } {
  const weekOf = (ms: number): number => Math.floor((ms / dayMs + 3) / 7); // 1970-01-01 was a Thursday.
  const first = weekOf(t[0] ?? 0);
  const weeks = weekOf(t.at(-1) ?? 0) - first + 1;
  const names = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
  const rows = names.map((name, i) => ({
    key: name,
    name,
    cells: new Array<Cell | undefined>(weeks).fill(undefined),
    i,
  }));
  for (const [i, from] of t.entries()) {
    const cell = cellOf(from, from + dayMs, count[i]!, expected[i]!);
    rows[(Math.floor(from / dayMs) + 3) % 7]!.cells[weekOf(from) - first] = cell;
  }
  const day = (ms: number): string =>
    new Intl.DateTimeFormat(undefined, { timeZone: 'UTC', day: 'numeric', month: 'short' }).format(ms);
  const heads = Array.from({ length: weeks }, (_, week) => day(((week + first) * 7 - 3) * dayMs));
  return { rows, heads };
}

export interface CalendarProps {
  readonly calendar: CompletenessCalendar;
  readonly name: string;
  /** What choosing a square leads to. */
  readonly onPick?: (from: number, to: number) => void;
}

export function Calendar({ calendar, name, onPick }: CalendarProps) {
  const zone = useTimeZone();
  const hourly = calendar.step === '1h';
  const { rows, heads } = useMemo(
    () =>
      hourly
        ? { rows: hourRows(calendar), heads: Array.from({ length: 24 }, (_, hour) => String(hour).padStart(2, '0')) }
        : dayRows(calendar),
    [calendar, zone],
  );
  const [looked, setLooked] = useState<Cell>();
  const [current, setCurrent] = useState<readonly [number, number]>([0, heads.length - 1]);
  const table = useRef<HTMLTableElement>(null);

  const key = (event: KeyboardEvent): void => {
    const [row, column] = current;
    const next = {
      ArrowUp: [row - 1, column],
      ArrowDown: [row + 1, column],
      ArrowLeft: [row, column - 1],
      ArrowRight: [row, column + 1],
      Home: [row, 0],
      End: [row, heads.length - 1],
    }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const found = table.current!.querySelector<HTMLElement>(`[data-at="${next.join()}"]`);
    found?.focus();
  };

  return (
    <div class="calendar">
      <div class="calendar-scroll">
        <table
          class={hourly ? 'calendar-grid hourly' : 'calendar-grid daily'}
          role="grid"
          aria-label={`Completeness of ${name} by ${hourly ? 'hour' : 'day'}`}
          ref={table}
          onKeyDown={key}
        >
          <thead>
            <tr>
              <td />
              {heads.map((head, i) => (
                <th key={head} scope="col" class={i % (hourly ? 3 : 4) === 0 ? '' : 'unnamed'}>
                  {head}
                </th>
              ))}
              {hourly && (
                <th scope="col" class="total">
                  day
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, r) => (
              <tr key={row.key}>
                <th scope="row">{row.name}</th>
                {row.cells.map((cell, c) => (
                  <td
                    key={c}
                    role="gridcell"
                    class={`cell ${cell === undefined || cell.from > serverNow() ? 'outside' : completenessClass(ratioOf(cell))}`}
                    data-at={`${r},${c}`}
                    tabIndex={current[0] === r && current[1] === c ? 0 : -1}
                    aria-label={cell?.text ?? 'not asked for'}
                    onMouseEnter={() => setLooked(cell)}
                    onMouseLeave={() => setLooked(undefined)}
                    onFocus={() => {
                      setCurrent([r, c]);
                      setLooked(cell);
                    }}
                    onClick={() => cell && onPick?.(cell.from, cell.to)}
                    onKeyDown={event => event.key === 'Enter' && cell && onPick?.(cell.from, cell.to)}
                  />
                ))}
                {hourly && <td class="total">{total(row)}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="calendar-readout" aria-hidden="true">
        {looked === undefined ? (
          <span class="quiet">
            {hourly ? `Hours by the clocks of ${zone}.` : 'Days in UTC.'}{' '}
            {onPick ? 'Choosing one shows it in the chart.' : ''}
          </span>
        ) : (
          looked.text
        )}
      </p>
      <ul class="calendar-key">
        {(
          [
            ['full', '100 %'],
            ['high', '99 % and more'],
            ['middle', '90 % and more'],
            ['low', 'less'],
            ['none', 'nothing came'],
            ['unknown', 'nothing was to come'],
          ] as const
        ).map(([className, text]) => (
          <li key={className}>
            <span class={`cell ${className}`} aria-hidden="true" /> {text}
          </li>
        ))}
      </ul>
    </div>
  );
}

function total({ cells }: Row): string {
  const known = cells.filter(cell => cell !== undefined);
  const expected = known.reduce((sum, cell) => sum + cell.expected, 0);
  if (expected === 0) return '–';
  return percent(Math.min(1, known.reduce((sum, cell) => sum + cell.count, 0) / expected));
}

function cellOf(from: number, to: number, count: number, expected: number): Cell {
  const now = serverNow();
  const span = `${clockTime(from, now, { seconds: false })} to ${clockTime(to, now, { seconds: false })}`;
  const ratio = ratioOf({ count, expected });
  const text =
    ratio === null
      ? `${span}: nothing was to come`
      : `${span}: ${percent(ratio)} complete, ${countText({ count, expected })}`;
  return { from, to, count, expected, text };
}
