import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ConfigError } from '@millrace/runtime/errors.ts';
import { type Claim, type ClaimRecord, tryClaim } from './claim.ts';
import { prepareDirectory } from './disk.ts';
import { isRunning, signalProcess } from './identity.ts';
import type { Report } from './report.ts';

/** Longer than a lifeline's grace period, which is what ends the children of an owner that died. */
const LEFTOVER_WAIT_MS = 12_000;

/**
 * Takes the data directory for this process: makes it, checks its disk, takes `stack.lock`, and ends what a dead owner
 * may have left running on the same data.
 * @throws {ConfigError} when a live process has it, or the disk is full.
 */
export async function claimHome(home: string, report: Report): Promise<Claim> {
  if (/[,\r\n]/.test(home)) {
    throw ConfigError.of(
      'MILLRACE_HOME',
      'must not hold a comma or a line break, which Kafka takes for a list of directories',
    );
  }
  prepareDirectory(home, 'MILLRACE_HOME');
  const lockFile = join(home, 'stack.lock');
  const outcome = tryClaim(lockFile);
  if ('heldBy' in outcome) {
    const { owner, since } = outcome.heldBy;
    throw ConfigError.of(
      'MILLRACE_HOME',
      `${home} is in use by process ${owner.pid} since ${since}; stop that one, or set MILLRACE_HOME to another directory`,
    );
  }
  const { claim } = outcome;
  if (claim.inherited) {
    report({
      kind: 'note',
      text: `process ${claim.inherited.owner.pid} died without letting go of ${lockFile}; taking over`,
    });
    // Until they are gone, the file goes on naming them, for the case that this process dies here too.
    claim.update(claim.inherited.children);
    await endLeftovers(claim.inherited, report);
    claim.update({});
  }
  return claim;
}

async function endLeftovers({ children }: ClaimRecord, report: Report): Promise<void> {
  let left = Object.entries(children).filter(([, identity]) => isRunning(identity));
  const gone = async (deadlineMs: number) => {
    const deadline = Date.now() + deadlineMs;
    while (left.length > 0 && Date.now() < deadline) {
      await delay(50);
      left = left.filter(([, identity]) => isRunning(identity));
    }
    return left.length === 0;
  };
  const names = () => left.map(([name, { pid }]) => `${name} (pid ${pid})`).join(', ');
  if (left.length === 0) return;
  report({ kind: 'note', text: `waiting for ${names()} to end` });
  if (await gone(LEFTOVER_WAIT_MS)) return;
  report({ kind: 'note', text: `ending ${names()} by force` });
  for (const [, identity] of left) signalProcess(identity, 'SIGKILL');
  if (await gone(5_000)) return;
  throw ConfigError.of(
    'MILLRACE_HOME',
    `${names()} of an earlier run cannot be ended; end them, or set MILLRACE_HOME to another directory`,
  );
}
