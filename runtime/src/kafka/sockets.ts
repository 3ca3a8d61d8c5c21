import net, { type Socket } from 'node:net';
import tls from 'node:tls';
import type { ISocketFactory } from 'kafkajs';
import { wholeAnswers } from './frames.ts';

/** Where a connection meant for a broker really goes: tests put a proxy there. */
export type ConnectVia = (host: string, port: number) => { readonly host: string; readonly port: number };

const KEEP_ALIVE_DELAY_MS = 30_000;

/**
 * The connections of one kafkajs client, held so that we can end them. kafkajs itself never gives a connection up: after
 * a request has timed out it sends the next one into the same black hole, and after `disconnect()` a retry that was
 * under way connects again.
 *
 * open → cut (kafkajs connects anew) → open; open → closed (nothing can be sent any more).
 */
export class Sockets {
  readonly #open = new Set<Socket>();
  readonly #via: ConnectVia | undefined;
  #closed = false;

  constructor(via: ConnectVia | undefined) {
    this.#via = via;
  }

  readonly factory: ISocketFactory = ({ host, port, ssl, onConnect }) => {
    if (this.#closed) throw new Error('this client is closed');
    const target = this.#via?.(host, port) ?? { host, port };
    const socket = ssl
      ? tls.connect({ ...target, ...(net.isIP(host) ? {} : { servername: host }), ...ssl }, onConnect)
      : net.connect(target, onConnect);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    return withWholeAnswers(socket);
  };

  get closed(): boolean {
    return this.#closed;
  }

  /** Ends every connection with an error, so that requests waiting for an answer fail now. */
  cut(reason: string): void {
    for (const socket of this.#open) socket.destroy(new Error(reason));
  }

  close(): void {
    this.#closed = true;
    this.cut('this client is closed');
  }
}

/** kafkajs listens for `data` once, with `on`: it gets whole answers. */
function withWholeAnswers(socket: Socket): Socket {
  const on = socket.on.bind(socket) as (event: string, listener: (...args: never[]) => void) => Socket;
  socket.on = (event: string, listener: (...args: never[]) => void) => {
    if (event !== 'data') return on(event, listener);
    const receive = wholeAnswers(listener as unknown as (answers: Buffer) => void);
    return on('data', (chunk: Buffer) => {
      try {
        receive(chunk);
      } catch (error) {
        socket.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    });
  };
  return socket;
}
