/** The page and its files, what the operator set for it, and the outlines of the map. */
import { readFileSync, statSync } from 'node:fs';
import { ConfigError, messageOf } from '@millrace/runtime/errors.ts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { pageAnswer } from './answers.ts';
import type { Asset } from './assets.ts';
import type { PageConfig } from './config.ts';
import { answers, RequestError } from './http.ts';
import { maxPoints, noParameters } from './parameters.ts';

export interface PageParts {
  readonly assets: ReadonlyMap<string, Asset>;
  readonly page: PageConfig;
  readonly refreshMs: number;
}

const maxOutlineBytes = 8_000_000;

/** The page's own addresses (`/series/…`) are all its one document. */
export function addPage(server: FastifyInstance, { assets, page, refreshMs }: PageParts): void {
  for (const [path, asset] of assets)
    server.get(path, { schema: { hide: true } }, (request, reply) => sendAsset(asset, request, reply));

  const outlines = page.outlines === undefined ? undefined : readOutlines(page.outlines);
  const settings = {
    title: page.title,
    timeZone: page.timeZone ?? null,
    outlines: outlines !== undefined,
    attribution: page.attribution ?? null,
    refreshMs,
    maxPoints,
  };
  const schema = { summary: 'What the operator set for the page', tags: ['page'], querystring: noParameters };
  server.get('/api/page', { schema: { ...schema, response: answers(pageAnswer) } }, async () => settings);
  server.get(
    '/api/outlines',
    { schema: { summary: 'GeoJSON of the map', tags: ['page'], querystring: noParameters } },
    async (_request, reply) => {
      if (outlines === undefined)
        throw new RequestError(404, 'The operator has set no outlines (dashboard.page.outlines).');
      return reply.type('application/geo+json').send(outlines);
    },
  );
}

/** What is no file and no API is the page, which knows what to say of the address. */
export function isPageAddress({ method, url, headers }: FastifyRequest): boolean {
  return (
    (method === 'GET' || method === 'HEAD') &&
    !url.startsWith('/api/') &&
    (headers.accept?.includes('text/html') ?? false)
  );
}

export function sendAsset(asset: Asset, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  // The document is asked for again each time: an update shows at once, and an unchanged one costs a 304.
  const caching = asset.immutable ? 'public, max-age=31536000, immutable' : 'no-cache';
  reply.headers({ 'cache-control': caching, etag: asset.etag, vary: 'accept-encoding' });
  if (request.headers['if-none-match']?.includes(asset.etag)) return reply.code(304).send();
  reply.type(asset.type);
  const accepted = request.headers['accept-encoding'] ?? '';
  if (asset.brotli && /\bbr\b/.test(accepted)) return reply.header('content-encoding', 'br').send(asset.brotli);
  if (asset.gzip && /\bgzip\b/.test(accepted)) return reply.header('content-encoding', 'gzip').send(asset.gzip);
  return reply.send(asset.body);
}

const geometryTypes = [
  'Point',
  'MultiPoint',
  'LineString',
  'MultiLineString',
  'Polygon',
  'MultiPolygon',
  'GeometryCollection',
];
/** Enough to tell GeoJSON (RFC 7946) from another file; Leaflet reads the rest. */
const geoJson = z.object({
  type: z.enum(['FeatureCollection', 'Feature', ...geometryTypes]),
});

/** @throws {ConfigError} */
function readOutlines(file: string): string {
  const mistake = (message: string): ConfigError => ConfigError.of('dashboard.page.outlines', `${file} ${message}`);
  let text: string;
  try {
    if (statSync(file).size > maxOutlineBytes)
      throw mistake(`is larger than ${maxOutlineBytes / 1e6} MB, which every viewer would load; simplify it`);
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw error instanceof ConfigError ? error : mistake(`cannot be read: ${messageOf(error)}`);
  }
  try {
    geoJson.parse(JSON.parse(text));
  } catch {
    throw mistake('is no GeoJSON: a FeatureCollection, Feature or geometry is needed');
  }
  return text;
}
