/** Downloads of what is shown: the server streams them, however long they are. */
import { useEffect, useRef } from 'preact/hooks';
import { Icon } from '../app/icons.tsx';
import { apiPath } from '../data/ask.ts';

const formats = [
  { format: 'csv', name: 'CSV', what: 'for spreadsheets' },
  { format: 'ndjson', name: 'NDJSON', what: 'one JSON object a line' },
  { format: 'parquet', name: 'Parquet', what: 'for DuckDB, Spark, pandas' },
] as const;

export interface ExportMenuProps {
  readonly parameters: Readonly<Record<string, string | number | undefined>>;
  /** `this series, last 24 h` */
  readonly what: string;
}

export function ExportMenu({ parameters, what }: ExportMenuProps) {
  const details = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const close = (event: Event): void => {
      const { current } = details;
      if (current === null || !current.open) return;
      if (event instanceof KeyboardEvent) {
        if (event.key !== 'Escape') return;
        current.querySelector('summary')?.focus();
      } else if (current.contains(event.target as Node)) return;
      current.open = false;
    };
    addEventListener('pointerdown', close);
    addEventListener('keydown', close);
    return () => {
      removeEventListener('pointerdown', close);
      removeEventListener('keydown', close);
    };
  }, []);
  return (
    <details class="menu" ref={details}>
      <summary class="button">
        <Icon name="download" /> Export
      </summary>
      <div class="menu-body">
        <p class="quiet">Readings of {what}</p>
        <ul>
          {formats.map(({ format, name, what: purpose }) => (
            <li key={format}>
              <a href={apiPath('export', { format, ...parameters })} download>
                <strong>{name}</strong> <span class="quiet">{purpose}</span>
              </a>
            </li>
          ))}
        </ul>
      </div>
    </details>
  );
}
