/** A real MQTT broker (Aedes) whose PUBACKs, refusals and cuts the test decides. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Aedes } from 'aedes';

export interface Publish {
  readonly topic: string;
  readonly payload: Buffer;
  readonly retain: boolean;
  readonly dup: boolean;
  /** Lets the broker acknowledge. */
  readonly ack: () => void;
}

export interface TestBroker extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Everything published by clients, in the order of arrival; wills too. */
  readonly publishes: Publish[];
  /** Topics that clients which are here have subscribed to. */
  readonly subscribed: Set<string>;
  /** Connections accepted with CONNACK 0. */
  readonly connects: number;
  /** Decides about each publish; default: acknowledge at once. */
  onPublish: (publish: Publish) => void;
  /** CONNACK return code for new clients; 0 lets them in. */
  refuse: 0 | 2 | 3 | 4 | 5;
  /** What the last client gave as user name and password. */
  readonly credentials: { username?: string | undefined; password?: string | undefined };
  /** Destroys all sockets. */
  cut(): void;
}

export async function openBroker(port = 0): Promise<TestBroker> {
  const aedes = await Aedes.createBroker({ connectTimeout: 5000 });
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    aedes.handle(socket);
  });
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  let connects = 0;
  const credentials: TestBroker['credentials'] = {};
  const broker: TestBroker = {
    url: '',
    port: 0,
    publishes: [],
    subscribed: new Set(),
    get connects() {
      return connects;
    },
    onPublish: ({ ack }) => ack(),
    refuse: 0,
    credentials,
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise<void>(resolve => server.close(() => resolve()));
      await new Promise<void>(resolve => aedes.close(() => resolve()));
    },
  };
  aedes.authenticate = (_client, username, password, done) => {
    credentials.username = username;
    credentials.password = password?.toString();
    if (broker.refuse === 0) done(null, true);
    else done(Object.assign(new Error('refused by the test'), { returnCode: broker.refuse }), false);
  };
  aedes.authorizePublish = (client, { topic, payload, retain, dup }, callback) => {
    const publish = { topic, payload: Buffer.from(payload), retain, dup, ack: () => callback(null) };
    broker.publishes.push(publish);
    if (client === null) callback(null);
    else broker.onPublish(publish);
  };
  aedes.on('clientReady', () => void (connects += 1));
  aedes.on('subscribe', topics => topics.forEach(({ topic }) => broker.subscribed.add(topic)));
  // Its topics too: there is one client that subscribes.
  aedes.on('unsubscribe', topics => topics.forEach(topic => broker.subscribed.delete(topic)));
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const { port: taken } = server.address() as AddressInfo;
  return Object.assign(broker, { url: `mqtt://127.0.0.1:${taken}`, port: taken });
}
