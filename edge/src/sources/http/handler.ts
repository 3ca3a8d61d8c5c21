/**
 * `POST /readings`: answers 202 once the readings are on disk. Whoever got anything else may send again.
 * A request is taken whole or not at all; all of its mistakes are named.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { messageOf, RejectedError } from '@millrace/runtime/errors.ts';
import { faultOfNumbers, faultOfSeries, type Reading } from '../../reading.ts';
import type { MappingRule } from '../mapping/config.ts';
import { type Fault, mapped } from '../mapping/mapping.ts';
import { senmlReadings } from '../mapping/senml.ts';
import type { Emit, RunContext } from '../source.ts';
import { Bodies, Refused } from './body.ts';
import { ownForm } from './own-form.ts';

export interface HandlerOptions {
  readonly emit: Emit;
  readonly nowUs: () => number;
  /** For `application/json` of another form than our own. */
  readonly mapping?: readonly MappingRule[] | undefined;
  /** Asked of every request when set. */
  readonly token?: string | undefined;
  readonly maxBodyBytes: number;
  /** Requests whose readings are not yet on disk; beyond: 429. */
  readonly maxWaiting: number;
  /** How long a request waits for the disk; beyond: 503. Its readings may be stored all the same. */
  readonly storeDeadlineMs: number;
  /** The sensor of SenML records whose name is a metric alone. */
  readonly unnamed: string;
  readonly trouble?: RunContext['trouble'];
}

class Mistakes extends Refused {
  readonly faults: readonly Fault[];

  constructor(faults: readonly Fault[]) {
    super(400, 'nothing was taken');
    this.faults = faults;
  }
}

const path = '/readings';
const json = 'application/json';
const senml = 'application/senml+json';

export function readingsHandler(options: HandlerOptions): RequestListener {
  const { token, maxBodyBytes, maxWaiting, nowUs } = options;
  const bodies = new Bodies(maxBodyBytes);
  const expected = token === undefined ? undefined : digest(`Bearer ${token}`);
  let waiting = 0;

  /** @throws {Refused} */
  const take = async (request: IncomingMessage): Promise<number> => {
    if (new URL(request.url ?? '/', 'http://gateway').pathname !== path)
      throw new Refused(404, `nothing is here; readings go to ${path}`);
    // Digests have one length, so that the comparison tells nothing of the token's (timingSafeEqual).
    if (expected !== undefined && !timingSafeEqual(digest(request.headers.authorization ?? ''), expected))
      throw new Refused(401, 'Authorization: Bearer and the token are needed');
    if (request.method !== 'POST') throw new Refused(405, 'readings are sent with POST');
    const type = request.headers['content-type']?.split(';')[0]!.trim().toLowerCase();
    if (type !== json && type !== senml) throw new Refused(415, `Content-Type must be ${json} or ${senml}`);
    if ((request.headers['content-encoding'] ?? 'identity') !== 'identity')
      throw new Refused(415, 'Content-Encoding must be identity');
    if (waiting >= maxWaiting) throw new Refused(429, 'too many requests wait for the disk; send again later');
    const body = await bodies.read(request);
    if (waiting >= maxWaiting) throw new Refused(429, 'too many requests wait for the disk; send again later');
    const readings = readingsOf(body, type, options, nowUs());
    waiting += 1;
    const stored = options.emit(readings).finally(() => void (waiting -= 1));
    await within(stored, options.storeDeadlineMs);
    return readings.length;
  };

  return (request, response) => {
    take(request).then(
      taken => answer(response, 202, { taken }),
      (error: unknown) => {
        const refused = error instanceof Refused ? error : new Refused(503, messageOf(error));
        // What is left of the body is not read; the answer says so.
        if (!request.complete) response.setHeader('connection', 'close');
        if (refused.status === 401) response.setHeader('www-authenticate', 'Bearer');
        if (refused.status === 405) response.setHeader('allow', 'POST');
        if (refused.status === 429 || refused.status === 503) response.setHeader('retry-after', '5');
        const mistakes = refused instanceof Mistakes ? { mistakes: refused.faults } : {};
        answer(response, refused.status, { error: refused.message, ...mistakes });
      },
    );
  };
}

/** @throws {Mistakes} naming every one. */
function readingsOf(
  body: Buffer,
  type: string,
  { mapping, unnamed, trouble }: HandlerOptions,
  nowUs: number,
): readonly Reading[] {
  if (type === senml) return senmlOf(body, unnamed, nowUs);
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    throw new Mistakes([{ element: '$', message: `is no JSON (${messageOf(error)})` }]);
  }
  if (mapping !== undefined) {
    const { readings, faults } = mapped(mapping, document, { nowUs });
    if (faults.length > 0) throw new Mistakes(faults);
    return readings;
  }
  const { readings, faults, blamed } = ownForm(document, nowUs);
  if (faults.length === 0) return readings;
  for (const sensor of blamed) trouble?.(sensor, 'garbage', `${faults[0]!.element}: ${faults[0]!.message}`);
  throw new Mistakes(faults);
}

function senmlOf(body: Buffer, unnamed: string, nowUs: number): Reading[] {
  let readings: Reading[];
  try {
    readings = senmlReadings(body, unnamed, nowUs);
  } catch (error) {
    if (!(error instanceof RejectedError)) throw error;
    throw new Mistakes([{ element: error.field, message: error.message.slice(error.field.length + 2) }]);
  }
  const faults = readings.flatMap((reading, i) => {
    const message = faultOfNumbers(reading) ?? faultOfSeries(reading);
    return message === undefined ? [] : [{ element: `reading ${i} (${reading.sensor} ${reading.metric})`, message }];
  });
  if (faults.length > 0) throw new Mistakes(faults);
  return readings;
}

/** @throws {Refused} 503 when it takes longer. */
async function within(stored: Promise<void>, deadlineMs: number): Promise<void> {
  const timer = new AbortController();
  stored.catch(() => {}); // It may fail after the deadline, when nobody asks any more.
  const late = wait(deadlineMs, undefined, { signal: timer.signal }).then(() => {
    throw new Refused(503, 'the outbox is full or the disk slow: not stored yet; send again later');
  });
  try {
    await Promise.race([stored, late]);
  } finally {
    late.catch(() => {});
    timer.abort();
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function answer(response: ServerResponse, status: number, body: object): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, { 'content-type': json, 'content-length': Buffer.byteLength(text) }).end(text);
}
