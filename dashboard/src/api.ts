/** What programs and the page ask: `/api/`. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import {
  alertsAnswer,
  completenessAnswer,
  gapsAnswer,
  gatewaysAnswer,
  latestAnswer,
  rangeAnswer,
  seriesAnswer,
  sitesAnswer,
  zonesAnswer,
} from './answers.ts';
import { calendarOf } from './calendar.ts';
import type { Database } from './database.ts';
import { gapsOf } from './gaps.ts';
import { matchingGateways } from './gateways.ts';
import { answers, RequestError, sendAnswer } from './http.ts';
import type { Live } from './live.ts';
import {
  acknowledgementBody,
  alertParams,
  alertsQuery,
  completenessQuery,
  gapsQuery,
  gatewaysQuery,
  latestQuery,
  liveQuery,
  noParameters,
  rangeQuery,
  type Selection,
  seriesQuery,
  zonesQuery,
} from './parameters.ts';
import { matchingSeries, sitesOf, zonesOf } from './places.ts';
import type { Ranges } from './ranges.ts';
import { isStale, type Snapshots } from './snapshot.ts';

export interface ApiParts {
  readonly database: Database;
  readonly snapshots: Snapshots;
  readonly ranges: Ranges;
  readonly live: Live;
  readonly lookbackMs: number;
}

/** Registers `GET path` with the checks of its query and the schema of its answer. */
type Get = <Q extends z.ZodType, A extends z.ZodType>(
  path: string,
  summary: string,
  query: Q,
  answer: A,
  handle: (query: z.output<Q>) => Promise<z.input<A>>,
) => void;

export function addApi(server: FastifyInstance, parts: ApiParts): void {
  const get: Get = (path, summary, query, answer, handle) =>
    server.get(
      path,
      { schema: { summary, tags: ['data'], querystring: query, response: answers(answer) } },
      (request: FastifyRequest) => handle(request.query as z.output<typeof query>),
    );
  addPlaces(get, parts);
  addSeries(get, parts);
  addHistory(get, parts);
  addAlerts(server, get, parts);
  addLive(server, parts.live);
}

function addPlaces(get: Get, { snapshots, database }: ApiParts): void {
  get('/api/sites', 'Sites, with how complete their last hour is', noParameters, sitesAnswer, async () => {
    const snapshot = await snapshots.newest();
    return { now: Date.now(), sites: sitesOf(snapshot) };
  });
  get(
    '/api/zones',
    'Zones, with their metrics of the last closed minute',
    zonesQuery,
    zonesAnswer,
    async ({ site }) => ({
      now: Date.now(),
      zones: await zonesOf(database, await snapshots.newest(), site),
    }),
  );
  get('/api/gateways', 'Gateways: state, outbox, clock, holes', gatewaysQuery, gatewaysAnswer, async query => {
    const { gateways } = await snapshots.newest();
    return { now: Date.now(), gateways: matchingGateways(gateways, query) };
  });
}

function addSeries(get: Get, { snapshots }: ApiParts): void {
  get(
    '/api/series',
    'Series with their newest values',
    seriesQuery,
    seriesAnswer,
    async ({ offset, limit, ...query }) => {
      const snapshot = await snapshots.newest();
      const found = matchingSeries(snapshot, query);
      const now = Date.now();
      return {
        now,
        truncated: snapshot.truncated,
        total: found.length,
        series: found.slice(offset, offset + limit).map(one => ({ ...one, ageMs: now - one.at })),
      };
    },
  );
  get('/api/latest', 'Newest values alone', latestQuery, latestAnswer, async query => {
    const now = Date.now();
    const found = matchingSeries(await snapshots.newest(), query);
    return { now, latest: found.map(one => ({ ...one, ageMs: now - one.at, stale: isStale(one, now) })) };
  });
}

function addHistory(get: Get, { database, snapshots: { catalog }, ranges, lookbackMs }: ApiParts): void {
  get('/api/range', 'History of a series, in the resolution that fits', rangeQuery, rangeAnswer, query =>
    ranges.whole(query),
  );
  get('/api/completeness', 'How complete each hour or day was', completenessQuery, completenessAnswer, query =>
    calendarOf(database, catalog, query, lookbackMs),
  );
  get('/api/gaps', 'When a series was silent', gapsQuery, gapsAnswer, query => gapsOf(database, catalog, query));
}

function addAlerts(server: FastifyInstance, get: Get, { snapshots: { alerts } }: ApiParts): void {
  get('/api/alerts', 'Alerts, raised and cleared', alertsQuery, alertsAnswer, async query => ({
    now: Date.now(),
    ...(await alerts.list(query)),
  }));
  server.post(
    '/api/alerts/:id/acknowledgement',
    {
      schema: {
        summary: 'Say that somebody has seen an alert (operators)',
        tags: ['data'],
        params: alertParams,
        body: acknowledgementBody,
        response: answers(z.object({ acknowledged: z.literal(true) }), 201),
      },
    },
    async (request, reply) => {
      const { who } = request;
      if (who?.role !== 'operator' || who.user === null)
        throw new RequestError(403, 'Only operators acknowledge alerts; log in as one.');
      const { id } = request.params as z.output<typeof alertParams>;
      const { note } = request.body as z.output<typeof acknowledgementBody>;
      if (!(await alerts.acknowledge({ alert: id, user: who.user, note })))
        throw new RequestError(404, 'There is no such alert.');
      return reply.code(201).send({ acknowledged: true });
    },
  );
}

function addLive(server: FastifyInstance, live: Live): void {
  server.get(
    '/api/live',
    {
      schema: {
        summary: 'Server-sent events: snapshot, change, points of a series, outage',
        tags: ['data'],
        querystring: liveQuery,
        produces: ['text/event-stream'],
      },
    },
    (request: FastifyRequest, reply: FastifyReply) => {
      const query = request.query as z.output<typeof liveQuery>;
      const selection = 'gateway' in query ? (query as Selection) : undefined;
      const head = Object.fromEntries(Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)]));
      if (!live.admit(reply.raw, selection, head)) {
        reply.header('retry-after', '10');
        return sendAnswer(reply, 503, { error: 'As many viewers as this dashboard allows are connected already.' });
      }
      reply.hijack();
      return reply;
    },
  );
}
