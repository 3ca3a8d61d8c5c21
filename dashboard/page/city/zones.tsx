/** Zones: the last closed minute of the chosen metric, and how it stands with each. */
import type { Zone } from '../../src/answers.ts';
import { linkTo } from '../app/location.ts';
import { Age } from '../show/age.tsx';
import { Empty, Failure, Skeleton } from '../show/blank.tsx';
import { CompletenessMark } from '../show/completeness.tsx';
import { quantityText, unitSymbol, whole } from '../show/quantity.ts';
import { moveBetweenRows } from '../show/rows.ts';

export interface ZoneTableProps {
  readonly zones: readonly Zone[] | undefined;
  readonly error: Error | undefined;
  readonly metric: string;
  readonly unit: string | null;
}

export function ZoneTable({ zones, error, metric, unit }: ZoneTableProps) {
  const symbol = unitSymbol(unit);
  return (
    <section class="panel" aria-labelledby="zones-title">
      <div class="panel-head">
        <h2 id="zones-title">Zones</h2>
        <span class="quiet">
          {metric}
          {symbol === '' ? '' : `, ${symbol}`}: mean of the sensors in the last closed minute, each sensor alike
        </span>
      </div>
      {zones === undefined && error === undefined && <Skeleton rows={4} label="zones" />}
      {zones === undefined && error !== undefined && <Failure error={error} />}
      {zones?.length === 0 && (
        <Empty title="No zones">
          A sensor’s zone is set in its agent’s configuration (<code>zone</code>).
        </Empty>
      )}
      {zones !== undefined && zones.length > 0 && (
        <table class="rows" onKeyDown={moveBetweenRows}>
          <thead>
            <tr>
              <th scope="col">Zone</th>
              <th scope="col" class="right">
                Mean
              </th>
              <th scope="col" class="right">
                Lowest to highest
              </th>
              <th scope="col" class="right">
                Sensors
              </th>
              <th scope="col" class="right">
                Minute complete
              </th>
              <th scope="col" class="right">
                Age
              </th>
              <th scope="col" class="right">
                Hour complete, all metrics
              </th>
              <th scope="col" class="right">
                Stale series
              </th>
              <th scope="col" class="right">
                Alerts
              </th>
            </tr>
          </thead>
          <tbody>
            {zones.map(zone => (
              <ZoneRow key={`${zone.site} ${zone.zone}`} zone={zone} metric={metric} unit={unit} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function ZoneRow({
  zone,
  metric,
  unit,
}: {
  readonly zone: Zone;
  readonly metric: string;
  readonly unit: string | null;
}) {
  const one = zone.metrics.find(found => found.metric === metric && (found.unit === unit || unit === null));
  return (
    <tr>
      <th scope="row" data-label="Zone">
        <a href={linkTo('/series', { zone: zone.zone, metric })} data-row>
          {zone.zone}
        </a>
        {zone.site !== null && <span class="quiet"> {zone.site}</span>}
      </th>
      <td class="right strong" data-label="Mean">
        {quantityText(one?.mean, unit)}
      </td>
      <td class="right" data-label="Range">
        {one === undefined ? '–' : `${quantityText(one.min, null)} to ${quantityText(one.max, unit)}`}
      </td>
      <td class="right" data-label="Sensors">
        {one === undefined ? '–' : `${whole(one.sensors)} of ${whole(one.sensorsExpected)}`}
      </td>
      <td class="right" data-label="Minute complete">
        <CompletenessMark
          of={
            one === undefined || one.ratio === null
              ? null
              : {
                  from: one.at,
                  to: one.at + 60_000,
                  count: one.sensors,
                  expected: one.sensorsExpected,
                  ratio: one.ratio,
                }
          }
        />
      </td>
      <td class="right" data-label="Age">
        {one === undefined ? '–' : <Age at={one.at + 60_000} />}
      </td>
      <td class="right" data-label="Hour, all">
        <CompletenessMark of={zone.completeness} />
      </td>
      <td class="right" data-label="Stale series">
        {zone.staleSeries === 0 ? (
          <span class="quiet">0 of {whole(zone.series)}</span>
        ) : (
          <a href={linkTo('/series', { zone: zone.zone, stale: 1 })}>
            {whole(zone.staleSeries)} of {whole(zone.series)}
          </a>
        )}
      </td>
      <td class="right" data-label="Alerts">
        {zone.alerts === 0 ? (
          <span class="quiet">0</span>
        ) : (
          <a href={linkTo('/alerts', { zone: zone.zone })}>{whole(zone.alerts)}</a>
        )}
      </td>
    </tr>
  );
}
