/** Finds the rows of a refused request that QuestDB never takes, and stores all others. */
import { TransientError } from '@millrace/runtime/errors.ts';
import type { WriteAnswer } from './http.ts';

export interface IsolationOptions {
  /** Number of rows; row `n − 1` is the last. */
  readonly rows: number;
  /** What the whole request answered; a refusal need not be asked for again. */
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
  const stack: [from: number, to: number][] = [[0, rows]];
  let taken = false;
  // The server may be in trouble altogether, which one small request tells.
  if (first?.outcome === 'failed' && !(await takesRows()))
    throw new TransientError(`QuestDB takes no row: ${first.message}`);
  let given = first?.outcome === 'refused' ? first : undefined;
  const push = (...segments: [from: number, to: number][]): void => {
    for (const [from, to] of segments.reverse()) if (to > from) stack.push([from, to]);
  };
  for (let segment = stack.pop(); segment !== undefined; segment = stack.pop()) {
    const [from, to] = segment;
    const answer = given ?? (await write(from, to));
    given = undefined;
    if (answer.outcome === 'stored') {
      taken = true;
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
      const middle = (from + to) >>> 1;
      push([from, middle], [middle, to]);
    }
  }
  if (suspects.length > 0 && !taken && !(await takesRows()))
    throw new TransientError(`QuestDB takes no row: ${suspects[0]!.message}`);
  return [...bad, ...suspects].sort((a, b) => a.row - b.row);
}
