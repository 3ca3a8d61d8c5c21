/** An MQTT client that sends what it likes, when it likes: real ones wait here and there. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const text = (of: string): number[] => [of.length >> 8, of.length & 0xff, ...Buffer.from(of)];

function frame(first: number, ...body: (readonly number[] | Uint8Array)[]): Buffer {
  const length: number[] = [];
  let left = body.reduce((sum, part) => sum + part.length, 0);
  do {
    length.push((left % 128) | (left >= 128 ? 0x80 : 0));
    left = Math.floor(left / 128);
  } while (left > 0);
  return Buffer.concat([Buffer.from([first, ...length]), ...body.map(part => Buffer.from(part))]);
}

export function connectFrame(id: string, keepAliveS = 60, will?: { topic: string; payload: string }): Buffer {
  const flags = will ? 0x0e : 0x02;
  const last = will ? [...text(will.topic), ...text(will.payload)] : [];
  return frame(0x10, text('MQTT'), [4, flags, 0, keepAliveS], text(id), last);
}

/** QoS 1. */
export function publishFrame(messageId: number, payload: string | Uint8Array, topic = 't'): Buffer {
  return frame(0x32, text(topic), [messageId >> 8, messageId & 0xff], Buffer.from(payload));
}

export const pingreq = Buffer.from([0xc0, 0]);
export const disconnect = Buffer.from([0xe0, 0]);
export const pingresp = [0xd0, 0];
export const puback = (messageId: number): number[] => [0x40, 2, messageId >> 8, messageId & 0xff];

export interface RawClient {
  readonly socket: Socket;
  /** All bytes since the CONNACK. */
  readonly received: number[];
  readonly ended: boolean;
  readonly reset: boolean;
}

/** The return code of the CONNACK. */
export async function knock(port: number, id: string): Promise<number> {
  const socket = connect(port, '127.0.0.1');
  socket.write(connectFrame(id));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  assert.deepEqual([answer[0], answer[1]], [0x20, 2]);
  return answer[3]!;
}

/** Connected: its CONNACK has come. */
export async function rawClient(port: number, id: string, keepAliveS?: number): Promise<RawClient> {
  const socket = connect(port, '127.0.0.1');
  const client = { socket, received: [] as number[], ended: false, reset: false };
  socket.on('end', () => (client.ended = true));
  socket.on('error', () => (client.reset = true));
  socket.on('data', chunk => {
    for (const byte of chunk) client.received.push(byte);
  });
  socket.write(connectFrame(id, keepAliveS));
  await until('CONNACK', () => client.received.length >= 4);
  assert.deepEqual(client.received.splice(0, 4), [0x20, 2, 0, 0]);
  return client;
}

/** Waits for a condition that other turns of the event loop bring about. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  withinMs = 30_000,
): Promise<void> {
  for (const end = Date.now() + withinMs; !(await condition()); ) {
    assert.ok(Date.now() < end, `not within ${withinMs} ms: ${what}`);
    await new Promise(resolve => setTimeout(resolve, 2));
  }
}
