/** X.509 by RFC 5280: what each kind of certificate of the city holds. */
import 'reflect-metadata'; // what @peculiar/x509 needs to be there before it
import { createPrivateKey, KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
  X509CrlGenerator,
  X509CrlReason,
} from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const dayMs = 86_400_000;
/** A gateway that starts without the right time is often an hour or a day behind. */
const backdatedMs = dayMs;

export interface Signer {
  readonly certificate: X509Certificate;
  readonly key: webcrypto.CryptoKey;
}

export interface KeyAndCertificate {
  readonly certPem: string;
  /** PKCS #8. */
  readonly keyPem: string;
  readonly serial: string;
  readonly notAfter: Date;
}

export async function createRoot(name: string, days: number, now: Date): Promise<KeyAndCertificate> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: randomSerial(),
    name: [{ CN: [name] }],
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(now.getTime() - backdatedMs),
    notAfter: new Date(now.getTime() + days * dayMs),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return pems(certificate, keys);
}

/** The name stands in a URI (the contract's), never in the subject: a common name holds 64 characters at most. */
export function issueGateway(signer: Signer, gateway: string, days: number, now: Date): Promise<KeyAndCertificate> {
  const names = new SubjectAlternativeNameExtension([{ type: 'url', value: `urn:millrace:gateway:${gateway}` }]);
  return issue(signer, gateway, names, ExtendedKeyUsage.clientAuth, days, now);
}

export function issueServer(
  signer: Signer,
  hosts: readonly string[],
  days: number,
  now: Date,
): Promise<KeyAndCertificate> {
  const names = hosts.map(value => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value }));
  return issue(signer, hosts[0]!, new SubjectAlternativeNameExtension(names), ExtendedKeyUsage.serverAuth, days, now);
}

async function issue(
  { certificate: authority, key }: Signer,
  commonName: string,
  names: Extension,
  usage: ExtendedKeyUsage,
  days: number,
  now: Date,
): Promise<KeyAndCertificate> {
  const keys = await newKeys();
  // One that outlives its authority would be refused from then on without anybody having been told so.
  const notAfter = new Date(Math.min(now.getTime() + days * dayMs, authority.notAfter.getTime()));
  const notBefore = new Date(Math.max(now.getTime() - backdatedMs, authority.notBefore.getTime()));
  const certificate = await X509CertificateGenerator.create({
    serialNumber: randomSerial(),
    subject: [{ CN: [commonName.slice(0, 64)] }],
    issuer: authority.subjectName,
    notBefore,
    notAfter,
    publicKey: keys.publicKey,
    signingKey: key,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([usage]),
      names,
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(authority.publicKey),
    ],
  });
  return pems(certificate, keys);
}

/** @param number grows with every list (RFC 5280, 5.2.3). */
export async function signRevocationList(
  { certificate, key }: Signer,
  revoked: readonly { readonly serial: string; readonly at: Date }[],
  number: number,
  now: Date,
): Promise<string> {
  const list = await X509CrlGenerator.create({
    issuer: certificate.subjectName,
    thisUpdate: now,
    // OpenSSL refuses everybody once the list is past its end. It is replaced at each revocation, not on a schedule that
    // someone could forget, so its end is the authority's.
    nextUpdate: certificate.notAfter,
    signingAlgorithm: algorithm,
    signingKey: key,
    // A reason, as without one the library writes an empty list of extensions, which RFC 5280 (5.1) does not allow.
    entries: revoked.map(({ serial, at }) => ({
      serialNumber: serial,
      revocationDate: at,
      reason: X509CrlReason.privilegeWithdrawn,
    })),
    extensions: [
      await AuthorityKeyIdentifierExtension.create(certificate.publicKey),
      new Extension('2.5.29.20', false, derInteger(number)),
    ],
  });
  // RFC 7468, 7; the library says "CRL", which OpenSSL does not read.
  return `${list.toString('pem').replaceAll(/(BEGIN|END) CRL/g, '$1 X509 CRL')}\n`;
}

export function readSigner(certPem: string, keyPem: string): Signer {
  const key = createPrivateKey(keyPem).toCryptoKey(algorithm, false, ['sign']);
  return { certificate: new X509Certificate(certPem), key };
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

function pems(certificate: X509Certificate, keys: webcrypto.CryptoKeyPair): KeyAndCertificate {
  const keyPem = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }) as string;
  const { serialNumber: serial, notAfter } = certificate;
  return { certPem: `${certificate.toString('pem')}\n`, keyPem, serial, notAfter };
}

/** Random, positive, at most 20 octets, 64 bits of chance or more (RFC 5280, 4.1.2.2; CA/B Forum 7.1). */
function randomSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString('hex');
}

function derInteger(value: number): Uint8Array<ArrayBuffer> {
  let hex = value.toString(16);
  if (hex.length % 2 === 1) hex = `0${hex}`;
  if (Number.parseInt(hex.slice(0, 2), 16) > 0x7f) hex = `00${hex}`;
  return new Uint8Array([2, hex.length / 2, ...Buffer.from(hex, 'hex')]);
}
