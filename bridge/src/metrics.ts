import type { Producer } from '@millrace/runtime/kafka/types.ts';
import { Counter, Gauge, Histogram, type Metrics } from '@millrace/runtime/metrics.ts';
import { parseMqttTopic } from '@millrace/wire/names.ts';
import type { Appended, Publish } from './append.ts';
import type { Broker } from './broker.ts';

export interface BridgeMetrics {
  /** Counts a publish; the answer counts what became of it. */
  received(publish: Publish): (outcome: Appended | 'unacknowledged') => void;
  watch(broker: Broker): void;
}

/** Per publish: received = stored + rejected + unacknowledged + in flight. */
export function bridgeMetrics({ registry, flow }: Metrics, producer: Producer): BridgeMetrics {
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
  return {
    received({ topic }) {
      received.inc({ channel: parseMqttTopic(topic)?.channel ?? 'other' });
      const end = seconds.startTimer();
      return outcome => {
        end();
        if (outcome === 'unacknowledged') return outcomes.inc({ outcome });
        outcomes.inc({ outcome: outcome.rejected ? 'rejected' : 'stored' });
        flow.in.inc(outcome.readings);
        flow.out.inc(outcome.readings);
      };
    },
    watch(broker) {
      new Gauge({
        name: 'millrace_bridge_clients',
        help: 'Connected MQTT clients.',
        registers,
        collect() {
          this.set(broker.clients);
        },
      });
      new Gauge({
        name: 'millrace_bridge_in_flight',
        help: 'Records handed to Kafka and not yet acknowledged.',
        registers,
        collect() {
          this.set(producer.buffered.records);
          flow.lag.set(producer.buffered.records);
        },
      });
    },
  };
}
