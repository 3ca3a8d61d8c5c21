/** The MQTT broker: Aedes with our admission, and PUBACK only after Kafka. */
import { type EventEmitter, once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { ConfigError, messageOf } from '@millrace/runtime/errors.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import { type GatewayId, mqttTopic } from '@millrace/wire/names.ts';
import { Aedes, type Client, type ConnectPacket } from 'aedes';
import { AckQueue } from './acknowledge.ts';
import { allowedSubscription, checkTakeover, checkWill, gatewayOf } from './admit.ts';
import type { Appended, Publish } from './append.ts';

/** 64 KiB, Node's default, would limit one client's unacknowledged bytes and with them its rate at a given round trip. */
const socketBufferBytes = 262_144;

/** No subscription to it is allowed. */
const nobodysTopic = 'millrace/rejected';
/** For a client that does not read what is sent to it. */
const flushWithinMs = 1000;

interface Session {
  readonly gateway: GatewayId;
  readonly acknowledgements: AckQueue;
}

export interface BrokerOptions {
  readonly host: string;
  readonly port: number;
  readonly log: Logger;
  /** Resolves once the publish is stored (or safely rejected); its rejection ends the connection without PUBACK. */
  readonly store: (publish: Publish, gateway: GatewayId) => Promise<Appended>;
}

export interface Broker extends AsyncDisposable {
  readonly port: number;
  readonly clients: number;
}

/** @throws {ConfigError} when the port is taken. */
export async function openBroker({ host, port, log, store }: BrokerOptions): Promise<Broker> {
  const sessions = new WeakMap<Client, Session>();
  const connects = new WeakMap<Client, ConnectPacket>();
  /** By client identifier, from authentication on: Aedes closes the older connection, with its will, before it lists the newer. */
  const newest = new Map<string, Client>();
  const pending = new Set<Promise<void>>();
  let closing = false;

  const aedes = new Aedes({
    // [MQTT-3.1.4-5] has no packet for the gateway's name before authentication, so the CONNECT is kept for it.
    preConnect(client, packet, done) {
      connects.set(client, packet);
      done(null, true);
    },

    authenticate(client, username, _password, done) {
      const gateway = gatewayOf(client, username);
      const refused =
        gateway instanceof Error
          ? gateway
          : (checkWill(connects.get(client)!, gateway) ??
            checkTakeover(sessions.get(newest.get(client.id) ?? client)?.gateway, gateway));
      connects.delete(client);
      if (refused !== undefined) {
        log.warn({ client: client.id }, `refused: ${refused.message}`);
        return done(refused, false);
      }
      sessions.set(client, { gateway: gateway as GatewayId, acknowledgements: new AckQueue() });
      newest.set(client.id, client);
      done(null, true);
    },

    // Until there are commands nothing goes from one client to another.
    authorizeForward: () => null,

    authorizeSubscribe(client, subscription, done) {
      done(null, allowedSubscription(sessions.get(client)!.gateway, subscription));
    },

    // Aedes sends PUBACK after this callback, and only a callback withheld keeps it from doing so.
    authorizePublish(client, packet, done) {
      const session = client === null ? undefined : sessions.get(client);
      if (session === undefined) return done(new Error('no session'));
      if (client !== null && isFalseWill(client)) return done(new Error('not offline'));
      // Only the status is kept for later subscribers; a retained reading would be an old one shown as new.
      if (packet.topic !== mqttTopic(session.gateway, 'status')) packet.retain = false;
      const settle = session.acknowledgements.enter(error => done(error ?? null));
      const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
      const stored = store({ topic: packet.topic, payload }, session.gateway).then(
        ({ rejected }) => {
          // Aedes goes on to publish the packet itself. What was rejected must not reach a subscriber, nor Aedes's own
          // ears for $SYS: it goes where nobody listens.
          if (rejected) Object.assign(packet, { topic: nobodysTopic, retain: false });
          settle();
        },
        (error: unknown) => settle(error instanceof Error ? error : new Error(messageOf(error))),
      );
      pending.add(stored);
      void stored.finally(() => pending.delete(stored));
    },
  });

  /**
   * Wills that would say OFFLINE of a gateway that is not: its connection was replaced by a newer one, or it is we who
   * go, and it connects to the next bridge.
   */
  function isFalseWill(client: Client): boolean {
    return client.closed && (closing || newest.get(client.id) !== client);
  }

  aedes.on('clientDisconnect', client => {
    if (newest.get(client.id) === client) newest.delete(client.id);
  });
  // Its housekeeping of other brokers' wills reports here; without a listener that would end the process.
  (aedes as EventEmitter).on('error', (error: Error) => log.error({ err: error }, `MQTT broker: ${error.message}`));
  aedes.on('clientError', (client, error) =>
    log.debug({ gateway: sessions.get(client)?.gateway }, `connection ended: ${error.message}`),
  );
  aedes.on('connectionError', (_, error) => log.debug(`connection refused: ${error.message}`));
  await aedes.listen();

  const sockets = new Set<Socket>();
  const server = createServer({ highWaterMark: socketBufferBytes, noDelay: true }, socket => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    aedes.handle(socket);
  });
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    await closeAedes(aedes);
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EADDRINUSE')
      throw ConfigError.of(
        'bridge.mqtt.port',
        `port ${port} on ${host} is in use; stop what holds it, or set another port`,
      );
    throw ConfigError.of('bridge.mqtt', `cannot listen on ${host}:${port} (${messageOf(error)})`);
  }

  return {
    port: (server.address() as AddressInfo).port,
    get clients() {
      return aedes.connectedClients;
    },
    /** Stops accepting, lets what is in flight be stored and acknowledged, then closes the connections. */
    async [Symbol.asyncDispose]() {
      closing = true;
      const closed = new Promise(resolve => server.close(resolve));
      // Aedes reads when the socket is readable, so it is Aedes that has to stop.
      for (const client of Object.values(clientsOf(aedes))) client?.pause();
      while (pending.size > 0) await Promise.allSettled(pending);
      await Promise.all([...sockets].map(flushed));
      await closeAedes(aedes);
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** The last PUBACKs are corked until the next tick; they must be out before the socket is destroyed. */
function flushed(socket: Socket): Promise<void> {
  return new Promise(resolve => {
    socket.once('close', () => resolve());
    socket.end(() => resolve());
    setTimeout(resolve, flushWithinMs).unref();
  });
}

/** Not in Aedes's types, though documented. */
const clientsOf = (aedes: Aedes): Record<string, (Client & { pause(): void }) | undefined> =>
  (aedes as unknown as { clients: ReturnType<typeof clientsOf> }).clients;

const closeAedes = (aedes: Aedes): Promise<void> => new Promise(resolve => aedes.close(resolve));
