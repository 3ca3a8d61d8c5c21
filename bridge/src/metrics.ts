import { atScrape, Counter, Gauge, Histogram, type Metrics } from '@millrace/runtime/metrics.ts';
import { parseMqttTopic } from '@millrace/wire/names.ts';
import type { RejectedError } from '@millrace/wire/rejected.ts';
import type { Appended, Publish } from './append.ts';
import type { Availability } from './availability.ts';
import type { Broker } from './broker.ts';
import type { EndReason } from './connection.ts';

export interface BridgeMetrics {
  /** Counts a publish; the answer counts what became of it. */
  received(publish: Publish): (outcome: Appended | 'unacknowledged') => void;
  /** A connection ended and left this many publishes without PUBACK: their client sends them again. */
  readonly ended: (reason: EndReason, unacknowledged: number) => void;
  readonly refused: (code: number | 'tls') => void;
  watch(broker: Broker, availability: Availability): void;
}

/** Fields of a rejected publish, as few as a label may have: the others name members that the sender chose. */
const rejectedFields = new Set(['topic', 'gateway', 'payload']);
const classOf = ({ field }: RejectedError): string => (rejectedFields.has(field) ? field : 'content');

/**
 * Per publish: received = stored + rejected + unacknowledged + in flight to Kafka. What a client sends again counts
 * again; `millrace_bridge_left_unacknowledged_total` says how many that may be.
 */
export function bridgeMetrics({ registry, flow }: Metrics): BridgeMetrics {
  const registers = [registry];
  const received = new Counter({
    name: 'millrace_bridge_received_total',
    help: 'Publishes received, by channel of the contract.',
    labelNames: ['channel'],
    registers,
  });
  const outcomes = new Counter({
    name: 'millrace_bridge_publishes_total',
    help: 'Publishes by outcome: stored and acknowledged, rejected and acknowledged, not acknowledged.',
    labelNames: ['outcome'],
    registers,
  });
  const seconds = new Histogram({
    name: 'millrace_bridge_store_seconds',
    help: "From receiving a publish to Kafka's acknowledgement.",
    buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5, 20],
    registers,
  });
  const rejected = new Counter({
    name: 'millrace_bridge_rejected_total',
    help: 'Publishes that went to the rejected topic, by what is wrong with them.',
    labelNames: ['class'],
    registers,
  });
  const ends = new Counter({
    name: 'millrace_bridge_disconnects_total',
    help: 'Connections that ended, by why: closed by the client or an error, at the deadline of a publish, silent beyond the keep-alive, or drained.',
    labelNames: ['reason'],
    registers,
  });
  const left = new Counter({
    name: 'millrace_bridge_left_unacknowledged_total',
    help: 'Publishes without PUBACK when their connection ended. Kafka may have them nevertheless; their clients send them again.',
    labelNames: ['reason'],
    registers,
  });
  const refusals = new Counter({
    name: 'millrace_bridge_refused_total',
    help: 'Connections refused, by the return code of the CONNACK; 3 is Kafka being unavailable.',
    labelNames: ['code'],
    registers,
  });
  let underWay = 0;
  atScrape(flow.lag, () => underWay);
  return {
    ended(reason, unacknowledged) {
      ends.inc({ reason });
      left.inc({ reason }, unacknowledged);
    },
    refused(returnCode) {
      refusals.inc({ code: String(returnCode) });
    },
    received({ topic }) {
      underWay++;
      received.inc({ channel: parseMqttTopic(topic)?.channel ?? 'other' });
      const end = seconds.startTimer();
      return outcome => {
        underWay--;
        end();
        if (outcome === 'unacknowledged') return outcomes.inc({ outcome });
        outcomes.inc({ outcome: outcome.rejected ? 'rejected' : 'stored' });
        if (outcome.rejected) rejected.inc({ class: classOf(outcome.rejected) });
        flow.in.inc(outcome.readings);
        flow.out.inc(outcome.readings);
      };
    },
    watch(broker, availability) {
      const gauge = (name: string, help: string, read: () => number): void =>
        void new Gauge({
          name: `millrace_bridge_${name}`,
          help,
          registers,
          collect() {
            this.set(read());
          },
        });
      gauge('clients', 'Connected MQTT clients.', () => broker.clients);
      gauge('in_flight', 'Publishes received of which Kafka has not answered yet.', () => underWay);
      gauge('unacknowledged_messages', 'Publishes let in and without PUBACK.', () => broker.inFlight.messages);
      gauge('unacknowledged_bytes', 'Their bytes.', () => broker.inFlight.bytes);
      gauge('held_clients', 'Clients of which something waits for room under the caps.', () => broker.held.clients);
      gauge('held_bytes', 'What was read of them and waits.', () => broker.held.bytes);
      gauge('kafka_available', '1 while new clients are let in, 0 while they get CONNACK 3.', () =>
        availability.trouble === undefined ? 1 : 0,
      );
    },
  };
}
