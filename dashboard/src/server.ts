/** The dashboard's address: the page, its files, and the API that both it and other programs read. */
import helmet from '@fastify/helmet';
import { ConfigError, messageOf, TransientError } from '@millrace/runtime/errors.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { z } from 'zod';
import {
  type ErrorAnswer,
  errorAnswer,
  gatewaysAnswer,
  rangeAnswer,
  type Selection,
  selectionSchema,
  seriesAnswer,
} from './answers.ts';
import type { Asset } from './assets.ts';
import type { Outage } from './database.ts';
import { jsonSchema } from './json-schema.ts';
import { type Live, ownFault } from './live.ts';
import type { Ranges } from './ranges.ts';
import type { Snapshot } from './snapshot.ts';

export interface ServerParts {
  readonly snapshots: () => Promise<Snapshot>;
  readonly ranges: Ranges;
  readonly live: Live;
  readonly outage: () => Outage | undefined;
  readonly assets: ReadonlyMap<string, Asset>;
  readonly log: Logger;
}

/** Listens when this resolves. @throws {ConfigError} the port is in use, or the address is not this machine's. */
export async function openServer(
  { host, port }: { readonly host: string; readonly port: number },
  parts: ServerParts,
): Promise<{ readonly url: string } & AsyncDisposable> {
  const server = await createServer(parts);
  try {
    const url = await server.listen({ host, port });
    return { url, [Symbol.asyncDispose]: () => server.close() };
  } catch (error) {
    throw addressMistake(error, host, port) ?? error;
  }
}

function addressMistake(error: unknown, host: string, port: number): ConfigError | undefined {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return ConfigError.of('dashboard.port', `port ${port} on ${host} is in use; set another, or 0 for a free one`);
    case 'EACCES':
      return ConfigError.of('dashboard.port', `port ${port} needs rights this user lacks; set one from 1024 up`);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return ConfigError.of(
        'dashboard.host',
        `"${host}" is no address of this machine; 127.0.0.1 and 0.0.0.0 always are`,
      );
    default:
      return undefined;
  }
}

async function createServer(parts: ServerParts): Promise<FastifyInstance> {
  const server = fastify({ forceCloseConnections: true, bodyLimit: 1_024, requestTimeout: 10_000 });
  server.setValidatorCompiler<z.ZodType>(({ schema }) => data => {
    const result = schema.safeParse(data);
    return result.success ? { value: result.data } : { error: new Error(result.error.issues.map(sentence).join('; ')) };
  });
  server.setErrorHandler((error, _request, reply) => sendError(error, reply, parts));
  server.setNotFoundHandler((_request, reply) =>
    sendAnswer(reply, 404, { error: 'There is nothing at this address.' }),
  );
  await server.register(helmet, { contentSecurityPolicy, strictTransportSecurity: false });
  addPage(server, parts.assets);
  addApi(server, parts);
  return server;
}

/** Nothing but this server's own files; no inline script or style. TLS, and with it HSTS, is the reverse proxy's. */
const contentSecurityPolicy = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'"],
    connectSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
};

function addPage(server: FastifyInstance, assets: ReadonlyMap<string, Asset>): void {
  for (const [path, asset] of assets) {
    server.get(path, (request, reply) => {
      // Kept by the browser, asked for again each time: an update shows at once, and an unchanged file costs a 304.
      reply.headers({ 'cache-control': 'no-cache', etag: asset.etag, vary: 'accept-encoding' });
      if (request.headers['if-none-match']?.includes(asset.etag)) return reply.code(304).send();
      reply.type(asset.type);
      const gzip = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
      return gzip ? reply.header('content-encoding', 'gzip').send(asset.gzipped) : reply.send(asset.body);
    });
  }
}

function addApi(server: FastifyInstance, { snapshots, ranges, live }: ServerParts): void {
  server.addHook('onRequest', async (request, reply) => {
    if (request.url.startsWith('/api/')) reply.header('cache-control', 'no-store');
  });
  const answers = (answer: z.ZodType) => ({ 200: jsonSchema(answer), '4xx': errorSchema, '5xx': errorSchema });
  const errorSchema = jsonSchema(errorAnswer);

  server.get(
    '/api/gateways',
    { schema: { querystring: noParameters, response: answers(gatewaysAnswer) } },
    async () => {
      const { gateways } = await snapshots();
      return { now: Date.now(), gateways };
    },
  );

  server.get('/api/series', { schema: { querystring: noParameters, response: answers(seriesAnswer) } }, async () => {
    const { series, truncated } = await snapshots();
    const now = Date.now();
    return { now, truncated, series: series.map(one => ({ ...one, ageMs: now - one.at })) };
  });

  server.get(
    '/api/range',
    { schema: { querystring: selectionSchema, response: answers(rangeAnswer) } },
    (request: FastifyRequest) => ranges.whole(request.query as Selection),
  );

  server.get('/api/live', { schema: { querystring: liveQuery } }, (request: FastifyRequest, reply: FastifyReply) => {
    const query = request.query as Selection | Record<string, never>;
    const selection = 'gateway' in query ? (query as Selection) : undefined;
    const head = Object.fromEntries(Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)]));
    if (!live.admit(reply.raw, selection, head)) {
      reply.header('retry-after', '10');
      return sendAnswer(reply, 503, { error: 'As many viewers as this dashboard allows are connected already.' });
    }
    reply.hijack();
    return reply;
  });
}

function sentence({ path, message }: z.core.$ZodIssue): string {
  return [path.join('.'), message.replace(/^Invalid input: /, '')].filter(part => part !== '').join(': ');
}

const noParameters = z.strictObject({});
const liveQuery = selectionSchema
  .partial()
  .refine(query => [0, 4].includes(Object.keys(query).length), 'gateway, sensor, metric and minutes go together');

function sendError(error: unknown, reply: FastifyReply, { outage, log }: ServerParts): FastifyReply {
  if (error instanceof TransientError) {
    reply.header('retry-after', '2');
    return sendAnswer(reply, 503, { error: messageOf(error), since: outage()?.since });
  }
  const status = (error as { statusCode?: number }).statusCode ?? 500;
  if (status < 500) return sendAnswer(reply, status, { error: messageOf(error) });
  log.error({ err: error }, 'a request failed');
  return sendAnswer(reply, 500, { error: ownFault });
}

function sendAnswer(reply: FastifyReply, status: number, answer: ErrorAnswer): FastifyReply {
  return reply.code(status).header('cache-control', 'no-store').send(answer);
}
