import { messageOf } from '../errors.ts';
import { AdminClient } from './admin-client.ts';
import type { KafkaOptions } from './client.ts';
import { Outage } from './outage.ts';
import { pauseFor } from './waiting.ts';

export interface ProbeOptions {
  /** Between an answer and the next question. Default 1,000. */
  readonly intervalMs?: number;
  /** A question without an answer by then counts as failed. Default 2,000. */
  readonly timeoutMs?: number;
}

/** Knows whether Kafka answers, without anything being sent. */
export interface Probe extends AsyncDisposable {
  /** Why the last question failed; undefined while Kafka answers. */
  readonly trouble: string | undefined;
}

/**
 * Asks the leader of each partition of a topic for its end offset, again and again. Notices within
 * `intervalMs + timeoutMs` that a broker is gone, frozen or cut off, and within `intervalMs` that it is back. Does not
 * notice too few in-sync replicas: only a write does. Resolves after the first question, however it ended.
 */
export async function openProbe(
  kafka: KafkaOptions,
  topic: string,
  { intervalMs = 1000, timeoutMs = 2000 }: ProbeOptions = {},
): Promise<Probe> {
  const outage = new Outage('probe', kafka.log ?? (() => {}));
  const closed = new AbortController();
  // Silent: the outage here says the same, once, over all the clients that come and go.
  const open = () => new AdminClient({ ...kafka, log: undefined }, 'probe');
  let client = open();
  let trouble: string | undefined;

  async function ask(): Promise<void> {
    try {
      await client.ask(`end offsets of ${topic}`, admin => admin.fetchTopicOffsets(topic), timeoutMs);
      trouble = undefined;
      outage.recovered();
    } catch (error) {
      if (closed.signal.aborted) return;
      trouble = messageOf(error);
      outage.failed(trouble);
      // kafkajs keeps the leaders it knows for minutes: after a failure only a new client asks where they are now.
      void client[Symbol.asyncDispose]();
      client = open();
    }
  }

  await ask();
  const asking = (async () => {
    while (true) {
      await pauseFor(intervalMs, closed.signal);
      if (closed.signal.aborted) return;
      await ask();
    }
  })();

  return {
    get trouble() {
      return trouble;
    },
    async [Symbol.asyncDispose]() {
      closed.abort();
      await client[Symbol.asyncDispose]();
      await asking;
    },
  };
}
