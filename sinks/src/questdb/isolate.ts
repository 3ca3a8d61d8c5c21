/** Finds the rows of a refused request that QuestDB never takes, and stores all others. */
import { TransientError } from '@millrace/runtime/errors.ts';
import type { WriteAnswer } from './http.ts';

export interface IsolationOptions {
  /** Number of rows; row `n − 1` is the last. */
  readonly rows: number;
  /** What the whole request answered: it is not sent again. */
  readonly first?: WriteAnswer;
  /** Writes rows `from` to `to`, not included. */
  readonly write: (from: number, to: number) => Promise<WriteAnswer>;
  /** Whether QuestDB takes a row that is beyond doubt: asked before a row is given up although no other was taken. */
  readonly takesRows: () => Promise<boolean>;
}

export interface BadRow {
  readonly row: number;
  /** What the server said. */
  readonly message: string;
}

/** Rows that answered 500 while none was taken: above this many the server is in trouble, and not the rows. */
const maxSuspects = 16;

/**
 * Resolves with the bad rows, in order, once all others are stored.
 *
 * A line that a 400 names is bad, and what stands around it is sent again: two requests more a bad row. A 500 may be the
 * server's own trouble, so the line it names is only where to cut: such a row is bad when it fails alone, too, while the
 * server takes another one. Without a name the rows are halved: at most 2·log2(n) requests for one bad row.
 * Rows are sent in their order, since of two rows with the same keys the later one stands.
 * @throws {TransientError} when the server, not a row, is at fault: send all of it again later.
 */
export async function isolate({ rows, first, write, takesRows }: IsolationOptions): Promise<readonly BadRow[]> {
  const bad: BadRow[] = [];
  const suspects: BadRow[] = [];
  /** `after`: where the other half begins, of a half whose whole is known to hold a bad row. */
  const stack: [from: number, to: number, after?: number][] = [[0, rows]];
  let stored: readonly [from: number, to: number] | undefined;
  let taken = false;
  // The server may be in trouble altogether, which one small request tells.
  if (first?.outcome === 'failed' && !(await takesRows()))
    throw new TransientError(`QuestDB takes no row: ${first.message}`);
  let given = first;
  const push = (...segments: typeof stack): void => {
    for (const segment of segments.reverse()) if (segment[1] > segment[0]) stack.push(segment);
  };
  for (let segment = stack.pop(); segment !== undefined; segment = stack.pop()) {
    const [from, to, after] = segment;
    const halve = (): void => {
      const middle = (from + to) >>> 1;
      push([from, middle], [middle, to, from]);
    };
    // The other half was taken at once, so the bad row is in this one: no need to ask.
    if (to - from > 1 && stored?.[0] === after && stored?.[1] === from) {
      halve();
      continue;
    }
    const answer = given ?? (await write(from, to));
    given = undefined;
    if (answer.outcome === 'stored') {
      taken = true;
      stored = [from, to];
      continue;
    }
    const named = answer.line !== undefined && answer.line <= to - from ? from + answer.line - 1 : undefined;
    if (answer.outcome === 'refused' && named !== undefined) {
      bad.push({ row: named, message: answer.message });
      push([from, named], [named + 1, to]);
    } else if (to - from === 1) {
      suspects.push({ row: from, message: answer.message });
      if (!taken && suspects.length >= maxSuspects) {
        if (!(await takesRows())) throw new TransientError(`QuestDB takes no row: ${answer.message}`);
        taken = true;
      }
    } else if (named !== undefined) {
      push([from, named], [named, named + 1], [named + 1, to]);
    } else {
      halve();
    }
  }
  if (suspects.length > 0 && !taken && !(await takesRows()))
    throw new TransientError(`QuestDB takes no row: ${suspects[0]!.message}`);
  return [...bad, ...suspects].sort((a, b) => a.row - b.row);
}
