/** `/livez`, `/readyz` and `/metrics` of a service. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { ConfigError, messageOf } from './errors.ts';
import type { HealthConfig } from './schemas.ts';

export interface Health extends AsyncDisposable {
  readonly port: number;
  /** Adds a condition for `/readyz`; it answers true, or a sentence that says what is missing. */
  check(name: string, condition: () => true | string): void;
}

/** Ready means: could store an item now. With no check added the service is still starting, hence not ready. */
export async function openHealth(config: HealthConfig, key: string, registry: Registry): Promise<Health> {
  const checks = new Map<string, () => true | string>();
  const server = createServer((request, response) => {
    const answer = (status: number, body: string, type = 'text/plain; charset=utf-8'): void => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
    };
    switch (request.url?.split('?')[0]) {
      case '/livez':
        return answer(200, 'alive\n');
      case '/readyz': {
        const missing = [...checks]
          .map(([name, condition]) => ({ name, state: condition() }))
          .filter(({ state }) => state !== true);
        if (checks.size === 0) return answer(503, 'starting\n');
        return missing.length === 0
          ? answer(200, 'ready\n')
          : answer(503, `${missing.map(({ name, state }) => `${name}: ${state}`).join('\n')}\n`);
      }
      case '/metrics':
        return void registry.metrics().then(
          text => answer(200, text, registry.contentType),
          () => answer(500, 'metrics cannot be collected\n'),
        );
      default:
        return answer(404, 'try /livez, /readyz or /metrics\n');
    }
  });
  server.listen(config.port, config.host);
  try {
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE')
      throw ConfigError.of(`${key}.health`, `cannot listen on ${config.host}:${config.port} (${messageOf(error)})`);
    throw ConfigError.of(
      `${key}.health.port`,
      `port ${config.port} on ${config.host} is in use; set another, or 0 for a free one`,
    );
  }
  return {
    port: (server.address() as AddressInfo).port,
    check: (name, condition) => void checks.set(name, condition),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
