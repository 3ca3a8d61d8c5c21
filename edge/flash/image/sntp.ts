/** A time server for one test: hears from the start, answers when it is told to. RFC 4330. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** Seconds from 1900 to 1970. */
const eraSeconds = 2_208_988_800;

export interface TimeServer extends AsyncDisposable {
  readonly asked: number;
  readonly answeredAtMs: number | undefined;
  answer(): void;
}

/** On UDP 123 of loopback: systemd-timesyncd knows no other port. @throws when the port is not to be had. */
export async function openTimeServer(): Promise<TimeServer> {
  const socket = createSocket('udp4');
  const state = { asked: 0, isAnswering: false, answeredAtMs: undefined as number | undefined };
  socket.on('message', (request, from) => {
    state.asked += 1;
    if (!state.isAnswering || request.length < 48) return;
    state.answeredAtMs ??= Date.now();
    const reply = Buffer.alloc(48);
    reply[0] = 0x24; // No leap second, version 4, server.
    reply[1] = 2;
    reply[2] = request[2]!;
    reply[3] = 0xec;
    reply.write('TEST', 12, 'latin1');
    request.copy(reply, 24, 40, 48);
    for (const at of [16, 32, 40]) writeTime(reply, at, Date.now());
    socket.send(reply, from.port, from.address);
  });
  socket.bind(123, '127.0.0.1');
  await once(socket, 'listening');
  return {
    get asked() {
      return state.asked;
    },
    get answeredAtMs() {
      return state.answeredAtMs;
    },
    answer: () => void (state.isAnswering = true),
    async [Symbol.asyncDispose]() {
      socket.close();
      await once(socket, 'close');
    },
  };
}

function writeTime(packet: Buffer, at: number, ms: number): void {
  packet.writeUInt32BE(Math.floor(ms / 1000) + eraSeconds, at);
  packet.writeUInt32BE(Math.floor(((ms % 1000) / 1000) * 2 ** 32), at + 4);
}
