/** What all routes share: errors as sentences, and the schemas of answers. */
import { messageOf, TransientError } from '@millrace/runtime/errors.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { type ErrorAnswer, errorAnswer } from './answers.ts';
import type { Outage } from './database.ts';
import { jsonSchema } from './json-schema.ts';

/** The request cannot be answered, and the one who asks can mend that. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly statusCode: number;

  constructor(statusCode: number, message: string) {
    super(message);
    this.statusCode = statusCode;
  }
}

export type Answers = (answer: z.ZodType, status?: 200 | 201) => Record<string, object>;

const errorSchema = jsonSchema(errorAnswer);

/** For Fastify's `response`: an answer, or an error as a sentence. */
export const answers: Answers = (answer, status = 200) => ({
  [status]: jsonSchema(answer),
  '4xx': errorSchema,
  '5xx': errorSchema,
});

/** What a viewer is told of our own mistakes; the log has the rest. */
export const ownFault = 'The dashboard met an error of its own; its log says which.';

export function sendError(
  error: unknown,
  reply: FastifyReply,
  { outage, log }: { readonly outage: () => Outage | undefined; readonly log: Logger },
): FastifyReply {
  if (error instanceof TransientError) {
    reply.header('retry-after', '2');
    return sendAnswer(reply, 503, { error: messageOf(error), since: outage()?.since });
  }
  const status = (error as { statusCode?: number }).statusCode ?? 500;
  if (status < 500) return sendAnswer(reply, status, { error: messageOf(error) });
  log.error({ err: error }, 'a request failed');
  return sendAnswer(reply, 500, { error: ownFault });
}

export function sendAnswer(reply: FastifyReply, status: number, answer: ErrorAnswer): FastifyReply {
  return reply.code(status).header('cache-control', 'no-store').type('application/json; charset=utf-8').send(answer);
}

export function sentence({ path, message }: z.core.$ZodIssue): string {
  return [path.join('.'), message.replace(/^Invalid input: /, '')].filter(part => part !== '').join(': ');
}
