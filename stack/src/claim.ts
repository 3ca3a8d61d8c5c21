import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { InvariantError } from '@millrace/runtime/errors.ts';
import { identityOf, isRunning, type ProcessIdentity } from './identity.ts';

/** What a claim file says, as JSON. */
export interface ClaimRecord {
  readonly owner: ProcessIdentity;
  readonly since: string;
  /** Processes the owner runs, by name: whoever takes over from a dead owner waits for them. */
  readonly children: Readonly<Record<string, ProcessIdentity>>;
}

/** A lock file held by this process. Unlike an flock it is not inherited by children, and it says who holds it. */
export interface Claim extends Disposable {
  /** Left behind by an owner that died, if the claim was taken over from one. */
  readonly inherited: ClaimRecord | undefined;
  /** Replaces the list of child processes in the file. */
  update(children: ClaimRecord['children']): void;
}

export type ClaimOutcome = { readonly claim: Claim } | { readonly heldBy: ClaimRecord };

/** Takes the lock file, or says who holds it. An owner that no longer runs does not hold it. Never waits. */
export function tryClaim(path: string): ClaimOutcome {
  const owner = identityOf(process.pid);
  if (!owner) throw new InvariantError('this process cannot see itself in the process list');
  const since = new Date().toISOString();
  let inherited: ClaimRecord | undefined;
  // Each round either takes the file, finds a live owner, or moves a dead owner's file away; others do the same.
  for (let round = 0; round < 100; round++) {
    if (linkNew(path, { owner, since, children: {} })) return { claim: held(path, { owner, since }, inherited) };
    const current = read(path);
    if (current && isRunning(current.owner)) return { heldBy: current };
    const aside = `${path}.${randomUUID()}`;
    if (!rename(path, aside)) continue;
    // Between reading and moving, another process may have taken over: what was moved decides, not what was read.
    const moved = read(aside);
    if (moved && isRunning(moved.owner)) {
      linkSync(aside, path);
      rmSync(aside);
      return { heldBy: moved };
    }
    inherited = moved ?? inherited;
    rmSync(aside, { force: true });
  }
  throw new InvariantError(`${path} could not be taken in 100 rounds`);
}

function held(path: string, mine: Omit<ClaimRecord, 'children'>, inherited: ClaimRecord | undefined): Claim {
  return {
    inherited,
    update(children) {
      const next = `${path}.${randomUUID()}`;
      writeFileSync(next, JSON.stringify({ ...mine, children }, null, 2));
      renameSync(next, path);
    },
    [Symbol.dispose]() {
      rmSync(path, { force: true });
    },
  };
}

/** Appears complete or not at all: written beside, then linked, which fails when the name exists. */
function linkNew(path: string, record: ClaimRecord): boolean {
  const draft = `${path}.${randomUUID()}`;
  writeFileSync(draft, JSON.stringify(record, null, 2));
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function rename(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Undefined when the file is gone or is not a claim; a torn one counts as a dead owner's. */
function read(path: string): ClaimRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(path, 'utf8')) as Partial<ClaimRecord> | null;
    return record?.owner && typeof record.owner.pid === 'number'
      ? { owner: record.owner, since: record.since ?? 'unknown', children: record.children ?? {} }
      : undefined;
  } catch {
    return undefined;
  }
}
