/** A proxy before a real broker that answers some requests itself, as a broker does whose group coordinator has just begun. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** https://kafka.apache.org/protocol, "API keys" and "Error codes". */
export const apiKeys = { JoinGroup: 11, Heartbeat: 12 } as const;
export const errorCodes = { COORDINATOR_LOAD_IN_PROGRESS: 14, NOT_COORDINATOR: 16, UNKNOWN_MEMBER_ID: 25 } as const;

export interface RefusingProxy extends AsyncDisposable {
  readonly port: number;
  /** The next `times` requests of this kind are answered with this error. */
  refuse(request: keyof typeof apiKeys, error: keyof typeof errorCodes, times: number): void;
  /** How many are still to be refused. */
  left(request: keyof typeof apiKeys): number;
}

export async function openRefusingProxy(target: { host: string; port: number }): Promise<RefusingProxy> {
  const refusals = new Map<number, { left: number; readonly code: number }>();
  const sockets = new Set<Socket>();
  const listener = createServer(client => {
    const server = connect(target);
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
    eachFrame(client, frame => {
      const apiKey = frame.readInt16BE(4);
      const refused = refusals.get(apiKey);
      if (refused === undefined || refused.left === 0) return void server.write(frame);
      refused.left -= 1;
      client.write(refusal(apiKey, frame.readInt32BE(8), refused.code));
    });
    eachFrame(server, frame => void client.write(frame));
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    port: (listener.address() as AddressInfo).port,
    refuse: (request, error, times) => void refusals.set(apiKeys[request], { left: times, code: errorCodes[error] }),
    left: request => refusals.get(apiKeys[request])?.left ?? 0,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>(resolve => listener.close(() => resolve()));
    },
  };
}

/** Whole messages, so that ours never lands inside another. */
function eachFrame(socket: Socket, take: (frame: Buffer) => void): void {
  let held = Buffer.alloc(0);
  socket.on('data', chunk => {
    held = Buffer.concat([held, chunk]);
    while (held.length >= 4 && held.length >= 4 + held.readInt32BE(0)) {
      const end = 4 + held.readInt32BE(0);
      take(held.subarray(0, end));
      held = held.subarray(end);
    }
  });
}

/** JoinGroup versions 2–5 and Heartbeat 1–3: throttle time, error code, and of JoinGroup an empty rest. */
function refusal(apiKey: number, correlationId: number, code: number): Buffer {
  // Generation −1, three empty texts, no members.
  const rest = apiKey === apiKeys.JoinGroup ? Buffer.from('ffffffff00000000000000000000', 'hex') : Buffer.alloc(0);
  const frame = Buffer.alloc(14);
  frame.writeInt32BE(10 + rest.length, 0);
  frame.writeInt32BE(correlationId, 4);
  frame.writeInt32BE(0, 8);
  frame.writeInt16BE(code, 12);
  return Buffer.concat([frame, rest]);
}
