/** Who may connect, and what a client may subscribe to. */
import { type GatewayId, gatewayRule, isGatewayId, mqttTopic } from '@millrace/wire/names.ts';
import type { AuthenticateError, Client, ConnectPacket, Subscription } from 'aedes';

/** CONNACK return codes, MQTT 3.1.1 § 3.2.2.3. */
const connack = { identifierRejected: 2, serverUnavailable: 3, notAuthorized: 5 } as const;

/**
 * The gateway that a client speaks for: its user name, or its client identifier when it gives none. On the plain
 * listener that is a claim, which is why it listens on loopback only.
 */
export function gatewayOf(client: Client, username: string | undefined): GatewayId | AuthenticateError {
  const name = username ?? client.id;
  if (isGatewayId(name)) return name;
  return refusal(
    connack.identifierRejected,
    `the user name (or client identifier) is the gateway's name and ${gatewayRule}`,
  );
}

/** The certificate says who it is; a user name may say the same, and nothing else. */
export function certifiedAs(gateway: GatewayId, username: string | undefined): GatewayId | AuthenticateError {
  if (username === undefined || username === gateway) return gateway;
  return refusal(connack.notAuthorized, `the certificate is of gateway ${gateway}, and the user name is another`);
}

/** [MQTT-3.1.2-8]: the broker publishes the will in the client's name, so it may only be the client's own status. */
export function checkWill(packet: ConnectPacket, gateway: GatewayId): AuthenticateError | undefined {
  if (packet.will === undefined || packet.will.topic === mqttTopic(gateway, 'status')) return undefined;
  return refusal(connack.notAuthorized, `the will may go to ${mqttTopic(gateway, 'status')} only`);
}

/** [MQTT-3.1.4-2] hands a session to whoever comes with its client identifier: only the same gateway may. */
export function checkTakeover(current: GatewayId | undefined, gateway: GatewayId): AuthenticateError | undefined {
  if (current === undefined || current === gateway) return undefined;
  return refusal(connack.identifierRejected, `the client identifier is in use by gateway ${current}`);
}

/** While Kafka does not take readings nobody new is let in: the client tries again later, here or at another bridge. */
export function checkAvailable(trouble: string | undefined): AuthenticateError | undefined {
  return trouble === undefined ? undefined : refusal(connack.serverUnavailable, trouble);
}

/** Own commands and nothing else; null answers SUBACK 0x80. */
export function allowedSubscription(gateway: GatewayId, subscription: Subscription): Subscription | null {
  return subscription.topic === mqttTopic(gateway, 'commands') ? subscription : null;
}

function refusal(returnCode: number, message: string): AuthenticateError {
  return Object.assign(new Error(message), { returnCode });
}
