/** Until the agent has its local door: the agent's outbox and uplink with a door of the same form. `node stand-in.ts FILE` */
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { dirname, join } from 'node:path';
import { json } from 'node:stream/consumers';
import { loadConfig } from '@millrace/runtime/config.ts';
import { logSchema } from '@millrace/runtime/schemas.ts';
import { runService } from '@millrace/runtime/service.ts';
import mqtt from 'mqtt';
import { edgeSchema, outboxPath } from '../../src/config.ts';
import { edgeMetrics } from '../../src/metrics.ts';
import { openOutbox } from '../../src/outbox/outbox.ts';
import { faultOfSeries } from '../../src/reading.ts';
import { clockStateOf, statusOf } from '../../src/status.ts';
import { Uplink } from '../../src/uplink.ts';
import { decodeCommand, encodeReply } from './command-codec.ts';

const from = { file: process.argv[2], env: process.env };
const { edge, log: logConfig } = loadConfig(from, { edge: edgeSchema, log: logSchema });
process.exitCode = await runService(
  { name: 'edge', section: 'edge', logLevel: logConfig.level, health: edge.health },
  async service => {
    const { log } = service;
    const { gateway, site, zone } = edge;
    const path = outboxPath(edge, from);
    await using outbox = openOutbox({
      ...edge.outbox,
      path,
      origin: { gateway, site, zone, clock: clockStateOf(edge) },
      sources: ['local'],
      log,
    });
    const metrics = edgeMetrics(service.metrics, outbox);
    await using uplink = new Uplink({ ...edge, outbox, status: () => statusOf(edge, outbox), log, ...metrics });
    metrics.watch(uplink);
    const listeners = new Set<ServerResponse>();
    const client = mqtt.connect(edge.mqtt.url, { clientId: `${gateway}-commands` });
    client.subscribe(`millrace/v1/${gateway}/commands`, { qos: 1 });
    client.on('message', (_topic, payload) => {
      for (const listener of listeners) listener.write(`${JSON.stringify(decodeCommand(payload))}\n`);
    });
    const answer = (response: ServerResponse, status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json', ...(status === 503 && { 'retry-after': '1' }) });
      response.end(JSON.stringify(body));
    };
    const routes: Record<string, (request: IncomingMessage, response: ServerResponse) => Promise<void>> = {
      'POST /readings': async (request, response) => {
        const body = (await json(request)) as Record<string, unknown>[];
        const mistakes = body.flatMap((reading, i) => {
          const fault = typeof reading['value'] === 'number' ? faultOfSeries(reading as never) : 'value is missing';
          return fault === undefined
            ? []
            : [{ at: `[${i}].${fault.includes('unit') ? 'unit' : 'value'}`, message: fault }];
        });
        if (mistakes.length > 0) return answer(response, 400, { mistakes });
        if (outbox.writable !== true) return answer(response, 503, { message: outbox.writable });
        const readings = body.map(({ time, ...rest }) => ({
          ...rest,
          timeUs: (time === undefined ? Date.now() : Date.parse(time as string)) * 1000,
        }));
        await outbox.append('local', readings as never);
        answer(response, 202, { taken: body.length });
      },
      'GET /status': async (_request, response) => {
        const { readings, bytes, lastSeq } = outbox.level;
        answer(response, 200, {
          gateway,
          boot: String(outbox.boot),
          lastSeq,
          connected: uplink.connected,
          outbox: { readings, bytes, writable: outbox.writable },
          clock: { state: 'SYNCED' },
          sources: [],
          version: '0',
        });
      },
      'GET /commands': async (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/x-ndjson' }).flushHeaders();
        listeners.add(response);
        response.on('close', () => listeners.delete(response));
      },
      'POST /replies': async (request, response) => {
        const { id, ok, body } = (await json(request)) as { id: string; ok: boolean; body: unknown };
        client.publish(`millrace/v1/${gateway}/replies`, encodeReply({ id, ok, body }, gateway), { qos: 1 });
        answer(response, 202, {});
      },
    };
    const server = createServer(
      (request, response) => void routes[`${request.method} ${request.url}`]!(request, response),
    );
    const socket = join(dirname(path), 'agent.sock');
    rmSync(socket, { force: true });
    server.listen(socket, () => chmodSync(socket, 0o660));
    await service.untilStopped(outbox.failed);
    for (const listener of listeners) listener.destroy();
    client.end(true);
    server.close();
  },
);
