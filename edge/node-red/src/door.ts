/** The agent's local door: HTTP on a unix socket. */
import { type ClientRequest, type IncomingMessage, request } from 'node:http';

/** Nobody could answer: the agent is not running, is starting, or its outbox is full. Try again later. */
export class AgentAway extends Error {
  override readonly name = 'AgentAway';
  /** The agent's own word on when to come again. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, retryAfterMs?: number) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

/** The agent looked at it and said no; the same again would be refused again. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly mistakes: readonly Mistake[];

  constructor(mistakes: readonly Mistake[]) {
    const lines = mistakes.map(({ at, message }) => (at === '' ? message : `${at} ${message}`));
    super(lines.length === 1 ? lines[0] : `${lines.length} mistakes: ${lines.join('; ')}`);
    this.mistakes = mistakes;
  }
}

export interface Mistake {
  /** Where: `[3].unit`, `unit`, or empty for the whole. */
  readonly at: string;
  readonly message: string;
}

export interface Ask {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** 0: as long as it takes. The end of the agent's process ends the wait at once. */
  readonly timeoutMs: number;
}

/** An answer is a few kilobytes; more is not the agent's. */
const maxAnswerChars = 4 * 1024 * 1024;

/**
 * One question to the agent and its answer's JSON.
 * @throws {AgentAway} when it may work later. @throws {Refused} when it never will.
 */
export async function ask(socket: string, { method, path, body, timeoutMs }: Ask): Promise<unknown> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const asking = openRequest(socket, method, path, text === undefined ? {} : { 'content-type': 'application/json' });
    asking.setTimeout(timeoutMs, () => asking.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
    asking.on('response', resolve);
    asking.on('error', error => reject(away(socket, error)));
    asking.end(text);
  });
  const answer = await textOf(response, socket);
  const { statusCode = 0 } = response;
  if (statusCode >= 200 && statusCode < 300) return jsonOr(answer);
  if (statusCode === 503 || statusCode === 429) {
    const seconds = Number(response.headers['retry-after']);
    throw new AgentAway(
      sentenceIn(answer) ?? `the agent takes nothing now (${statusCode})`,
      seconds > 0 ? seconds * 1000 : undefined,
    );
  }
  if (statusCode >= 500) throw new AgentAway(sentenceIn(answer) ?? `the agent failed (${statusCode})`);
  throw new Refused(mistakesIn(answer) ?? [{ at: '', message: sentenceIn(answer) ?? `refused (${statusCode})` }]);
}

/** A connection of its own for each request: one kept open may die unseen between two, and nobody could tell whether it was heard. */
export function openRequest(
  socketPath: string,
  method: string,
  path: string,
  headers: Record<string, string> = {},
): ClientRequest {
  return request({ socketPath, method, path, headers: { host: 'agent', ...headers }, agent: false });
}

/** Why nobody answers, as a sentence for whoever set the path. */
export function away(socket: string, error: NodeJS.ErrnoException): AgentAway {
  const reasons: Record<string, string> = {
    ENOENT: `there is no socket ${socket}: the agent is not running, or listens elsewhere`,
    ECONNREFUSED: `nobody listens on ${socket}: the agent is not running`,
    EACCES: `${socket} may not be opened by this user: Node-RED must run as the agent's user or be in its group`,
  };
  return new AgentAway(reasons[error.code ?? ''] ?? `the agent does not answer on ${socket}: ${error.message}`);
}

async function textOf(response: IncomingMessage, socket: string): Promise<string> {
  response.setEncoding('utf8');
  let text = '';
  try {
    for await (const piece of response as AsyncIterable<string>) {
      text += piece;
      if (text.length > maxAnswerChars) throw new Error(`more than ${maxAnswerChars} characters in an answer`);
    }
  } catch (error) {
    throw away(socket, error as Error);
  }
  return text;
}

function jsonOr(text: string, otherwise?: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return otherwise; // The status has said what there is to say.
  }
}

function mistakesIn(answer: string): Mistake[] | undefined {
  const found = jsonOr(answer) as { mistakes?: unknown } | null | undefined;
  if (!Array.isArray(found?.mistakes) || found.mistakes.length === 0) return undefined;
  return (found.mistakes as Record<string, unknown>[]).map(({ at, element = at, message }) => ({
    at: typeof element === 'string' ? element : '',
    message: typeof message === 'string' ? message : 'is wrong',
  }));
}

/** The first sentence of an answer that is no list of mistakes: `{"error":"…"}`, `{"message":"…"}`, or short plain text. */
function sentenceIn(answer: string): string | undefined {
  const found = jsonOr(answer, answer.trim());
  if (typeof found === 'string') return found === '' ? undefined : found.slice(0, 500);
  const { message, error } = (found ?? {}) as { message?: unknown; error?: unknown };
  return [message, error, mistakesIn(answer)?.[0]?.message].find(text => typeof text === 'string');
}
