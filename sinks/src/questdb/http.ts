/** QuestDB over HTTP: `/exec` for SQL, `/write` for line protocol, over kept connections. */
import { Agent, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps, Agent as SecureAgent } from 'node:https';
import { ConfigError, InvariantError, messageOf, TransientError } from '@millrace/runtime/errors.ts';
import type { QuestdbConfig } from '@millrace/runtime/schemas.ts';

/** What `/write` answered. `refused`: 400. `failed`: 500, which may be the server's trouble or hide a row it never takes. */
export type WriteAnswer =
  | { readonly outcome: 'stored' }
  | {
      readonly outcome: 'refused' | 'failed';
      readonly message: string;
      /** First bad line, from 1, when the server names it. Whenever it answers an error, nothing of the request is stored. */
      readonly line: number | undefined;
      /** To find the request in the server's log. */
      readonly errorId: string | undefined;
    };

export interface Table {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly unknown[])[];
}

export type QuestdbHttpOptions = Pick<QuestdbConfig, 'url' | 'user' | 'password'> & {
  /** Default 30 s a write, 15 s a query. */
  readonly writeDeadlineMs?: number;
  readonly queryDeadlineMs?: number;
  /** Connections kept at most. Default 8. */
  readonly connections?: number;
};

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Largest answer read, in bytes: our own queries return far less. */
const maxAnswerBytes = 64 * 1024 * 1024;

/**
 * Thrown by every method: TransientError when the server is away, busy (429, 503) or silent until the deadline;
 * ConfigError when it does not know us (401, 403) or is no QuestDB (404, 405). Messages hold no secret.
 */
export class QuestdbHttp implements Disposable {
  readonly #url: URL;
  readonly #agent: Agent;
  readonly #request: typeof requestHttp;
  readonly #authorization: string;
  readonly #writeDeadlineMs: number;
  readonly #queryDeadlineMs: number;

  /** No I/O. */
  constructor({
    url,
    user,
    password,
    writeDeadlineMs = 30_000,
    queryDeadlineMs = 15_000,
    connections = 8,
  }: QuestdbHttpOptions) {
    this.#url = new URL(url);
    const secure = this.#url.protocol === 'https:';
    this.#agent = new (secure ? SecureAgent : Agent)({ keepAlive: true, maxSockets: connections });
    this.#request = secure ? requestHttps : requestHttp;
    this.#authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    this.#writeDeadlineMs = writeDeadlineMs;
    this.#queryDeadlineMs = queryDeadlineMs;
  }

  /**
   * Writes lines; the caller keeps the bytes unchanged until this settles, and sends the same ones again after a
   * TransientError: they may have been stored, and upsert keys make that harmless.
   */
  async write(lines: Uint8Array): Promise<WriteAnswer> {
    const { status, body } = await this.#send('POST', '/write', lines, this.#writeDeadlineMs);
    if (status === 204) return { outcome: 'stored' };
    if (status !== 400 && status !== 413 && status !== 500) throw unexpected(this.#url, '/write', { status, body });
    const { message, line, errorId } = parseRefusal(body);
    return { outcome: status === 400 ? 'refused' : 'failed', message, line, errorId };
  }

  /**
   * Runs one SQL statement. It must be a constant of ours: this door of QuestDB takes no parameters.
   * @throws {InvariantError} when QuestDB refuses the statement.
   */
  async query(sql: string): Promise<Table> {
    const { status, body } = await this.#send(
      'GET',
      `/exec?query=${encodeURIComponent(sql)}`,
      undefined,
      this.#queryDeadlineMs,
    );
    if (status === 200) {
      const { columns = [], dataset = [] } = JSON.parse(body) as {
        columns?: Table['columns'];
        dataset?: Table['rows'];
      };
      return { columns, rows: dataset };
    }
    if (status !== 400) throw unexpected(this.#url, '/exec', { status, body });
    const { error = body } = parseJson(body) as { error?: string };
    // QuestDB answers these with 400 although the same statement succeeds a moment later.
    if (
      /table busy|table.*is locked|timeout|could not lock|no space left|errno[:=] ?[1-9]|\[(12|24|28|122)\]/i.test(
        error,
      )
    )
      throw new TransientError(`QuestDB: ${error}`);
    throw new InvariantError(`QuestDB refused our statement: ${error}; it was: ${sql}`);
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  async #send(method: 'GET' | 'POST', path: string, body: Uint8Array | undefined, deadlineMs: number): Promise<Answer> {
    try {
      return await this.#once(method, path, body, deadlineMs);
    } catch (error) {
      // A kept connection that the server closed in the meantime says nothing about the server: once more on a new one.
      if (error instanceof StaleConnection) return await this.#once(method, path, body, deadlineMs);
      throw error;
    }
  }

  #once(method: 'GET' | 'POST', path: string, body: Uint8Array | undefined, deadlineMs: number): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const request = this.#request(new URL(path, this.#url), {
        method,
        agent: this.#agent,
        headers: {
          authorization: this.#authorization,
          ...(body === undefined ? {} : { 'content-type': 'text/plain', 'content-length': body.length }),
        },
      });
      const deadline = setTimeout(
        () =>
          request.destroy(new TransientError(`QuestDB at ${this.#url.host} did not answer within ${deadlineMs} ms`)),
        deadlineMs,
      );
      request.on('error', error => {
        clearTimeout(deadline);
        const stale = request.reusedSocket && (error as NodeJS.ErrnoException).code === 'ECONNRESET';
        reject(
          error instanceof TransientError
            ? error
            : stale
              ? new StaleConnection(away(this.#url, error).message)
              : away(this.#url, error),
        );
      });
      request.once('response', response => {
        read(response).then(
          text => {
            clearTimeout(deadline);
            // An error may come before the whole body is sent: that connection is of no more use.
            if (!request.writableFinished) request.destroy();
            resolve({ status: response.statusCode ?? 0, body: text });
          },
          error => {
            clearTimeout(deadline);
            request.destroy();
            reject(error instanceof TransientError ? error : away(this.#url, error));
          },
        );
      });
      request.end(body);
    });
  }
}

class StaleConnection extends TransientError {}

async function read(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxAnswerBytes) throw new TransientError(`QuestDB's answer is larger than ${maxAnswerBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function away(url: URL, error: unknown): TransientError {
  const { code } = error as NodeJS.ErrnoException;
  return new TransientError(`QuestDB at ${url.host} does not answer (${code ?? messageOf(error)})`, { cause: error });
}

function unexpected(url: URL, path: string, { status, body }: Answer): Error {
  const said = body.trim().slice(0, 200);
  if (status === 401 || status === 403)
    return ConfigError.of(
      'questdb.password',
      `QuestDB at ${url.host} does not take this user and password (${status})`,
    );
  if (status === 404 || status === 405)
    return ConfigError.of('questdb.url', `${url.host} answers ${status} to ${path}; is QuestDB's HTTP port there?`);
  return new TransientError(`QuestDB at ${url.host} answered ${status}: ${said}`);
}

function parseRefusal(body: string): { message: string; line: number | undefined; errorId: string | undefined } {
  const { message, line, errorId } = parseJson(body) as { message?: string; line?: number; errorId?: string };
  return {
    message:
      message?.replace('failed to parse line protocol:errors encountered on line(s):', '').trim() ?? body.slice(0, 500),
    line: Number.isInteger(line) && line! > 0 ? line : undefined,
    errorId,
  };
}

function parseJson(body: string): object {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {}; // Not JSON (a proxy's page, a plain sentence): the caller shows the text itself.
  }
}
