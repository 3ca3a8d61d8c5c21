/** Dims the lamps of quiet streets, and passes alerts on. Reads, acts, and only then commits: docs/writing-a-service.md. */
import { openKafka } from '@millrace/runtime/kafka/connect.ts';
import type { IncomingRecord } from '@millrace/runtime/kafka/types.ts';
import { put } from './controller.ts';
import { type Effect, onAlert, onStats } from './decisions.ts';
import { loadDecoders } from './decode.ts';
import { settingsFrom } from './settings.ts';

const settings = settingsFrom(process.env);
const decoders = loadDecoders();
const stopping = new AbortController();
process.once('SIGINT', () => stopping.abort()).once('SIGTERM', () => stopping.abort());
const stopped = new Promise<void>(resolve => stopping.signal.addEventListener('abort', () => resolve()));

const kafka = openKafka({
  brokers: [...settings.brokers],
  log: (level, message) => (level === 'debug' ? undefined : console.error(message)),
});
await using consumer = await kafka.openConsumer(
  // read_committed unless said otherwise: results of aborted transactions are none.
  {
    groupId: settings.group,
    topics: [settings.statsTopic, settings.alertsTopic],
    from: 'earliest',
    // The partitions of a killed one wait so long for their next owner.
    sessionTimeoutMs: 10_000,
  },
  {
    async onBatch({ topic, partition, records }, revoked) {
      const signal = AbortSignal.any([stopping.signal, revoked]);
      for (const record of records) {
        signal.throwIfAborted();
        for (const effect of effectsOf(topic, record)) {
          if (typeof effect === 'string') console.error(effect);
          else await put(settings.controller, effect, signal);
        }
        // After the act: killed between the two, the record comes again, and its key says that it is the same.
        await consumer.commit([{ topic, partition, offset: record.offset }]);
      }
    },
  },
);
console.error(`reads ${settings.statsTopic} and ${settings.alertsTopic} as group ${settings.group}`);
await Promise.race([
  stopped,
  consumer.failed.catch(error => (stopping.signal.aborted ? undefined : Promise.reject(error))),
]);
console.error('stopped; what was not committed comes again after the next start');

function effectsOf(topic: string, { value, offset }: IncomingRecord): readonly (Effect | string)[] {
  if (value === null) return []; // A tombstone: topics that are compacted have them.
  try {
    return topic === settings.alertsTopic ? [onAlert(decoders.alert(value))] : onStats(decoders.stats(value), settings);
  } catch (error) {
    // It will never be readable; waiting for it would stop every lamp.
    return [`left out ${topic} ${offset}: ${String(error)}`];
  }
}
