/** The source behind the door: what programs on this gateway bring. */
import type { Emit, Source } from '../sources/source.ts';

/** What one program may bring at once; the `http` source has keys for these. */
export const doorLimits = { maxBodyBytes: 1_048_576, maxWaiting: 100, storeDeadlineMs: 10_000 } as const;

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
