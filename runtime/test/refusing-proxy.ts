/** A proxy before a real broker that answers some requests itself, as a broker does whose group coordinator has just begun. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** https://kafka.apache.org/protocol, "API keys" and "Error codes". */
export const apiKeys = {
  FindCoordinator: 10,
  JoinGroup: 11,
  Heartbeat: 12,
  InitProducerId: 22,
  AddPartitionsToTxn: 24,
  AddOffsetsToTxn: 25,
  EndTxn: 26,
  TxnOffsetCommit: 28,
} as const;
export const errorCodes = {
  COORDINATOR_LOAD_IN_PROGRESS: 14,
  COORDINATOR_NOT_AVAILABLE: 15,
  NOT_COORDINATOR: 16,
  UNKNOWN_MEMBER_ID: 25,
  INVALID_PRODUCER_EPOCH: 47,
  CONCURRENT_TRANSACTIONS: 51,
  PRODUCER_FENCED: 90,
} as const;

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

/** One topic of one letter, its partition 0, and then the error. */
const OF_A_PARTITION = '000000010001780000000100000000';

/**
 * What stands before the error (behind the throttle time) and after it, in the versions that kafkajs speaks: JoinGroup 2–5,
 * Heartbeat 1–3, FindCoordinator 1–2, the transactions' 0–1.
 */
const layouts: Readonly<Record<number, readonly [before: string, after: string]>> = {
  // No message, node −1, no host, port 0.
  [apiKeys.FindCoordinator]: ['', 'ffffffffffff000000000000'],
  // Generation −1, three empty texts, no members.
  [apiKeys.JoinGroup]: ['', 'ffffffff00000000000000000000'],
  // Producer −1, epoch −1.
  [apiKeys.InitProducerId]: ['', 'ffffffffffffffffffff'],
  [apiKeys.AddPartitionsToTxn]: [OF_A_PARTITION, ''],
  [apiKeys.TxnOffsetCommit]: [OF_A_PARTITION, ''],
};

function refusal(apiKey: number, correlationId: number, code: number): Buffer {
  const [before, after] = (layouts[apiKey] ?? ['', '']).map(hex => Buffer.from(hex, 'hex'));
  const head = Buffer.alloc(12);
  head.writeInt32BE(correlationId, 4);
  const error = Buffer.alloc(2);
  error.writeInt16BE(code);
  const frame = Buffer.concat([head, before!, error, after!]);
  frame.writeInt32BE(frame.length - 4, 0);
  return frame;
}
