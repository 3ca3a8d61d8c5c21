/** What the colours on the map mean. */
import { axisValue, unitSymbol, whole } from '../show/quantity.ts';
import type { Scale } from './scale.ts';
import { viridis } from './scale.ts';

const steps = 24;

export interface LegendProps {
  readonly scale: Scale | undefined;
  readonly metric: string;
  readonly unit: string | null;
  readonly fresh: number;
  readonly stale: number;
}

export function Legend({ scale, metric, unit, fresh, stale }: LegendProps) {
  const symbol = unitSymbol(unit);
  const step = scale === undefined ? 1 : (scale.max - scale.min) / 2;
  return (
    <div class="legend">
      <p class="legend-title">
        {metric}
        {symbol === '' ? '' : `, ${symbol}`} <span class="quiet">· last value</span>
      </p>
      {scale !== undefined && (
        <>
          <svg class="legend-bar" viewBox={`0 0 ${steps} 1`} preserveAspectRatio="none" aria-hidden="true">
            {Array.from({ length: steps }, (_, i) => (
              <rect key={i} x={i} width="1.05" height="1" fill={viridis(i / (steps - 1))} />
            ))}
          </svg>
          <p class="legend-numbers">
            <span>{axisValue(scale.min, step, unit)}</span>
            <span>{axisValue((scale.min + scale.max) / 2, step, unit)}</span>
            <span>{axisValue(scale.max, step, unit)}</span>
          </p>
        </>
      )}
      <p class="legend-stale">
        <svg viewBox="0 0 18 18" width="14" height="14" aria-hidden="true">
          <circle class="legend-hollow" cx="9" cy="9" r="6.5" />
        </svg>
        {stale === 0 ? 'none stale' : `${whole(stale)} stale or empty`}, {whole(fresh)} fresh
      </p>
      <p class="legend-stale">
        <svg viewBox="0 0 18 18" width="14" height="14" aria-hidden="true">
          <circle class="legend-alert" cx="9" cy="9" r="6" />
        </svg>
        alert raised
      </p>
    </div>
  );
}
