/** Programs on this machine (or, where the operator says so, others) send readings over HTTP; 202 says that they are on disk. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { ConfigError, messageOf } from '@millrace/runtime/errors.ts';
import { Sensors, watchSilence } from '../sensors.ts';
import type { Emit, Source, SourceKind } from '../source.ts';
import { declareSteadily } from '../steady.ts';
import { type HttpConfig, httpSchema } from './config.ts';
import { readingsHandler } from './handler.ts';
import { listenAt, type Place } from './listen.ts';

export const http = {
  schema: httpSchema,
  async open(config: HttpConfig, { key, resolvePath }) {
    let { token } = config;
    if (config.tokenFile !== undefined) {
      const text = await readFile(resolvePath(config.tokenFile), 'utf8').catch((error: unknown) => {
        throw ConfigError.of(`${key}.tokenFile`, `cannot be read (${messageOf(error)})`);
      });
      token = text.replace(/\r?\n$/, '');
      if (token.length < 16) throw ConfigError.of(`${key}.tokenFile`, 'must hold a secret of at least 16 characters');
    }
    const place =
      config.socket === undefined ? { host: config.host, port: config.port! } : { socket: resolvePath(config.socket) };
    return httpSource({ ...config, token }, place);
  },
} satisfies SourceKind;

const maxConnections = 256;
const headersTimeoutMs = 10_000;
/** How long requests that have begun may take when the agent stops. */
const drainMs = 3000;

/** @param onListening called with the server once it accepts connections, in each run. */
export function httpSource(config: HttpConfig, place: Place, onListening?: (server: Server) => void): Source {
  return {
    async run(emit, { signal: agent, nowUs, trouble, log }) {
      const stop = new AbortController();
      const signal = AbortSignal.any([agent, stop.signal]);
      const sensors = new Sensors(trouble);
      const emitHeard: Emit = async readings => {
        await emit(readings);
        sensors.heard(new Set(readings.map(({ sensor }) => sensor)), config.silentAfterMs, nowUs());
      };
      const server = createServer(
        {
          headersTimeout: Math.min(headersTimeoutMs, config.requestTimeoutMs),
          requestTimeout: config.requestTimeoutMs,
          connectionsCheckingInterval: Math.min(5000, config.requestTimeoutMs),
          keepAliveTimeout: 5000,
          maxHeaderSize: 16_384,
        },
        readingsHandler({ ...config, unnamed: config.name ?? config.type, emit: emitHeard, nowUs, trouble }),
      );
      server.maxConnections = maxConnections;
      // Without a listener, one connection that cannot be accepted (EMFILE) would end the process.
      server.on('error', error => log.warn(`a connection was not accepted: ${error.message}`));
      try {
        await listenAt(server, place);
        log.info(place, 'readings are taken over HTTP');
        onListening?.(server);
        await Promise.all([
          declareSteadily(emit, { latenessMs: config.latenessMs, nowUs, signal }),
          watchSilence(sensors, { nowUs, signal }),
        ]);
      } finally {
        stop.abort();
        await drained(server);
      }
    },
  };
}

/** No new connection; those with a request are answered first. */
async function drained(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  const late = new AbortController();
  void wait(drainMs, undefined, { signal: late.signal }).then(
    () => server.closeAllConnections(),
    () => {},
  );
  await closed;
  late.abort();
}
