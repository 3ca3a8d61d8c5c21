import { randomInt } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { ConfigError, InvariantError } from '@millrace/runtime/errors.ts';

/**
 * A port nobody listens on, on loopback. Taken below 32768, where Linux hands none out to outgoing connections, so
 * that a server restarted on its port finds it free.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = randomInt(15_000, 32_000);
    if (await isFree(port)) return port;
  }
  throw new InvariantError('no free port found between 15000 and 32000 in 200 attempts');
}

/**
 * The port itself when it is free, a free one for 0.
 * @throws {ConfigError} naming the port, its key, its holder where that is known, and the remedy.
 */
export async function claimPort(key: string, port: number): Promise<number> {
  if (port === 0) return freePort();
  if (await isFree(port)) return port;
  const holder = holderOf(port);
  throw ConfigError.of(
    key,
    `port ${port} on 127.0.0.1 is in use${holder ? ` by ${holder}` : ''}; stop that program, or set ${key} to a free port`,
  );
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(ConfigError.of(`port ${port}`, `cannot be listened on: ${error.message}`));
    });
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** `java (pid 4711)`, from /proc; undefined elsewhere and for processes of other users. */
function holderOf(port: number): string | undefined {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const sockets = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readLines(table)) {
      const fields = line.trim().split(/\s+/);
      // proc(5), net/tcp: local address, …, state 0A = LISTEN, …, inode
      if (fields[1]?.endsWith(suffix) && fields[3] === '0A') sockets.add(`socket:[${fields[9]}]`);
    }
  }
  if (sockets.size === 0) return undefined;
  for (const pid of list('/proc').filter(name => /^\d+$/.test(name))) {
    const holds = list(`/proc/${pid}/fd`).some(fd => sockets.has(linkOf(`/proc/${pid}/fd/${fd}`)));
    if (holds) return `${readLines(`/proc/${pid}/comm`)[0] ?? 'a process'} (pid ${pid})`;
  }
  return undefined;
}

// A process may end, or belong to someone else, between two looks at /proc: then it is simply not known.
function readLines(path: string): string[] {
  try {
    return readFileSync(path, 'latin1').split('\n');
  } catch {
    return [];
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
