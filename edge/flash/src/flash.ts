/** From a source and rows of gateways to cards: verify → customise → write → receipt. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Authority } from '@millrace/pki/authority.ts';
import { ConfigError, InvariantError, messageOf, RejectedError } from '@millrace/runtime/errors.ts';
import { type Base, baseOf, putIdentity, putPackage } from './customise.ts';
import { openFat } from './fat.ts';
import type { GatewayRow } from './gateways.ts';
import { type Credentials, identityFiles } from './identity.ts';
import { Overlay } from './overlay.ts';
import { openReceipts, type Receipt } from './receipt.ts';
import { type VerifiedSource } from './source/verify.ts';
import type { TargetOptions } from './target/check.ts';
import { type OpenTarget, openTarget } from './target/open.ts';
import { type Card, type Outcome, type Progress, writeCards } from './write.ts';

export interface Job {
  readonly target: string;
  readonly row: GatewayRow;
}

export interface FlashOptions extends TargetOptions {
  readonly authority: Authority;
  readonly ledger: string;
  readonly sources?: readonly unknown[] | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: Progress) => void;
}

export type FlashOutcome = Outcome & { readonly gateway: string; readonly certificate?: string };

/** What all cards have in common: the source, and the package where the base needs it. */
export interface PreparedImage {
  readonly base: Base;
  readonly common: Overlay;
  readonly source: VerifiedSource;
}

/** @param packageFile `millrace-edge.deb`, for Raspberry Pi OS. */
export async function prepareImage(source: VerifiedSource, packageFile: string | undefined): Promise<PreparedImage> {
  const common = new Overlay(source.start);
  using boot = await openFat(common, source.boot.offset, source.boot.length);
  const base = baseOf(boot);
  if (base === 'cloud-init') {
    if (packageFile === undefined)
      throw ConfigError.of('--package', 'must name millrace-edge.deb: this is Raspberry Pi OS, which holds no agent');
    putPackage(boot, readPackage(packageFile));
  }
  return { base, common, source };
}

function readPackage(file: string): Buffer {
  let deb;
  try {
    deb = readFileSync(file);
  } catch (error) {
    throw ConfigError.of('--package', `cannot be read (${messageOf(error)})`, file);
  }
  if (deb.toString('latin1', 0, 8) !== '!<arch>\n') throw ConfigError.of('--package', 'is no Debian package', file);
  return deb;
}

export async function customisedImage(
  { base, common, source }: PreparedImage,
  row: GatewayRow,
  credentials: Credentials,
  sources?: readonly unknown[],
): Promise<Overlay> {
  const image = new Overlay(common);
  using boot = await openFat(image, source.boot.offset, source.boot.length);
  putIdentity(boot, base, row, identityFiles(row, credentials, sources), randomUUID());
  return image;
}

/** One card a job; a job that fails leaves the others going. Each has its receipt when this returns. */
export async function flash(
  prepared: PreparedImage,
  jobs: readonly Job[],
  options: FlashOptions,
): Promise<readonly FlashOutcome[]> {
  const { authority, signal } = options;
  const { source } = prepared;
  const receipts = openReceipts(authority.folder, options.ledger);
  await using stack = new AsyncDisposableStack();
  const attempts: (FlashOutcome | { readonly job: Job; readonly card: Card; readonly certificate: string })[] = [];
  for (const job of jobs) {
    const { target: path, row } = job;
    let certificate: string | undefined;
    try {
      signal?.throwIfAborted();
      const target = stack.use(await openTarget(path, source.sizeBytes, options));
      const { certPem, keyPem, serial } = await authority.gateway(row.gateway);
      certificate = serial;
      const credentials = { caPem: authority.caPem, certPem, keyPem };
      const image = await customisedImage(prepared, row, credentials, options.sources);
      attempts.push({ job, card: { target, image }, certificate });
    } catch (error) {
      if (certificate !== undefined) await authority.revoke(certificate);
      if (!(error instanceof RejectedError) && !signal?.aborted) throw error;
      const reason = signal?.aborted ? 'cancelled before it was written' : messageOf(error);
      attempts.push({ ok: false, path, reason, doneBytes: 0, gateway: row.gateway });
    }
  }
  const cards = attempts.flatMap(attempt => ('card' in attempt ? [attempt.card] : []));
  const outcomes = [...(await writeCards(source, cards, { signal, onProgress: options.onProgress ?? (() => {}) }))];
  const results: FlashOutcome[] = [];
  for (const attempt of attempts) {
    if (!('card' in attempt)) {
      results.push(attempt);
      continue;
    }
    const { job, card, certificate } = attempt;
    const outcome = outcomes.shift();
    if (outcome === undefined) throw new InvariantError(`no outcome of ${card.target.path}`);
    receipts.append(receiptOf(outcome, job.row.gateway, card.target, source, certificate));
    // The card may hold the key, and goes nowhere: it must open no door.
    if (!outcome.ok) await authority.revoke(certificate);
    results.push({ ...outcome, gateway: job.row.gateway, certificate });
  }
  return results;
}

function receiptOf(
  outcome: Outcome,
  gateway: string,
  target: OpenTarget,
  source: VerifiedSource,
  certificate: string,
): Receipt {
  return {
    time: new Date().toISOString(),
    gateway,
    result: outcome.ok ? 'done' : 'failed',
    ...(outcome.ok ? {} : { reason: outcome.reason }),
    target: target.path,
    card: target.card,
    sourceSha256: source.imageSha256,
    sourceFileSha256: source.sha256,
    ...(outcome.ok ? { writtenSha256: outcome.sha256, readBack: outcome.readBack } : {}),
    writtenBytes: outcome.ok ? source.sizeBytes : outcome.doneBytes,
    certificate,
  };
}
