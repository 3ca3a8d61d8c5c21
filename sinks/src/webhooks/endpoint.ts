/** One POST to a receiver, and what its answer asks us to do. */
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { messageOf } from '@millrace/runtime/errors.ts';
import { type Message, signedHeaders } from './message.ts';

export type Answer =
  | { readonly outcome: 'taken' }
  /** Never to be sent again. */
  | { readonly outcome: 'refused'; readonly reason: string }
  /** To be sent again; `retryAfterMs`: not before, as the receiver asks. */
  | { readonly outcome: 'failed'; readonly reason: string; readonly retryAfterMs?: number };

/** Of an answer's body, for the reason. */
const maxReadBytes = 1024;
const maxShownCharacters = 200;
/** A receiver that asks for more gets so much. */
const maxRetryAfterMs = 3_600_000;

/**
 * A connection a message: alerts are rare, and a connection kept for long is mostly one that the other side has closed.
 * Redirects are not followed: a message goes where the operator said, or nowhere. Certificates are checked, whatever
 * the environment says.
 */
export class Endpoint {
  readonly #url: URL;
  readonly #keys: readonly Buffer[];
  readonly #timeoutMs: number;

  /** No I/O. */
  constructor(url: string, keys: readonly Buffer[], timeoutMs: number) {
    this.#url = new URL(url);
    this.#keys = keys;
    this.#timeoutMs = timeoutMs;
  }

  /** Without the path, which may hold a secret. */
  get shown(): string {
    return `${this.#url.protocol}//${this.#url.host}`;
  }

  /** Never rejects. @param signal Ends it at once, as failed. */
  post(message: Message, signal: AbortSignal): Promise<Answer> {
    const { protocol } = this.#url;
    const request = (protocol === 'https:' ? requestHttps : requestHttp)(this.#url, {
      method: 'POST',
      agent: false,
      rejectUnauthorized: true,
      signal,
      headers: {
        'content-type': 'application/json',
        'content-length': message.body.length,
        'user-agent': 'millrace',
        ...signedHeaders(message, Math.floor(Date.now() / 1000), this.#keys),
      },
    });
    return new Promise(resolve => {
      const deadline = setTimeout(() => {
        resolve({ outcome: 'failed', reason: `did not answer within ${this.#timeoutMs} ms` });
        request.destroy();
      }, this.#timeoutMs);
      const end = (answer: Answer): void => {
        clearTimeout(deadline);
        resolve(answer);
        request.destroy();
      };
      const broken = (error: Error & { code?: string }): void =>
        end({ outcome: 'failed', reason: `does not answer (${error.code ?? messageOf(error)})` });
      request.on('error', broken);
      // What is no answer, such as a change of protocol, may end without an error.
      const closed = (): void => broken(new Error('the connection was closed'));
      request.on('close', closed);
      request.once('response', response => {
        request.off('close', closed); // It may come before the last bytes have been read.
        if (isTaken(response)) end({ outcome: 'taken' });
        else void beginningOf(response).then(text => end(judge(response, text)), broken);
      });
      request.end(message.body);
    });
  }
}

const isTaken = ({ statusCode = 0 }: IncomingMessage): boolean => statusCode >= 200 && statusCode < 300;

/** RFC 9110, section 15: which 4xx are about the moment and not about the message. */
function judge({ statusCode = 0, headers }: IncomingMessage, text: string): Answer {
  const reason = `answered ${statusCode}${text === '' ? '' : `: ${text}`}`;
  if (statusCode >= 400 && statusCode < 500 && statusCode !== 408 && statusCode !== 429)
    return { outcome: 'refused', reason };
  if (statusCode >= 300 && statusCode < 400)
    return { outcome: 'failed', reason: `answered ${statusCode}; redirects are not followed, give the address itself` };
  const retryAfterMs = retryAfter(headers['retry-after']);
  return { outcome: 'failed', reason, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

/** RFC 9110, section 10.2.3: seconds, or a date. */
function retryAfter(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.min(maxRetryAfterMs, Math.max(0, ms));
}

/** One line of it. */
async function beginningOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= maxReadBytes) break;
  }
  const text = Buffer.concat(chunks).toString('utf8', 0, maxReadBytes);
  return text
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, maxShownCharacters);
}
