/** `alerts.v1` → HTTP, a sink and a consumer group for each endpoint: none of them holds up another. */
import type { Sink, SinkFamily } from '../sink.ts';
import { signingKeys, type Webhook } from './config.ts';
import { Deliveries, type DeliveryOptions } from './deliveries.ts';
import { Endpoint } from './endpoint.ts';

export const webhooks: SinkFamily = {
  name: 'webhooks',
  sinksOf: config => config.webhooks.map(webhook => webhookSink(webhook)),
};

/** @throws {ConfigError} when the secret cannot be read. */
export function webhookSink(webhook: Webhook, tuning: Pick<DeliveryOptions, 'minRetryMs'> = {}): Sink {
  const endpoint = new Endpoint(webhook.url, signingKeys(webhook), webhook.timeoutMs);
  return {
    name: `webhook-${webhook.name}`,
    topics: ['alerts'],
    // A receiver that is new must not be told of the last thirty days.
    begin: 'end',
    openStore: context => new Deliveries(endpoint, { ...webhook, ...tuning }, context),
  };
}
