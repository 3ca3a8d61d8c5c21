/** What `millrace flash …` does, once its arguments are understood. */
import { existsSync, realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { customisedImage, type FlashOutcome, flash, type Job, prepareImage } from '@millrace/flash/flash.ts';
import { type GatewayRow, readGateways } from '@millrace/flash/gateways.ts';
import { hostnameOf } from '@millrace/flash/hostname.ts';
import { readSources } from '@millrace/flash/identity.ts';
import { flashedGateways, verifyLedger } from '@millrace/flash/receipt.ts';
import { type SourceOptions, type VerifiedSource, verifySource } from '@millrace/flash/source/verify.ts';
import { candidates, checkTarget } from '@millrace/flash/target/check.ts';
import { openAuthority } from '@millrace/pki/authority.ts';
import { ConfigError } from '@millrace/runtime/errors.ts';
import { exitCodes } from '@millrace/runtime/service.ts';
import { progressLines } from './flash-progress.ts';
import { harmless, table, terminalWidth, wrapped } from './text.ts';

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const note = (text: string): void => void process.stderr.write(`${wrapped(harmless(text), terminalWidth(), '  ')}\n`);

export interface FlashArguments {
  readonly image: string;
  readonly targets: readonly string[];
  readonly gateways: string;
  readonly gateway: readonly string[];
  readonly batch: boolean;
  readonly sources: string | undefined;
  readonly packageFile: string | undefined;
  /** Folder. */
  readonly authority: string;
  readonly ledger: string | undefined;
  readonly source: SourceOptions;
  readonly overwrite: boolean;
  readonly reallyYes: readonly string[];
}

export async function flashCards(
  given: FlashArguments,
  mode: 'plan' | 'dry-run' | 'write',
  json: boolean,
): Promise<number> {
  const ledger = given.ledger ?? join(given.authority, 'cards.jsonl');
  const sources = given.sources === undefined ? undefined : readSources(given.sources);
  const jobs = jobsOf(given, readGateways(given.gateways), ledger);
  checkDifferent(given.image, given.targets);
  const authority = openAuthority(given.authority);
  const { overwrite, reallyYes } = given;
  // Before minutes of reading the image: a target that would be refused is refused at once.
  for (const { target } of jobs) checkTarget(target, { overwrite, reallyYes });
  if (mode === 'plan') {
    if (json) say(JSON.stringify(jobs.map(planOf), null, 2));
    else for (const job of jobs) say(sentenceOf(job));
    return exitCodes.done;
  }

  const cancel = new AbortController();
  const onSignal = (): void => cancel.abort(new Error('cancelled'));
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const progress = progressLines(process.stderr);
  try {
    using source = await verifySource(given.image, {
      ...given.source,
      signal: cancel.signal,
      onProgress: (doneBytes, totalBytes) =>
        progress.show({ path: given.image, phase: 'verify', doneBytes, totalBytes }),
    });
    progress.end();
    note(provenanceOf(source));
    const prepared = await prepareImage(source, given.packageFile);
    if (mode === 'dry-run') {
      for (const { target, row } of jobs) {
        checkTarget(target, { overwrite, reallyYes, imageBytes: source.sizeBytes });
        const none = { caPem: authority.caPem, certPem: '', keyPem: '' };
        await customisedImage(prepared, row, none, sources);
      }
      const { sizeBytes, imageSha256 } = source;
      if (json) say(JSON.stringify({ base: prepared.base, sizeBytes, imageSha256, cards: jobs.map(planOf) }, null, 2));
      else for (const job of jobs) say(`${sentenceOf(job)} Nothing was written.`);
      return exitCodes.done;
    }
    const outcomes = await flash(prepared, jobs, {
      authority,
      ledger,
      sources,
      overwrite,
      reallyYes,
      signal: cancel.signal,
      onProgress: progress.show,
    });
    progress.end();
    if (json) say(JSON.stringify(outcomes, null, 2));
    else for (const outcome of outcomes) say(wrapped(resultOf(outcome), terminalWidth(), '  '));
    return outcomes.every(({ ok }) => ok) ? exitCodes.done : exitCodes.failed;
  } finally {
    progress.end();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

/** Under whatever names: no target twice, and none that is the image. */
function checkDifferent(image: string, targets: readonly string[]): void {
  const real = (path: string): string => (existsSync(path) ? realpathSync(path) : resolve(path));
  const seen = new Map([[real(image), 'the image itself']]);
  for (const target of targets) {
    const before = seen.get(real(target));
    if (before !== undefined) throw ConfigError.of('--to', `is ${before}`, target);
    seen.set(real(target), `the same as ${target}`);
  }
}

/** Which gateway goes to which target. */
function jobsOf(
  { targets, gateway, batch, gateways: file }: FlashArguments,
  rows: readonly GatewayRow[],
  ledger: string,
): readonly Job[] {
  let chosen: readonly GatewayRow[];
  if (batch) {
    const done = flashedGateways(ledger);
    chosen = rows.filter(row => !done.has(row.gateway)).slice(0, targets.length);
    if (chosen.length === 0) throw ConfigError.of('--batch', `every gateway has its card by ${ledger}`, file);
  } else if (gateway.length > 0)
    chosen = gateway.map(name => {
      const row = rows.find(one => one.gateway === name);
      if (row === undefined) throw ConfigError.of('--gateway', `there is no gateway '${name}'`, file);
      return row;
    });
  else {
    if (rows.length !== targets.length)
      throw ConfigError.of(
        '--gateways',
        `has ${rows.length} gateways for ${targets.length} targets: choose with --gateway, or take --batch`,
        file,
      );
    chosen = rows;
  }
  return chosen.map((row, i) => ({ row, target: targets[i]! }));
}

const planOf = ({ target, row }: Job): object => ({
  target,
  gateway: row.gateway,
  hostname: hostnameOf(row.gateway),
  broker: row.broker,
  network: row.network.kind,
  wifi: row.wifi_ssid || null,
  ssh: row.ssh_key !== '',
});

function sentenceOf({ target, row }: Job): string {
  const wifi = row.wifi_ssid === '' ? '' : `, Wi-Fi ${harmless(row.wifi_ssid)}`;
  const ssh = row.ssh_key === '' ? 'SSH off' : 'SSH by key';
  return `${target}: gateway ${row.gateway} as ${hostnameOf(row.gateway)}, ${row.network.kind}${wifi}, to ${row.broker}, ${ssh}.`;
}

function provenanceOf({ file, sha256, provenBy, sizeBytes }: VerifiedSource): string {
  const proof = {
    '': `nothing says that it is the right one: put ${file}.sha256 beside it, or give --sha256`,
    checksum: 'its checksum is right',
    signature: 'its signature is right',
    'checksum,signature': 'its checksum and its signature are right',
  }[provenBy.join()];
  return `${file}: ${sizeBytes} bytes unpacked, SHA-256 ${sha256.slice(0, 16)}…; ${proof}.`;
}

function resultOf(outcome: FlashOutcome): string {
  const { path, gateway } = outcome;
  if (!outcome.ok) return `${path}: ${gateway} FAILED: ${harmless(outcome.reason)}`;
  const read = outcome.readBack === 'direct' ? 'from the card itself' : "perhaps from this machine's memory";
  return `${path}: ${gateway} is done, written, read back (${read}) and the same.`;
}

export function checkLedger(ledger: string, authority: string, json: boolean): number {
  const { receipts, forged } = verifyLedger(ledger, authority);
  if (json) say(JSON.stringify({ receipts, forged }, null, 2));
  else if (forged.length === 0) say(`${ledger}: ${receipts} receipts, every signature holds.`);
  else
    say(`${ledger}: of ${receipts} receipts those in line ${forged.join(', ')} were changed after they were signed.`);
  return forged.length === 0 ? exitCodes.done : exitCodes.failed;
}

export function listDevices(json: boolean): number {
  const rows = candidates();
  if (json) say(JSON.stringify(rows, null, 2));
  else if (rows.length === 0) say('There is no block device.');
  else {
    const cells = rows.map(({ device, refusal }) => [
      device.path,
      `${(device.sizeBytes / 1e9).toFixed(1)} GB`,
      harmless(device.model),
      harmless(device.serial),
      refusal === undefined ? 'can be written' : `no: ${harmless(refusal)}`,
    ]);
    const columns = [
      { title: 'device' },
      { title: 'size', right: true },
      { title: 'model' },
      { title: 'serial' },
      { title: 'for a card', rest: true },
    ];
    for (const line of table(columns, cells, terminalWidth())) say(line);
  }
  return exitCodes.done;
}
