/** For this folder's tests: alerts, and a receiver of webhooks as a city might run one. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Alert, encodeAlert } from '@millrace/wire/alert.ts';
import type { Lab } from '../testing.ts';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly id: string;
}

export interface Receiver extends AsyncDisposable {
  readonly url: string;
  readonly received: readonly Received[];
  /** Requests it has not answered, most at a time. */
  readonly mostOpen: number;
  /** What it answers from now on; default 204. */
  answer(by: (received: Received, response: ServerResponse) => void): void;
}

export async function openReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  let [open, mostOpen] = [0, 0];
  let by = (_: Received, response: ServerResponse): void => void response.writeHead(204).end();
  const server = createServer((request, response) => {
    mostOpen = Math.max(mostOpen, ++open);
    response.on('close', () => open--);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { url: path = '', headers } = request;
      const one = { path, headers, body: Buffer.concat(chunks).toString(), id: String(headers['webhook-id']) };
      received.push(one);
      by(one, response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    get mostOpen() {
      return mostOpen;
    },
    answer(next) {
      by = next;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

export const secret = `whsec_${Buffer.from('a secret of thirty-two bytes, so').toString('base64')}`;

export function testAlert(changes: Partial<Alert> = {}): Alert {
  return {
    id: 'a-1',
    gateway: 'lamp-1' as Alert['gateway'],
    sensor: 'air 1',
    metric: 'temperature',
    rule: 'heat',
    severity: 2,
    state: 1,
    value: 61.5,
    message: 'over 60 "Cel"\nfor 5 min – Höfn',
    atUs: 1_760_000_000_123_456,
    ...changes,
  };
}

export async function sendAlert(lab: Lab, changes: Partial<Alert> = {}): Promise<void> {
  const alert = testAlert(changes);
  const key = `${alert.gateway}/${alert.sensor}/${alert.metric}`;
  await lab.producer.send({ topic: lab.topics.alerts, key, value: encodeAlert(alert) });
}
