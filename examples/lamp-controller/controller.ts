/**
 * What stands in for a lamp controller, to try the examples with. It does what a service of at-least-once delivery needs
 * of its other side: an effect with a key that it knows changes nothing, and an older window does not undo a newer one.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Lamp {
  readonly level: number;
  readonly startUs: number;
  readonly revision: number;
}

export interface LampController extends AsyncDisposable {
  readonly url: string;
  /** By gateway. */
  readonly lamps: ReadonlyMap<string, Lamp>;
  /** By key: what was done, and how often it was asked for. */
  readonly effects: ReadonlyMap<string, { readonly body: string; readonly times: number }>;
}

/** @param port 0: any. @param refuse asked before each effect: true answers 503, as one that is away for a while. */
export async function openLampController(
  port: number,
  { say = (_sentence: string): void => {}, refuse = (_key: string): boolean => false } = {},
): Promise<LampController> {
  const lamps = new Map<string, Lamp>();
  const effects = new Map<string, { body: string; times: number }>();
  const take = (path: string, key: string, body: string): void => {
    const known = effects.get(key);
    effects.set(key, { body, times: (known?.times ?? 0) + 1 });
    if (known !== undefined) return;
    const gateway = /^\/lamps\/([a-z0-9_-]+)$/.exec(path)?.[1];
    if (gateway === undefined) return say(`message: ${body}`);
    const lamp = JSON.parse(body) as Lamp;
    const now = lamps.get(gateway);
    const isNewer =
      now === undefined || lamp.startUs > now.startUs || (lamp.startUs === now.startUs && lamp.revision > now.revision);
    if (!isNewer) return;
    lamps.set(gateway, lamp);
    if (lamp.level !== now?.level) say(`${gateway}: ${lamp.level} %`);
  };
  const server = createServer((request, response) => {
    void bodyOf(request).then(body => {
      const key = request.headers['idempotency-key'];
      if (request.method !== 'PUT' || typeof key !== 'string') return response.writeHead(400).end();
      if (refuse(key)) return response.writeHead(503).end();
      take(request.url ?? '', key, body);
      return response.writeHead(204).end();
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lamps,
    effects,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  return body;
}
