/** The MQTT broker: Aedes with our admission, and PUBACK only after Kafka. */
import { type EventEmitter, once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { ConfigError, messageOf } from '@millrace/runtime/errors.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import { type GatewayId, mqttTopic } from '@millrace/wire/names.ts';
import { Aedes, type AuthenticateError, type Client, type ConnectPacket } from 'aedes';
import { allowedSubscription, certifiedAs, checkAvailable, checkTakeover, checkWill, gatewayOf } from './admit.ts';
import type { Appended, Publish } from './append.ts';
import { defaultInFlight, type InFlightConfig } from './config.ts';
import { Connection, type EndReason } from './connection.ts';
import { InFlight } from './in-flight.ts';
import { Seldom } from './seldom.ts';
import { openTlsDoor, type TlsDoor, type TlsDoorOptions } from './tls-door.ts';

/** Of the socket. What is read is kept by the connection, which counts it. */
const socketBufferBytes = 65_536;
/** No subscription to it is allowed. */
const nobodysTopic = 'millrace/rejected';
/** For a client that does not read what is sent to it. */
const flushWithinMs = 1000;
/** How long an orderly end waits for what is in flight: Kafka may be away. */
const drainWithinMs = 15_000;
/** How exactly deadlines and keep-alives are kept. */
const sweepEveryMs = 100;
const saidEveryMs = 30_000;

interface Session {
  readonly gateway: GatewayId;
  readonly keepAliveMs: number;
}

export interface BrokerOptions {
  readonly host: string;
  readonly port: number;
  /** A second listener, for gateways with a certificate. */
  readonly tls?: Pick<TlsDoorOptions, 'host' | 'port' | 'files'> | undefined;
  readonly log: Logger;
  /** Resolves once the publish is stored (or safely rejected); its rejection ends the connection without PUBACK. */
  readonly store: (publish: Publish, gateway: GatewayId) => Promise<Appended>;
  /** Why no new client is let in (CONNACK 3); undefined lets them in. */
  readonly trouble?: () => string | undefined;
  readonly inFlight?: InFlightConfig;
  /** How long a publish may wait for its PUBACK; 1.2 × the client's keep-alive when that is shorter. */
  readonly storeDeadlineMs?: number;
  readonly onEnded?: (reason: EndReason, unacknowledged: number) => void;
  /** By return code of the CONNACK; `tls`: before MQTT began. */
  readonly onRefused?: (code: number | 'tls') => void;
}

export interface Broker extends AsyncDisposable {
  readonly port: number;
  /** Of the listener with TLS. */
  readonly tlsPort: number | undefined;
  readonly clients: number;
  /** Publishes let in and without PUBACK. */
  readonly inFlight: { readonly messages: number; readonly bytes: number };
  /** Clients of which something was read and not let in, and how much that is. */
  readonly held: { readonly clients: number; readonly bytes: number };
}

/** @throws {ConfigError} when the port is taken. */
export async function openBroker({
  host,
  port,
  tls,
  log,
  store,
  trouble = () => undefined,
  inFlight: limits = defaultInFlight,
  storeDeadlineMs = 20_000,
  onEnded = () => {},
  onRefused = () => {},
}: BrokerOptions): Promise<Broker> {
  const sessions = new WeakMap<Client, Session>();
  const connects = new WeakMap<Client, ConnectPacket & { keepAliveMs: number }>();
  /** By client identifier, from authentication on: Aedes closes the older connection, with its will, before it lists the newer. */
  const newest = new Map<string, Client>();
  const pending = new Set<Promise<void>>();
  const inFlight = new InFlight(limits.total);
  const connections = new Set<Connection>();
  const seldom = new Seldom(saidEveryMs);
  let closing = false;

  const aedes = new Aedes({
    // [MQTT-3.1.4-5] has no packet for the gateway's name before authentication, so the CONNECT is kept for it.
    preConnect(client, packet, done) {
      connects.set(client, Object.assign(packet, { keepAliveMs: (packet.keepalive ?? 0) * 1000 }));
      // Aedes would count the pings that it does not see, and the time in which nothing is read.
      packet.keepalive = 0;
      done(null, true);
    },

    authenticate(client, username, _password, done) {
      const packet = connects.get(client)!;
      connects.delete(client);
      const certified = (client.conn as Connection).gateway;
      const gateway = certified === undefined ? gatewayOf(client, username) : certifiedAs(certified, username);
      if (gateway instanceof Error) return refuse(client, gateway, done);
      const refused =
        checkWill(packet, gateway) ??
        checkTakeover(sessions.get(newest.get(client.id) ?? client)?.gateway, gateway) ??
        checkAvailable(trouble());
      if (refused !== undefined) return refuse(client, refused, done);
      sessions.set(client, { gateway, keepAliveMs: packet.keepAliveMs });
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
      const { conn, closed } = client as Client & { readonly conn: Connection };
      if (isFalseWill(client!)) return done(new Error('not offline'));
      // A will comes from no connection, so nothing of the caps was taken for it.
      if (!closed && conn.destroyed) return done(new Error('the connection has ended'));
      // Only the status is kept for later subscribers; a retained reading would be an old one shown as new.
      if (packet.topic !== mqttTopic(session.gateway, 'status')) packet.retain = false;
      const settle = closed ? done : conn.accept(error => done(error ?? null));
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

  function refuse(
    client: Client,
    refused: AuthenticateError,
    done: (error: AuthenticateError, success: false) => void,
  ) {
    const { returnCode } = refused;
    onRefused(returnCode);
    // A city's gateways all come back at once, and again: one line says it for those that are told the same.
    seldom.tell(`refused ${returnCode}`, more =>
      log.warn({ client: client.id, more }, `refused with CONNACK ${returnCode}: ${refused.message}`),
    );
    done(refused, false);
  }

  /**
   * Wills that would say OFFLINE of a gateway that is not: its connection was replaced by a newer one, or it is we who
   * go, and it connects to the next bridge.
   */
  function isFalseWill(client: Client): boolean {
    return client.closed && (closing || newest.get(client.id) !== client);
  }

  aedes.on('clientReady', client =>
    (client.conn as Connection).open(sessions.get(client)!.keepAliveMs, storeDeadlineMs),
  );
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

  const accept = (socket: Socket, gateway?: GatewayId): void => {
    const { perClient: cap, readAheadBytes } = limits;
    const connection = new Connection({ socket, gateway, inFlight, cap, readAheadBytes });
    connections.add(connection);
    connection.on('close', () => {
      connections.delete(connection);
      onEnded(connection.endReason, connection.unacknowledged);
    });
    aedes.handle(connection);
  };
  const server = createServer({ highWaterMark: socketBufferBytes, noDelay: true }, socket => accept(socket));
  const closeServer = (): Promise<unknown> => new Promise(resolve => server.close(resolve));
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    await closeAedes(aedes);
    throw listenMistake(error, 'mqtt', host, port);
  }
  let door: TlsDoor | undefined;
  if (tls !== undefined)
    try {
      door = await openTlsDoor({
        ...tls,
        socketBufferBytes,
        log,
        seldom,
        onSocket: accept,
        onRefused: () => onRefused('tls'),
      });
    } catch (error) {
      await Promise.all([closeServer(), closeAedes(aedes)]);
      throw error instanceof ConfigError ? error : listenMistake(error, 'tls', tls.host, tls.port);
    }

  const sweep = setInterval(() => {
    const nowMs = performance.now();
    for (const connection of connections) connection.sweep(nowMs);
  }, sweepEveryMs);

  return {
    port: (server.address() as AddressInfo).port,
    tlsPort: door?.port,
    inFlight,
    get clients() {
      return aedes.connectedClients;
    },
    get held() {
      const held = [...connections].filter(connection => connection.held);
      return { clients: held.length, bytes: held.reduce((sum, { waitingBytes }) => sum + waitingBytes, 0) };
    },
    /** Stops accepting, lets what is in flight be stored and acknowledged, 15 s at most, then closes the connections. */
    async [Symbol.asyncDispose]() {
      closing = true;
      const closed = Promise.all([closeServer(), door?.close()]);
      for (const connection of connections) connection.drain();
      // What was handed to Aedes and not read by it stays unacknowledged.
      for (const client of Object.values(clientsOf(aedes))) client?.pause();
      const late = new AbortController();
      await Promise.race([settled(), wait(drainWithinMs, undefined, { signal: late.signal }).catch(() => {})]);
      late.abort();
      await Promise.all([...connections].map(flushed));
      clearInterval(sweep);
      await closeAedes(aedes);
      await closed;
    },
  };

  async function settled(): Promise<void> {
    while (pending.size > 0) await Promise.allSettled(pending);
  }
}

function listenMistake(error: unknown, listener: 'mqtt' | 'tls', host: string, port: number): ConfigError {
  return (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
    ? ConfigError.of(
        `bridge.${listener}.port`,
        `port ${port} on ${host} is in use; stop what holds it, or set another port`,
      )
    : ConfigError.of(`bridge.${listener}`, `cannot listen on ${host}:${port} (${messageOf(error)})`);
}

/** The last PUBACKs are corked until the next tick; they must be out before the connection is destroyed. */
async function flushed(connection: Connection): Promise<void> {
  const late = new AbortController();
  await Promise.race([
    new Promise<void>(resolve => connection.once('close', resolve).end(resolve)),
    wait(flushWithinMs, undefined, { signal: late.signal }).catch(() => {}),
  ]);
  late.abort();
  if (!connection.destroyed) connection.endReason = 'drain';
  connection.destroy();
}

/** Not in Aedes's types, though documented. */
const clientsOf = (aedes: Aedes): Record<string, (Client & { pause(): void }) | undefined> =>
  (aedes as unknown as { clients: ReturnType<typeof clientsOf> }).clients;

const closeAedes = (aedes: Aedes): Promise<void> => new Promise(resolve => aedes.close(resolve));
