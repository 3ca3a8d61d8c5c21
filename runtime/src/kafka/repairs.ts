import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs from 'kafkajs';
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

interface ConsumerGroupClass {
  readonly prototype: { joinAndSync(): Promise<void> };
}

const KAFKAJS_VERSION = '2.2.4';
const JOIN_MS = 10_000;
const JOIN_PAUSE_MS = 200;
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
  joinOrCrash((require('kafkajs/src/consumer/consumerGroup') as ConsumerGroupClass).prototype);
}

/**
 * A join that fails for a reason that passes (a coordinator that is loading) counts in kafkajs as worth another try, but
 * what its runner tries again is the fetch: the member goes on in its old generation, or in none, without an assignment
 * or without heartbeats, for ever. Here the join is tried again, as the same member, so that nobody waits for a session to
 * expire; when that is in vain the failure is final, ends the session, and the consumer opens another.
 */
function joinOrCrash(prototype: ConsumerGroupClass['prototype']): void {
  const joinAndSync = Reflect.get(prototype, 'joinAndSync') as (this: unknown) => Promise<void>;
  prototype.joinAndSync = async function joinOrFail() {
    for (const until = performance.now() + JOIN_MS; ; await sleep(JOIN_PAUSE_MS, undefined, { ref: false })) {
      try {
        return await joinAndSync.call(this);
      } catch (error) {
        const cause = error instanceof Error ? error : new Error(String(error));
        const passes = 'retriable' in cause && cause.retriable === true;
        if (!passes || performance.now() > until)
          throw Object.assign(new kafkajs.KafkaJSNonRetriableError(cause), { cause });
      }
    }
  };
}
