import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP proxy that misbehaves on demand, for fault tests. Listens on 127.0.0.1. */
export interface Proxy extends AsyncDisposable {
  readonly port: number;
  /** Connections open now. */
  readonly connections: number;
  /** Resets every connection; what was not passed on is lost. New connections are welcome. */
  cut(): void;
  /**
   * true: nothing passes any more in either direction and nobody is told, like a cable pulled; connections are still
   * accepted. false: what was held goes on, unless it was cut.
   */
  blackhole(on: boolean): void;
  /** Each way takes this many milliseconds longer, in order. */
  delay(ms: number): void;
  /** true: requests reach the server, its answers vanish. Cut before turning it off: the stream has a hole. */
  dropResponses(on: boolean): void;
  /** Cuts once this many more bytes of answers were passed on, counted over all connections. */
  cutAfterResponseBytes(bytes: number): void;
}

interface Link {
  readonly client: Socket;
  readonly server: Socket;
}

export interface ProxyOptions {
  readonly target: { readonly host: string; readonly port: number };
  /** Default: any free one. */
  readonly port?: number;
}

export async function openProxy({ target, port = 0 }: ProxyOptions): Promise<Proxy> {
  const links = new Set<Link>();
  let frozen = false;
  let delayMs = 0;
  let dropping = false;
  let responseBytesLeft = Number.POSITIVE_INFINITY;

  const cut = () => {
    for (const { client, server } of links) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
    links.clear();
  };

  const pump = (from: Socket, to: Socket, isResponse: boolean) => {
    const held: Buffer[] = [];
    const pass = () => {
      const chunk = held.shift();
      if (!chunk || to.destroyed) return;
      if (isResponse && chunk.length > responseBytesLeft) {
        to.write(chunk.subarray(0, responseBytesLeft));
        responseBytesLeft = Number.POSITIVE_INFINITY;
        cut();
        return;
      }
      if (isResponse) responseBytesLeft -= chunk.length;
      if (!to.write(chunk)) {
        from.pause();
        to.once('drain', () => frozen || from.resume());
      }
    };
    from.on('data', chunk => {
      if (isResponse && dropping) return;
      held.push(chunk);
      // Each timer passes the oldest chunk, so a changed delay does not reorder.
      if (delayMs > 0) setTimeout(pass, delayMs);
      else while (held.length > 0) pass();
    });
    from.on('end', () => to.end());
  };

  const listener = createServer({ allowHalfOpen: true }, client => {
    const server = connect(target);
    const link: Link = { client, server };
    links.add(link);
    const drop = () => {
      links.delete(link);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', drop);
      socket.on('close', drop);
    }
    pump(client, server, false);
    pump(server, client, true);
    if (frozen) {
      client.pause();
      server.pause();
    }
  });
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(port, '127.0.0.1', resolve);
  });

  return {
    port: (listener.address() as AddressInfo).port,
    get connections() {
      return links.size;
    },
    cut,
    blackhole(on) {
      frozen = on;
      for (const { client, server } of links) {
        for (const socket of [client, server]) {
          if (on) socket.pause();
          else socket.resume();
        }
      }
    },
    delay(ms) {
      delayMs = ms;
    },
    dropResponses(on) {
      dropping = on;
    },
    cutAfterResponseBytes(bytes) {
      responseBytesLeft = bytes;
    },
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise<void>(resolve => listener.close(() => resolve()));
    },
  };
}
