/** The source behind the door: what programs on this gateway bring. */
import type { Emit, Source } from '../sources/source.ts';

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
