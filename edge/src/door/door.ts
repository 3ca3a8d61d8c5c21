/**
 * The agent's local door: HTTP on a unix socket, for programs on the same gateway (Node-RED, `millrace edge status`).
 * Who may open the socket is the file's mode's business: 0660, so the agent's user and group.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { ConfigError, messageOf } from '@millrace/runtime/errors.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import { maxCommandBytes } from '@millrace/wire/command.ts';
import type { Commands } from '../commands.ts';
import { listenAt } from '../sources/http/listen.ts';
import type { AgentStatus } from './status.ts';

export interface DoorOptions {
  /** Path of the socket. */
  readonly socket: string;
  readonly status: () => AgentStatus;
  readonly commands: Commands;
  /** Answers `POST /readings`. */
  readonly onReadings: (request: IncomingMessage, response: ServerResponse) => void;
  readonly log: Logger;
}

const keepAliveMs = 15_000;
/** Longer names do not fit a unix socket's address (unix(7)). */
const maxPathBytes = 107;

/**
 * @param isNamed the operator has named the socket; one that nobody named is gone without where its path is too long.
 * @throws {ConfigError} when the socket cannot be made.
 */
export async function openDoor(options: DoorOptions, isNamed: boolean): Promise<AsyncDisposable | undefined> {
  const { socket, log } = options;
  if (Buffer.byteLength(socket) > maxPathBytes) {
    const fault = `the path has more than ${maxPathBytes} bytes: ${socket}; name a shorter one`;
    if (isNamed) throw ConfigError.of('edge.local.socket', fault);
    log.warn(`no door for programs on this gateway: ${fault} (edge.local.socket)`);
    return undefined;
  }
  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, (request, response) =>
    answer(request, response, options),
  );
  try {
    await listenAt(server, { socket });
  } catch (error) {
    throw ConfigError.of('edge.local.socket', `cannot listen on ${socket} (${messageOf(error)})`);
  }
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  };
}

function answer(request: IncomingMessage, response: ServerResponse, options: DoorOptions): void {
  const { status, commands, onReadings } = options;
  switch (`${request.method} ${request.url?.split('?')[0]}`) {
    case 'GET /status':
      return json(response, 200, status());
    case 'POST /readings':
      return onReadings(request, response);
    case 'GET /commands':
      return streamCommands(response, commands);
    case 'POST /replies':
      return void takeReply(request, response, commands).catch((error: unknown) =>
        json(response, 400, { mistakes: [{ at: '', message: messageOf(error) }] }),
      );
    default:
      return json(response, 404, { error: 'try GET /status, POST /readings, GET /commands or POST /replies' });
  }
}

/** A line a command; an empty line now and then, so that either side notices when the other is gone. */
function streamCommands(response: ServerResponse, commands: Commands): void {
  response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
  response.flushHeaders();
  const stop = commands.listen(command => response.write(`${JSON.stringify(command)}\n`));
  const pulse = setInterval(() => response.write('\n'), keepAliveMs);
  pulse.unref();
  response.on('close', () => {
    stop();
    clearInterval(pulse);
  });
}

async function takeReply(request: IncomingMessage, response: ServerResponse, commands: Commands): Promise<void> {
  let size = 0;
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxCommandBytes) return json(response, 413, { error: `at most ${maxCommandBytes} bytes are taken` });
    chunks.push(chunk);
  }
  const reply = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { id?: unknown; ok?: unknown; body?: unknown };
  if (typeof reply.id !== 'string' || reply.id === '' || reply.id.length > 128 || typeof reply.ok !== 'boolean')
    return json(response, 400, {
      mistakes: [{ at: '', message: 'must be {"id": text, "ok": true or false, "body": …}' }],
    });
  commands.reply(reply.id, reply.ok, reply.body);
  json(response, 202, {});
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(`${JSON.stringify(body)}\n`);
}
