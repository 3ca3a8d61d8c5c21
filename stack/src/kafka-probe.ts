import { connect } from 'node:net';
import { TransientError } from '@millrace/runtime/errors.ts';

/** A broker as the cluster advertises it on the listener that was asked. */
export interface LiveBroker {
  readonly id: number;
  readonly host: string;
  readonly port: number;
}

/**
 * Asks a broker which brokers of its cluster are alive: ApiVersions and Metadata over one raw connection (Kafka
 * protocol guide), so that readiness needs no client library. A fenced broker is not listed, so a broker that lists
 * itself takes records.
 * @throws {TransientError} when it does not answer within the deadline.
 */
export async function liveBrokers(port: number, deadlineMs = 2_000): Promise<LiveBroker[]> {
  const socket = connect({ host: '127.0.0.1', port });
  const deadline = AbortSignal.timeout(deadlineMs);
  deadline.addEventListener('abort', () => socket.destroy(new Error(`no answer within ${deadlineMs} ms`)));
  const chunks = socket[Symbol.asyncIterator]();
  let received: Buffer = Buffer.alloc(0);

  async function take(size: number): Promise<Buffer> {
    while (received.length < size) {
      const { value, done } = await chunks.next();
      if (done) throw new Error('connection closed');
      received = Buffer.concat([received, value as Buffer]);
    }
    const taken = received.subarray(0, size);
    received = received.subarray(size);
    return taken;
  }

  /** Request header v1: api key, version, correlation id, client id. The answer comes back without its header v0. */
  async function ask(apiKey: number, version: number, body: Buffer): Promise<Buffer> {
    const client = Buffer.from('millrace-stack');
    const head = Buffer.alloc(14);
    head.writeInt32BE(10 + client.length + body.length, 0);
    head.writeInt16BE(apiKey, 4);
    head.writeInt16BE(version, 6);
    head.writeInt32BE(apiKey, 8);
    head.writeInt16BE(client.length, 12);
    socket.write(Buffer.concat([head, client, body]));
    const answer = await take((await take(4)).readInt32BE());
    return answer.subarray(4);
  }

  try {
    const errorCode = (await ask(API_VERSIONS, 0, Buffer.alloc(0))).readInt16BE();
    if (errorCode !== 0) throw new Error(`ApiVersions answered error ${errorCode}`);
    const noTopics = Buffer.alloc(4); // an empty array: since v1 that means none, not all
    return brokersOf(await ask(METADATA, 1, noTopics));
  } catch (error) {
    throw new TransientError(`Kafka on port ${port}: ${(error as Error).message}`, { cause: error });
  } finally {
    socket.destroy();
  }
}

const API_VERSIONS = 18;
const METADATA = 3;

/** Metadata response v1 begins with an array of brokers: node id, host, port, nullable rack. */
function brokersOf(answer: Buffer): LiveBroker[] {
  let at = 4;
  const int32 = () => {
    at += 4;
    return answer.readInt32BE(at - 4);
  };
  const text = () => {
    const length = Math.max(0, answer.readInt16BE(at));
    at += 2 + length;
    return answer.toString('utf8', at - length, at);
  };
  return Array.from({ length: answer.readInt32BE(0) }, () => {
    const broker = { id: int32(), host: text(), port: int32() };
    text(); // rack
    return broker;
  }).sort((a, b) => a.id - b.id);
}
