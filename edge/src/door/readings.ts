/** The source behind the door: what programs on this gateway bring. */
import type { Emit, Source } from '../sources/source.ts';

/**
 * What one program may bring at once; the `http` source has keys for these. A request waits for as long as a full outbox makes
 * it wait: an answer before that would have it sent again, and what waits may be stored all the same.
 */
export const doorLimits = { maxBodyBytes: 1_048_576, maxWaiting: 100, storeDeadlineMs: 2 ** 31 - 1 } as const;

/** A source whose `emit` somebody else calls. */
export interface DoorReadings {
  readonly source: Source;
  readonly emit: Emit;
}

/** Readings that are brought before the source runs wait for it. */
export function doorReadings(): DoorReadings {
  const running = Promise.withResolvers<Emit>();
  return {
    source: {
      async run(emit, { signal }) {
        running.resolve(emit);
        await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
      },
    },
    emit: async (readings, note) => (await running.promise)(readings, note),
  };
}
