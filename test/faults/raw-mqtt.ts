/** Just enough MQTT 3.1.1 to send what no client library sends by itself: the same PUBLISH again, with the DUP flag. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export class RawClient implements AsyncDisposable {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', chunk => {
      this.#received = Buffer.concat([this.#received, chunk]);
    });
  }

  static async open(port: number, clientId: string): Promise<RawClient> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const client = new RawClient(socket);
    // Protocol level 4, clean session, keep-alive 60 s; the user name is the gateway's.
    const variable = Buffer.concat([text('MQTT'), Buffer.from([4, 0x82, 0, 60]), text(clientId), text(clientId)]);
    socket.write(packet(0x10, variable));
    const connack = await client.#read(4);
    if (connack[0] !== 0x20 || connack[3] !== 0) throw new Error(`CONNACK ${connack.toString('hex')}`);
    return client;
  }

  /** QoS 1; resolves at PUBACK. */
  async publish(topic: string, payload: Uint8Array, { id, dup }: { id: number; dup: boolean }): Promise<void> {
    const variable = Buffer.concat([text(topic), Buffer.from([id >> 8, id & 0xff]), payload]);
    this.#socket.write(packet(dup ? 0x3a : 0x32, variable));
    const puback = await this.#read(4);
    if (puback[0] !== 0x40 || puback.readUInt16BE(2) !== id) throw new Error(`PUBACK ${puback.toString('hex')}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#socket, 'close');
    this.#socket.destroy();
    await closed;
  }

  async #read(bytes: number): Promise<Buffer> {
    while (this.#received.length < bytes) await once(this.#socket, 'data');
    const head = this.#received.subarray(0, bytes);
    this.#received = this.#received.subarray(bytes);
    return head;
  }
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

/** Remaining length in groups of seven bits, MQTT 3.1.1, 2.2.3. */
function packet(header: number, body: Buffer): Buffer {
  const length: number[] = [];
  for (let left = body.length; ; ) {
    const group = left % 128;
    left = Math.floor(left / 128);
    length.push(left > 0 ? group | 0x80 : group);
    if (left === 0) break;
  }
  return Buffer.concat([Buffer.from([header, ...length]), body]);
}
