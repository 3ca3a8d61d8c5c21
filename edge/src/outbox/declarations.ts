/** What the sources have declared, and what the gateway may therefore claim as complete. */
import type { SourceState } from './schema.ts';

/** What an append tells beside its readings; kept in the same transaction. */
export interface Note {
  /** All readings of this source before that instant have been appended, this call's included, µs. */
  readonly completeThroughUs?: number;
  /** Where the source goes on after a restart. */
  readonly cursor?: string;
}

export class Declarations {
  readonly #running: Set<string>;
  readonly #states: Map<string, SourceState>;

  /** `sources`: those whose declarations count; `found`: what a former run left. */
  constructor(sources: readonly string[], found: ReadonlyMap<string, SourceState>) {
    this.#running = new Set(sources);
    this.#states = new Map(found);
  }

  cursor(source: string): string | undefined {
    return this.#states.get(source)?.cursor;
  }

  /** The source will give nothing more: nothing waits for its declaration. */
  finish(source: string): void {
    this.#running.delete(source);
  }

  /** The states that these notes change. A declaration never goes back. */
  changedBy(notes: readonly { readonly source: string; readonly note: Note }[]): Map<string, SourceState> {
    const changed = new Map<string, SourceState>();
    for (const { source, note } of notes) {
      if (note.cursor === undefined && note.completeThroughUs === undefined) continue;
      const before = changed.get(source) ?? this.#states.get(source) ?? {};
      const completeThroughUs = Math.max(before.completeThroughUs ?? 0, Math.floor(note.completeThroughUs ?? 0));
      changed.set(source, {
        ...before,
        ...(note.cursor !== undefined && { cursor: note.cursor }),
        ...(note.completeThroughUs !== undefined && { completeThroughUs }),
      });
    }
    return changed;
  }

  /** The smallest declaration of the sources that still run, µs; 0 as long as one has not declared. */
  claim(changed: ReadonlyMap<string, SourceState>): number {
    const declared = [...this.#running].map(
      name => (changed.get(name) ?? this.#states.get(name))?.completeThroughUs ?? 0,
    );
    return declared.length === 0 ? 0 : Math.min(...declared);
  }

  /** All states, as they are with these changes. */
  statesWith(changed: ReadonlyMap<string, SourceState>): Readonly<Record<string, SourceState>> {
    return Object.fromEntries([...this.#states, ...changed]);
  }

  /** After the commit. */
  keep(changed: ReadonlyMap<string, SourceState>): void {
    for (const [name, state] of changed) this.#states.set(name, state);
  }
}
