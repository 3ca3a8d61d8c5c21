/** What has come of a gateway's boots, and the ledger of the newest one. */
import type { Batch } from '@millrace/wire/batch.ts';
import type { Interval } from '@millrace/wire/intervals.ts';
import type { GatewayLedger } from '@millrace/wire/ledger.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import { BootAccount, type StoredAccount } from './account.ts';
import type { ByteReader, ByteWriter } from './bytes.ts';
import { type Standing, standingOf } from './standing.ts';

/** A gateway has one boot, and a new one when its outbox was lost; SenML devices have one a message, resent within seconds. */
const maxBoots = 256;
/** Of all boots: they are one record of the state, which is written whole. Those of the boots used last are kept first. */
const maxIntervals = 4_000;

/** Of the newest record with a sequence; `holeSinceUs` as in {@link Standing}. */
export interface NewestBoot {
  readonly boot: number;
  readonly atUs: number;
  readonly holeSinceUs: number | null;
}

export class Boots {
  readonly #gateway: GatewayId;
  /** In order of their last batch. */
  readonly #accounts = new Map<number, BootAccount>();
  /** A redriven record of an older boot is put right by the next batch. */
  #newestBoot: number | undefined;
  #newestAtUs = 0;
  #standing: Standing | undefined;
  /** Its ledger is to go out with the next flush. */
  #due = false;

  constructor(gateway: GatewayId) {
    this.#gateway = gateway;
  }

  /**
   * @param sequenced false: the numbers are of this message alone (SenML), so that nothing can be missing.
   * @returns the parts of the batch that were not counted before, as sequence numbers.
   */
  take({ boot, firstSeq, value, dropped }: Batch, receivedAtUs: number, sequenced: boolean): readonly Interval[] {
    const account = this.#accountOf(boot);
    if (sequenced) {
      this.#newestBoot = boot;
      this.#newestAtUs = receivedAtUs;
      this.#due = true;
    }
    account.drop(dropped);
    return account.take(firstSeq, value.length);
  }

  /** Brings the standing up to the account. @returns the ledger, if something has come since the last time. */
  settle(): GatewayLedger | undefined {
    if (!this.#due) return undefined;
    this.#due = false;
    const account = this.#newestBoot === undefined ? undefined : this.#accounts.get(this.#newestBoot);
    if (this.#newestBoot === undefined || account === undefined) return undefined;
    this.#standing = standingOf(this.#gateway, this.#newestBoot, this.#newestAtUs, account, this.#standing);
    return this.#standing.ledger;
  }

  /** As of the last `settle`; undefined: no record with a sequence yet. */
  get standing(): Standing | undefined {
    return this.#standing;
  }

  restore(accounts: Iterable<StoredAccount>, newest: NewestBoot | null): void {
    for (const [boot, ...account] of accounts) this.#accounts.set(boot, new BootAccount(...account));
    if (newest === null) return;
    const { boot, atUs, holeSinceUs } = newest;
    const account = this.#accounts.get(boot);
    this.#newestBoot = boot;
    this.#newestAtUs = atUs;
    if (account === undefined) return;
    this.#standing = { ...standingOf(this.#gateway, boot, atUs, account, undefined), holeSinceUs };
    // Whether the last one went out is not known.
    this.#due = true;
  }

  write(to: ByteWriter): void {
    this.#limit();
    to.whole(this.#accounts.size);
    for (const [boot, account] of this.#accounts) {
      const [, settled, dropped = [], unlisted = 0, droppedUnlisted = 0] = account.stored(boot);
      to.whole(boot);
      writeIntervals(to, settled);
      writeIntervals(to, dropped);
      to.whole(unlisted);
      to.whole(droppedUnlisted);
    }
    to.byte(this.#newestBoot === undefined ? 0 : 1);
    if (this.#newestBoot === undefined) return;
    to.whole(this.#newestBoot);
    to.whole(this.#newestAtUs);
    // 1970 is when no hole stands.
    to.whole(this.#standing?.holeSinceUs ?? 0);
  }

  read(from: ByteReader): void {
    const accounts = Array.from({ length: from.whole() }, (): StoredAccount => {
      const boot = from.whole();
      return [boot, readIntervals(from), readIntervals(from), from.whole(), from.whole()];
    });
    const newest =
      from.byte() === 0 ? null : { boot: from.whole(), atUs: from.whole(), holeSinceUs: from.whole() || null };
    this.restore(accounts, newest);
  }

  #limit(): void {
    let left = maxIntervals;
    for (const account of [...this.#accounts.values()].reverse()) {
      if (account.intervals > left) account.limit(Math.max(1, Math.floor(left / 2)));
      left -= Math.min(left, account.intervals);
    }
  }

  /** Moves the boot to the end of the line: the one that goes is the one that was used longest ago. */
  #accountOf(boot: number): BootAccount {
    const account = this.#accounts.get(boot) ?? new BootAccount();
    this.#accounts.delete(boot);
    this.#accounts.set(boot, account);
    if (this.#accounts.size > maxBoots) {
      // A gateway that sends SenML beside its own batches must not lose the account of those.
      for (const oldest of this.#accounts.keys()) {
        if (oldest === this.#newestBoot) continue;
        this.#accounts.delete(oldest);
        break;
      }
    }
    return account;
  }
}

function writeIntervals(to: ByteWriter, intervals: readonly Interval[]): void {
  to.whole(intervals.length);
  let before = 0;
  for (const [first, last] of intervals) {
    to.whole(first - before);
    to.whole(last - first);
    before = last;
  }
}

function readIntervals(from: ByteReader): readonly Interval[] {
  let before = 0;
  return Array.from({ length: from.whole() }, (): Interval => {
    const first = before + from.whole();
    before = first + from.whole();
    return [first, before];
  });
}
