/** The ledger of cards: a line for each card that was tried, signed with a key of the authority's folder. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { appendToJournal, readJournal } from '@millrace/pki/journal.ts';
import { writeAtomically } from '@millrace/pki/private-files.ts';
import { ConfigError, messageOf } from '@millrace/runtime/errors.ts';
import type { CardIdentity } from './target/open.ts';

export interface Receipt {
  readonly time: string;
  readonly gateway: string;
  readonly result: 'done' | 'failed';
  /** Why not. */
  readonly reason?: string;
  readonly target: string;
  readonly card: CardIdentity;
  /** Of the image within the source, and of its file. */
  readonly sourceSha256: string;
  readonly sourceFileSha256: string;
  /** Of the card's first bytes, as many as the image has. */
  readonly writtenSha256?: string;
  readonly writtenBytes: number;
  /** Whether the card itself was read, or perhaps this machine's memory. */
  readonly readBack?: 'direct' | 'cached';
  readonly certificate: string;
}

const keyFile = 'receipts.key';
const publicKeyFile = 'receipts.pub';

/** The key is made with the first receipt. */
export function openReceipts(authorityFolder: string, ledger: string) {
  const file = join(authorityFolder, keyFile);
  if (!existsSync(file)) {
    const pair = generateKeyPairSync('ed25519');
    writeAtomically(
      join(authorityFolder, publicKeyFile),
      pair.publicKey.export({ type: 'spki', format: 'pem' }),
      0o644,
    );
    writeAtomically(file, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }), 0o600);
  }
  const key = createPrivateKey(readFileSync(file));
  return {
    append(receipt: Receipt): void {
      const signature = sign(null, Buffer.from(JSON.stringify(receipt)), key).toString('base64');
      appendToJournal(ledger, { ...receipt, signature }, 0o644);
    },
  };
}

/** Gateways that have a card by the ledger. */
export function flashedGateways(ledger: string): ReadonlySet<string> {
  const receipts = readJournal(ledger) as Receipt[];
  return new Set(receipts.filter(({ result }) => result === 'done').map(({ gateway }) => gateway));
}

export interface LedgerCheck {
  readonly receipts: number;
  /** Line numbers, from 1, whose signature does not hold. */
  readonly forged: readonly number[];
}

export function verifyLedger(ledger: string, authorityFolder: string): LedgerCheck {
  const publicFile = join(authorityFolder, publicKeyFile);
  let key: KeyObject;
  try {
    key = createPublicKey(readFileSync(publicFile));
  } catch (error) {
    throw ConfigError.of('--dir', `the key of the receipts cannot be read (${messageOf(error)})`, publicFile);
  }
  if (!existsSync(ledger)) throw ConfigError.of('--verify-ledger', 'is not there', ledger);
  const lines = readJournal(ledger);
  const forged = lines.flatMap((line, i) => {
    // JSON.parse keeps the keys' order, so what was signed is what is left when the signature is taken away.
    const { signature, ...receipt } = line as Receipt & { signature?: string };
    const holds = verify(null, Buffer.from(JSON.stringify(receipt)), key, Buffer.from(signature ?? '', 'base64'));
    return holds ? [] : [i + 1];
  });
  return { receipts: lines.length, forged };
}
