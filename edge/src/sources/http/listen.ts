/** Where the source listens: a unix socket of mode 0660, or an address. */
import { lstat, unlink } from 'node:fs/promises';
import type { Server } from 'node:http';
import { connect } from 'node:net';

export type Place = { readonly socket: string } | { readonly host: string; readonly port: number };

/** Resolves once connections are accepted. A socket file that nobody listens on is replaced. */
export async function listenAt(server: Server, place: Place): Promise<void> {
  if (!('socket' in place)) return await listening(server, place);
  try {
    await listening(server, { path: place.socket });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    await removeStale(place.socket);
    await listening(server, { path: place.socket });
  }
}

async function listening(server: Server, at: { path: string } | { host: string; port: number }): Promise<void> {
  const settled = Promise.withResolvers<void>();
  server.once('listening', settled.resolve).once('error', settled.reject);
  // The file has its mode from the moment it is there: `listen` binds before it returns.
  const before = 'path' in at ? process.umask(0o117) : undefined;
  try {
    server.listen(at);
  } finally {
    if (before !== undefined) process.umask(before);
  }
  try {
    await settled.promise;
  } finally {
    server.off('listening', settled.resolve).off('error', settled.reject);
  }
}

/** A process that was killed leaves its socket behind. */
async function removeStale(socket: string): Promise<void> {
  if (!(await lstat(socket)).isSocket()) throw new Error(`${socket} is there and is no socket: it is left alone`);
  const alive = await new Promise<boolean>(resolve => {
    const probe = connect(socket)
      .once('connect', () => resolve(true))
      .once('error', error => resolve((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED'));
    probe.once('close', () => probe.destroy()).unref();
    probe.once('connect', () => probe.destroy());
  });
  if (alive) throw new Error(`another process listens on ${socket}`);
  await unlink(socket);
}
