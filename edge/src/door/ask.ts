/** Asks the agent that runs on this machine how it is. */
import { request } from 'node:http';
import { type ConfigSource, loadConfig } from '@millrace/runtime/config.ts';
import { messageOf, TransientError } from '@millrace/runtime/errors.ts';
import { doorSocket, edgeSchema } from '../config.ts';
import type { AgentStatus } from './status.ts';

const timeoutMs = 5000;

/**
 * @param socket path of its door; undefined: as the configuration says.
 * @throws {TransientError} when no agent answers there. @throws {ConfigError}
 */
export async function askStatus(from: ConfigSource, socket: string | undefined): Promise<AgentStatus> {
  const socketPath = socket ?? doorSocket(loadConfig(from, { edge: edgeSchema }).edge, from);
  const text = await get(socketPath, '/status').catch((error: unknown) => {
    const code = (error as NodeJS.ErrnoException).code;
    const what =
      code === 'EACCES'
        ? 'this user may not open it (it is for the agent’s user and group)'
        : code === 'ENOENT' || code === 'ECONNREFUSED'
          ? 'no agent runs there; is it another configuration file? (--config, --socket)'
          : messageOf(error);
    throw new TransientError(`${socketPath}: ${what}`);
  });
  return JSON.parse(text) as AgentStatus;
}

function get(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, timeout: timeoutMs }, response => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () =>
        response.statusCode === 200 ? resolve(text) : reject(new Error(`answered ${response.statusCode}: ${text}`)),
      );
      response.on('error', reject);
    });
    asked.on('timeout', () => asked.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    asked.on('error', reject);
    asked.end();
  });
}
