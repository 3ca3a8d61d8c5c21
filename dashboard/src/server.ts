/** The dashboard's address: the page, its files, and the API that both it and other programs read. */
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import { ConfigError } from '@millrace/runtime/errors.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import { type FastifyInstance, fastify } from 'fastify';
import type { z } from 'zod';
import type { Access } from './access/guard.ts';
import { addAccess } from './access/routes.ts';
import { type ApiParts, addApi } from './api.ts';
import type { AccessConfig, PageConfig } from './config.ts';
import type { Outage } from './database.ts';
import { addExport, type ExportLimits } from './export.ts';
import { answers, RequestError, sendAnswer, sendError, sentence } from './http.ts';
import { addOpenApi } from './openapi.ts';
import { addPage, isPageAddress, type PageParts, sendAsset } from './page-routes.ts';

export interface ServerParts extends ApiParts, PageParts {
  readonly access: Access;
  readonly limits: ExportLimits & Pick<AccessConfig, 'requestsPerMinute' | 'loginsPerMinute' | 'proxies'>;
  readonly outage: () => Outage | undefined;
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

const sixteenKb = 16_384;

async function createServer(parts: ServerParts): Promise<FastifyInstance> {
  const { limits, access, assets, page } = parts;
  const server = fastify({
    forceCloseConnections: true,
    bodyLimit: sixteenKb,
    requestTimeout: 10_000,
    trustProxy: limits.proxies.length > 0 ? limits.proxies : false,
  });
  server.setValidatorCompiler<z.ZodType>(({ schema }) => data => {
    const result = schema.safeParse(data);
    return result.success ? { value: result.data } : { error: new Error(result.error.issues.map(sentence).join('; ')) };
  });
  server.setErrorHandler((error, _request, reply) => sendError(error, reply, parts));
  await server.register(helmet, {
    contentSecurityPolicy: contentSecurityPolicy(page),
    frameguard: page.embedIn.length === 0 && { action: 'deny' },
    strictTransportSecurity: false,
  });
  await server.register(rateLimit, {
    max: limits.requestsPerMinute,
    timeWindow: 60_000,
    errorResponseBuilder: (_request, { after }) =>
      new RequestError(429, `These are more requests than one address may make; go on in ${after}.`),
  });
  server.addHook('onRequest', async (request, reply) => {
    if (request.url.startsWith('/api/')) reply.header('cache-control', 'no-store');
  });
  await addOpenApi(server);
  await addAccess(server, access, answers, limits.loginsPerMinute);
  addPage(server, parts);
  addApi(server, parts);
  addExport(server, parts.database, limits, parts.log);
  const index = assets.get('/');
  server.setNotFoundHandler((request, reply) =>
    index !== undefined && isPageAddress(request)
      ? sendAsset(index, request, reply)
      : sendAnswer(reply, 404, { error: 'There is nothing at this address.' }),
  );
  return server;
}

/** Nothing but this server's own files; no inline script or style. TLS, and with it HSTS, is the reverse proxy's. */
function contentSecurityPolicy({ embedIn }: PageConfig) {
  return {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'"],
      connectSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: embedIn.length > 0 ? [...embedIn] : ["'none'"],
    },
  };
}
