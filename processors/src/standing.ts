/** The ledger of a gateway's newest boot, as of the last flush. */
import type { GatewayLedger } from '@millrace/wire/ledger.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import type { BootAccount } from './account.ts';

export interface Standing {
  readonly ledger: GatewayLedger;
  /**
   * When the oldest missing reading was first the oldest, µs since the Unix epoch, by the bridge's time; null while none
   * is missing that has a place. Holes come and go with every resend, and one that stays is one to look after; those
   * whose places were joined away stay till the boot ends, whatever anybody does.
   */
  readonly holeSinceUs: number | null;
}

export function standingOf(
  gateway: GatewayId,
  boot: number,
  atUs: number,
  account: BootAccount,
  before: Standing | undefined,
): Standing {
  const ledger: GatewayLedger = { gateway, boot, atUs, ...account.sums() };
  return { ledger, holeSinceUs: ledger.holes.length === 0 ? null : sinceWhen(ledger, before) };
}

function sinceWhen({ boot, atUs, holes }: GatewayLedger, before: Standing | undefined): number {
  const same = before?.ledger.boot === boot && before.ledger.holes[0]?.[0] === holes[0]?.[0];
  return same ? (before.holeSinceUs ?? atUs) : atUs;
}
