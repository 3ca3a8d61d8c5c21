/**
 * One rule on one series or gateway: clear → raised → clear. A raise and the clear that ends it carry one id, made from
 * what they are about and when it was raised, so that a replay of the same readings gives the same ids.
 */
import { createHash } from 'node:crypto';
import type { Alert } from '@millrace/wire/alert.ts';
import type { GatewayId } from '@millrace/wire/names.ts';
import { showDuration } from './durations.ts';
import type { Rule } from './rules.ts';

/** What an alert is about. Of a gateway, sensor and metric are empty. */
export interface Subject {
  readonly gateway: GatewayId;
  readonly sensor: string;
  readonly metric: string;
  /** `temperature of air-1 at lamp-7 (cbd)` */
  readonly shown: string;
}

export type EmitAlert = (alert: Alert) => void;

export interface Raised {
  readonly id: string;
  readonly atUs: number;
  readonly severity: Alert['severity'];
}

/** As the state keeps it; null: not. */
export type KeptIncident = readonly [
  pendingSinceUs: number | null,
  lastRaisedUs: number | null,
  raised: readonly [id: string, atUs: number, severity: number] | null,
];

export class Incident {
  readonly rule: Rule;
  /** Since when the condition holds without having been raised. */
  pendingSinceUs: number | undefined;
  raised: Raised | undefined;
  #lastRaisedUs: number | undefined;
  readonly #emit: EmitAlert;

  constructor(rule: Rule, emit: EmitAlert) {
    this.rule = rule;
    this.#emit = emit;
  }

  /** Before this it is not raised again, and never twice at one instant: the two would have one id. */
  get notBeforeUs(): number {
    return this.#lastRaisedUs === undefined
      ? Number.NEGATIVE_INFINITY
      : this.#lastRaisedUs + Math.max(1, this.rule.atMostEveryUs);
  }

  raise(subject: Subject, atUs: number, value: number, phrase: string): void {
    const { name, severity } = this.rule;
    const id = idOf(name, subject, atUs);
    this.raised = { id, atUs, severity };
    this.#lastRaisedUs = atUs;
    this.pendingSinceUs = undefined;
    const { gateway, sensor, metric, shown } = subject;
    this.#emit({
      id,
      gateway,
      sensor,
      metric,
      rule: name,
      severity,
      state: 1,
      value,
      message: `${shown} ${phrase}.`,
      atUs,
    });
  }

  clear(subject: Subject, timeUs: number, value: number, phrase: string): void {
    const { raised } = this;
    if (raised === undefined) return;
    this.raised = undefined;
    this.#emit(cleared(this.rule.name, subject, raised, timeUs, value, phrase));
  }

  kept(): KeptIncident | undefined {
    const { pendingSinceUs, raised } = this;
    const lastRaisedUs = this.#lastRaisedUs;
    if (pendingSinceUs === undefined && lastRaisedUs === undefined) return undefined;
    return [
      pendingSinceUs ?? null,
      lastRaisedUs ?? null,
      raised === undefined ? null : [raised.id, raised.atUs, raised.severity],
    ];
  }

  restore([pendingSinceUs, lastRaisedUs, raised]: KeptIncident): void {
    this.pendingSinceUs = pendingSinceUs ?? undefined;
    this.#lastRaisedUs = lastRaisedUs ?? undefined;
    this.raised = raisedOf(raised);
  }
}

export const raisedOf = (kept: KeptIncident[2]): Raised | undefined =>
  kept === null ? undefined : { id: kept[0], atUs: kept[1], severity: kept[2] as Alert['severity'] };

/** The end of an alert, also of one whose rule is gone. Never dated before its beginning. */
export function cleared(
  rule: string,
  { gateway, sensor, metric, shown }: Subject,
  { id, atUs: raisedUs, severity }: Raised,
  timeUs: number,
  value: number,
  phrase: string,
): Alert {
  const atUs = Math.max(Math.floor(timeUs), raisedUs);
  const message = `${shown} ${phrase}, ${showDuration(atUs - raisedUs)} after it was raised.`;
  return { id, gateway, sensor, metric, rule, severity, state: 0, value, message, atUs };
}

/** 128 bits of a SHA-256, in hexadecimal. */
function idOf(rule: string, { gateway, sensor, metric }: Subject, atUs: number): string {
  return createHash('sha256')
    .update(JSON.stringify([rule, gateway, sensor, metric, atUs]))
    .digest('hex')
    .slice(0, 32);
}
