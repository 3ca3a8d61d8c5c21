/** Where there is nothing to show: not yet, not at all, or not now. */
import type { ComponentChildren } from 'preact';
import { Refusal } from '../data/ask.ts';

export function Skeleton({ rows = 6, label }: { readonly rows?: number; readonly label: string }) {
  return (
    <div class="skeleton" role="status">
      <span class="visually-hidden">Loading {label}</span>
      {Array.from({ length: rows }, (_, i) => (
        <div class="skeleton-row" key={i} aria-hidden="true" />
      ))}
    </div>
  );
}

export interface EmptyProps {
  readonly title: string;
  /** It is all that the view has. */
  readonly whole?: boolean;
  readonly children?: ComponentChildren;
}

export function Empty({ title, whole = false, children }: EmptyProps) {
  return (
    <div class="empty">
      {whole ? <h1 class="empty-title">{title}</h1> : <p class="empty-title">{title}</p>}
      {children !== undefined && <div class="empty-text">{children}</div>}
    </div>
  );
}

export function Failure({ error, retry }: { readonly error: Error; readonly retry?: () => void }) {
  // That the viewer is not known is for the whole page to say.
  if (error instanceof Refusal && error.status === 401) return null;
  return (
    <div class="failure" role="alert">
      <p>{error.message}</p>
      {retry !== undefined && (
        <button type="button" class="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** A city without a reading: what to do. */
export function Welcome() {
  return (
    <Empty title="No data yet" whole>
      <p>
        The database holds no readings of the last days. This page fills by itself as soon as the first one arrives.
      </p>
      <ul>
        <li>
          <code>npm start</code> runs the whole pipeline on this machine, with its own sensors and a recorded city.
        </li>
        <li>
          <code>npx millrace edge</code> starts one gateway; <code>npx millrace doctor</code> says which part of the way
          is missing.
        </li>
      </ul>
    </Empty>
  );
}
