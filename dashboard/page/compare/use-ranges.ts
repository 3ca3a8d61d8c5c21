/** Ranges of several series at once, each asked for by itself, so that one which fails hides no other. */
import { useEffect, useState } from 'preact/hooks';
import type { Range, SeriesKey } from '../../src/answers.ts';
import { apiPath, ask } from '../data/ask.ts';
import { seriesId } from '../data/city.ts';
import type { Span } from '../show/span.ts';

const everyMs = 15_000;

export interface Ranges {
  readonly ranges: ReadonlyMap<string, Range>;
  readonly errors: ReadonlyMap<string, Error>;
  readonly reload: () => void;
}

export function useRanges(keys: readonly SeriesKey[], span: Span, points: number): Ranges {
  const [found, setFound] = useState<{ ranges: ReadonlyMap<string, Range>; errors: ReadonlyMap<string, Error> }>({
    ranges: new Map(),
    errors: new Map(),
  });
  const [round, setRound] = useState(0);
  const what = JSON.stringify([keys, span]);
  useEffect(() => {
    const end = new AbortController();
    let timer: number | undefined;
    const wanted = new Set(keys.map(seriesId));
    const { from, to } = span.kind === 'fixed' ? span : { from: undefined, to: undefined };
    const minutes = span.kind === 'last' ? Math.round(span.ms / 60_000) : undefined;
    const once = async (): Promise<void> => {
      const errors = new Map<string, Error>();
      const asked = keys.map(async key => {
        try {
          const path = apiPath('range', { ...key, from, to, minutes, points });
          return [seriesId(key), await ask<Range>(path, { signal: end.signal })] as const;
        } catch (error) {
          errors.set(seriesId(key), error as Error);
          return undefined;
        }
      });
      const answers = (await Promise.all(asked)).filter(one => one !== undefined);
      if (end.signal.aborted) return;
      setFound(before => {
        const kept = [...before.ranges].filter(([id]) => wanted.has(id));
        return { ranges: new Map([...kept, ...answers]), errors };
      });
      if (span.kind === 'last') timer = setTimeout(() => void once(), everyMs);
    };
    void once();
    return () => {
      end.abort();
      clearTimeout(timer);
    };
  }, [what, points, round]);
  return { ...found, reload: () => setRound(count => count + 1) };
}
