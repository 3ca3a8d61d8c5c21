/** MQTT over TLS: who comes in has a certificate of the city's authority, and is the gateway that it names. */
import type { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { messageOf } from '@millrace/runtime/errors.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import { gatewayOfNames } from './certificate.ts';
import type { Seldom } from './seldom.ts';
import { readTrust, type Trust, type TrustFiles, watchTrust } from './trust.ts';

export interface TlsDoorOptions {
  readonly host: string;
  readonly port: number;
  readonly files: TrustFiles;
  readonly socketBufferBytes: number;
  readonly log: Logger;
  readonly seldom: Seldom;
  readonly onSocket: (socket: TLSSocket, gateway: GatewayId) => void;
  /** A handshake that failed, or a certificate that names no gateway. */
  readonly onRefused: () => void;
}

export interface TlsDoor {
  readonly port: number;
  /** Takes no new connection; resolves when the last one has ended. */
  close(): Promise<void>;
}

const handshakeTimeoutMs = 10_000;
/** A certificate may expire in the middle of a session. */
const recheckEveryMs = 60_000;

/** Listens when this resolves. @throws {ConfigError} a file is not there or not right; the error of `listen` as it is. */
export async function openTlsDoor(options: TlsDoorOptions): Promise<TlsDoor> {
  const { files, log, seldom, onSocket, onRefused } = options;
  let trust: Trust = readTrust(files);
  const open = new Map<TLSSocket, X509Certificate>();
  const server = createServer({
    ...trust.context,
    requestCert: true,
    rejectUnauthorized: true,
    handshakeTimeout: handshakeTimeoutMs,
    highWaterMark: options.socketBufferBytes,
    noDelay: true,
  });
  const refuse = (from: string | undefined, why: string): void => {
    onRefused();
    seldom.tell('tls', more => log.warn({ from, more }, `refused before MQTT: ${why}`));
  };
  server.on('tlsClientError', (error, socket) => {
    socket.on('error', () => {}); // Whatever follows of a connection that is being refused.
    refuse(socket.remoteAddress, messageOf(error));
  });
  server.on('secureConnection', socket => {
    const certificate = socket.getPeerX509Certificate();
    const gateway = gatewayOfNames(certificate?.subjectAltName);
    // A session that is resumed was checked when it began.
    const doubt = certificate === undefined ? 'it shows no certificate' : trust.doubt(certificate, Date.now());
    if (certificate === undefined || gateway === undefined || doubt !== undefined) {
      refuse(socket.remoteAddress, doubt ?? 'its certificate names no gateway');
      socket.on('error', () => {}).destroy();
      return;
    }
    open.set(socket, certificate);
    socket.once('close', () => open.delete(socket));
    onSocket(socket, gateway);
  });
  /** Sessions that are still right go on; the others end, and their clients are refused when they come again. */
  const endDoubtful = (): void => {
    for (const [socket, certificate] of open) {
      const doubt = trust.doubt(certificate, Date.now());
      if (doubt === undefined) continue;
      log.warn({ gateway: gatewayOfNames(certificate.subjectAltName) }, `disconnected: ${doubt}`);
      socket.destroy();
    }
  };
  const watch = watchTrust(files, log, newest => {
    trust = newest;
    server.setSecureContext(newest.context);
    endDoubtful();
  });
  const timer = setInterval(endDoubtful, recheckEveryMs);
  const release = (): void => {
    watch[Symbol.dispose]();
    clearInterval(timer);
  };
  server.listen(options.port, options.host);
  try {
    await once(server, 'listening');
  } catch (error) {
    release();
    throw error;
  }
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      release();
      return new Promise(resolve => server.close(() => resolve()));
    },
  };
}
