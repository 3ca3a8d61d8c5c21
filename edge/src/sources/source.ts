/** What a source is. A source is a folder here and one line in `list.ts`. */
import type { Logger } from '@millrace/runtime/log.ts';
import { whole } from '@millrace/runtime/schemas.ts';
import { z } from 'zod';
import type { Note } from '../outbox/declarations.ts';
import type { Reading } from '../reading.ts';

/**
 * Takes readings over: resolves once they, and the note, are on disk. It waits while the outbox is full, so a source that
 * awaits it is slowed down with it. Rejects when the agent stops before it could be done; then nothing was taken.
 */
export type Emit = (readings: readonly Reading[], note?: Note) => Promise<void>;

/** What can be wrong with a sensor: nothing comes, it comes too late, it makes no sense, or there is far too much of it. */
export type Trouble = 'absent' | 'late' | 'garbage' | 'flood';

export interface RunContext {
  /** Aborted when the agent stops: return, or throw what the wait threw. */
  readonly signal: AbortSignal;
  /** The `cursor` of the source's last emit that resolved, in this run or an earlier one. */
  readonly cursor: string | undefined;
  readonly log: Logger;
  /** Now by the gateway's clock, µs: use it to date readings, never Date.now() (before synchronisation it is provisional and is corrected later). */
  readonly nowUs: () => number;
  /**
   * Says that a sensor is in trouble, or (undefined) is fine again; said once in the log, shown in metrics and `edge status`.
   * `why` is a sentence for the operator. Emitting a good reading of the sensor also clears it.
   */
  readonly trouble: (sensor: string, trouble: Trouble | undefined, why?: string) => void;
}

export interface Source {
  /**
   * Emits until `signal` is aborted, or returns when there will never be more. What it throws is said once, and it is run
   * again after a pause, from its last cursor.
   */
  run(emit: Emit, context: RunContext): Promise<void>;
}

/** Where a source may look for its files. */
export interface OpenContext {
  /** Dotted path of its configuration, for messages: `edge.sources.0`. */
  readonly key: string;
  /** Absolute path of what the configuration calls `path`: relative ones start at the configuration file's folder. */
  readonly resolvePath: (path: string) => string;
}

/** A kind of source; its schema's `type` is its name in the configuration. */
export interface SourceKind {
  readonly schema: z.ZodObject<{ type: z.ZodLiteral<string> }>;
  /** Its readings come as fast as it is told to make them: no sensor of it floods. */
  readonly isPaced?: boolean;
  /**
   * Checks what the schema cannot (files that must be there) and starts nothing.
   * @throws {ConfigError}
   */
  open(config: never, context: OpenContext): Promise<Source>;
}

const nameRule = 'must be 1–64 of a-z 0-9 - _, the first a letter or digit';

/** Keys that every source has. */
export const sourceKeys = {
  /** Tells sources of one type apart, in the log, in metrics, and in the outbox. Absent: the type. */
  name: z
    .string(nameRule)
    .regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, nameRule)
    .optional(),
  /** More readings a second of one sensor are a flood: the rest is left out, counted, and the sensor marked. */
  maxPerSecond: whole(1, 1_000_000).default(100),
};
