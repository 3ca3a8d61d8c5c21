/** Small signs that go with a word, never with a colour alone. */
import type { Alert, Gateway, Series } from '../../src/answers.ts';
import { quantity } from './quantity.ts';

const qualities = ['good', 'suspect', 'bad', 'substituted'] as const;

/** The newest value with its unit, and its quality where that is not good. */
export function Value({ series }: { readonly series: Pick<Series, 'value' | 'unit' | 'quality'> }) {
  const { number, unit } = quantity(series.value, series.unit);
  const quality = qualities[series.quality ?? 0] ?? 'unknown';
  return (
    <span class="quantity">
      {quality !== 'good' && <span class="tag quality-tag">{quality}</span>}
      <span class="number">{number}</span>
      {unit !== '' && <span class="unit"> {unit}</span>}
    </span>
  );
}

const severityWords = { critical: 'Critical', warning: 'Warning', info: 'Info' } as const;
const severityShapes = {
  critical: 'M8 1 15 8 8 15 1 8Z',
  warning: 'M8 1.5 15.2 14.5H.8Z',
  info: 'M8 1.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13Z',
} as const;

export function Severity({ severity, word }: { readonly severity: Alert['severity']; readonly word?: string }) {
  return (
    <span class={`severity ${severity}`}>
      <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true" focusable="false">
        <path d={severityShapes[severity]} />
      </svg>
      {word ?? severityWords[severity]}
    </span>
  );
}

const stateTitles = {
  online: 'Reports as it should',
  offline: 'Said goodbye, or its connection broke',
  silent: 'Last said it is online, and missed its next reports',
  unknown: 'Sends readings, and never said its state',
} as const;

export function GatewayState({ state }: { readonly state: Gateway['state'] }) {
  return (
    <span class={`state ${state}`} title={stateTitles[state]}>
      <span class="state-dot" aria-hidden="true" />
      {state}
    </span>
  );
}
