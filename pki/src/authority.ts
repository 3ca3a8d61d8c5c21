/**
 * The city's authority, a folder:
 *
 *     ca.pem       its certificate, which bridges and gateways trust
 *     ca.key       its private key, mode 0600
 *     crl.pem      what it has revoked, for the bridge
 *     index.jsonl  what it has issued and revoked, a line each
 */
import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { ConfigError, messageOf } from '@millrace/runtime/errors.ts';
import { gatewayRule, isGatewayId } from '@millrace/wire/names.ts';
import {
  createRoot,
  issueGateway,
  issueServer,
  type KeyAndCertificate,
  readSigner,
  type Signer,
  signRevocationList,
} from './certificates.ts';
import { appendToJournal, readJournal } from './journal.ts';
import { makePrivateFolder, writeAtomically } from './private-files.ts';

export type CertificateKind = 'gateway' | 'server';

export interface IssuedCertificate {
  readonly serial: string;
  readonly kind: CertificateKind;
  /** The gateway, or the server's first host. */
  readonly name: string;
  readonly issued: string;
  readonly notAfter: string;
  /** Absent: it stands. */
  readonly revoked?: string;
}

type Entry =
  | ({ readonly event: 'issued' } & Omit<IssuedCertificate, 'revoked'>)
  | { readonly event: 'revoked'; readonly serial: string; readonly at: string };

export const defaultDays = 825;
const rootDays = 20 * 365;

/** @throws {ConfigError} when there is one already: a second root would lock out every gateway of the first. */
export async function createAuthority(
  folder: string,
  { name = 'Millrace city authority', days = rootDays }: { name?: string; days?: number } = {},
): Promise<Authority> {
  for (const file of ['ca.pem', 'ca.key'])
    if (existsSync(join(folder, file)))
      throw ConfigError.of('--dir', 'there is an authority already; choose another folder', join(folder, file));
  makePrivateFolder(folder);
  const { certPem, keyPem } = await createRoot(name, days, new Date());
  writeAtomically(join(folder, 'ca.key'), keyPem, 0o600);
  writeAtomically(join(folder, 'ca.pem'), certPem, 0o644);
  const authority = openAuthority(folder);
  await authority.writeRevocationList();
  return authority;
}

/** @throws {ConfigError} when there is none. */
export function openAuthority(folder: string): Authority {
  let caPem, keyPem;
  try {
    caPem = readFileSync(join(folder, 'ca.pem'), 'utf8');
    keyPem = readFileSync(join(folder, 'ca.key'), 'utf8');
  } catch (error) {
    throw ConfigError.of(
      '--dir',
      `no authority there (${messageOf(error)}); make one with "millrace pki init"`,
      folder,
    );
  }
  return new Authority(folder, caPem, readSigner(caPem, keyPem));
}

export class Authority {
  readonly folder: string;
  readonly caPem: string;
  readonly #signer: Signer;

  constructor(folder: string, caPem: string, signer: Signer) {
    this.folder = folder;
    this.caPem = caPem;
    this.#signer = signer;
  }

  get #index(): string {
    return join(this.folder, 'index.jsonl');
  }

  /** Client certificate; its private key is kept nowhere here. */
  async gateway(gateway: string, days = defaultDays): Promise<KeyAndCertificate> {
    if (!isGatewayId(gateway)) throw ConfigError.of('gateway', `${gatewayRule}; it is '${gateway}'`);
    const now = new Date();
    return this.#recorded('gateway', gateway, now, await issueGateway(this.#signer, gateway, days, now));
  }

  /** Server certificate for DNS names and addresses. */
  async server(hosts: readonly string[], days = defaultDays): Promise<KeyAndCertificate> {
    for (const host of hosts)
      if (
        isIP(host) === 0 &&
        !/^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i.test(host)
      )
        throw ConfigError.of('host', `must be a DNS name or an IP address; it is '${host}'`);
    if (hosts.length === 0) throw ConfigError.of('host', 'must be at least one DNS name or IP address');
    const now = new Date();
    return this.#recorded('server', hosts[0]!, now, await issueServer(this.#signer, hosts, days, now));
  }

  /** All that stands under the name (or the one with the serial number); the revocation list is written. */
  async revoke(nameOrSerial: string): Promise<readonly IssuedCertificate[]> {
    const standing = this.list().filter(
      ({ name, serial, revoked }) => revoked === undefined && (name === nameOrSerial || serial === nameOrSerial),
    );
    const at = new Date().toISOString();
    for (const { serial } of standing) this.#append({ event: 'revoked', serial, at });
    await this.writeRevocationList();
    return standing.map(one => ({ ...one, revoked: at }));
  }

  /** In the order of issue. */
  list(): readonly IssuedCertificate[] {
    const issued = new Map<string, IssuedCertificate>();
    for (const entry of readJournal(this.#index) as Entry[]) {
      if (entry.event === 'issued') {
        const { event: _, ...certificate } = entry;
        issued.set(entry.serial, certificate);
      } else {
        const certificate = issued.get(entry.serial);
        if (certificate) issued.set(entry.serial, { ...certificate, revoked: entry.at });
      }
    }
    return [...issued.values()];
  }

  async writeRevocationList(): Promise<string> {
    const revoked = this.list().flatMap(({ serial, revoked: at }) =>
      at === undefined ? [] : [{ serial, at: new Date(at) }],
    );
    const file = join(this.folder, 'crl.pem');
    // The time in seconds grows, also over a restored index, which a counter in it would not.
    const now = new Date();
    const pem = await signRevocationList(this.#signer, revoked, Math.floor(now.getTime() / 1000), now);
    writeAtomically(file, pem, 0o644);
    return file;
  }

  /** Nothing leaves the authority that its index does not hold: what is not known cannot be revoked. */
  #recorded(kind: CertificateKind, name: string, issued: Date, result: KeyAndCertificate): KeyAndCertificate {
    const { serial, notAfter } = result;
    this.#append({
      event: 'issued',
      serial,
      kind,
      name,
      issued: issued.toISOString(),
      notAfter: notAfter.toISOString(),
    });
    return result;
  }

  #append(entry: Entry): void {
    appendToJournal(this.#index, entry, 0o600);
  }
}
