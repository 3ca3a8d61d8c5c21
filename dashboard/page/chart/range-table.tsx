/** The numbers behind a chart. */
import type { Range } from '../../src/answers.ts';
import { serverNow } from '../data/clock.ts';
import { quantityText, unitSymbol, whole } from '../show/quantity.ts';
import { clockTime, each } from '../show/time.ts';

const maxRows = 500;

export function RangeTable({ range, name }: { readonly range: Range; readonly name: string }) {
  const { t, value, min, max, last, count, quality, unit, resolution, stepMs } = range;
  const raw = resolution === 'raw';
  const rows = t
    .map((_, i) => i)
    .slice(-maxRows)
    .reverse();
  const now = serverNow();
  const symbol = unitSymbol(unit);
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label={`Numbers of ${name}`}>
      <table class="plain">
        <caption>
          {raw ? 'Readings' : `By ${each(stepMs)}`}
          {symbol === '' ? '' : `, ${symbol}`}, newest first
          {t.length > maxRows ? `; the newest ${maxRows} of ${whole(t.length)}, the export has all` : ''}
        </caption>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {raw ? (
              <>
                <th scope="col" class="right">
                  Value
                </th>
                <th scope="col">Quality</th>
              </>
            ) : (
              <>
                <th scope="col" class="right">
                  Mean
                </th>
                <th scope="col" class="right">
                  Lowest
                </th>
                <th scope="col" class="right">
                  Highest
                </th>
                <th scope="col" class="right">
                  Last
                </th>
                <th scope="col" class="right">
                  Readings
                </th>
              </>
            )}
          </tr>
        </thead>
        <tbody>
          {rows.map(i => (
            <tr key={t[i]}>
              <th scope="row">{clockTime(t[i]!, now)}</th>
              <td class="right">{quantityText(value[i], unit)}</td>
              {raw ? (
                <td>{['good', 'suspect', 'bad', 'substituted'][quality[i] ?? 0]}</td>
              ) : (
                <>
                  <td class="right">{quantityText(min[i], unit)}</td>
                  <td class="right">{quantityText(max[i], unit)}</td>
                  <td class="right">{quantityText(last[i], unit)}</td>
                  <td class="right">{whole(count[i] ?? 0)}</td>
                </>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
