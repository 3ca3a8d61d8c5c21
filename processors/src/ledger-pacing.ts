import type { GatewayLedger } from '@millrace/wire/ledger.ts';
import type { GatewayId } from '@millrace/wire/names.ts';

/**
 * Holds a gateway's ledger back until its last one is `intervalMs` old, and lets the newest out then, also when the
 * gateway has fallen silent meanwhile. Held ledgers may be lost: an engine gives them all again after a restart.
 */
export class LedgerPacing {
  readonly #intervalMs: number;
  readonly #held = new Map<GatewayId, GatewayLedger>();
  readonly #letOutAtMs = new Map<GatewayId, number>();

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  hold(ledgers: readonly GatewayLedger[]): void {
    for (const ledger of ledgers) this.#held.set(ledger.gateway, ledger);
  }

  /** @param nowMs of a clock that is never set back. */
  letOut(nowMs: number): GatewayLedger[] {
    const due = [...this.#held.values()].filter(
      ({ gateway }) => nowMs - (this.#letOutAtMs.get(gateway) ?? Number.NEGATIVE_INFINITY) >= this.#intervalMs,
    );
    for (const { gateway } of due) {
      this.#held.delete(gateway);
      this.#letOutAtMs.set(gateway, nowMs);
    }
    return due;
  }
}
