import { createRequire } from 'node:module';
import { InvariantError } from '../errors.ts';
import { repairFetch } from './fetch-answer.ts';
import { registerZstd } from './zstd.ts';

/** kafkajs's queue of requests on one connection, as far as used here. */
interface RequestQueue {
  readonly pending: readonly unknown[];
}

interface RequestQueueClass {
  readonly prototype: { scheduleCheckPendingRequests: ((this: RequestQueue) => void) & { [OURS]?: true } };
}

const KAFKAJS_VERSION = '2.2.4';
const OURS = Symbol.for('millrace.kafka.repairs');

/**
 * Mends kafkajs where it must be mended inside, for the whole process and always alike; safe to call again.
 *
 * @throws {InvariantError} for any kafkajs but the one this was written against.
 */
export function repairKafkaJs(): void {
  const require = createRequire(import.meta.url);
  const { version } = require('kafkajs/package.json') as { version: string };
  if (version !== KAFKAJS_VERSION) {
    throw new InvariantError(`runtime/src/kafka was written for kafkajs ${KAFKAJS_VERSION}, this is ${version}`);
  }
  registerZstd();
  repairFetch();
  const { prototype } = require('kafkajs/src/network/requestQueue') as RequestQueueClass;
  const schedule = prototype.scheduleCheckPendingRequests;
  if (schedule[OURS]) return;
  // kafkajs sets this timer at each answer, with a negative time when nothing is pending: Node warns of it.
  prototype.scheduleCheckPendingRequests = function scheduleIfPending(this: RequestQueue) {
    if (this.pending.length > 0) schedule.call(this);
  };
  prototype.scheduleCheckPendingRequests[OURS] = true;
}
