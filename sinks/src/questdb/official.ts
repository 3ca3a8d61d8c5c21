/**
 * Rows through QuestDB's own client, `@questdb/nodejs-client`, for tables where rate does not matter. Its traps, each
 * met in 4.2.0: it empties its buffer before it sends, so a failed flush loses the rows; `flush()` may never settle
 * while the server is down; with `stdlib_http` the body of an error is lost. So the rows stay with us and are added
 * again for each attempt, each attempt has a deadline of ours, and a sender that failed is thrown away.
 */
import { TransientError } from '@millrace/runtime/errors.ts';
import { Sender } from '@questdb/nodejs-client';
import type { Taken } from '../sink.ts';
import type { QuestdbHttpOptions, WriteAnswer } from './http.ts';
import type { Chunk } from './writer.ts';

/** The client's own deadline for a request, its retries included, and ours, a little later, for when that fails. */
const requestMs = 10_000;
const deadlineMs = 12_000;

/** No I/O. The caller closes it. */
export function openSender({ url, user, password }: Pick<QuestdbHttpOptions, 'url' | 'user' | 'password'>): Sender {
  const { protocol, hostname, port } = new URL(url);
  const secure = protocol === 'https:';
  return new Sender({
    protocol: secure ? 'https' : 'http',
    host: hostname,
    port: port === '' ? (secure ? 443 : 80) : Number(port),
    username: user,
    password,
    protocol_version: '2',
    auto_flush: false,
    request_timeout: requestMs,
    retry_timeout: requestMs,
    log: () => {}, // Whatever matters is in the error.
  });
}

/** Adds one row to the sender, up to and with its timestamp. */
export type AddRow<Row> = (sender: Sender, row: Row) => void;

/** A request through the official client: one row a record, kept as objects until they are stored. */
export class ClientChunk<Row> implements Chunk {
  readonly #questdb: QuestdbHttpOptions;
  readonly #toRow: (taken: Taken) => Row | undefined;
  readonly #add: AddRow<Row>;
  #kept: Row[] = [];
  #sizeBytes = 0;

  /** @param toRow The checked row of a record; undefined when it has none. @throws {RejectedError} */
  constructor(questdb: QuestdbHttpOptions, toRow: (taken: Taken) => Row | undefined, add: AddRow<Row>) {
    this.#questdb = questdb;
    this.#toRow = toRow;
    this.#add = add;
  }

  get rows(): number {
    return this.#kept.length;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  add(taken: Taken): void {
    const row = this.#toRow(taken);
    if (row === undefined) return;
    this.#kept.push(row);
    this.#sizeBytes += taken.record.value?.length ?? 0;
  }

  async write(from: number, to: number): Promise<WriteAnswer> {
    const sender = openSender(this.#questdb);
    const deadline = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => deadline.reject(new TransientError(`QuestDB did not answer within ${deadlineMs} ms`)),
      deadlineMs,
    );
    try {
      for (const row of this.#kept.slice(from, to)) this.#add(sender, row);
      const flushed = sender.flush();
      flushed.catch(() => {}); // After our deadline nobody listens to it.
      await Promise.race([flushed, deadline.promise]);
      return { outcome: 'stored' };
    } catch (error) {
      return answerOf(error);
    } finally {
      clearTimeout(timer);
      sender.reset();
      await sender.close();
    }
  }

  reset(): void {
    this.#kept = [];
    this.#sizeBytes = 0;
  }
}

/** The client puts status and body into its message; its retry layer puts the status beside it. */
function answerOf(error: unknown): WriteAnswer {
  if (error instanceof TransientError) throw error;
  const { message, statusCode } = error as Error & { statusCode?: number };
  const status = statusCode ?? Number(/statusCode=(\d+)/.exec(message)?.[1]);
  if (status !== 400 && status !== 500)
    throw new TransientError(`QuestDB does not take rows: ${message.slice(0, 200)}`, { cause: error });
  const body = message.slice(message.indexOf('error=') + 'error='.length);
  const { message: said = message, line, errorId } = parse(body);
  return { outcome: status === 400 ? 'refused' : 'failed', message: said, line, errorId };
}

function parse(body: string): { message?: string | undefined; line: number | undefined; errorId: string | undefined } {
  try {
    const { message, line, errorId } = JSON.parse(body) as { message?: string; line?: number; errorId?: string };
    return { message, line, errorId };
  } catch {
    return { line: undefined, errorId: undefined };
  }
}
