/** Whether Kafka takes readings now. */
import type { Probe } from '@millrace/runtime/kafka/probe.ts';

export interface Availability {
  /** A publish goes to Kafka; the returned function is called when Kafka has answered, or its deadline has. */
  begin(): () => void;
  /** Why nobody new should be let in; undefined when Kafka takes readings. */
  readonly trouble: string | undefined;
}

/**
 * Two signs. The probe sees a broker that is gone, frozen or cut off, and its return, even when nobody publishes. A
 * publish that waits long sees what the probe cannot: partitions with too few in-sync replicas. The latter needs no
 * memory: when the waiting publishes have come to their deadline, clients are let in again, and theirs are the next sign.
 *
 * @param patienceMs how long a publish may wait for Kafka before that counts as unavailable.
 */
export function watchAvailability(
  probe: Pick<Probe, 'trouble'>,
  patienceMs: number,
  nowMs: () => number = () => performance.now(),
): Availability {
  // In the order of their beginning.
  const underWay = new Set<{ readonly sinceMs: number }>();
  return {
    begin() {
      const publish = { sinceMs: nowMs() };
      underWay.add(publish);
      return () => void underWay.delete(publish);
    },
    get trouble() {
      if (probe.trouble !== undefined) return `Kafka does not answer: ${probe.trouble}`;
      const [oldest] = underWay;
      const waitedMs = oldest === undefined ? 0 : nowMs() - oldest.sinceMs;
      if (waitedMs < patienceMs) return undefined;
      return `Kafka has not acknowledged a record for ${(waitedMs / 1000).toFixed(1)} s`;
    },
  };
}
