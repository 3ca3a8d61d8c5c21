/** The outbox with the gateway's clock before it, as the configuration says. */
import { type ConfigSource, pathResolver } from '@millrace/runtime/config.ts';
import { Clock } from '@millrace/wire/batch.ts';
import type { EdgeConfig } from '../config.ts';
import type { Intake } from '../intake.ts';
import type { Outbox, OutboxOptions } from '../outbox/outbox.ts';
import { assumedClock, type StatusClock } from '../status.ts';
import { GatewayClock } from './clock.ts';
import { Dating } from './dating.ts';
import { Held } from './held.ts';
import { systemClock } from './system.ts';

export interface DatedOutbox extends AsyncDisposable {
  readonly intake: Intake;
  readonly clock: StatusClock;
  /** Readings that wait for the clock. */
  readonly heldReadings: number;
  /** Rejects when what is held cannot be moved; never resolves. */
  readonly failed: Promise<never>;
}

/** What is held until the clock is right lies in `<outbox path>.held`. @throws {ConfigError} when that file cannot be used. */
export async function openDating(
  { clock: config }: EdgeConfig,
  from: ConfigSource,
  { path, origin, groupCommitMs, log }: OutboxOptions,
  outbox: Outbox,
): Promise<DatedOutbox> {
  const { assume, synchronisedFile, maxHeldBytes } = config;
  if (assume !== undefined) {
    const never = new Promise<never>(() => {});
    return {
      intake: outbox,
      clock: assumedClock(assume),
      heldReadings: 0,
      failed: never,
      async [Symbol.asyncDispose]() {},
    };
  }
  const file = synchronisedFile === undefined ? undefined : pathResolver(from)(synchronisedFile);
  const clock = await GatewayClock.open({ system: systemClock(file), log });
  const heldPath = `${path}.held`;
  const dating = new Dating({
    clock,
    outbox,
    openHeld: () => new Held({ path: heldPath, origin: { ...origin, clock: Clock.UNSYNCED }, groupCommitMs, log }),
    isHeldThere: Held.isThere(heldPath),
    maxHeldBytes,
    log,
  });
  return {
    intake: dating,
    clock,
    failed: dating.failed,
    get heldReadings() {
      return dating.heldReadings;
    },
    async [Symbol.asyncDispose]() {
      await dating[Symbol.asyncDispose]();
      clock[Symbol.dispose]();
    },
  };
}
