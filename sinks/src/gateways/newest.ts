/** The newest status and the newest ledger of each gateway, which together make a row. */
import type { IncomingRecord } from '@millrace/runtime/kafka/types.ts';
import { decodeLedger, type GatewayLedger } from '@millrace/wire/ledger.ts';
import { type GatewayId, readingHeaders } from '@millrace/wire/names.ts';
import { decodeStatus, type GatewayStatus } from '@millrace/wire/status.ts';
import { checkTime, symbol } from '../questdb/line-protocol.ts';

export interface GatewayRow {
  readonly status: GatewayStatus;
  /** When the bridge received the status. */
  readonly receivedUs: number;
  /** The newest of the status's own boot. */
  readonly ledger: GatewayLedger | undefined;
}

interface Known {
  row: Omit<GatewayRow, 'ledger'> | undefined;
  ledger: GatewayLedger | undefined;
  /** The ledger in the last row that was made of the newest status. */
  shown: GatewayLedger | undefined;
}

export class NewestOfGateways {
  readonly #known = new Map<GatewayId, Known>();

  clear(): void {
    this.#known.clear();
  }

  /** @returns its row; undefined for a tombstone, which ends a gateway. @throws {RejectedError} */
  takeStatus(record: IncomingRecord): GatewayRow | undefined {
    if (record.value === null) {
      this.#known.delete(record.key as GatewayId);
      return undefined;
    }
    const status = decodeStatus(record.value);
    symbol('site', status.site); // Throws for what can be no symbol.
    symbol('version', status.version);
    if (status.completeThroughUs !== 0) checkTime('complete_through_us', status.completeThroughUs);
    const header = record.headers[readingHeaders.receivedAt];
    const receivedUs = header === undefined ? record.timestampMs * 1000 : Number(header);
    checkTime(`header ${readingHeaders.receivedAt}`, receivedUs);
    const known = this.#of(status.gateway);
    known.row = { status, receivedUs };
    return this.#show(known, known.row);
  }

  /**
   * @returns the newest status once more, with this ledger: when it says something else of holes or drops than the last
   * row of that status does. @throws {RejectedError}
   */
  takeLedger(record: IncomingRecord): GatewayRow | undefined {
    if (record.value === null) return undefined;
    const ledger = decodeLedger(record.value);
    checkTime('at_us', ledger.atUs);
    const known = this.#of(ledger.gateway);
    known.ledger = ledger;
    const { row, shown } = known;
    if (row === undefined || row.status.boot !== ledger.boot) return undefined;
    const same = shown?.boot === ledger.boot && shown.missing === ledger.missing && shown.dropped === ledger.dropped;
    return same ? undefined : this.#show(known, row);
  }

  /** Whatever was shown before this process had the partition is not known: the next ledger makes a row. */
  forgetShown(): void {
    for (const known of this.#known.values()) known.shown = undefined;
  }

  #of(gateway: GatewayId): Known {
    let known = this.#known.get(gateway);
    if (known === undefined) {
      known = { row: undefined, ledger: undefined, shown: undefined };
      this.#known.set(gateway, known);
    }
    return known;
  }

  #show(known: Known, row: Omit<GatewayRow, 'ledger'>): GatewayRow {
    known.shown = known.ledger?.boot === row.status.boot ? known.ledger : undefined;
    return { ...row, ledger: known.shown };
  }
}
