/** Key, certificate, authority and revocation list of the TLS listener, read from their files and again when one changes. */
import 'reflect-metadata'; // what @peculiar/x509 needs to be there before it
import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { ConfigError, type ConfigMistake, messageOf } from '@millrace/runtime/errors.ts';
import type { Logger } from '@millrace/runtime/log.ts';
import { X509Crl } from '@peculiar/x509';

/** Paths. */
export interface TrustFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
  readonly crl?: string | undefined;
}

export interface Trust {
  readonly context: SecureContextOptions;
  /** Why a certificate that the handshake took is not to be trusted now; undefined: it is. */
  doubt(certificate: X509Certificate, nowMs: number): string | undefined;
}

/** TLS 1.2 with forward secrecy and authenticated encryption only, and 1.3 (RFC 9325). */
const protocols = {
  minVersion: 'TLSv1.2',
  ciphers: [
    'TLS_AES_128_GCM_SHA256',
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
    'ECDHE-RSA-CHACHA20-POLY1305',
  ].join(':'),
} as const;

/** @throws {ConfigError} with every file that cannot be read, or is not what it should be. */
export function readTrust(files: TrustFiles): Trust {
  const mistakes: ConfigMistake[] = [];
  const read = (name: keyof TrustFiles): string | undefined => {
    const path = files[name];
    if (path === undefined) return undefined;
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      mistakes.push({ key: `bridge.tls.${name}`, message: `cannot be read (${messageOf(error)})` });
      return undefined;
    }
  };
  const [cert, key, ca, crl] = [read('cert'), read('key'), read('ca'), read('crl')];
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  const context = { ...protocols, cert, key, ca, ...(crl !== undefined && { crl }) };
  let revoked: ReadonlySet<string>;
  try {
    createSecureContext(context);
    revoked = crl === undefined ? new Set() : serialsIn(crl);
  } catch (error) {
    throw ConfigError.of('bridge.tls', `the files do not fit together: ${messageOf(error)}`);
  }
  const authority = new X509Certificate(ca!);
  return {
    context,
    doubt(certificate, nowMs) {
      if (nowMs > certificate.validToDate.getTime()) return 'its certificate has expired';
      if (revoked.has(normal(certificate.serialNumber))) return 'its certificate is revoked';
      // After a change of the authority: the handshake was with the one before.
      return certificate.checkIssued(authority) && certificate.verify(authority.publicKey)
        ? undefined
        : 'its certificate is of another authority';
    },
  };
}

const serialsIn = (crl: string): ReadonlySet<string> =>
  new Set(new X509Crl(crl).entries.map(({ serialNumber }) => normal(serialNumber)));

/** Hexadecimal, without the zeros and the case in which libraries differ. */
const normal = (serial: string): string => serial.toLowerCase().replace(/^0+/, '');

const lookEveryMs = 2_000;

/** Calls back with what the files hold now whenever one has changed and all of them fit; until then what was before holds. */
export function watchTrust(files: TrustFiles, log: Logger, changed: (trust: Trust) => void): Disposable {
  const paths = Object.values(files).filter(path => path !== undefined) as string[];
  // Not fs.watch: a secret of Kubernetes changes by a link to another folder.
  const stamps = (): string =>
    paths
      .map(path => {
        const stat = statSync(path, { throwIfNoEntry: false });
        return `${stat?.ino} ${stat?.mtimeMs} ${stat?.size}`;
      })
      .join('\n');
  let seen = stamps();
  const timer = setInterval(() => {
    const now = stamps();
    if (now === seen) return;
    seen = now;
    try {
      changed(readTrust(files));
      log.info('certificates were read again');
    } catch (error) {
      log.warn(`certificates changed and are not taken: ${messageOf(error)}; those from before hold`);
    }
  }, lookEveryMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
